"""Errors that a backtest, a close and a benchmark count alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forecasting.calibrating import QUANTILES
from forecasting.grid import Bools, Floats


def quantile_loss(actual: Floats, quantiles: Mapping[str, Floats]) -> Floats:
    """Mean over QUANTILES of 2 (A - q) (tau - [A < q]), twice the pinball loss of each actual
    (Koenker and Bassett 1978), in its unit; `quantiles` by name, of the shape of `actual`."""
    gaps = ((tau, actual - quantiles[name]) for name, tau in QUANTILES.items())
    losses = [np.maximum(tau * gap, (tau - 1) * gap) for tau, gap in gaps]
    return np.asarray(2 * np.mean(losses, axis=0))


def naive_scale(history: Floats, season: int) -> Floats:
    """(S,) mean absolute error in sample of the value a season ago (Hyndman and Koehler 2006), of
    history (S, T); NaN where no two such values are known."""
    if history.shape[1] <= season:
        return np.full(len(history), np.nan)
    step = np.abs(history[:, season:] - history[:, :-season])
    count = np.isfinite(step).sum(axis=1)
    return np.asarray(np.nan_to_num(step).sum(axis=1) / np.where(count > 0, count, np.nan))


def mase(actual: Floats, forecast: Floats, seen: Bools, scale: Floats) -> float:
    """Mean over series of each one's mean absolute error over its periods `seen`, by its
    `naive_scale` (Hyndman and Koehler 2006); series without a scale, or never seen, are left out.
    All (S, H), `scale` (S,); NaN where no series is left."""
    gap = np.where(seen, np.abs(forecast - actual), 0.0).sum(axis=1)
    judged = seen.any(axis=1) & (scale > 0)
    own = gap[judged] / seen[judged].sum(axis=1) / scale[judged]
    return float(own.mean()) if len(own) else np.nan


def coverage(actual: Floats, low: Floats, high: Floats, judged: Bools) -> float:
    """Share of the actuals `judged` inside their interval, bounds in it; NaN where none is."""
    inside = (actual >= low) & (actual <= high)
    return float(inside[judged].mean()) if judged.any() else np.nan
