"""A spec proposed from a table's own columns, with what was guessed and why."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models.errors import EmptyFrameError, MissingColumnError
from models.mix import naming
from models.mix.cells import blank, listed, plain, real
from models.mix.days import Calendar, grain_of, read_days
from models.mix.frames import Floats
from models.mix.layout import PanelColumns, SpecFile
from models.mix.naming import Name, taken_apart
from models.mix.sheet import movement

_LEAK = 0.9
_ANONYMOUS = re.compile(r"^(x|channel|media|ch)_?\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """One column: the `role` it was given and why. `sure` where its name says it plainly."""

    column: str
    role: str
    why: str
    sure: bool = True


@dataclass(frozen=True)
class Proposal:
    """A spec that validates, and the guess behind every column in the table's order."""

    spec: SpecFile
    guesses: tuple[Guess, ...]


@dataclass
class _Column:
    name: str
    cells: pd.Series
    parts: Name
    numbers: Floats

    @property
    def is_numeric(self) -> bool:
        empty = blank(self.cells)
        return bool((~empty).any()) and bool(np.isfinite(self.numbers[~empty]).all())

    @property
    def has_blanks(self) -> bool:
        return bool(blank(self.cells).any())

    @property
    def filled(self) -> Floats:
        out: Floats = np.nan_to_num(self.numbers, nan=0.0, posinf=0.0, neginf=0.0)
        return out

    @property
    def counts_rows(self) -> bool:
        """Whole numbers that rise by one from row to row (or are all different, without a name)."""
        if not self.is_numeric or self.has_blanks or len(self.numbers) < 3:
            return False
        return bool((np.diff(self.numbers) == 1).all())


@dataclass
class _Draft:
    guesses: dict[str, Guess] = field(default_factory=dict)
    panel: dict[str, Any] = field(default_factory=dict)
    drivers: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)

    def say(self, column: str, role: str, why: str, *, sure: bool = True) -> None:
        self.guesses[column] = Guess(column, role, why, sure)

    def ignore(self, column: str, kind: str, why: str, *, sure: bool = True) -> None:
        self.ignored.append({"column": column, "why": kind})
        self.say(column, "ignored", why, sure=sure)


def propose(
    table: pd.DataFrame,
    name: str = "the table",
    *,
    outcome: str | None = None,
    date: str | None = None,
) -> Proposal:
    """Propose what each column of a wide table is.

    Args:
        table: cells as text or numbers. name: of the table, for errors.
        outcome, date: columns that are known; else the names and cells say.

    Raises:
        MissingColumnError: no date, outcome or driver can be told, or a named column is not there.
        EmptyFrameError: no rows.
    """
    name = plain(name, 120)
    if table.empty:
        raise EmptyFrameError(f"{name} has no rows; expected one row a date. Export it again.")
    for option, told in (("--outcome", outcome), ("--date", date)):
        if told is not None and told not in table.columns:
            raise MissingColumnError(
                f"{name} lacks the column {plain(told)!r} of {option}; it has "
                f"{listed([str(c) for c in table.columns])}. Correct {option}."
            )
    columns = {
        str(label): _Column(str(label), table[label], taken_apart(str(label)), real(table[label]))
        for label in table.columns
    }
    return _Proposer(columns, name, outcome, date).propose()


class _Proposer:
    def __init__(
        self, columns: dict[str, _Column], name: str, outcome: str | None, date: str | None
    ) -> None:
        self.columns, self.name, self.told_outcome, self.told_date = columns, name, outcome, date
        self.draft = _Draft()
        self.left = dict(columns)
        self.key = pd.DataFrame(index=range(len(next(iter(columns.values())).cells)))

    def propose(self) -> Proposal:
        self._date()
        self._made()
        self._names()
        self._outcome()
        self._population()
        self._paid()
        for column in list(self.left.values()):
            self._other(column)
        if not self.draft.drivers:
            raise MissingColumnError(
                f"{self.name}: no column can be told to be a driver (spend, impressions, promotion, "
                f"calls); it has {listed(list(self.columns))}. Rename columns, as spend_tv, or "
                "write the spec by hand (`liftcast mix spec schema`)."
            )
        panel = self.draft.panel | {"drivers": self.draft.drivers, "ignored": self.draft.ignored}
        spec = SpecFile(panel=PanelColumns.model_validate(panel))
        order = {column: at for at, column in enumerate(self.columns)}
        guesses = sorted(self.draft.guesses.values(), key=lambda guess: order[guess.column])
        return Proposal(spec, tuple(guesses))

    def _take(self, column: str) -> None:
        self.left.pop(column, None)

    # --- keys -----------------------------------------------------------------------------------

    def _date(self) -> None:
        best: tuple[int, _Column, Calendar] | None = None
        for column in self.columns.values():
            if self.told_date is not None and column.name != self.told_date:
                continue
            named = column.parts.has(naming.DATE) is not None
            if not named and column.is_numeric and self.told_date is None:
                continue  # numbers without a name of dates are no dates
            found = read_days(column.cells)
            if isinstance(found, int):
                continue
            even = grain_of(found.days) is not None
            score = 4 * even + 2 * named + (not column.is_numeric)
            if best is None or score > best[0]:
                best = (score, column, found)
        if best is None:
            named = [c for c in self.columns.values() if c.parts.has(naming.DATE)]
            hint = ""
            if named:
                bad = read_days(named[0].cells)
                if isinstance(bad, int):
                    hint = (
                        f" Column {plain(named[0].name)!r} has {plain(named[0].cells.iloc[bad])!r} "
                        f"in row {plain(named[0].cells.index[bad])}, which is no date."
                    )
            raise MissingColumnError(
                f"{self.name}: no column holds a date in every row (as 2025-01-31); it has "
                f"{listed(list(self.columns))}.{hint} Correct the dates, or name the column with "
                "--date."
            )
        _, column, calendar = best
        self.draft.panel["date"] = column.name
        grain = grain_of(calendar.days)
        if grain:
            self.draft.panel["grain"] = grain
        if calendar.format != "%Y-%m-%d":
            self.draft.panel["date_format"] = calendar.format
        dates = calendar.days.unique()
        why = f"holds a date in every row, {dates.min().date()} to {dates.max().date()}, " + (
            f"one each {grain}" if grain else "of no even step"
        )
        if calendar.also:
            why += f"; read as {calendar.format}, though {' or '.join(calendar.also)} reads it too"
        self.draft.say(column.name, "date", why, sure=not calendar.also)
        self.key["date_day"] = calendar.days
        self._take(column.name)

    def _made(self) -> None:
        """Row numbers, parts of the date, truth and helpers: none is a cause of sales."""
        for column in list(self.left.values()):
            parts = column.parts
            if column.name in (self.told_outcome, self.told_date):
                continue
            nameless = not parts.words or parts.words[0] == "unnamed" or "index" in parts.words[:1]
            if (
                nameless
                and column.is_numeric
                and (not parts.words or parts.words[0] == "unnamed" or column.counts_rows)
            ):
                self._drop(column, "index", "has no name and counts rows")
            elif parts.has(naming.COUNTER) and len(parts.words) == 1 and self._counts_dates(column):
                self._drop(column, "index", "counts dates: the model has a trend of its own")
            elif self._part_of_date(column):
                self._drop(
                    column, "date_part", "is a part of the date: the model has its own season"
                )
            elif word := parts.has(naming.MADE):
                self._drop(
                    column, "truth", f"'{word}' names a result or a helper, not a cause of sales"
                )

    def _drop(self, column: _Column, kind: str, why: str, *, sure: bool = True) -> None:
        self.draft.ignore(column.name, kind, why, sure=sure)
        self._take(column.name)

    def _counts_dates(self, column: _Column) -> bool:
        if not column.is_numeric:
            return False
        dates = self.key["date_day"]
        by_date = pd.Series(column.filled).groupby(dates.to_numpy()).first()
        return bool(len(by_date) > 2 and (np.diff(by_date) > 0).all())

    def _part_of_date(self, column: _Column) -> bool:
        words = [w for w in column.parts.words if w not in ("of", "number", "num", "no")]
        if not words or not all(word in naming.PART_OF_DATE for word in words):
            return False
        by_date = pd.Series(column.cells.to_numpy()).groupby(self.key["date_day"].to_numpy())
        return bool((by_date.nunique() <= 1).all())

    def _names(self) -> None:
        for role, words in (("territory", naming.TERRITORY), ("product", naming.PRODUCT)):
            for column in list(self.left.values()):
                parts = column.parts
                if role in self.draft.panel or not parts.has(words) or len(parts.words) > 3:
                    continue
                if column.is_numeric and not parts.words[-1] in ("id", "code", "number", *words):
                    continue
                several = column.cells.nunique() > 1
                repeats = self.key["date_day"].duplicated().any()
                if parts.has(naming.COUNTRY) and self._country(column, several):
                    continue
                if several and repeats and (not column.is_numeric or self._splits_dates(column)):
                    self.draft.panel[role] = column.name
                    count = column.cells.nunique()
                    self.draft.say(column.name, role, f"its name says so; {count} of them")
                    self.key[role] = column.cells.astype(str).to_numpy()
                    self._take(column.name)
                elif not column.is_numeric and not several:
                    self._drop(
                        column, "constant", f"is {plain(column.cells.iloc[0])!r} in every row"
                    )
        if self.key.duplicated().any():
            self._split_by_text()

    def _splits_dates(self, column: _Column) -> bool:
        with_it = self.key.assign(x=column.cells.to_numpy())
        return not with_it.duplicated().any() or bool(
            with_it.duplicated().sum() < self.key.duplicated().sum()
        )

    def _country(self, column: _Column, several: bool) -> bool:
        codes = column.cells.astype(str).str.strip()
        if not codes.str.fullmatch("[A-Za-z]{2}").all() or several:
            return False
        self.draft.panel["country"] = column.name
        self.draft.say(
            column.name, "country", f"holds the code {plain(codes.iloc[0])}: public holidays count"
        )
        self._take(column.name)
        return True

    def _split_by_text(self) -> None:
        """Dates occur more than once: a text column that tells the rows apart is a territory."""
        for column in list(self.left.values()):
            if column.is_numeric or "territory" in self.draft.panel:
                continue
            if not self.key.assign(x=column.cells.to_numpy()).duplicated().any():
                self.draft.panel["territory"] = column.name
                self.draft.say(
                    column.name,
                    "territory",
                    "tells rows of the same date apart",
                    sure=False,
                )
                self.key["territory"] = column.cells.astype(str).to_numpy()
                self._take(column.name)

    # --- outcome --------------------------------------------------------------------------------

    def _outcome(self) -> None:
        order = {word: at for at, word in enumerate(naming.OUTCOME)}
        found: list[tuple[int, int, _Column, str]] = []
        for column in self.left.values():
            parts = column.parts
            word = parts.has(naming.OUTCOME)
            if column.name == self.told_outcome:
                found.append((-1, 0, column, word or "revenue"))
                continue
            other = parts.has(naming.SPEND) or parts.has(naming.CONTROL) or parts.has(naming.PRICE)
            other = other or parts.has(naming.EXPOSURE) or parts.has(naming.SELLER)
            if word is None or other or parts.is_worth or parts.mark or not column.is_numeric:
                continue
            if parts.has(frozenset({"per", "rate", "value"})):
                continue
            found.append((order[word], len(parts.words), column, word))
        if self.told_outcome is None and not found:
            raise MissingColumnError(
                f"{self.name}: no column can be told to be the outcome (revenue, sales, conversions, "
                f"leads, y); it has {listed(list(self.columns))}. Name it with --outcome COLUMN."
            )
        found.sort(key=lambda one: one[:2])
        _, _, column, word = found[0]
        kind = naming.OUTCOME.get(word, "revenue")
        if column.name == self.told_outcome and column.parts.has(naming.OUTCOME) is None:
            kind, why = (
                "revenue",
                "you named it; taken for money: change kind to units or leads if not",
            )
        else:
            why = f"'{word}' names what is sold; counted as {kind}"
        sure = word not in ("y", "kpi", "target", "outcome", "response")
        outcome: dict[str, Any] = {"column": column.name, "kind": kind}
        self._take(column.name)
        for worth in list(self.left.values()):
            if worth.parts.is_worth and worth.is_numeric:
                if "value_per_unit" not in outcome:
                    outcome["value_per_unit"] = worth.name
                    if kind == "revenue":
                        outcome["kind"] = "units"
                    self.draft.say(worth.name, "value per unit", "money that a unit is worth")
                    self._take(worth.name)
        self.draft.say(column.name, "outcome", why, sure=sure)
        for _, _, other, other_word in found[1:]:
            self._drop(
                other,
                "second_measure",
                f"'{other_word}' is another measure of what is sold; {plain(column.name)} was taken",
                sure=False,
            )
        self.draft.panel["outcome"] = outcome
        self.sold = column.filled

    def _population(self) -> None:
        for column in list(self.left.values()):
            if column.parts.has(naming.POPULATION) and column.is_numeric:
                if "territory" in self.draft.panel and "population" not in self.draft.panel:
                    self.draft.panel["population"] = column.name
                    self.draft.say(column.name, "population", "exposure is shared by it")
                else:
                    self.draft.ignore(column.name, "constant", "there is one territory only")
                self._take(column.name)

    # --- drivers --------------------------------------------------------------------------------

    def _paid(self) -> None:
        """Spend with its exposure, by what is left of their names."""
        money = [c for c in self.left.values() if c.is_numeric and self._is_spend(c)]
        measured: dict[str, list[_Column]] = {}
        for column in self.left.values():
            if column.is_numeric and not self._is_spend(column) and self._unit(column):
                measured.setdefault(column.parts.stem, []).append(column)
        for column in money:
            pairs = measured.pop(column.parts.stem, [])
            self._spend_driver(column, sorted(pairs, key=self._rank))
        for stem, rest in measured.items():
            self._exposed_only(stem, sorted(rest, key=self._rank))

    @staticmethod
    def _is_spend(column: _Column) -> bool:
        return column.parts.mark == "spend" or column.parts.has(naming.SPEND) is not None

    def _unit(self, column: _Column) -> str | None:
        word = column.parts.has(naming.EXPOSURE)
        if word:
            return naming.EXPOSURE[word]
        if column.parts.has(naming.FREQUENCY):
            return "frequency"
        return {"impressions": "impressions", "measure": "exposure"}.get(column.parts.mark or "")

    def _rank(self, column: _Column) -> int:
        units = list(dict.fromkeys(naming.EXPOSURE.values()))
        unit = self._unit(column)
        return units.index(unit) if unit in units else len(units)

    def _kind(self, column: _Column) -> str:
        """The kind of something that is spent on or met."""
        parts = column.parts
        for kind, words in (
            ("organic", naming.ORGANIC - {"email", "emails", "push", "crm"}),
            ("publicity", naming.PUBLICITY),
            ("agency", naming.AGENCY),
            ("seller", naming.SELLER),
            ("promotion", naming.PROMOTION),
        ):
            if parts.has(words):
                return kind
        return "media"

    def _spend_driver(self, column: _Column, measured: list[_Column]) -> None:
        kind = self._kind(column)
        driver: dict[str, Any] = {"name": column.name, "kind": kind, "spend": column.name}
        why = "ends with _S, as spend does" if column.parts.mark else "its name says money"
        self._take(column.name)
        frequency = next((c for c in measured if self._unit(c) == "frequency"), None)
        usable = [c for c in measured if c is not frequency]
        chosen = next((c for c in usable if self._covers(c, column)), None)
        if chosen is not None:
            driver["exposure"], driver["unit"] = chosen.name, self._unit(chosen)
            self.draft.say(
                chosen.name, f"exposure of {column.name}", f"same name as {plain(column.name)}"
            )
            self._take(chosen.name)
            if frequency is not None and self._unit(chosen) == "reach":
                driver["frequency"] = frequency.name
                self.draft.say(frequency.name, f"frequency of {column.name}", "multiplies reach")
                self._take(frequency.name)
        for rest in measured:
            if rest.name in self.left:
                why_not = (
                    f"measures {plain(column.name)} a second time"
                    if chosen is not None
                    else f"is 0 where {plain(column.name)} was spent, so spend stands for exposure"
                )
                self._drop(rest, "second_measure", why_not, sure=chosen is not None)
        if column.filled.min() < 0:
            why += "; it has negative cells, which must be mended"
        self._add(driver, column, kind, why)

    def _covers(self, exposure: _Column, spend: _Column) -> bool:
        """Whether there is exposure for 99 % of the money, or none is spent at all."""
        paid = spend.filled > 0
        total = float(spend.filled[paid].sum())
        alone = float(spend.filled[paid & (exposure.filled <= 0)].sum())
        return total <= 0 or alone < 0.01 * total

    def _exposed_only(self, stem: str, measured: list[_Column]) -> None:
        column = measured[0]
        frequency = next((c for c in measured if self._unit(c) == "frequency"), None)
        if column is frequency:
            self._drop(column, "unrecognised", "a frequency without reach", sure=False)
            return
        kind = self._kind(column)
        if kind == "media" and column.parts.has(naming.ORGANIC):
            kind = "organic"
        if column.parts.has(naming.CONTROL):
            return
        driver: dict[str, Any] = {
            "name": column.name, "kind": kind, "exposure": column.name, "unit": self._unit(column),
        }  # fmt: skip
        if frequency is not None and driver["unit"] == "reach":
            driver["frequency"] = frequency.name
            self.draft.say(frequency.name, f"frequency of {column.name}", "multiplies reach")
            self._take(frequency.name)
        self._take(column.name)
        why = f"{driver['unit']} without spend" + (": no ROI" if kind == "media" else "")
        self._add(driver, column, kind, why, sure=kind != "media")
        for rest in measured[1:]:
            if rest.name in self.left:
                self._drop(rest, "second_measure", f"measures {plain(stem)} a second time")

    def _add(
        self, driver: dict[str, Any], column: _Column, kind: str, why: str, *, sure: bool = True
    ) -> None:
        if np.ptp(column.filled) == 0:
            why += f"; never moves (always {column.filled[0]:.6g}), so nothing can be learned of it"
            sure = False
        self.draft.drivers.append(driver)
        self.draft.say(column.name, kind, why, sure=sure)
        cells = [driver.get(part) for part in ("exposure", "frequency", "spend")]
        if any(name is not None and self.columns[name].has_blanks for name in cells):
            self.draft.panel["empty_cells"] = "zero"
            told = self.draft.guesses[column.name]
            self.draft.guesses[column.name] = dataclasses.replace(
                told, why=f"{told.why}; empty cells are read as 0", sure=False
            )

    def _other(self, column: _Column) -> None:
        """A column that is neither a key, nor the outcome, nor paid media."""
        parts = column.parts
        if not column.is_numeric:
            self._text(column)
            return
        self._take(column.name)
        event = parts.has(naming.EVENT)
        word = parts.has(naming.CONTROL)
        if parts.mark == "control" or word or event:
            self._control(
                column, "ends with _B, as context does" if parts.mark else "", event or word
            )
            return
        for kind, words in (
            ("promotion", naming.PROMOTION),
            ("agency", naming.AGENCY),
            ("seller", naming.SELLER),
            ("publicity", naming.PUBLICITY),
            ("organic", naming.ORGANIC),
            ("price", naming.PRICE),
        ):
            if said := parts.has(words):
                self._act(column, kind, f"'{said}' names {kind}")
                return
        nonnegative = column.filled.min() >= 0
        if (
            (said := parts.has(naming.CHANNEL))
            and nonnegative
            and not _ANONYMOUS.match(column.name)
        ):
            driver = {"name": column.name, "kind": "media", "spend": column.name}
            why = f"'{said}' names a channel; its numbers are taken for money spent"
            self._add(driver, column, "media", why, sure=False)
        elif _ANONYMOUS.match(column.name) and nonnegative:
            driver = {"name": column.name, "kind": "media", "exposure": column.name}
            why = "a numbered column of 0 or more, taken for media; write `spend:` if it is money"
            self._add(driver, column, "media", why, sure=False)
        elif np.ptp(column.filled) == 0:
            self.draft.ignore(column.name, "constant", f"is {column.filled[0]:.6g} in every row")
        else:
            self.draft.ignore(
                column.name,
                "unrecognised",
                "its name says nothing known; add it to drivers or controls if it moves sales",
                sure=False,
            )

    def _act(self, column: _Column, kind: str, why: str) -> None:
        driver: dict[str, Any] = {"name": column.name, "kind": kind, "exposure": column.name}
        units = {
            "promotion": "depth", "price": "price", "seller": "calls", "agency": "calls",
            "publicity": "mentions", "organic": "exposure",
        }  # fmt: skip
        driver["unit"] = units[kind]
        self._add(driver, column, kind, why)

    def _control(self, column: _Column, why: str, word: str | None) -> None:
        why = why or f"'{word}' names what moves sales and is not done to sell"
        if np.ptp(column.filled) == 0:
            self.draft.ignore(column.name, "constant", f"is {column.filled[0]:.6g} in every row")
            return
        figure = movement(column.filled, self.sold, self.key)
        if abs(figure) >= _LEAK:
            self.draft.ignore(
                column.name,
                "leak",
                f"moves with the outcome (correlation {figure:.2f}): likely a consequence of sales "
                "or of the same demand; it would take credit from drivers",
                sure=False,
            )
            return
        self.draft.panel.setdefault("controls", []).append(column.name)
        self.draft.say(column.name, "control", why)

    def _text(self, column: _Column) -> None:
        self._take(column.name)
        cells = column.cells.astype(str).str.strip()
        empty = blank(column.cells)
        kinds = cells[~empty].nunique()
        if column.parts.has(naming.EVENT) and 0 < kinds <= 50:
            self.draft.panel.setdefault("events", []).append(column.name)
            named = ", ".join(plain(name, 20) for name in sorted(cells[~empty].unique())[:3])
            self.draft.say(column.name, "events", f"names {kinds} events ({named})")
        elif kinds <= 1 and not empty.any():
            self.draft.ignore(column.name, "constant", f"is {plain(cells.iloc[0])!r} in every row")
        else:
            bad = column.cells[~empty & ~np.isfinite(column.numbers)]
            shown = (
                f", as {plain(bad.iloc[0], 30)!r} in row {plain(bad.index[0])}" if len(bad) else ""
            )
            self.draft.ignore(column.name, "text", f"holds text{shown}", sure=False)
