"""Which columns of a table are its date, its territories and products, and its outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from models.errors import DuplicateKeyError, MissingColumnError, UnknownKindError
from models.mix.sheet import naming
from models.mix.sheet.calendars import known_country
from models.mix.sheet.cells import listed, plain
from models.mix.sheet.days import Calendar, grain_of, read_days
from models.mix.sheet.guesses import Draft, TableColumn

_RATIO = frozenset({"per", "rate", "value", "share", "pct", "percent"})


def find_date(draft: Draft, told: str | None) -> None:
    """The column that holds a date in every row, by an even step where there is one.

    Raises:
        MissingColumnError: none does.
    """
    best: tuple[int, TableColumn, Calendar] | None = None
    for column in draft.columns.values():
        if told is not None and column.name != told:
            continue
        named = column.parts.has(naming.DATE) is not None
        if not named and column.is_numeric and told is None:
            continue  # numbers without a name of dates are no dates
        found = read_days(column.cells)
        if isinstance(found, int):
            continue
        even = grain_of(found.days) is not None
        score = 4 * even + 2 * named + (not column.is_numeric)
        if best is None or score > best[0]:
            best = (score, column, found)
    if best is None:
        raise MissingColumnError(
            f"{draft.name}: no column holds a date in every row (as 2025-01-31); it has "
            f"{listed(list(draft.columns))}.{_first_bad_date(draft, told)} Correct the dates, or "
            "name the column with --date."
        )
    _, column, calendar = best
    draft.panel["date"] = column.name
    grain = grain_of(calendar.days)
    if grain:
        draft.panel["grain"] = grain
    if calendar.format != "%Y-%m-%d":
        draft.panel["date_format"] = calendar.format
    dates = calendar.days.unique()
    step = f"one each {grain}" if grain else "of no even step"
    why = f"holds a date in every row, {dates.min().date()} to {dates.max().date()}, {step}"
    if calendar.also:
        why += f"; read as {calendar.format}, though {' or '.join(calendar.also)} reads it too"
    draft.say(column, "date", why, sure=not calendar.also)
    draft.key["date_day"] = calendar.days


def _first_bad_date(draft: Draft, told: str | None) -> str:
    for column in draft.columns.values():
        if column.name == told or (told is None and column.parts.has(naming.DATE)):
            bad = read_days(column.cells)
            if isinstance(bad, int):
                return (
                    f" Column {plain(column.name)!r} has {plain(column.cells.iloc[bad])!r} in row "
                    f"{plain(column.cells.index[bad])}, which is no date."
                )
    return ""


def leave_out_made(draft: Draft, keep: str | None) -> None:
    """Row numbers, parts of the date, truth and helpers: none is a cause of sales."""
    for column in draft.waiting():
        words = column.parts.words
        if column.name == keep:
            continue
        nameless = not words or words[0] == "unnamed"
        if nameless and column.is_numeric:
            draft.leave_out(column, "index", "has no name; such columns number rows")
        elif len(words) == 1 and words[0] in naming.COUNTER and _counts(draft, column):
            draft.leave_out(column, "index", "counts rows or dates: the model has its own trend")
        elif _is_part_of_date(draft, column):
            why = "is a part of the date: the model has its own season"
            draft.leave_out(column, "date_part", why)
        elif word := column.parts.has(naming.MADE):
            why = f"'{word}' names a result or a helper, not a cause of sales"
            draft.leave_out(column, "truth", why)


def _counts(draft: Draft, column: TableColumn) -> bool:
    if column.counts_rows:
        return True
    if not column.is_numeric:
        return False
    dates = draft.key["date_day"].to_numpy()
    by_date = pd.Series(column.filled).groupby(dates).first()
    return len(by_date) > 2 and bool((np.diff(by_date) > 0).all())


def _is_part_of_date(draft: Draft, column: TableColumn) -> bool:
    words = [word for word in column.parts.words if word not in ("of", "number", "num", "no")]
    if not words or not all(word in naming.PART_OF_DATE for word in words):
        return False
    dates = draft.key["date_day"].to_numpy()
    by_date = pd.Series(column.cells.to_numpy()).groupby(dates)
    return bool((by_date.nunique() <= 1).all())


def find_series(draft: Draft) -> None:
    """Territories, products and the country, where dates repeat.

    Raises:
        DuplicateKeyError: rows share a date and no column tells them apart.
    """
    for role, words in (("territory", naming.TERRITORY), ("product", naming.PRODUCT)):
        for column in draft.waiting():
            parts = column.parts
            if role in draft.panel or not parts.has(words) or len(parts.words) > 3:
                continue
            if column.is_numeric and parts.words[-1] not in ("id", "code", "number", *words):
                continue
            if parts.has(naming.COUNTRY):
                _find_country(draft, column)
                if column.name not in draft.left:
                    continue
            if _tells_apart(draft, column):
                count = column.cells.nunique()
                _split(draft, column, role, f"its name says so; {count} of them")
    if draft.key.duplicated().any():
        _split_by_text(draft)
    twice = draft.key.duplicated()
    if twice.any():
        at = int(np.argmax(twice))
        rows = draft.columns[draft.panel["date"]].cells.index
        day = draft.key["date_day"].iloc[at]
        raise DuplicateKeyError(
            f"{draft.name}, row {plain(rows[at])}: the date {day.date()} stands in several rows "
            f"({int(twice.sum())} rows are one too many) and no column tells territories or "
            "products apart; expected one row a date and territory. Sum the rows first (a report "
            "with a row a campaign: `liftcast sources new`)."
        )


def _tells_apart(draft: Draft, column: TableColumn) -> bool:
    before = int(draft.key.duplicated().sum())
    after = int(draft.key.assign(x=column.cells.to_numpy()).duplicated().sum())
    return after < before


def _split(draft: Draft, column: TableColumn, role: str, why: str, *, sure: bool = True) -> None:
    draft.panel[role] = column.name
    draft.key[role] = column.cells.astype(str).to_numpy()
    draft.say(column, role, why, sure=sure)


def _find_country(draft: Draft, column: TableColumn) -> None:
    """A column of two-letter codes: public holidays count; one code alone is no territory."""
    codes = column.cells.astype(str).str.strip().unique()
    try:
        for code in codes:
            known_country(code, "")
    except UnknownKindError:
        return
    draft.panel["country"] = column.name
    if len(codes) == 1:
        draft.say(column, "country", f"holds the code {plain(codes[0])}: its holidays count")


def _split_by_text(draft: Draft) -> None:
    """A text column whose every value has every date tells series apart."""
    dates = draft.key["date_day"].nunique()
    for column in draft.waiting():
        if column.is_numeric or "territory" in draft.panel:
            continue
        whole = column.cells.nunique() * dates == len(draft.key)
        if whole and not draft.key.assign(x=column.cells.to_numpy()).duplicated().any():
            _split(draft, column, "territory", "tells rows of the same date apart", sure=False)


def find_outcome(draft: Draft, told: str | None) -> None:
    """What is sold, what a unit of it is worth; other measures of it are left out.

    Raises:
        MissingColumnError: no column can be told to be the outcome.
    """
    order = {word: at for at, word in enumerate(naming.OUTCOME)}
    found: list[tuple[int, int, TableColumn, str]] = []
    for strict in (True, False):
        for column in draft.waiting():
            word = column.parts.has(naming.OUTCOME)
            if column.name == told:
                found.append((-1, 0, column, word or ""))
            elif word is not None and column.is_numeric and not _is_other(column, strict):
                found.append((order[word], len(column.parts.words), column, word))
        if found:
            break
    if not found:
        raise MissingColumnError(
            f"{draft.name}: no column can be told to be the outcome (revenue, sales, conversions, "
            f"leads, y); it has {listed(list(draft.columns))}. Name it with --outcome COLUMN."
        )
    found.sort(key=lambda one: one[:2])
    _, _, column, word = found[0]
    outcome: dict[str, Any] = {
        "column": column.name,
        "kind": naming.OUTCOME.get(word, "revenue"),
    }
    why = f"'{word}' names what is sold; counted as {outcome['kind']}"
    if not word:
        why = "you named it; taken for money: change `kind` to units or leads where it is not"
    draft.sold = column.filled
    sure = word not in ("", *naming.VAGUE) and not _is_other(column, strict=True)
    draft.say(column, "outcome", why, sure=sure)
    for worth in draft.waiting():
        if worth.parts.is_worth and worth.is_numeric and "value_per_unit" not in outcome:
            outcome["value_per_unit"] = worth.name
            if outcome["kind"] == "revenue":
                outcome["kind"] = "units"
            draft.say(worth, "value per unit", "money that a unit is worth")
    for _, _, other, other_word in found[1:]:
        why = f"'{other_word}' is another measure of what is sold; {plain(column.name)} was taken"
        draft.leave_out(other, "second_measure", why, sure=False)
    draft.panel["outcome"] = outcome


def _is_other(column: TableColumn, strict: bool) -> bool:
    """Whether a name with a word of sales says something else: a competitor's; a platform's claim,
    where `strict`."""
    parts = column.parts
    others = [naming.SPEND, naming.CONTROL, naming.PRICE, frozenset(naming.EXPOSURE), naming.SELLER]
    others += [naming.PROMOTION, naming.AGENCY, naming.EVENT, _RATIO]
    others += [naming.CHANNEL, naming.MEDIATOR] if strict else []
    return parts.is_worth or parts.mark is not None or any(parts.has(words) for words in others)


def find_population(draft: Draft) -> None:
    """People by territory."""
    for column in draft.waiting():
        if not column.parts.has(naming.POPULATION) or not column.is_numeric:
            continue
        if "territory" in draft.panel and "population" not in draft.panel:
            draft.panel["population"] = column.name
            draft.say(column, "population", "exposure is shared by it")
        else:
            draft.leave_out(column, "constant", "people count only between territories")
