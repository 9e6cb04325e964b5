"""State space models of statsmodels, on log sales of series that mostly sell."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import log_effects, smearing
from forecasting.grid import Floats

#: Periods of history a filter looks at: two years of days, all of weeks and months.
MOST = 730
LEAST = 40
REGULAR = frozenset({"regular"})


class StateSpace:
    """ETS, UnobservedComponents or SARIMAX.

    The last two have the plan, in two steps: its effects by the log-linear regression, then a
    local level with a short season, or ARMA(1, 1) errors, for what that leaves (the first round of
    Cochrane and Orcutt 1949). In one step statsmodels takes a second a series and at times
    runs off.
    """

    speed: Speed = "slow"
    kinds = REGULAR

    def __init__(self, name: str) -> None:
        self.name = name
        self.planned = name != "ets"

    def forecast(self, window: Window) -> Floats:
        grid, z = window.grid, window.log_sales
        known = grid.known
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        told = np.zeros((len(grid.ids), len(grid.dates)))
        if self.planned:
            effects = np.nan_to_num(log_effects(window)[1])
            told = np.matmul(window.design, effects[:, :, None])[:, :, 0]
        for row in range(len(grid.ids)):
            use = np.isfinite(z[row])
            if use.sum() < LEAST:
                continue
            start = max(int(use.argmax()), known - MOST)
            left = z[row, start:] - told[row, start:known]
            answer = self._filtered(left, grid.ahead, grid.season)
            # A filter that has run off says nothing.
            if answer is not None and np.abs(answer - np.nanmedian(left)).max() < 3:
                out[row] = np.exp(answer + told[row, known:])
        return window.shut(out * smearing(window))

    def _filtered(self, left: Floats, h: int, season: int) -> Floats | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about convergence: judged by the forecast above
            try:
                fit = self._model(left, season).fit(**({} if self.name == "ets" else _FIT))
                answer = np.asarray(fit.forecast(h), dtype=float)
            except (ValueError, np.linalg.LinAlgError):
                return None
        return answer if np.isfinite(answer).all() else None

    def _model(self, left: Floats, season: int) -> Any:
        tsa = "statsmodels.tsa."
        seasonal = season > 1
        if self.name == "ets":
            kind = importlib.import_module(tsa + "holtwinters").ExponentialSmoothing
            more = {"seasonal": "add", "seasonal_periods": season} if seasonal else {}
            return kind(filled(left, season), trend="add", damped_trend=True, **more)
        if self.name == "unobserved_components":
            kind = importlib.import_module(tsa + "statespace.structural").UnobservedComponents
            return kind(left, level="llevel", seasonal=season if seasonal else None)
        kind = importlib.import_module(tsa + "statespace.sarimax").SARIMAX
        return kind(left, order=(1, 0, 1), trend="c")


_FIT = {"disp": False, "maxiter": 30}


def filled(z: Floats, season: int) -> Floats:
    """ETS takes no gaps: a closed period gets its place's value of the season before."""
    filled = z.copy()
    for at in np.flatnonzero(~np.isfinite(z)):
        filled[at] = filled[at - season] if at >= season else np.nanmean(z)
    return filled
