"""How well the model tells dates that it has not seen, beside a seasonal naive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.mix.design.linear import draw
from models.mix.engine.sampler import Target, climb, find_mode
from models.mix.frames import Floats
from models.mix.posterior import Posterior
from models.mix.problem import Problem

HOLDOUT_DAYS = 91
_YEAR = {"day": 364, "week": 52, "month": 12}
_DRAWS = 200


@dataclass(frozen=True)
class Holdout:
    """Weighted absolute percentage error of the total, model and naive; share of cells whose 90 %
    interval held; dates held out. `fitted` to the dates before, `theta` its mode."""

    error: float
    naive: float
    coverage: float
    dates: int
    fitted: Posterior
    theta: Floats


def expected(
    fitted: Posterior, whole: Posterior, theta: Floats, shared: Floats, own: Floats
) -> Floats:
    """The outcome a fitted model expects over all dates of `whole`, in relative units (S, T).

    Args:
        fitted: over the first dates of `whole`; shared (P,), own (S, K): linear coefficients.
    """
    raw = fitted.raw(theta)
    here, there = fitted.response.forward(raw), whole.response.forward(raw)
    # Shares are of the fitted window: what carries over is the coefficient, not the share.
    state = there._replace(scale=here.scale)
    out = whole.response.signed_sum(state)
    columns = np.concatenate([whole.design.shared, whole.response.shared_columns(state)])
    out += np.tensordot(shared, columns, axes=1)
    own_columns = np.concatenate([whole.design.own, whole.response.own_columns(state)])
    out += np.einsum("sk,kst->st", own, own_columns)
    return out


def hold_out(problem: Problem, posterior: Posterior, theta: Floats, seed: int) -> Holdout | None:
    """Fit without the last quarter (a fifth, if shorter) and tell it; None where that cannot be."""
    panel = problem.panel
    dates = len(panel.dates)
    held = min(round(HOLDOUT_DAYS / panel.days), dates // 5)
    train = dates - held
    if held < 4 or train * len(panel.territories) <= problem.parameters:
        return None
    if not all(np.abs(e.exposure[:, : e.exposure.shape[1] - held]).any() for e in problem.entries):
        return None  # a driver that first runs in the held-out dates cannot be learned before
    fitted = problem.cut(train).posterior(posterior.noise)
    target: Target = fitted
    mode = find_mode(target, climb(fitted, [theta]))
    actual = panel.relative * panel.money[:, None]
    rng = np.random.default_rng([seed, 2])
    paths = np.empty((_DRAWS, *actual.shape))
    whole = problem.posterior()
    size = len(fitted.columns)
    for r in range(_DRAWS):
        row = mode.theta + mode.axes @ rng.standard_normal(fitted.size)
        found = fitted.at(row)[1]
        if not np.isfinite(found.value):
            row, found = mode.theta, fitted.at(mode.theta)[1]
        shared, own = draw(found, size, rng)
        sigma = fitted.prior_sds(row)[2] / fitted.noise.first
        noise = rng.standard_normal(actual.shape) * posterior.noise.width[:, None] * sigma
        paths[r] = (expected(fitted, whole, row, shared, own) + noise) * panel.money[:, None]
    total = actual.sum(axis=0)
    reach = float(np.abs(total[train:]).sum())
    if reach <= 0:
        return None
    predicted = paths.mean(axis=0).sum(axis=0)
    low, high = np.quantile(paths[:, :, train:], (0.05, 0.95), axis=0)
    inside = (low <= actual[:, train:]) & (actual[:, train:] <= high)
    lags = (_YEAR[panel.grain], 7 if panel.grain == "day" else 1)
    lag = next((n for n in lags if n <= train), 1)
    back = np.arange(train, dates)
    while (back >= train).any():
        back = np.where(back >= train, back - lag, back)
    return Holdout(
        error=float(np.abs(total[train:] - predicted[train:]).sum()) / reach,
        naive=float(np.abs(total[train:] - total[back]).sum()) / reach,
        coverage=float(inside.mean()),
        dates=held,
        fitted=fitted,
        theta=mode.theta,
    )
