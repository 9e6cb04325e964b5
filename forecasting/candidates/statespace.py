"""State space models of statsmodels, on log sales where a series is mostly positive."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Floats

#: Periods of history a filter looks at: two years of days, all of weeks and months.
MOST = 730
LEAST = 40
REGULAR = frozenset({"regular"})


class StateSpace:
    """ETS, UnobservedComponents or SARIMAX; the last two with the plan as regressors."""

    speed: Speed = "slow"
    kinds = REGULAR

    def __init__(self, name: str) -> None:
        self.name = name
        self._fit: Callable[[Floats, Floats, Floats, int, int], Floats] = {
            "ets": _ets,
            "unobserved_components": _components,
            "sarimax": _sarimax,
        }[name]

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        for row in range(len(grid.ids)):
            z = window.log_sales[row]
            if np.isfinite(z).sum() < LEAST:
                continue
            start = max(int(np.isfinite(z).argmax()), grid.known - MOST)
            X = window.design[row, start:, 1:]
            known = X[: grid.known - start]
            varies = known.std(axis=0) > 1e-9
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    told = self._fit(
                        z[start:], known[:, varies], X[grid.known - start :, varies],
                        grid.ahead, grid.season,
                    )  # fmt: skip
                except (ValueError, np.linalg.LinAlgError):
                    continue
            if np.isfinite(told).all() and told.max() < np.nanmax(z) + 5:
                out[row] = np.exp(told)
        return window.shut(np.where(np.isfinite(out), out, np.nan))


def _ets(z: Floats, known: Floats, ahead: Floats, h: int, season: int) -> Floats:
    """Damped trend and short season; a closed period is filled with its place's last value."""
    model = importlib.import_module("statsmodels.tsa.holtwinters").ExponentialSmoothing
    filled = z.copy()
    for at in np.flatnonzero(~np.isfinite(z)):
        filled[at] = filled[at - season] if at >= season else np.nanmean(z)
    seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
    fit = model(filled, trend="add", damped_trend=True, **seasonal).fit()
    return np.asarray(fit.forecast(h), dtype=float)


def _components(z: Floats, known: Floats, ahead: Floats, h: int, season: int) -> Floats:
    model = importlib.import_module("statsmodels.tsa.statespace.structural").UnobservedComponents
    return _filtered(model(z, level="llevel", exog=_or_none(known)), ahead, h)


def _sarimax(z: Floats, known: Floats, ahead: Floats, h: int, season: int) -> Floats:
    model = importlib.import_module("statsmodels.tsa.statespace.sarimax").SARIMAX
    return _filtered(
        model(z, order=(1, 0, 1), trend="c", exog=_or_none(known), enforce_stationarity=False),
        ahead,
        h,
    )


def _or_none(known: Floats) -> Floats | None:
    return known if known.shape[1] else None


def _filtered(model: Any, ahead: Floats, h: int) -> Floats:
    fit = model.fit(disp=False, maxiter=30)
    exog = ahead if ahead.shape[1] else None
    return np.asarray(fit.forecast(h, exog=exog), dtype=float)
