"""Read-outs of experiments from a plain CSV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from liftcast.mix_files import read_csv
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

#: The file's columns and what the model calls them.
NEEDED = {
    "experiment": "experiment_id",
    "driver": "driver",
    "starts_on": "starts_on",
    "ends_on": "ends_on",
    "effect": "effect",
    "standard_error": "effect_se",
}
OPTIONAL = {
    "territory": "territory_id",
    "kind": "kind",
    "spend": "spend",
    "arm": "arm",
    "status": "status",
    "use": "use",
    "contrast": "contrast",
}
_NUMBERS = ("effect", "standard_error", "spend")
_DATES = ("starts_on", "ends_on")


def read_experiment_file(path: Path, note: Callable[[str], None]) -> pd.DataFrame:
    """Rows of experiments, under the names and types that `models.mix.experiments` reads.

    Raises:
        LiftcastError: a column is missing or unknown, or a cell is no name, date or number.
    """
    import numpy as np

    from models.mix.sheet.cells import blank, real
    from models.mix.sheet.days import read_days

    table = read_csv(path)
    for found in table.notes:
        note(found)
    name, frame = printable(path), table.frame
    known = NEEDED | OPTIONAL
    have = [str(column) for column in frame.columns]
    wrong = [column for column in NEEDED if column not in have]
    odd = [column for column in have if column not in known]
    if wrong or odd or frame.empty:
        raise LiftcastError(
            f"the column {printable(odd[0], 60)!r} is not known" if odd and not wrong else
            f"the column {wrong[0]!r} is missing" if wrong else "there are no rows",
            where=name,
            expected=f"the columns {', '.join(NEEDED)}, and if need be {', '.join(OPTIONAL)}",
            got=printable(", ".join(have), 200),
            remedy="Correct the header" if wrong or odd else "Leave --experiments out",
        )  # fmt: skip

    def refuse(at: int, column: str, expected: str) -> LiftcastError:
        cell = frame[column].iloc[at]
        return LiftcastError(
            f"column {column}",
            where=f"{name}, row {frame.index[at]}",
            expected=expected,
            got=repr(printable(cell, 60)) if str(cell).strip() else "an empty cell",
            remedy="Correct the cell",
        )

    out = frame.rename(columns=known).copy()
    for column in have:
        cells = frame[column]
        empty = blank(cells)
        if column in ("experiment", "driver") and empty.any():
            raise refuse(int(np.argmax(empty)), column, "a name")
        if column in _DATES:
            days = read_days(cells)
            if isinstance(days, int):
                raise refuse(days, column, "a date, as 2025-01-31")
            if days.also:
                raise refuse(0, column, f"a date that can be read in one way, not as {days.format} "
                             f"or {days.also[0]}; write it as 2025-01-31")  # fmt: skip
            out[known[column]] = days.days
        elif column in _NUMBERS:
            values = real(cells)
            bad = ~np.isfinite(values) & (~empty | (column == "standard_error"))
            if bad.any():
                raise refuse(int(np.argmax(bad)), column, "a finite number, as 1234.5")
            if column == "standard_error" and (values <= 0).any():
                raise refuse(int(np.argmax(values <= 0)), column, "a number above 0")
            out[known[column]] = values
        else:
            out[known[column]] = [
                None if e else str(c).strip() for c, e in zip(cells, empty, strict=True)
            ]
    return out.reset_index(drop=True)
