"""Whether a better stage makes the next one better: a logistic model of moving on.

Stays that are still open have no outcome yet. The others stand for them: each is weighted by one
over the probability of having been seen that long (inverse probability of censoring; Robins &
Rotnitzky 1992), from the Kaplan-Meier curve of being last seen. The spread of the coefficients is
the sandwich over channel and quarter of the first contact (Liang & Zeger 1986), since
opportunities of one of these share more than the model knows. It says who moves on, not why: a team
that passes on fewer leads may pass on the better ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t as student

from models.journeys.paths import Floats, Places

INTERACTION_COLUMNS = (
    *("stage", "factor", "odds_ratio", "p05", "p95", "from_conversion", "to_conversion"),
    *("difference", "difference_p05", "difference_p95", "opportunities"),
)
#: days_before: twice as long in the stage before. quality_before: ten points more of the stage
#: before moved on, among leads of the same channel and quarter.
FACTORS = ("days_before", "quality_before")
#: Decided stays, and groups they come from, below which nothing is said.
FEWEST, FEWEST_GROUPS = 40, 5
#: Leads of the whole funnel a group's own share is drawn towards by: ten leads say half.
_SHRINK = 10.0
_PRIOR_SD = 2.5


def interactions(
    frame: pd.DataFrame, stages: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Odds of moving on from a stage, by how the stage before went.

    Args:
        frame: as `funnel` takes it.

    Returns:
        for every stage after the first and every factor: odds ratio (of twice as many days before;
        of ten points more quality before) with its 90 % interval; the conversion at the lower and
        the upper quartile of the factor, other factor at its mean, and their difference with its
        interval; decided opportunities it rests on. And a note on each stage nothing is said of.
    """
    groups = _groups(frame)
    rows, notes = [], []
    for before, stage in pairwise(stages):
        stays = frame[frame["stage"] == stage]
        at = groups.loc[stays.index].to_numpy(dtype=np.int64)
        quality = _quality(frame[frame["stage"] == before], groups)
        number = stays["opportunities"].to_numpy(dtype=np.float64)
        weights = number * _weights(stays)
        decided = number[weights > 0].sum()
        factors = np.column_stack(
            [
                np.log2(1 + stays["days_before"].fillna(0).to_numpy(dtype=np.float64)),
                10 * quality.reindex(at).fillna(quality.mean()).to_numpy(),
            ]
        )
        moved = np.where(stays["outcome"] == "moved", 1.0, 0.0)
        both = 0 < (moved * weights).sum() < weights.sum()
        if decided < FEWEST or len(set(at[weights > 0])) < FEWEST_GROUPS or not both:
            notes.append(
                f"too few decided opportunities left {stage} to say whether the stage before "
                f"matters: {decided:,.0f}; expected {FEWEST} with both ends, from {FEWEST_GROUPS} "
                "channels and quarters"
            )
            continue
        for factor, figures in _fitted(factors, moved, weights, at):
            rows.append((stage, factor, *figures, decided))
    return pd.DataFrame(rows, columns=list(INTERACTION_COLUMNS)), tuple(notes)


def _groups(frame: pd.DataFrame) -> pd.Series:
    quarter = pd.PeriodIndex(pd.to_datetime(frame["cohort"]), freq="Q").astype(str)
    return pd.Series(
        pd.factorize(pd.MultiIndex.from_arrays([frame["channel"].astype(str), quarter]))[0],
        index=frame.index,
    )


def _quality(stays: pd.DataFrame, groups: pd.Series) -> pd.Series:
    """Share of the decided that moved on, by group, drawn towards the share of all."""
    number = stays["opportunities"].astype(float)
    moved = number.where(stays["outcome"] == "moved", 0.0)
    decided = number.where(stays["outcome"] != "open", 0.0)
    at = groups.loc[stays.index]
    total = decided.sum()
    whole = moved.sum() / total if total > 0 else 0.0
    return (moved.groupby(at).sum() + _SHRINK * whole) / (decided.groupby(at).sum() + _SHRINK)


def _weights(stays: pd.DataFrame) -> Floats:
    """0 for an open stay; for others one over the chance to be seen until they ended."""
    days = stays["days"].to_numpy(dtype=np.float64)
    number = stays["opportunities"].to_numpy(dtype=np.float64)
    still = (stays["outcome"] == "open").to_numpy()
    distinct, at = np.unique(days, return_inverse=True)
    seen = np.bincount(at, number, minlength=len(distinct))
    ended = np.bincount(at, number * ~still, minlength=len(distinct))
    at_risk = seen.sum() - np.r_[0.0, np.cumsum(seen)[:-1]]
    # Who ended on a day was not there to be lost sight of on it.
    left = np.maximum(at_risk - ended, 0.0)
    gone = np.divide(seen - ended, left, out=np.zeros_like(left), where=left > 0)
    watched = np.r_[1.0, np.cumprod(1 - gone)[:-1]][at]
    return np.where(still | (watched <= 0), 0.0, 1 / np.where(watched > 0, watched, 1.0))


def _fitted(
    factors: Floats, moved: Floats, weights: Floats, groups: Places
) -> list[tuple[str, tuple[float, ...]]]:
    kept = weights > 0
    factors, moved, weights, groups = factors[kept], moved[kept], weights[kept], groups[kept]
    middle = np.average(factors, axis=0, weights=weights)
    moving = np.ptp(factors, axis=0) > 1e-9
    X = np.column_stack([np.ones(len(moved)), (factors - middle)[:, moving]])
    beta, cov = logistic(X, moved, weights, groups)
    reach = float(student.ppf(0.95, len(set(groups)) - 1))
    found, column = [], 0
    for at, factor in enumerate(FACTORS):
        if not moving[at]:
            continue
        column += 1
        size, spread = float(beta[column]), float(np.sqrt(cov[column, column]))
        low, high = (quantile(factors[:, at], weights, q) - middle[at] for q in (0.25, 0.75))
        ends = np.zeros((2, X.shape[1]))
        ends[:, 0], ends[:, column] = 1.0, (low, high)
        shares = expit(ends @ beta)
        slope = (shares * (1 - shares)) @ (ends * np.array([[-1.0], [1.0]]))
        gap, half = float(shares[1] - shares[0]), reach * float(np.sqrt(slope @ cov @ slope))
        ratio = (size, size - reach * spread, size + reach * spread)
        found.append(
            (
                factor,
                (*np.exp(ratio).tolist(), *shares.tolist(), gap, gap - half, gap + half),
            )
        )
    return found


def logistic(X: Floats, y: Floats, weights: Floats, groups: Places) -> tuple[Floats, Floats]:
    """Weighted logistic regression by Newton steps; covariance robust over groups.

    Slopes have the weak prior N(0, 2.5^2) (Gelman et al. 2008), so that a factor that tells all
    ends apart has a finite one.

    Args:
        X: shape (n, p), the first column ones. y: 0 or 1, shape (n,). weights: shape (n,).
        groups: a number a row; rows of one group may move together.

    Returns:
        coefficients, shape (p,), and their covariance, (p, p), with the correction G / (G - 1).
    """
    pull = np.r_[0.0, np.full(X.shape[1] - 1, _PRIOR_SD**-2)]
    beta = np.zeros(X.shape[1])
    for _ in range(50):
        fitted = expit(X @ beta)
        bread = (X * (weights * fitted * (1 - fitted))[:, None]).T @ X + np.diag(pull)
        step = np.linalg.solve(bread, X.T @ (weights * (y - fitted)) - pull * beta)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    scores = X * (weights * (y - expit(X @ beta)))[:, None]
    _, at = np.unique(groups, return_inverse=True)
    summed = np.stack([np.bincount(at, column) for column in scores.T], axis=1)
    inverse = np.linalg.inv(bread)
    count = len(summed)
    return beta, inverse @ (summed.T @ summed) @ inverse * count / (count - 1)


def quantile(values: Floats, weights: Floats, share: float) -> float:
    """The smallest value that at least this share of the weight lies at or below."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, share * below[-1] * (1 - 1e-12))])
