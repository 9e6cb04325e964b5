"""What kind each series is: which candidates may race for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting.candidates.protocol import Window

#: Fewer open periods with sales than these weeks of a daily grid (or periods): a short history.
SHORT_SEASONS, SHORT_PERIODS = 13, 26
NEW_SEASONS, NEW_PERIODS = 4, 6
#: Share of open periods without a sale from which on a series is intermittent.
INTERMITTENT = 0.5


def kinds_of(window: Window) -> npt.NDArray[np.str_]:
    """(S,) regular, intermittent, short, new or zero; from history before the origin.

    zero: nothing sold in the last year, or stopped selling. new: so few periods that no season can
    be read. short: less than a quarter of a year.
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
    short = SHORT_SEASONS * grid.season if daily else SHORT_PERIODS
    new = NEW_SEASONS * grid.season if daily else NEW_PERIODS
    out = np.full(len(grid.ids), "regular", dtype="<U12")
    out[share < 1 - INTERMITTENT] = "intermittent"
    out[count < short] = "short"
    out[count < new] = "new"
    out[sold[:, -min(grid.known, grid.year) :].sum(axis=1) == 0] = "zero"
    # A busy series whose last weeks are all without a sale has stopped, a year or not.
    out[[one.row for one in window.cleaned.found if one.kind == "stopped"]] = "zero"
    return out
