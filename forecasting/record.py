"""How good the forecast was at its newest past origin, weighed and calibrated before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.calibrating import calibrate, draw
from forecasting.grid import Floats
from forecasting.race import NAIVE, Race, mixed, weights_over

#: Series whose weekly sums are looked at; of more, the first.
_MOST = 400


@dataclass(frozen=True)
class Record:
    """Figures of one past horizon, from `first` to `last`, over series that were on sale.

    `wape` and `naive_wape`: sum |A - F| / sum |A| of the total by period. `bias`: sum (F - A) /
    sum A. `inside_80`, `inside_95`: shares of weekly sums of series inside their intervals.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    series: int
    wape: float
    naive_wape: float
    bias: float
    inside_80: float
    inside_95: float


def record_of(race: Race, cuts: Sequence[int], added: Floats, per_week: int) -> Record | None:
    """The record of the newest origin at which the race was run; None without any.

    Slow candidates are left out: they race on a sample there. No forecast is made anew.

    Args:
        cuts: origins of the race, newest first.
        added: (S, T) what a mix result brings in history, on top of what is raced.
        per_week: periods of a week.
    """
    if not cuts:
        return None
    newest, *older = cuts
    told = race.at(newest)
    weights = weights_over(race, older, sorted(set(map(str, told.kinds))))
    mean, _ = mixed(told, weights)
    calibration = calibrate(race, older, weights, told)
    start = race.grid.known - newest
    brought = np.nan_to_num(added[:, start : start + race.grid.ahead])
    actual = race.actual(newest) + brought
    seen = np.isfinite(actual) & told.raced[:, None] & np.isfinite(race.grid.y[:, [start - 1]])
    if not seen.any():
        return None
    sold = np.where(seen, actual, 0.0).sum(axis=0)
    made = np.where(seen, mean + brought, 0.0).sum(axis=0)
    naive = np.where(seen, told.forecasts[NAIVE] + brought, 0.0).sum(axis=0)
    size = float(np.abs(sold).sum()) or float("nan")
    rows = np.flatnonzero(seen.all(axis=1))[:_MOST]
    inside = [float("nan"), float("nan")]
    whole = race.grid.ahead // per_week * per_week
    if len(rows) and whole:
        drawn = draw(mean, told, calibration, rows, race.seed)[:, :, :whole]
        paths = drawn + brought[rows, None, :whole]
        weekly = paths.reshape(len(rows), paths.shape[1], -1, per_week).sum(axis=3)
        truth = actual[rows, :whole].reshape(len(rows), -1, per_week).sum(axis=2)
        low, high, least, most = np.quantile(weekly, [0.1, 0.9, 0.025, 0.975], axis=1)
        # A cent of slack: a series of zeros is inside an interval of zero width.
        inside = [
            float(((truth >= a - 0.01) & (truth <= b + 0.01)).mean())
            for a, b in ((low, high), (least, most))
        ]
    dates = race.grid.dates[start : start + race.grid.ahead]
    return Record(
        first=dates[0],
        last=dates[-1],
        series=int(seen.any(axis=1).sum()),
        wape=float(np.abs(sold - made).sum()) / size,
        naive_wape=float(np.abs(sold - naive).sum()) / size,
        bias=float((made - sold).sum()) / size,
        inside_80=inside[0],
        inside_95=inside[1],
    )
