"""What kind each series is: which candidates may race for it, and how its errors are read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting.candidates.protocol import Window
from forecasting.grid import Bools

#: Fewer open periods with sales than these weeks of a daily grid (or periods): a short history.
SHORT_SEASONS, SHORT_PERIODS = 13, 26
#: Of months a year tells as much as half a year of weeks.
SHORT_MONTHS = 12
NEW_SEASONS, NEW_PERIODS = 4, 6
#: Share of open periods without a sale from which on a series is intermittent.
INTERMITTENT = 0.5
#: Sparse: this share of a year's open periods without a sale, or whole numbers with a mean below.
SPARSE_ZEROS, SPARSE_MEAN = 0.01, 20.0


def kinds_of(window: Window) -> npt.NDArray[np.str_]:
    """(S,) regular, intermittent, short, new or zero; from history before the origin.

    zero: nothing sold in the last year, or stopped selling. new: so few periods that no season can
    be read. short: less than a quarter of a year (of weeks half, of months a year).
    """
    grid = window.grid
    y = window.sold
    open_seen = np.isfinite(y)
    sold = open_seen & (y > 0)
    started = np.where(sold.any(axis=1), sold.argmax(axis=1), grid.known)
    since = np.arange(grid.known)[None, :] >= started[:, None]
    count = (open_seen & since).sum(axis=1)
    share = sold.sum(axis=1) / np.maximum(count, 1)
    daily = grid.season > 1
    few = SHORT_MONTHS if grid.monthly else SHORT_PERIODS
    short = SHORT_SEASONS * grid.season if daily else few
    new = NEW_SEASONS * grid.season if daily else NEW_PERIODS
    out = np.full(len(grid.ids), "regular", dtype="<U12")
    out[share < 1 - INTERMITTENT] = "intermittent"
    out[count < short] = "short"
    out[count < new] = "new"
    out[sold[:, -min(grid.known, grid.year) :].sum(axis=1) == 0] = "zero"
    # A busy series whose last weeks are all without a sale has stopped, a year or not.
    out[[one.row for one in window.cleaned.found if one.kind == "stopped"]] = "zero"
    return out


def sparse_of(window: Window, kinds: npt.NDArray[np.str_]) -> Bools:
    """(S,) series whose errors a log does not tell: a log knows no zero, and counts of a few pieces
    scatter by their size and not by a share of it.

    Read in the last year before the origin, stock-outs apart. New and empty series are not: what
    they sold says little of how they scatter.
    """
    grid = window.grid
    year = slice(-min(grid.known, grid.year), None)
    sold = window.sold
    started = np.maximum.accumulate(np.nan_to_num(sold) > 0, axis=1)[:, year]
    sold = np.where(started, sold[:, year], np.nan)
    count = np.maximum(np.isfinite(sold).sum(axis=1), 1)
    zeros = (sold == 0).sum(axis=1) / count
    mean = np.nan_to_num(sold).sum(axis=1) / count
    seen = np.nan_to_num(grid.y[:, year])
    few = (mean < SPARSE_MEAN) & np.all(seen == np.rint(seen), axis=1)
    told = np.isin(kinds, ["regular", "short", "intermittent"])
    return np.asarray(told & (few | (zeros >= SPARSE_ZEROS)))
