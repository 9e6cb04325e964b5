"""Days out of cells: as they are written, whatever their distance to UTC."""

from __future__ import annotations

import pandas as pd

#: A distance to UTC after a time of day.
_OFFSET = r"([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$"


def local_days(cells: pd.Series) -> pd.Series:
    """Dates and times as local clocks showed them, NaT where a cell is none.

    Where the clock changes, a zone's days have different distances to UTC; the day written counts.
    """
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells.dt.tz_localize(None) if cells.dt.tz is not None else cells
    texts = cells.astype(str).str.replace(_OFFSET, r"\1", regex=True)
    texts = texts.where(texts.str.match(r"\s*\d"))  # `now` and `today` are no dates of a table
    return pd.to_datetime(texts, format="ISO8601", errors="coerce")
