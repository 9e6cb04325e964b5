"""Estimates against truth. Every figure is defined here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

LEVEL = 0.90


def shares(contribution: pd.Series) -> pd.Series:
    """Each channel's share of total media contribution."""
    return contribution / contribution.sum()


def share_error(estimate: pd.Series, truth: pd.Series) -> float:
    """Mean absolute difference of a channel's share of total media, in percentage points.

    Both series are contributions indexed by driver. Infinite where the estimated total is not
    positive: then there are no shares to speak of.
    """
    estimate = estimate.reindex(truth.index)
    if not estimate.sum() > 0:
        return float("inf")
    return float((shares(estimate) - shares(truth)).abs().mean() * 100)


def coverage(low: pd.Series, high: pd.Series, truth: pd.Series) -> float:
    """Share of channels whose interval holds the true contribution, both bounds included."""
    low, high = low.reindex(truth.index), high.reindex(truth.index)
    return float(((low <= truth) & (truth <= high)).mean())


def interval_score(
    low: pd.Series, high: pd.Series, truth: pd.Series, level: float = LEVEL
) -> float:
    """Mean interval score over channels, as a share of true total media; less is better.

    Width plus 2 / (1 - level) times the distance by which truth lies outside (Gneiting and
    Raftery, 2007, eq. 43). A wide interval and one that misses both cost.
    """
    low, high = low.reindex(truth.index), high.reindex(truth.index)
    missed = (low - truth).clip(lower=0) + (truth - high).clip(lower=0)
    score = (high - low) + 2 / (1 - level) * missed
    return float(score.mean() / truth.sum())


def media_error(estimate: pd.Series, truth: pd.Series) -> float:
    """Estimated total media relative to the truth, less 1; positive is over-credited."""
    return float(estimate.reindex(truth.index).sum() / truth.sum() - 1)


def mape(predicted: pd.Series, actual: pd.Series) -> float:
    """Mean absolute error of a prediction in percent of the actual value, cell by cell."""
    if len(predicted) != len(actual) or predicted.isna().any():
        raise ValueError(f"{len(predicted)} predictions, {len(actual)} actual values")
    return float((np.abs(predicted.to_numpy() - actual.to_numpy()) / np.abs(actual)).mean() * 100)


def floors(totals: pd.DataFrame) -> dict[str, float]:
    """Share error of two methods that look at no outcome: media split by spend, and equally.

    Args:
        totals: driver, spend, contribution (truth), a row a channel.
    """
    truth = totals.set_index("driver")["contribution"]
    spend = totals.set_index("driver")["spend"]
    equally = pd.Series(1.0, index=truth.index)
    return {"spend": share_error(spend, truth), "equally": share_error(equally, truth)}


def score(
    contributions: pd.DataFrame,
    totals: pd.DataFrame,
    diagnostics: Mapping[str, float | None],
    *,
    cpu: float,
    holdout: pd.DataFrame | None = None,
) -> dict[str, float | None]:
    """All figures of one fit.

    Args:
        contributions: driver, mean, p05, p95, a row a channel, in the panel's currency.
        totals: driver, spend, contribution (truth).
        diagnostics: r_hat_max, ess_min (least of bulk and tail over free parameters).
        cpu: CPU seconds of the fit.
        holdout: revenue, predicted, a row a cell; None where a side predicts nothing.

    Raises:
        ValueError: a channel is missing or is there twice.
    """
    found = contributions.set_index("driver")
    truth = totals.set_index("driver")["contribution"]
    if sorted(found.index) != sorted(truth.index):
        raise ValueError(f"expected channels {sorted(truth.index)}, got {sorted(found.index)}")
    error = media_error(found["mean"], truth)
    ess, r_hat = diagnostics.get("ess_min"), diagnostics.get("r_hat_max")
    return {
        "share_error": share_error(found["mean"], truth),
        "coverage": coverage(found["p05"], found["p95"], truth),
        "interval_score": interval_score(found["p05"], found["p95"], truth),
        "media_error": error,
        "media_error_absolute": abs(error),
        "r_hat": r_hat,
        "ess": ess,
        "ess_per_cpu": None if ess is None else ess / cpu,
        "holdout_mape": None if holdout is None else mape(holdout["predicted"], holdout["revenue"]),
    }
