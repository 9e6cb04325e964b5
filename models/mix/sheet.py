"""A wide table (one row a date, territory and product) and its columns' meaning -> model inputs.

Everything is checked here, before any fitting: an error names table, row, column, expected, got and
what to do. Rows are named by the table's index: a reader sets it to the file's line numbers.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd

from models.errors import (
    DateGapError,
    DuplicateKeyError,
    EmptyFrameError,
    MissingColumnError,
    ModelInputError,
    NotFiniteError,
    UnknownTerritoryError,
)
from models.mix.cells import blank, listed, plain, real
from models.mix.days import grain_of, month_starts, read_days
from models.mix.frames import GRAIN_DAYS, Floats, next_date
from models.mix.layout import DriverColumn, PanelColumns
from models.mix.panel import MixInputs

#: Name of the one territory of a table without territories.
EVERYWHERE = "all"
#: Share of spend on dates without exposure that is told, not refused.
_UNEXPOSED = 0.01
_MOST_TICKS = 2.0**61
_NAMES_PER_ERROR = 3


@dataclass(frozen=True)
class Review:
    """Something of the table that a reader must know: a gate of status REVIEW."""

    gate: str
    subject: str
    figure: float
    threshold: float
    text: str


@dataclass(frozen=True)
class Sheet:
    """A table read: `inputs` of the model, `value_per_unit`, how dates are `written` in it, what was
    read in a particular way (`notes`), and what needs a look (`reviews`)."""

    inputs: MixInputs
    value_per_unit: float
    written: dict[pd.Timestamp, str]
    notes: tuple[str, ...]
    reviews: tuple[Review, ...]


def read_sheet(table: pd.DataFrame, columns: PanelColumns, name: str = "the table") -> Sheet:
    """Check a wide table and lay it out as the frames of a release.

    Args:
        table: cells as text or numbers; its index names rows in errors.
        columns: what each column is. name: of the table (a file), for errors.

    Raises:
        ModelInputError: one of its subclasses; before any fitting.
    """
    return _Reader(table, columns, plain(name, 120)).read()


class _Reader:
    def __init__(self, table: pd.DataFrame, columns: PanelColumns, name: str) -> None:
        self.table, self.columns, self.name = table, columns, name
        self.notes: list[str] = []
        self.reviews: list[Review] = []

    def read(self) -> Sheet:
        """All steps, in the order in which a reader would look."""
        self._columns_there()
        self._names()
        self._dates()
        self._every_cell_once()
        self._even_dates()
        value = self._outcome()
        drivers = self._drivers()
        self._leaks()
        return Sheet(
            inputs=MixInputs(
                outcome=self.key.assign(net_revenue=self.outcome),
                drivers=drivers,
                territories=self._territories(),
                grain=self.grain,
                currency=self.columns.outcome.currency or self.columns.outcome.kind,
                controls=self._controls(),
                holidays=self._holidays(),
                decimals=self.decimals,
            ),
            value_per_unit=value,
            written=self.written,
            notes=tuple(self.notes),
            reviews=tuple(self.reviews),
        )

    def _row(self, at: int) -> str:
        return f"row {plain(self.table.index[at])}"

    def _columns_there(self) -> None:
        have = [str(column) for column in self.table.columns]
        twice = sorted({column for column in have if have.count(column) > 1})
        read = self.columns.columns()
        for column in twice:
            if column in read:
                raise DuplicateKeyError(
                    f"{self.name} has the column {plain(column)!r} {have.count(column)} times; "
                    "expected once. Rename or remove the others."
                )
        for column, place in read.items():
            if column not in have:
                close = difflib.get_close_matches(column, have, 1)
                meant = f" Did you mean {plain(close[0])!r}?" if close else ""
                raise MissingColumnError(
                    f"{self.name} lacks the column {plain(column)!r} that the spec names at "
                    f"{place}; it has {listed(have)}.{meant} Correct the spec or the table."
                )
        if self.table.empty:
            raise EmptyFrameError(
                f"{self.name} has a header but no rows; expected one row a date. Export it again."
            )
        known = set(read) | {one.column for one in self.columns.ignored}
        if unknown := [column for column in have if column not in known]:
            self.notes.append(
                f"columns that the spec does not name are not read: {listed(unknown)}"
            )

    def _names(self) -> None:
        key = {}
        for field, column in (
            ("territory_id", self.columns.territory),
            ("product_id", self.columns.product),
        ):
            if column is None:
                if field == "territory_id":
                    key[field] = np.full(len(self.table), EVERYWHERE, dtype=object)
                continue
            cells = self.table[column].astype(str).str.strip()
            empty = (cells.eq("") | self.table[column].isna()).to_numpy()
            if empty.any():
                raise UnknownTerritoryError(
                    f"{self.name}, {self._row(int(np.argmax(empty)))}, column {plain(column)!r}: "
                    "expected a name; got an empty cell. Fill it in or remove the row."
                )
            key[field] = cells.to_numpy(dtype=object)
        self.key = pd.DataFrame(key)

    def _dates(self) -> None:
        column = self.columns.date
        found = read_days(self.table[column], self.columns.date_format)
        if isinstance(found, int):
            form = self.columns.date_format or "a date, as 2025-01-31"
            raise DateGapError(
                f"{self.name}, {self._row(found)}, column {plain(column)!r}: expected {form}; got "
                f"{plain(self.table[column].iloc[found])!r}. Correct the cell, or say in the spec "
                "how dates are written (panel.date_format)."
            )
        if found.also:
            both = " or ".join([found.format, *found.also])
            raise DateGapError(
                f"{self.name}, column {plain(column)!r}: {plain(self.table[column].iloc[0])!r} can "
                f"be read as {both}. Say which in the spec: panel.date_format."
            )
        if found.format != "%Y-%m-%d":
            self.notes.append(f"dates are read as {found.format}")
        days = found.days
        grain = self.columns.grain or grain_of(days)
        if grain is None:
            self._mixed(days)
        self.grain = str(grain)
        at = month_starts(days) if grain == "month" else days
        self.written = dict(zip(at, days.strftime("%Y-%m-%d"), strict=True))
        self.key.insert(0, "date_day", at)

    def _mixed(self, days: pd.DatetimeIndex) -> None:
        dates = np.sort(days.unique().to_numpy())
        steps = np.diff(dates).astype("timedelta64[D]").astype(int)
        counts = pd.Series(steps).value_counts().head(4)
        told = ", ".join(f"{step} days ({count} times)" for step, count in counts.items())
        raise DateGapError(
            f"{self.name}, column {plain(self.columns.date)!r}: expected one step (each day, each "
            f"week or each month); got {len(dates)} dates {told or 'only'} apart. Keep one grain in "
            "a file and fill missing dates with zeros, or say panel.grain in the spec."
        )

    def _series(self) -> list[str]:
        return [column for column in self.key if column != "date_day"]

    def _every_cell_once(self) -> None:
        twice = self.key.duplicated()
        if not twice.any():
            return
        at = int(np.argmax(twice))
        same = (self.key == self.key.iloc[at]).all(axis=1).to_numpy()
        first = int(np.argmax(same))
        named = [self.columns.date, self.columns.territory, self.columns.product]
        key = ", ".join(plain(column) for column in named if column)
        missing = [
            f"panel.{field}"
            for field in ("territory", "product")
            if not getattr(self.columns, field)
        ]
        also = f" If the table has several series, name their columns ({', '.join(missing)})."
        raise DuplicateKeyError(
            f"{self.name}, {self._row(at)}: {self._cell(at)} stands already in {self._row(first)}; "
            f"expected each {key} once. Remove one or add them up.{also if missing else ''}"
        )

    def _cell(self, at: int) -> str:
        row = self.key.iloc[at]
        parts = [str(row["date_day"].date())]
        parts += [
            plain(row[column])
            for column in self._series()
            if not (column == "territory_id" and self.columns.territory is None)
        ]
        return ", ".join(parts)

    def _even_dates(self) -> None:
        days = self.key["date_day"]
        dates = pd.DatetimeIndex(np.sort(days.unique()))
        for before, after in zip(dates[:-1], dates[1:], strict=True):
            due = next_date(before, self.grain)
            if due == after:
                continue
            at = int(np.argmax((days == after).to_numpy()))
            what = "is missing" if after > due else "lies between two dates"
            wrong = due if after > due else after
            raise DateGapError(
                f"{self.name}, {self._row(at)}, column {plain(self.columns.date)!r}: expected "
                f"{due.date()} after {before.date()} (each {self.grain}); got {after.date()}: "
                f"{wrong.date()} {what}. Keep one grain, and fill missing dates with zeros."
            )
        counts = self.key.groupby(self._series(), sort=True).size()
        short = counts[counts < len(dates)]
        if short.empty:
            return
        name = short.index[0]
        own = name if isinstance(name, tuple) else (name,)
        mine = (self.key[self._series()] == list(own)).all(axis=1)
        lacks = dates.difference(pd.DatetimeIndex(days[mine]))[0]
        raise DateGapError(
            f"{self.name}: {', '.join(plain(part) for part in own)} has {counts[name]} of "
            f"{len(dates)} dates and lacks {lacks.date()}; every territory (and product) needs "
            "every date. Add rows with zeros, or leave that territory out."
        )

    def _numbers(self, column: str, *, zero: bool = False) -> Floats:
        """A column as finite numbers; an empty cell is 0 where `zero`."""
        cells = self.table[column]
        found = real(cells)
        bad = ~np.isfinite(found)
        if zero and self.columns.empty_cells == "zero" and bad.any():
            empty = bad & blank(cells)
            found, bad = np.where(empty, 0.0, found), bad & ~empty
        if bad.any():
            at = int(np.argmax(bad))
            empty_cell = bool(blank(cells.iloc[[at]])[0])
            got = "an empty cell" if empty_cell else repr(plain(cells.iloc[at]))
            zeros = (
                " Write 0 where nothing ran, or `empty_cells: zero` in the spec."
                if zero and empty_cell
                else " Correct the cell."
            )
            others = int(bad.sum()) - 1
            raise NotFiniteError(
                f"{self.name}, {self._row(at)}, column {plain(column)!r}: expected a finite number, "
                f"as 1234.5; got {got}{f' (and {others} cells more)' if others else ''}.{zeros}"
            )
        return found

    def _outcome(self) -> float:
        """Lay the outcome out exactly; return what one unit is worth in money."""
        told = self.columns.outcome
        values = self._numbers(told.column)
        if not values.any():
            raise EmptyFrameError(
                f"{self.name}, column {plain(told.column)!r}: every cell is 0; there is nothing to "
                "attribute. Name the right column at panel.outcome.column."
            )
        exact = [_decimal(cell) for cell in self.table[told.column]]
        digits = max(max(0, -int(value.as_tuple().exponent)) for value in exact)  # type: ignore[arg-type]
        most = int(np.floor(np.log10(_MOST_TICKS / np.abs(values).max())))
        if most < 0:
            raise NotFiniteError(
                f"{self.name}, column {plain(told.column)!r}: {np.abs(values).max():.6g} is too "
                "large to keep exactly. Give the outcome in thousands or millions."
            )
        self.decimals = min(digits, most)
        if digits > most:
            self.notes.append(
                f"{plain(told.column)} has up to {digits} decimals; {most} are kept, which moves no "
                f"cell by more than 1e-{most}"
            )
        self.outcome = pd.Series(exact, dtype=object)
        if told.kind == "revenue" and told.value_per_unit is None:
            return 1.0
        if told.value_per_unit is None:
            self.notes.append(
                f"no value per unit is known: roi is {told.kind} per unit of money spent"
            )
            return 1.0
        if not isinstance(told.value_per_unit, str):
            return float(told.value_per_unit)
        worth = self._numbers(told.value_per_unit)
        if (worth < 0).any() or not (worth * np.abs(values)).any():
            at = int(np.argmax(worth < 0))
            raise NotFiniteError(
                f"{self.name}, {self._row(at)}, column {plain(told.value_per_unit)!r}: expected "
                f"money that a unit is worth, above 0; got {worth[at]:.6g}. Correct the cell."
            )
        value = (
            float((worth * values).sum() / values.sum()) if values.sum() else float(worth.mean())
        )
        self.notes.append(
            f"a unit of {plain(told.column)} is worth {value:.6g} (mean of "
            f"{plain(told.value_per_unit)}, weighted by outcome)"
        )
        return value

    def _drivers(self) -> pd.DataFrame:
        frames = []
        for driver in self.columns.drivers:
            exposure = self._numbers(driver.exposed, zero=driver.kind != "price")
            if driver.frequency:
                exposure *= self._numbers(driver.frequency, zero=True)
            spend = np.zeros(len(exposure))
            if driver.spend:
                spend = self._numbers(driver.spend, zero=True)
                self._never_negative(spend, driver.spend)
                self._spend_meets_exposure(driver, spend, exposure)
            frames.append(
                self.key.assign(
                    kind=driver.kind,
                    driver=driver.name,
                    exposure=exposure,
                    exposure_unit=driver.measured_in,
                    spend=spend,
                )
            )
            if np.ptp(exposure) == 0:
                self.notes.append(
                    f"{plain(driver.name)} never moves (always {exposure[0]:.6g}): nothing can be "
                    "learned of it and it gets no credit"
                )
        return pd.concat(frames, ignore_index=True)

    def _never_negative(self, spend: Floats, column: str) -> None:
        if (spend >= 0).all():
            return
        at = int(np.argmax(spend < 0))
        raise ModelInputError(
            f"{self.name}, {self._row(at)}, column {plain(column)!r}: expected spend of 0 or more; "
            f"got {spend[at]:.6g} ({int((spend < 0).sum())} such cells). Book credits on the date "
            "of the spend that they lower."
        )

    def _spend_meets_exposure(self, driver: DriverColumn, spend: Floats, exposure: Floats) -> None:
        alone = (spend > 0) & (exposure <= 0)
        if not alone.any():
            return
        share = float(spend[alone].sum() / spend.sum())
        where = np.flatnonzero(alone)
        dates = "; ".join(self._cell(int(at)) for at in where[:_NAMES_PER_ERROR])
        more = f" and {len(where) - _NAMES_PER_ERROR} more" if len(where) > _NAMES_PER_ERROR else ""
        text = (
            f"{plain(driver.spend)} was spent where {plain(driver.exposed)} is 0: {share:.2%} of it, "
            f"in {len(where)} rows ({dates}{more})"
        )
        if share >= _UNEXPOSED:
            raise ModelInputError(
                f"{self.name}, {self._row(int(where[0]))}: {text}; expected exposure wherever money "
                "was spent. Fill the exposure in, or leave it out of the spec: spend then stands "
                "for it."
            )
        self.notes.append(text)
        self.reviews.append(
            Review("spend_without_exposure", driver.name, share, _UNEXPOSED, f"{text}.")
        )

    def _controls(self) -> pd.DataFrame | None:
        frames = []
        for column in self.columns.controls:
            values = self._numbers(column)
            if np.ptp(values) == 0:
                self.notes.append(f"{plain(column)} never moves: it explains nothing")
            frames.append(self.key.assign(control=column, value=values))
        return pd.concat(frames, ignore_index=True) if frames else None

    def _territories(self) -> pd.DataFrame:
        out = pd.DataFrame({"territory_id": sorted(self.key["territory_id"].unique())})
        if self.columns.population:
            people = self._numbers(self.columns.population)
            grouped = pd.Series(people).groupby(self.key["territory_id"])
            low, high = grouped.min(), grouped.max()
            if (low <= 0).any():
                at = int(np.argmax(people <= 0))
                raise NotFiniteError(
                    f"{self.name}, {self._row(at)}, column {plain(self.columns.population)!r}: "
                    f"expected people, above 0; got {people[at]:.6g}. Correct the cell."
                )
            if (high > low * 1.5).any():
                name = str((high / low).idxmax())
                self.notes.append(
                    f"population of {plain(name)} moves from {low[name]:,.0f} to {high[name]:,.0f}: "
                    "its mean is used"
                )
            out["population"] = grouped.mean().loc[out["territory_id"]].to_numpy()
        out["country_code"] = [self._country(name) for name in out["territory_id"]]
        if self.columns.events:
            # Each territory has its own calendar of events: a country of its own holds it.
            out["country_code"] = [f"#{at}" for at in range(len(out))]
        return out

    def _country(self, territory: str) -> str | None:
        told = self.columns.country
        if told is None:
            return None
        if told in self.table.columns:
            mine = (self.key["territory_id"] == territory).to_numpy()
            told = str(self.table[told].to_numpy()[mine][0]).strip()
        from models.mix.calendars import known_country

        return known_country(told, f"{self.name}, panel.country")

    def _holidays(self) -> pd.DataFrame | None:
        if not self.columns.events:
            return None
        from models.mix.calendars import public_holidays

        frames = []
        territories = sorted(self.key["territory_id"].unique())
        code = pd.Series([f"#{at}" for at in range(len(territories))], index=territories)
        for column in self.columns.events:
            cells = self.table[column].astype(str).str.strip()
            named = ~_no_event(cells)
            rows = pd.DataFrame(
                {
                    "date_day": self.key["date_day"].to_numpy()[named],
                    "holiday": [
                        column if cell in ("1", "1.0", "True", "true") else f"{column} {cell}"
                        for cell in cells[named]
                    ],
                    "country_code": code.loc[self.key["territory_id"].to_numpy()[named]].to_numpy(),
                }
            )
            frames.append(rows.drop_duplicates())
        first, last = self.key["date_day"].min(), self.key["date_day"].max()
        for name in territories:
            if country := self._country(name):
                days = pd.Timedelta(days=GRAIN_DAYS[self.grain] - 1)
                rows = public_holidays(country, first, last + days)
                frames.append(rows.assign(country_code=code[name]))
        return pd.concat(frames, ignore_index=True)

    def _leaks(self) -> None:
        """A column left out because it moves with the outcome is told again, with its figure."""
        for one in self.columns.ignored:
            if one.why == "leak" and one.column in self.table:
                figure = movement(real(self.table[one.column]), self._float(), self.key)
                self.reviews.append(
                    Review(
                        "control_leaks_outcome",
                        one.column,
                        figure,
                        0.9,
                        f"{plain(one.column)} moves with the outcome (correlation {figure:.2f}) and "
                        "is left out: it is likely a consequence of sales or of the same demand, "
                        "and would take credit from drivers. Add it to panel.controls if it is a "
                        "cause of sales.",
                    )
                )

    def _float(self) -> Floats:
        return np.array([float(value) for value in self.outcome])


def movement(values: Floats, outcome: Floats, key: pd.DataFrame) -> float:
    """Correlation of a column with the outcome within series; 0 where one never moves."""
    series = [column for column in key if column != "date_day"]
    frame = pd.DataFrame({"x": values, "y": outcome})
    groups = key.groupby(series).ngroup().to_numpy() if series else np.zeros(len(frame))
    grouped = frame.groupby(groups)
    centred = frame - grouped.transform("mean")
    spread = grouped.transform("std", ddof=0)
    flat = spread.to_numpy() <= 1e-12 * (1.0 + frame.abs().max().to_numpy())
    unit = np.where(flat, 0.0, centred.to_numpy() / np.where(flat, 1.0, spread.to_numpy()))
    return float(np.nan_to_num((unit[:, 0] * unit[:, 1]).mean()))


def _decimal(cell: object) -> Decimal:
    try:
        found = Decimal(str(cell).strip())
    except InvalidOperation:  # what pandas reads as a number and Decimal does not
        found = Decimal(repr(float(str(cell))))
    return found.normalize() if found else Decimal(0)


def _no_event(cells: pd.Series) -> pd.Series:
    nothing = {"", "na", "nan", "n/a", "none", "null", "0", "0.0", "no", "false", "-"}
    return cells.str.lower().isin(nothing)


def unused(columns: Iterable[str], spec: PanelColumns) -> list[str]:
    """Columns of a table that a spec does not mention at all."""
    known = set(spec.columns()) | {one.column for one in spec.ignored}
    return [column for column in columns if column not in known]
