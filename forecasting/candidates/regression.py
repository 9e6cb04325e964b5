"""Log-linear regression with the plan, a series at a time, drawn to what all series show."""

from __future__ import annotations

import importlib

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Floats
from forecasting.sign_limits import held
from forecasting.signals import HALF_LIFE_YEARS, OWN_RIDGE, recent_level

#: Periods a regression needs; fewer go to the fallbacks.
LEAST = 30
#: Months it needs: two of each.
LEAST_MONTHS = 24


class LogOls:
    """Mixed estimation (Theil and Goldberger 1961) of log sales by statsmodels' OLS.

    Weekdays, plan, days beside a closure and the season of the year, older periods weighing less;
    the pooled effects enter as prior rows. On top comes the level of the last weeks. The level is
    turned from the mean of logs to the mean (`smearing`).
    """

    name = "log_ols"
    speed: Speed = "quick"
    kinds = frozenset({"regular", "short"})

    def forecast(self, window: Window) -> Floats:
        return window.shut(np.exp(log_effects(window)[0]) * smearing(window))


def log_effects(window: Window) -> tuple[Floats, Floats]:
    """(S, H) expected log sales, and (S, P) effects of the design; kept with the window."""
    if "log_effects" not in window.kept:
        window.kept["log_effects"] = _log_effects(window)
    return window.kept["log_effects"]


def _log_effects(window: Window) -> tuple[Floats, Floats]:
    sm = importlib.import_module("statsmodels.api")
    grid, z, design = window.grid, window.log_sales, window.design
    known = grid.known
    seen = np.isfinite(z)
    root = 0.5 ** ((known - 1 - np.arange(known)) / (2 * HALF_LIFE_YEARS * grid.year))
    limits = window.limits
    least = LEAST_MONTHS if grid.monthly else LEAST
    pooled, mean = _pooled(z, design[:, :known], root, limits)
    P = design.shape[2]
    prior = np.sqrt(np.r_[0.5, np.full(P - 1, OWN_RIDGE)])
    out = np.full((len(grid.ids), grid.ahead), np.nan)
    effects = np.full((len(grid.ids), P), np.nan)
    for row in range(len(grid.ids)):
        use = seen[row]
        if use.sum() < least:
            continue
        rows = design[row, :known][use] * root[use, None]
        answer = (z[row, use] - mean[row]) * root[use]
        fit = sm.OLS(np.r_[answer, prior * pooled], np.r_[rows, np.diag(prior)]).fit(method="qr")
        own: Floats = np.asarray(fit.params, dtype=np.float64)
        if (limits @ own < 0).any():
            metric = rows.T @ rows + np.diag(np.square(prior))
            own = held(own, np.asarray(np.linalg.inv(metric), dtype=np.float64), limits)
        effects[row] = own
        residual = z[row, :known] - mean[row] - design[row, :known] @ own
        level = recent_level(residual[None], grid)[0]
        out[row] = mean[row] + level + design[row, known:] @ own
    return out, effects


def _pooled(z: Floats, design: Floats, root: Floats, limits: Floats) -> tuple[Floats, Floats]:
    seen = np.isfinite(z)
    weight = seen * np.square(root)
    mean = (np.nan_to_num(z) * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    target = np.where(seen, np.nan_to_num(z) - mean[:, None], 0.0)
    P = design.shape[2]
    gram, moment = 1e-3 * np.eye(P), np.zeros(P)
    for row in range(len(z)):
        weighted = design[row] * weight[row][:, None]
        gram = gram + weighted.T @ design[row]
        moment = moment + weighted.T @ target[row]
    pooled = np.asarray(np.linalg.solve(gram, moment))
    if (limits @ pooled < 0).any():
        pooled = held(pooled, np.asarray(np.linalg.inv(gram), dtype=np.float64), limits)
    return pooled, np.asarray(mean)


def smearing(window: Window, residual: Floats | None = None) -> Floats:
    """(S, 1) from the median to the mean: exp of half the squared robust deviation (median
    absolute residual of the last year about its median), at most 1.1. The residual (S, T) is the
    regression's unless another is given."""
    left = (window.residual if residual is None else residual)[:, -window.grid.year :]
    enough = np.isfinite(left).sum(axis=1) > 10
    left = np.where(enough[:, None], left, 0.0)
    about = np.abs(left - np.nanmedian(left, axis=1, keepdims=True))
    deviation = np.nanmedian(about, axis=1) / 0.6745
    return np.asarray(np.exp(np.minimum(np.square(deviation) / 2, 0.1))[:, None])
