"""Cells of a long frame as days, numbers and categories; what is none is refused by row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.days import local_days
from forecasting.errors import BadValueError, PlanError
from forecasting.grid import Bools, Floats, PlanColumn
from forecasting.inputs import MAX_YEAR, MIN_YEAR

#: Categories of one plan column; more are keys or free text, no plan.
MOST_LEVELS = 60
NUMBER = "a finite number, as 1234.5"
_SHOWN = 5


def show(text: object) -> str:
    return repr(str(text)[:60])


def days_of(cells: pd.Series, what: str, name: str) -> pd.Series:
    """Days without a time, of one column of the table `what`.

    Raises:
        BadValueError: a cell is no date, has a time of day, or is centuries away.
    """
    days = local_days(cells)
    if (bad := ~days.dt.year.between(MIN_YEAR, MAX_YEAR)).any():
        expected = f"a date as 2025-01-31, between {MIN_YEAR} and {MAX_YEAR}"
        raise _refused(cells, bad.to_numpy(), what, name, expected)
    if (bad := days != days.dt.normalize()).any():
        raise _refused(
            cells, bad.to_numpy(), what, name,
            "a date without a time of day (sum the target to days, weeks or months)",
        )  # fmt: skip
    return days


def numbers_of(cells: pd.Series, what: str, name: str) -> Floats:
    """Finite numbers.

    Raises:
        BadValueError: a cell is none.
    """
    numbers = _numbers(cells)
    if (bad := ~np.isfinite(numbers)).any():
        raise _refused(
            cells, bad, what, name,
            f"{NUMBER} (0 for nothing; leave out the row of what is not known, and say "
            "--gaps unknown)",
        )  # fmt: skip
    return numbers


def is_empty(cells: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(cells):
        return cells.isna()
    return cells.isna() | (cells.astype(str).str.strip() == "")


def plan_values(
    then: pd.Series, later: pd.Series, name: str, days: pd.Series, notes: list[str]
) -> tuple[PlanColumn, Floats, Floats]:
    """A plan column as numbers: its own where all cells are numbers, else codes of its levels.

    Args:
        then, later: its cells in history and plan.
        days: the dates of `then`.
        notes: takes what a reader is told of a column that holds numbers and texts.

    Raises:
        PlanError, BadValueError: a cell is empty, or no finite number among numbers; a category
            that never ran; more categories than a plan has.
    """
    for what, cells in (("history", then), ("plan", later)):
        holes = is_empty(cells)
        if holes.any():
            first = int(holes.to_numpy().argmax())
            where = f" of {days.iloc[first].date()}" if what == "history" else ""
            raise PlanError(
                f"The {what}'s {show(name)} is empty in {int(holes.sum())} rows, the first"
                f"{where} (row {cells.index[first]}): say what ran or is planned (0 for nothing)."
            )
    ran, planned = _numbers(then), _numbers(later)
    bad = ~np.isfinite(ran), ~np.isfinite(planned)
    if not bad[0].any() and not bad[1].any():
        return PlanColumn(name), ran, planned
    texts = then.astype(str).str.strip(), later.astype(str).str.strip()
    levels = tuple(sorted(texts[0].unique()))
    _refuse_no_numbers(name, then, later, bad, len(levels))
    if len(levels) > MOST_LEVELS:
        raise BadValueError(
            f"The history's {show(name)} has {len(levels)} different texts: a plan column has at "
            f"most {MOST_LEVELS} categories, or numbers only."
        )
    strange = sorted(set(texts[1]) - set(levels))
    if strange:
        raise PlanError(
            f"The plan's {show(name)} has {', '.join(map(show, strange[:_SHOWN]))}, which never "
            f"ran in history ({', '.join(map(show, levels[:8]))} did): nothing tells what it "
            "brings. Correct it, or plan it as a level that ran."
        )
    if bad[0].mean() < 0.5 and len(np.unique(ran[~bad[0]])) > 1:
        first = int(bad[0].argmax())
        notes.append(
            f"{show(name)} holds numbers and texts, so each of its {len(levels)} values is a "
            f"category of its own: the first text is {show(then.iloc[first])} "
            f"(row {then.index[first]})"
        )
    code = {level: float(number) for number, level in enumerate(levels)}
    return (
        PlanColumn(name, levels),
        texts[0].map(code).to_numpy(dtype=float),
        texts[1].map(code).to_numpy(dtype=float),
    )


def _refuse_no_numbers(
    name: str, then: pd.Series, later: pd.Series, bad: tuple[Bools, Bools], levels: int
) -> None:
    """A column of numbers with cells that are none: infinite, not a number, a text by mistake."""
    of_numbers = not bad[0].any() or (levels > MOST_LEVELS and bad[0].mean() < 0.5)
    if not of_numbers:
        words = pd.concat([then[bad[0]], later[bad[1]]]).unique()
        of_numbers = all(map(_is_number_word, words))
    if of_numbers:
        here = "history" if bad[0].any() else "plan"
        cells, own = (then, bad[0]) if bad[0].any() else (later, bad[1])
        raise _refused(cells, own, here, name, NUMBER)


def _is_number_word(cell: object) -> bool:
    """`inf`, `nan`, `1e400`: what other programs write for a number that is none."""
    try:
        return not np.isfinite(float(str(cell)))
    except ValueError:
        return False


def _numbers(cells: pd.Series) -> Floats:
    return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float)


def _refused(cells: pd.Series, bad: Bools, what: str, name: str, expected: str) -> BadValueError:
    first, count = int(bad.argmax()), cells.index[bad].nunique()
    return BadValueError(
        f"The {what}'s {show(name)} is {show(cells.iloc[first])} (row {cells.index[first]}): "
        f"expected {expected}; {f'{count} rows are not' if count > 1 else 'no other row is wrong'}."
    )
