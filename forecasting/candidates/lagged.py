"""Boosted trees over all series that know each series and what it sold a horizon and a year ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.candidates.boosting import SERIES, Trees, asked, fitted_trees, rows_of
from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import smearing
from forecasting.grid import Bools, Floats, Grid
from forecasting.signals import Singles, calendar_signals, shifted

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
    found: dict[str, Singles] = {}
    # A closure of a few days is bridged; half a year without a sale is not known.
    sold = pd.DataFrame(window.log_sales.T).ffill(limit=grid.season)
    ahead = np.full((S, grid.ahead), np.nan)
    for lag in _lags(grid):
        found[f"lag{lag}"] = shifted(np.c_[sold.T, ahead].astype(np.float32), lag)
    for weeks in MEANS:
        width = weeks * grid.season
        mean = sold.rolling(width, min_periods=-(-width // 2)).mean()
        found[f"mean{weeks}"] = shifted(np.c_[mean.T, ahead].astype(np.float32), grid.ahead)
    steps = sorted({*AROUND, grid.season})
    for number, (column, values) in enumerate(zip(grid.columns, grid.plan, strict=True)):
        own = found[f"p{number}"] = values.astype(np.float32)
        if column.sign:  # a sign is promised for the day itself
            continue
        for step in steps:
            found[f"p{number}_before{step}"] = shifted(own, step)
            found[f"p{number}_after{step}"] = shifted(own, -step)
    names, calendar = calendar_signals(grid)
    for name, of_day in zip(names, calendar, strict=True):
        found[name] = np.broadcast_to(of_day, (S, N))
    found[SERIES] = np.broadcast_to(np.arange(S, dtype=np.float32)[:, None], (S, N))
    return list(found), np.stack(list(found.values()))


def _lags(grid: Grid) -> list[int]:
    """A horizon, one and two short seasons more, and the least number of years that is no less."""
    year = 52 * grid.season if grid.season > 1 else grid.year
    h = grid.ahead
    return sorted({h, h + grid.season, h + 2 * grid.season, year * -(-h // year)})
