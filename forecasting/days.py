"""Days out of cells: as they are written, whatever their distance to UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: A distance to UTC after a time of day.
_OFFSET = r"([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$"


def local_days(cells: pd.Series) -> pd.Series:
    """Dates and times as local clocks showed them, NaT where a cell is none.

    Where the clock changes, a zone's days have different distances to UTC; the day written counts.
    """
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells.dt.tz_localize(None) if cells.dt.tz is not None else cells
    # A day stands in as many rows as there are series: each is read once.
    codes, words = pd.factorize(cells)
    texts = pd.Series(words, dtype=object).astype(str).str.replace(_OFFSET, r"\1", regex=True)
    texts = texts.where(texts.str.match(r"\s*\d"))  # `now` and `today` are no dates of a table
    days = pd.to_datetime(texts, format="ISO8601", errors="coerce").to_numpy()
    # The last one is for cells without a word, whose code is -1.
    return pd.Series(np.append(days, np.datetime64("NaT"))[codes], cells.index, name=cells.name)
