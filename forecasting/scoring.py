"""Errors that a backtest, a close and a benchmark count alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forecasting.calibrating import QUANTILES
from forecasting.grid import Floats


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
