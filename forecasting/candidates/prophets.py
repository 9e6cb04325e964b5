"""Prophet with the plan, on log sales of open periods."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd

from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import log_effects
from forecasting.grid import Floats
from forecasting.quiet import quiet_libraries

LEAST = 40


class ProphetPlan:
    """Taylor and Letham (2018): trend, seasons, the country's holidays, and the plan.

    The plan enters as the columns of the regressions' design without their season: Prophet has
    its own.
    """

    name = "prophet"
    speed: Speed = "slow"
    kinds = frozenset({"regular"})

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        with quiet_libraries():
            for row in range(len(grid.ids)):
                if np.isfinite(window.log_sales[row]).sum() >= LEAST:
                    out[row] = self._one(window, row)
        return window.shut(out)

    def _one(self, window: Window, row: int) -> Floats:
        grid, z = window.grid, window.log_sales[row]
        groups = np.array(window.groups[0])
        own = np.flatnonzero(~np.isin(groups, ["level", "season"]))
        told_before = np.zeros(len(grid.dates))
        if len(window.limits):
            # Prophet has no signs: columns that must hold one come from the regression.
            limited = np.flatnonzero((window.limits != 0).any(axis=0))
            effects = np.nan_to_num(log_effects(window)[1][row, limited])
            told_before = window.design[row][:, limited] @ effects
            own = np.setdiff1d(own, limited)
        z = z - told_before[: grid.known]
        X = window.design[row][:, own]
        use = np.isfinite(z)
        varies = np.flatnonzero(X[: grid.known][use].std(axis=0) > 1e-9)
        days = int((grid.dates[grid.known - 1] - grid.dates[use.argmax()]).days)
        model = importlib.import_module("prophet").Prophet(
            growth="linear" if days >= 547 else "flat",
            yearly_seasonality=6 if days >= 455 else False,
            weekly_seasonality=3 if grid.freq == "D" else False,
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        if window.country is not None:
            model.add_country_holidays(window.country)
        frame = pd.DataFrame({"ds": grid.dates})
        for number in varies:
            model.add_regressor(f"x{number}", standardize=False, prior_scale=0.5)
            frame[f"x{number}"] = X[:, number]
        known = frame.iloc[: grid.known].assign(y=z)[use]
        model.fit(known, seed=1 + window.seed)
        told = model.predict(frame.iloc[grid.known :])["yhat"].to_numpy(dtype=float)
        if model.stan_backend is not None:
            model.stan_backend.cleanup()
        return np.asarray(np.exp(np.minimum(told, np.nanmax(z) + 3) + told_before[grid.known :]))
