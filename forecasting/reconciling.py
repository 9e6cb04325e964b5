"""One reconciliation at one origin, by hierarchicalforecast."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.grid import Bools, Floats

#: Ways beside bottom-up.
METHODS = ("top_down", "mint_shrink")
#: Nodes up to which MinT's covariance is estimated and inverted.
MINT_MOST = 1500
#: Errors a node needs.
LEAST = 10
#: What the middle series sells in the unit that the library is given.
UNIT = 100.0
#: Share of the largest series' forecast below which nothing is expected.
NOTHING = 1e-6


@dataclass(frozen=True)
class Reconcile:
    """Forecasts at one origin: `mean` (S, H) of series, `upper` (U, H) of sums, `shut` (S, H)."""

    mean: Floats
    upper: Floats
    shut: Bools


def reconciled(
    now: Reconcile,
    past: Sequence[Reconcile],
    actuals: Sequence[Floats],
    summing: Floats,
    method: str,
) -> Floats | None:
    """(S, H) reconciled and not negative; None where the method cannot be had.

    Args:
        past: the same at earlier origins, with what came (S, H) in `actuals`: MinT's covariance is
            that of their errors, as shares of the forecast.
        summing: (U, S), the first row all ones.
    """
    if method == "top_down":
        return _top_down(now, summing)
    return _mint(now, past, actuals, summing)


def _top_down(now: Reconcile, summing: Floats) -> Floats:
    """Forecast proportions: down every level where they nest, else from the total at once."""
    methods = importlib.import_module("hierarchicalforecast.methods")
    utils = importlib.import_module("hierarchicalforecast.utils")
    S = len(now.mean)
    U = len(summing)
    whole = np.r_[summing, np.eye(S)]
    tags = {"total": np.array([0]), "bottom": np.arange(U, U + S)}
    if U > 1:
        middle = {"total": tags["total"], "middle": np.arange(1, U), "bottom": tags["bottom"]}
        nested = (summing[1:].sum(axis=0) == 1).all()
        if nested and utils.is_strictly_hierarchical(whole, middle):
            tags = middle
        else:
            whole = np.r_[summing[:1], np.eye(S)]
            tags = {"total": np.array([0]), "bottom": np.arange(1, 1 + S)}
    upper = now.upper[: len(whole) - S]
    answer = methods.TopDown("forecast_proportions").fit_predict(
        S=whole, y_hat=np.r_[upper, now.mean], tags=tags
    )
    return np.where(now.shut, 0.0, np.maximum(answer["mean"][-S:], 0.0))


def _mint(
    now: Reconcile, past: Sequence[Reconcile], actuals: Sequence[Floats], summing: Floats
) -> Floats | None:
    """MinT with a shrunk covariance (Schaefer and Strimmer 2005), days of like closures at once."""
    S, H = now.mean.shape
    if not past or len(summing) + S > MINT_MOST:
        return None
    errors = np.concatenate(
        [_shares(one, actual, summing) for one, actual in zip(past, actuals, strict=True)], axis=1
    )  # (U + S, observations)
    out = np.zeros((S, H))
    # A series of which nothing is expected is as good as closed: it has no share of an error.
    live = ~now.shut & (now.mean > NOTHING * now.mean.max(axis=0, initial=0.0))
    for pattern in np.unique(live.T, axis=0):
        periods = np.flatnonzero((pattern == live.T).all(axis=1))
        bottom = np.flatnonzero(pattern)
        if len(bottom) < 2:
            out[:, periods] = now.mean[:, periods]
            continue
        out[np.ix_(np.flatnonzero(~pattern), periods)] = now.mean[~pattern][:, periods]
        nodes = np.flatnonzero(summing[:, bottom].sum(axis=1) > 1)
        chosen = np.r_[nodes, len(summing) + bottom]
        base = np.r_[now.upper[nodes], now.mean[bottom]][:, periods]
        answer = _solved(
            np.r_[summing[np.ix_(nodes, bottom)], np.eye(len(bottom))],
            base,
            errors[chosen] * base.mean(axis=1, keepdims=True),
        )
        if answer is None:
            return None
        out[np.ix_(bottom, periods)] = answer
    return out


def _solved(summing: Floats, base: Floats, errors: Floats) -> Floats | None:
    methods = importlib.import_module("hierarchicalforecast.methods")
    bottom = summing.shape[1]
    known = np.isfinite(errors)
    if (known.sum(axis=1) < LEAST).any():
        return None
    # The library has thresholds and a ridge in the data's own unit: series are of about UNIT.
    unit = np.exp(np.log(base[-bottom:].mean(axis=1)).mean()) / UNIT
    given: dict[str, Any] = {
        "S": summing,
        "y_insample": np.ascontiguousarray(errors / unit),
        "y_hat_insample": np.zeros_like(errors),
    }
    plain = methods.MinTrace("mint_shrink")
    limited = methods.MinTrace("mint_shrink", nonnegative=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dense matrices are turned into sparse ones
            answer = plain.fit_predict(y_hat=base / unit, **given)["mean"][-bottom:]
            below = np.flatnonzero((answer < 0).any(axis=0))
            if len(below):
                found = limited.fit_predict(y_hat=base[:, below] / unit, **given)
                answer[:, below] = found["mean"][-bottom:]
    except Exception as error:
        # The library raises nothing narrower.
        if any(text in str(error) for text in ("ill-conditioned", "failed", "close to 0")):
            return None
        raise
    return np.maximum(answer, 0.0) * unit if np.isfinite(answer).all() else None


def _shares(one: Reconcile, actual: Floats, summing: Floats) -> Floats:
    """(U + S, H) errors as shares of the forecast, NaN where nothing was expected or observed."""
    seen = np.isfinite(actual)
    known = np.where(seen, actual, 0.0)
    whole = (summing @ (~seen & ~one.shut).astype(float)) == 0
    told = np.r_[one.upper, one.mean]
    came = np.r_[np.where(whole, summing @ known, np.nan), np.where(seen, known, np.nan)]
    shut = np.r_[np.zeros_like(one.upper, dtype=bool), one.shut]
    good = np.isfinite(came) & (told > 0) & ~shut
    return np.where(good, (came - told) / np.where(told > 0, told, 1.0), np.nan)
