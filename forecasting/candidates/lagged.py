"""Boosted trees over all series that know each series and what it sold a horizon and a year ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.candidates.boosting import SERIES, Trees, asked, fitted_trees, rows_of
from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import smearing
from forecasting.grid import Bools, Floats, Grid
from forecasting.signals import Singles, calendar_signals

#: Chosen for the mean of these and the other trees, on days that no benchmark judges.
LAGGED = Trees(
    objective="l2", trees=400, rate=0.08, leaves=31, least_rows=20, random_splits=False,
    rows_a_tree=0.7, ridge=0.0, half_life_years=None,
)  # fmt: skip
#: Periods before and after a period whose plan is a signal of it, in days and in short seasons.
AROUND = (1, 2, 3)
#: Weeks (short seasons) that means of sales are taken over.
MEANS = (4, 13)
#: Of the last year every so many periods are asked again, for the step from median to mean.
ASKED_AGAIN = 8


@dataclass(frozen=True)
class _Learned:
    """The trees, and (S, 1) from median to mean."""

    forecaster: Any
    smear: Floats


class LaggedTrees:
    """Boosted trees on log sales themselves: the series as a category, sales of a horizon ago (and
    one and two weeks more, a year, means of four and thirteen weeks), calendar, and the plan of
    the periods around.

    Worse alone than the trees on what a regression leaves, but wrong elsewhere: the mean of both
    is better than either. All lags lie before the origin, so no forecast feeds on a forecast.
    """

    speed: Speed = "pooled"
    kinds = frozenset({"regular", "short"})

    def __init__(self, name: str = "lightgbm_lags", settings: Trees = LAGGED) -> None:
        self.name = name
        self.settings = settings

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        use = np.isfinite(window.log_sales)
        # Half of the rows must have the sales of a horizon ago that all of the horizon has.
        known_then = use[:, grid.ahead :].sum() >= use.sum() / 2
        if use.sum() < 100 * self.settings.least_rows or not known_then:
            return np.full((len(grid.ids), grid.ahead), np.nan)
        names, signals = _signals(window)
        if self.name not in window.learned:
            window.learned[self.name] = self._learn(window, names, signals)
        learned: _Learned = window.learned[self.name]
        log = asked(learned.forecaster, names, signals[:, :, grid.known :])
        told = window.shut(np.exp(np.minimum(log, 50.0)) * learned.smear)
        told[_unknown(names, signals, use)] = np.nan
        return told

    def _learn(self, window: Window, names: list[str], signals: Singles) -> _Learned:
        grid, z = window.grid, window.log_sales
        kept, weight = rows_of(window, self.settings)
        past = signals[:, :, : grid.known]
        target = np.nan_to_num(z)
        forecaster = fitted_trees(window, self.settings, names, past, kept, target, weight)
        some = np.arange(grid.known - 1, max(grid.known - grid.year, 0) - 1, -ASKED_AGAIN)[::-1]
        left = z[:, some] - asked(forecaster, names, past[:, :, some])
        return _Learned(forecaster, smearing(window, left))


def _unknown(names: list[str], signals: Singles, use: Bools) -> Bools:
    """(S,) series without sales that most rows of history have, a horizon or a year ago: after a
    closure of months the trees would take them for another series."""
    known = use.shape[1]
    out = np.zeros(len(use), dtype=bool)
    for name, values in zip(names, signals, strict=True):
        if name.startswith(("lag", "mean")):
            seen = np.isfinite(values)
            if seen[:, :known][use].mean() >= 0.5:
                out |= seen[:, known:].mean(axis=1) < 0.5
    return out


def _signals(window: Window) -> tuple[list[str], Singles]:
    """Names and signals (F, S, T + H)."""
    grid = window.grid
    S, N = len(grid.ids), len(grid.dates)
    found: dict[str, Floats | Singles] = {}
    sold = _filled(window.log_sales, grid.season)
    for lag in _lags(grid):
        found[f"lag{lag}"] = _before(sold, lag, N)
    for weeks in MEANS:
        found[f"mean{weeks}"] = _before(_mean_of(sold, weeks * grid.season), grid.ahead, N)
    steps = sorted({*AROUND, grid.season})
    for number, (column, values) in enumerate(zip(grid.columns, grid.plan, strict=True)):
        found[f"p{number}"] = values
        if column.sign:  # a sign is promised for the day itself
            continue
        for step in steps:
            found[f"p{number}_before{step}"] = _before(values, step, N)
            found[f"p{number}_after{step}"] = _before(values[:, ::-1], step, N)[:, ::-1]
    names, calendar = calendar_signals(grid)
    for name, of_day in zip(names, calendar, strict=True):
        found[name] = np.broadcast_to(of_day, (S, N))
    found[SERIES] = np.broadcast_to(np.arange(S, dtype=np.float32)[:, None], (S, N))
    return list(found), np.stack([np.asarray(v, dtype=np.float32) for v in found.values()])


def _lags(grid: Grid) -> list[int]:
    """A horizon, one and two short seasons more, and the least number of years that is no less."""
    year = 52 * grid.season if grid.season > 1 else grid.year
    h = grid.ahead
    return sorted({h, h + grid.season, h + 2 * grid.season, year * -(-h // year)})


def _filled(z: Floats, most: int) -> Floats:
    """(S, T) with closed and unknown periods as the last one before, up to `most` periods ago:
    a closure of a few days is bridged, half a year without a sale is not known."""
    at = np.arange(z.shape[1])
    last = np.maximum.accumulate(np.where(np.isfinite(z), at, 0), axis=1)
    return np.where(at - last <= most, np.take_along_axis(z, last, axis=1), np.nan)


def _before(values: Floats, step: int, periods: int) -> Singles:
    """(S, periods) the value `step` periods before; NaN where there is none."""
    out = np.full((len(values), periods), np.nan, dtype=np.float32)
    there = min(values.shape[1], periods - step)
    if there > 0:
        out[:, step : step + there] = values[:, :there]
    return out


def _mean_of(values: Floats, width: int) -> Floats:
    """(S, T) mean of what is known of the last `width` periods, where that is half of them."""
    seen = np.isfinite(values)
    total = np.cumsum(np.where(seen, values, 0.0), axis=1)
    count = np.cumsum(seen, axis=1)
    total[:, width:] -= total[:, :-width].copy()
    count[:, width:] -= count[:, :-width].copy()
    return np.where(2 * count >= width, total / np.maximum(count, 1), np.nan)
