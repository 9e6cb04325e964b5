"""Columns of a table of paths, checked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import EmptyFrameError, MissingColumnError, ModelInputError, NotFiniteError

Floats = npt.NDArray[np.float64]
#: Columns that say how many touches came before a stage.
STAGES = ("lead", "opportunity")


def columns_of(frame: pd.DataFrame, name: str) -> tuple[pd.Series, Floats, Floats | None, Floats]:
    """Cells of paths, conversions, value (None without the column) and nulls.

    Raises:
        MissingColumnError, EmptyFrameError, NotFiniteError, ModelInputError: as `read_paths` says.
    """
    for column in ("path", "conversions"):
        if column not in frame.columns:
            raise MissingColumnError(
                f"The frame {name} lacks the column {column!r} (it has: "
                f"{', '.join(map(str, frame.columns)) or 'none'}); rename or add it."
            )
    for column in ("path", "conversions", "value", "nulls"):
        if list(frame.columns).count(column) > 1:
            raise ModelInputError(
                f"The frame {name} has the column {column!r} twice; keep the one that is meant."
            )
    if frame.empty:
        raise EmptyFrameError(f"The frame {name} has no rows; expected a row a path.")
    conversions = _numbers(frame, "conversions", name)
    value = _numbers(frame, "value", name) if "value" in frame else None
    nulls = _numbers(frame, "nulls", name) if "nulls" in frame else np.zeros(len(frame))
    if value is not None:
        stray = (value > 0) & (conversions == 0)
        if stray.any():
            raise ModelInputError(
                f"The frame {name} has a value of {value[stray][0]:.10g} without a conversion in "
                f"row {_row(frame, stray)}; expected value only where something converted: count "
                "the conversion or set the value to 0."
            )
    return frame["path"], conversions, value, nulls


def _numbers(frame: pd.DataFrame, column: str, name: str) -> Floats:
    cells = frame[column]
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers) | (numbers < 0)
    if bad.any():
        got = cells.iloc[int(np.argmax(bad))]
        raise NotFiniteError(
            f"The frame {name} has {str(got)[:40]!r} for {column} in row {_row(frame, bad)}; "
            "expected a number, 0 or more: write 0 where there is none."
        )
    return numbers


def _row(frame: pd.DataFrame, faults: npt.NDArray[np.bool_]) -> object:
    """The first faulty row as its frame calls it: of a file, the line."""
    return frame.index[int(np.argmax(faults))]


def stages_of(frame: pd.DataFrame, name: str) -> npt.NDArray[np.int64]:
    """Touches before the lead and before the opportunity, shape (2, rows); 0 is none.

    Raises:
        MissingColumnError, NotFiniteError: there is neither column, or a cell is no whole number.
    """
    if not set(STAGES).intersection(frame.columns):
        raise MissingColumnError(
            f"The frame {name} has neither a column 'lead' nor 'opportunity', so w_shaped knows of "
            "no stage; add one (how many touches of the path came before it), or take the rule "
            "position."
        )
    marks = np.zeros((len(STAGES), len(frame)), dtype=np.int64)
    for at, column in enumerate(STAGES):
        if column not in frame.columns:
            continue
        cells = frame[column]
        empty = (cells.isna() | (cells.astype(str).str.strip() == "")).to_numpy(dtype=bool)
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~empty & ~((numbers >= 0) & (numbers == np.floor(numbers)) & np.isfinite(numbers))
        if bad.any():
            raise NotFiniteError(
                f"The frame {name} has {str(cells.iloc[int(np.argmax(bad))])[:40]!r} for {column} "
                f"in row {_row(frame, bad)}; expected how many touches came before it, 0 or more."
            )
        marks[at] = np.where(empty, 0, np.nan_to_num(numbers)).astype(np.int64)
    return marks
