"""Exponential smoothing with a season of the year, for months and fiscal periods."""

from __future__ import annotations

import importlib

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import log_effects, smearing
from forecasting.candidates.statespace import filled
from forecasting.grid import FISCAL, Floats


class YearlySmoothing:
    """ETS (Hyndman et al. 2002) of statsforecast on log sales: level, trend damped or not and, from
    two years on, a season of the year, as the corrected AIC says.

    What the regression credits to the plan is taken out before and added after. A fiscal period
    counts for its length: five weeks are five quarters of four. Of days and weeks it says nothing,
    whose years are too long for its season.
    """

    name = "ets_yearly"
    speed: Speed = "quick"
    kinds = frozenset({"regular"})

    def forecast(self, window: Window) -> Floats:
        grid, z = window.grid, window.log_sales
        known = grid.known
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        if not grid.monthly:
            return out
        model = importlib.import_module("statsforecast.models").AutoETS
        told = _planned(window)
        for row in range(len(grid.ids)):
            use = np.isfinite(z[row])
            if use.sum() < grid.year:
                continue
            left = filled((z[row] - told[row, :known])[int(use.argmax()) :], grid.year)
            kind = "AZA" if len(left) >= 2 * grid.year else "AZN"
            one = model(season_length=grid.year, model=kind)
            answer = np.asarray(one.forecast(y=left, h=grid.ahead)["mean"], dtype=float)
            # A trend that has run off says nothing.
            if np.abs(answer - np.median(left)).max() < 3:
                out[row] = np.exp(answer + told[row, known:])
        return window.shut(out * smearing(window))


def _planned(window: Window) -> Floats:
    """(S, T + H) what the plan does to log sales, as the regression has it; of a period's length
    what it is."""
    grid = window.grid
    effects = np.nan_to_num(log_effects(window)[1])
    groups, zero = window.groups
    length = f"plan:{len(grid.columns) - 1}" if grid.freq == FISCAL else ""
    own = [at for at, name in enumerate(groups) if name.startswith("plan:") and name != length]
    design = window.design[:, :, own] - zero[own]
    told = np.matmul(design, effects[:, own, None])[:, :, 0]
    return np.asarray(told + np.log(grid.lengths))
