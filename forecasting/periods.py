"""Spans of the horizon that are summed: its periods, weeks, and the whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.grid import Grid

#: First and last period of the horizon, both in.
Span = tuple[int, int]


def spans_of(grid: Grid) -> list[Span]:
    """Each period, then whole weeks of a daily horizon, then the whole horizon."""
    H = grid.ahead
    weeks = [(w, w + 6) for w in range(0, H - 6, 7)] if grid.freq == "D" and H > 7 else []
    return [*((h, h) for h in range(H)), *weeks, *([(0, H - 1)] if H > 1 else [])]


def groups_of(keys: pd.DataFrame) -> dict[str, npt.NDArray[np.intp]]:
    """ "" for all rows, and `column=value` -> rows for every series column that groups series."""
    out = {"": np.arange(len(keys), dtype=np.intp)}
    for name in keys.columns:
        values = keys[name]
        if 1 < values.nunique() < len(values):
            for value, rows in values.groupby(values).groups.items():
                out[f"{name}={value}"] = np.asarray(rows, dtype=np.intp)
    return out
