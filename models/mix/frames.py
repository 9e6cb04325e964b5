"""Frames checked and laid out as arrays: every fault is told with its place, before any fitting."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import (
    DateGapError,
    DuplicateKeyError,
    EmptyFrameError,
    MissingColumnError,
    NotFiniteError,
    UnknownTerritoryError,
)

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Ticks = npt.NDArray[np.int64]

#: Days of a date by grain; months differ.
GRAIN_DAYS = {"day": 1.0, "week": 7.0, "month": 30.4375}
_KEYS = ("date_day", "territory_id", "product_id", "kind", "driver", "control")


def checked(
    frame: pd.DataFrame, name: str, columns: Sequence[str], *, dated: bool = True
) -> pd.DataFrame:
    """The frame with its columns there, rows there, territories and products as text, days as days.

    Raises:
        MissingColumnError, EmptyFrameError, UnknownTerritoryError, DateGapError: what is wrong.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The frame {name} lacks the column {missing[0]!r} (it has: "
            f"{', '.join(map(str, frame.columns)) or 'none'}); add it as docs/architecture.md says."
        )
    if frame.empty:
        raise EmptyFrameError(
            f"The frame {name} has no rows; land data for the window before attributing."
        )
    frame = frame.reset_index(drop=True)
    absent = frame["territory_id"].isna()
    if absent.any():
        raise UnknownTerritoryError(
            f"The frame {name} has no territory_id in row {int(np.argmax(absent))}; name one."
        )
    frame = frame.assign(territory_id=frame["territory_id"].astype(str))
    if "product_id" in frame:
        frame = frame.assign(product_id=frame["product_id"].fillna("").astype(str))
    if dated:
        days = pd.to_datetime(frame["date_day"], errors="coerce").astype("datetime64[ns]")
        if days.isna().any():
            row = int(np.argmax(days.isna()))
            raise DateGapError(
                f"The frame {name} has {frame['date_day'].iloc[row]!r} for a date in row {row}; "
                "expected a calendar day."
            )
        frame = frame.assign(date_day=days.dt.normalize())
    return frame


def place(frame: pd.DataFrame, row: int, key: Sequence[str]) -> str:
    """A row named by its key."""
    cells = frame.iloc[row]
    return ", ".join(
        f"{column} {cells[column].date()}"
        if column == "date_day"
        else f"{column} {cells[column]!r}"
        for column in key
    )


def unique(frame: pd.DataFrame, name: str, key: list[str]) -> None:
    """Raise DuplicateKeyError where two rows share a key."""
    twice = frame.duplicated(key)
    if twice.any():
        raise DuplicateKeyError(
            f"The frame {name} holds {place(frame, int(np.argmax(twice)), key)} more than once; "
            f"keep one row a key ({', '.join(key)})."
        )


def next_date(day: pd.Timestamp, grain: str) -> pd.Timestamp:
    """The date after `day` at a grain."""
    if grain == "month":
        return day + pd.DateOffset(months=1)
    return day + pd.Timedelta(days=int(GRAIN_DAYS[grain]))


def window(days: pd.Series, name: str, grain: str) -> pd.DatetimeIndex:
    """The dates that occur, each a step of the grain after the last.

    Raises:
        DateGapError: a date is missing, or between two others.
    """
    dates = pd.DatetimeIndex(np.sort(days.unique()))
    expected = pd.DatetimeIndex([next_date(day, grain) for day in dates[:-1]])
    wrong = np.flatnonzero(expected != dates[1:])
    if wrong.size:
        first = int(wrong[0])
        raise DateGapError(
            f"The frame {name} goes from {dates[first].date()} to {dates[first + 1].date()}; "
            f"with grain {grain!r} the next date must be {expected[first].date()}: fill missing "
            "dates with zeros, and keep one grain in a file."
        )
    return dates


def grid(
    frame: pd.DataFrame,
    what: str,
    dates: pd.DatetimeIndex,
    series: pd.Index,
    values: dict[str, npt.NDArray[np.generic]],
) -> dict[str, npt.NDArray[np.generic]]:
    """Columns laid out as (S, T): every date of the window once in every series.

    Args:
        series: of territories, or of (territory, product) where the frame has products.
    """
    products = isinstance(series, pd.MultiIndex)
    keys = (
        pd.MultiIndex.from_arrays([frame["territory_id"], frame["product_id"]])
        if products
        else pd.Index(frame["territory_id"])
    )
    row = series.get_indexer(keys)
    column = dates.get_indexer(pd.DatetimeIndex(frame["date_day"]))
    if (row < 0).any():
        at = int(np.argmin(row))
        shown = ["territory_id", "product_id"] if products else ["territory_id"]
        raise UnknownTerritoryError(
            f"The frame {what} names {place(frame, at, shown)}, which has no outcome."
        )
    if (column < 0).any():
        day = frame["date_day"].iloc[int(np.argmin(column))].date()
        raise DateGapError(
            f"The frame {what} has {day}, which is not a date of the outcome "
            f"({dates[0].date()} to {dates[-1].date()}); cut it to the outcome's dates."
        )
    seen = np.zeros((len(series), len(dates)), dtype=bool)
    seen[row, column] = True
    if not seen.all():
        s, t = np.argwhere(~seen)[0]
        raise DateGapError(
            f"The frame {what} lacks {dates[t].date()} in territory {series[s]!r}; every "
            "territory needs every date of the outcome: fill with zeros."
        )
    laid = {}
    for key, cells in values.items():
        out = np.zeros(seen.shape, dtype=cells.dtype)
        out[row, column] = cells
        laid[key] = out
    return laid


def numbers(frame: pd.DataFrame, name: str, column: str) -> Floats:
    """A column as finite floats.

    Raises:
        NotFiniteError: with the key of the first cell that is none.
    """
    found: Floats = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(found)
    if bad.any():
        row = int(np.argmax(bad))
        key = [c for c in _KEYS if c in frame]
        raise NotFiniteError(
            f"The frame {name} has {frame[column].iloc[row]!r} in {column} at "
            f"{place(frame, row, key)}; expected a finite number."
        )
    return found


def ticks(frame: pd.DataFrame, name: str, column: str, decimals: int = 2) -> Ticks:
    """Amounts as whole ticks of 10^-decimals: exact for Decimals, nearest for floats."""
    found = numbers(frame, name, column)
    if frame[column].dtype == object:
        tick = Decimal(1).scaleb(-decimals)
        return np.array(
            [
                int(Decimal(value).quantize(tick, ROUND_HALF_EVEN).scaleb(decimals))
                for value in frame[column]
            ],
            dtype=np.int64,
        )
    largest = float(np.abs(found).max()) * 10.0**decimals
    if largest >= 2.0**62:
        raise NotFiniteError(
            f"The frame {name} has {np.abs(found).max():.6g} in {column}, too large to keep with "
            f"{decimals} decimals; give the amounts in thousands or millions."
        )
    out: Ticks = np.rint(found * 10**decimals).astype(np.int64)
    return out
