"""How good the forecast was at its newest past origin, weighed and calibrated before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import calibrate, draw
from forecasting.correcting import mix_at
from forecasting.grid import Bools, Floats
from forecasting.net_price import NetPrice, Takings
from forecasting.race import NAIVE, Race
from forecasting.weighing import weights_over

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


@dataclass(frozen=True)
class Past:
    """What was forecast at the newest past origin, `cut` periods before the end, and what came.

    Attributes:
        seen: (S, H) where both can be compared.
        actual, mean, naive: (S, H).
        rows: series whose `paths` (rows, P, H) were drawn.
        weights: of the candidates, from older origins.
    """

    cut: int
    dates: pd.DatetimeIndex
    seen: Bools
    actual: Floats
    mean: Floats
    naive: Floats
    rows: npt.NDArray[np.intp]
    paths: npt.NDArray[np.float32]
    weights: dict[str, dict[str, float]]


def past_of(race: Race, cuts: Sequence[int], added: Floats) -> Past | None:
    """The newest origin at which the race was run; None without any, or without a sale after it.

    Slow candidates are left out: they race on a sample there. No forecast is made anew.

    Args:
        cuts: origins of the race, newest first.
        added: (S, T) what a mix result brings in history, on top of what is raced.
    """
    if not cuts:
        return None
    newest, *older = cuts
    told = race.before(0, newest)
    weights = weights_over(race, older, sorted(set(map(str, told.kinds))))
    mean = mix_at(race, told, weights, older, 0).mean
    calibration = calibrate(race, older, weights, told, 0)
    start = race.grid.known - newest
    brought = np.nan_to_num(added[:, start : start + race.grid.ahead])
    actual = race.actual(newest) + brought
    seen = np.isfinite(actual) & told.raced[:, None] & np.isfinite(race.grid.y[:, [start - 1]])
    if not seen.any():
        return None
    rows = np.flatnonzero(seen.all(axis=1))[:_MOST]
    paths = draw(mean, told, calibration, rows, race.seed)
    if brought.any():
        paths += brought[rows, None].astype(np.float32)
    dates = race.grid.dates[start : start + race.grid.ahead]
    naive = told.forecasts[NAIVE] + brought
    return Past(newest, dates, seen, actual, mean + brought, naive, rows, paths, weights)


def priced(past: Past, price: NetPrice, takings: Takings, seed: int) -> Past:
    """The same in net revenue, at the net price forecast from that origin; the naive is revenue of
    the same days of the last week.

    Args:
        takings: of all history.
    """
    start = takings.revenue.shape[1] - past.cut
    width = past.actual.shape[1]
    last = np.nan_to_num(takings.revenue[:, start - takings.week : start])
    return replace(
        past,
        actual=takings.revenue[:, start : start + width],
        mean=price.revenue(past.mean),
        naive=np.resize(last.T, (width, len(last))).T,
        paths=price.on_paths(np.maximum(past.paths, 0.0).astype(np.float32), past.rows, seed),
    )


def record_of(past: Past, per_week: int) -> Record:
    """Figures of a past horizon.

    Args:
        per_week: periods of a week.
    """
    sold = np.where(past.seen, past.actual, 0.0).sum(axis=0)
    made = np.where(past.seen, past.mean, 0.0).sum(axis=0)
    naive = np.where(past.seen, past.naive, 0.0).sum(axis=0)
    size = float(np.abs(sold).sum()) or float("nan")
    rows = past.rows
    inside = [float("nan"), float("nan")]
    whole = past.actual.shape[1] // per_week * per_week
    if len(rows) and whole:
        paths = past.paths[:, :, :whole]
        weekly = paths.reshape(len(rows), paths.shape[1], -1, per_week).sum(axis=3)
        truth = past.actual[rows, :whole].reshape(len(rows), -1, per_week).sum(axis=2)
        low, high, least, most = np.quantile(weekly, [0.1, 0.9, 0.025, 0.975], axis=1)
        # A cent of slack: a series of zeros is inside an interval of zero width.
        inside = [
            float(((truth >= a - 0.01) & (truth <= b + 0.01)).mean())
            for a, b in ((low, high), (least, most))
        ]
    return Record(
        first=past.dates[0],
        last=past.dates[-1],
        series=int(past.seen.any(axis=1).sum()),
        wape=float(np.abs(sold - made).sum()) / size,
        naive_wape=float(np.abs(sold - naive).sum()) / size,
        bias=float((made - sold).sum()) / size,
        inside_80=inside[0],
        inside_95=inside[1],
    )
