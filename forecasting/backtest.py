"""Forecasts from past origins, made as the real one is, against what then happened."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.curve import Curve, uses_slope, uses_year
from forecasting.fallback import LEAST_OBSERVATIONS
from forecasting.paths import dependence, draw
from forecasting.series import Calendar, Floats, Series

MAX_ORIGINS = 3
# Trust in the paths as they are, counted in origins.
OWN_WIDTH_WEIGHT = 0.5
MAX_WIDTH = 3.0
# A single wild week should not set the width of every interval.
MAX_SCORE = 4.0


@dataclass(frozen=True)
class Origin:
    """`cut` periods before the end of history, forecasting `ahead` periods from there."""

    cut: int
    ahead: int

    def known(self, one: Series, laid: Calendar) -> int:
        """Observations of the series known at this origin (may be 0 or less)."""
        return len(laid.history) - self.cut - one.start


@dataclass(frozen=True)
class OriginScore:
    """One past origin: figures over all series that were then on sale, at total level.

    `wape` and `naive_wape`: sum |A - F| / sum |A| over native periods. `bias`: sum (F - A) /
    sum A. `mean_square`: mean squared error of weekly sums in standard deviations of the paths,
    the mean of series level and total level. `inside_80`, `inside_95`: shares of weekly sums of
    series inside the intervals at the width learned at earlier origins.
    """

    origin: Origin
    series: int
    wape: float
    naive_wape: float
    bias: float
    mean_square: float
    inside_80: float
    inside_95: float


def origins(laid: Calendar) -> list[Origin]:
    """At most three origins, one window apart, newest first; the window is the horizon, or a third
    of history when that is shorter. A second or third origin that would lose the yearly season or
    the slope is not used, because the forecast it would judge is another one."""
    n, h = len(laid.history), len(laid.future)
    ahead = min(h, n // 3 // laid.per_week * laid.per_week)
    found = []
    for k in range(1, MAX_ORIGINS + 1):
        known = n - k * ahead
        same_model = all(part(known, laid) == part(n, laid) for part in (uses_year, uses_slope))
        if ahead <= 0 or known < LEAST_OBSERVATIONS or (k > 1 and not same_model):
            break
        found.append(Origin(k * ahead, ahead))
    return found


def width_of(scores: Sequence[OriginScore]) -> float:
    """Root mean squared score over the origins and half an origin that agrees with the paths;
    between 1 and 3, because few origins are no ground for narrower intervals."""
    squares = [s.mean_square for s in scores if np.isfinite(s.mean_square)]
    mean = (OWN_WIDTH_WEIGHT + sum(squares)) / (OWN_WIDTH_WEIGHT + len(squares))
    return float(np.clip(np.sqrt(mean), 1.0, MAX_WIDTH))


def seasonal_naive(known: Floats, ahead: int, laid: Calendar) -> Floats:
    """52 weeks ago where known, else the last week (daily) or the last value (weekly) again."""
    lag = laid.per_year if len(known) >= laid.per_year else min(laid.per_week, len(known))
    repeated: Floats = known[len(known) - lag + np.arange(ahead) % lag]
    return repeated


def score(
    origin: Origin,
    series: Sequence[Series],
    curves: Sequence[Curve],
    laid: Calendar,
    *,
    earlier: Sequence[OriginScore],
    seed: int,
) -> OriginScore:
    """Judge the curves fitted at `origin`; `earlier` are scores of older origins."""
    h, unit = origin.ahead, laid.per_week
    end, width = len(laid.history) - origin.cut, width_of(earlier)
    shared = dependence(curves, h, laid, seed)
    known, sold, expected = np.zeros(end), np.zeros(h), np.zeros(h)
    summed = np.zeros((len(shared.offsets), h // unit))
    squares: list[float] = []
    inside: list[tuple[float, float]] = []
    for one, drawn in zip(series, draw(series, curves, laid, shared, seed=seed), strict=True):
        at = end - one.start
        known[one.start :] += one.y[:at]
        sold += one.y[at : at + h]
        expected += drawn.mean(axis=0)
        weekly = drawn.reshape(len(drawn), -1, unit).sum(axis=2)
        actual = one.y[at : at + h].reshape(-1, unit).sum(axis=1)
        summed += weekly
        squares.append(_mean_square(actual, weekly))
        inside.append(_inside(actual, weekly, width))
    of_series = [s for s in squares if np.isfinite(s)]
    by_level = [
        float(np.mean(of_series)) if of_series else float("nan"),
        _mean_square(sold.reshape(-1, unit).sum(axis=1), summed),
    ]
    naive = seasonal_naive(known, h, laid)
    size = float(np.abs(sold).sum()) or float("nan")
    return OriginScore(
        origin=origin,
        series=len(series),
        wape=float(np.abs(sold - expected).sum()) / size,
        naive_wape=float(np.abs(sold - naive).sum()) / size,
        bias=float((expected - sold).sum()) / size,
        mean_square=float(np.mean(by_level)),
        inside_80=float(np.mean([i[0] for i in inside])),
        inside_95=float(np.mean([i[1] for i in inside])),
    )


def _inside(actual: Floats, paths: Floats, width: float) -> tuple[float, float]:
    middle = paths.mean(axis=0)
    stretched = np.maximum(middle + width * (paths - middle), 0)
    bounds = np.quantile(stretched, [0.1, 0.9, 0.025, 0.975], axis=0)
    # A cent of slack: a series of zeros is inside an interval of zero width.
    above = actual[None, :] >= bounds[[0, 2]] - 0.01
    below = actual[None, :] <= bounds[[1, 3]] + 0.01
    shares = (above & below).mean(axis=1)
    return float(shares[0]), float(shares[1])


def _mean_square(actual: Floats, paths: Floats) -> float:
    """NaN when the paths have no spread: such a forecast says nothing about width."""
    spread = paths.std(axis=0)
    if not np.any(spread > 0):
        return float("nan")
    wide = spread > 0
    scores = np.clip((actual - paths.mean(axis=0))[wide] / spread[wide], -MAX_SCORE, MAX_SCORE)
    return float(np.mean(scores**2))
