"""Cells of a table: as numbers, as text that is safe to show, and beside the outcome."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.mix.frames import Floats

_SHOWN = 25
_TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def real(cells: pd.Series) -> Floats:
    """Cells as floats, yes and no as 1 and 0; NaN where there is no number."""
    found: Floats = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64).copy()
    odd = np.isnan(found)
    if odd.any() and cells.dtype == object:
        words = cells[odd].astype(str).str.strip().str.lower().map(_TRUTH)
        found[odd] = words.to_numpy(dtype=np.float64)
    return found


def blank(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Which cells hold nothing."""
    if cells.dtype != object:
        return cells.isna().to_numpy()
    text = cells.astype(str).str.strip().str.lower()
    return (cells.isna() | text.isin({"", "na", "n/a", "nan", "null", "none", "-"})).to_numpy()


def plain(text: object, limit: int = 60) -> str:
    """Text from outside made safe for a message: control characters escaped, long text cut."""
    raw = str(text)
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in raw)
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


def listed(names: Sequence[str]) -> str:
    """Names in a row, the first 25 of them."""
    shown = ", ".join(plain(name) for name in names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "nothing"


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
