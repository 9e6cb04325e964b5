"""Exposure to regressor: light carry-over, diminishing returns, one scale for all."""

from dataclasses import dataclass

import numpy as np

from forecasting.plan import Driver
from forecasting.series import Floats

# Half of an exposure's effect is gone after half a week: the part a short-run forecast can use
# without an attribution result.
HALF_LIFE_DAYS = 3.5
CARRIED = ("media", "organic", "publicity")
# Prior scale of the effect of one standard deviation of exposure, as a share of the level.
PRIOR_SCALE = {"media": 0.05, "organic": 0.05, "publicity": 0.05, "promotion": 0.2}


@dataclass(frozen=True)
class Regressors:
    """`values`: (periods, columns), mean 0 and standard deviation 1 over the training periods;
    `zero`: the value of each column at no exposure; `prior_scale`: one per column."""

    drivers: tuple[Driver, ...]
    values: Floats
    zero: Floats
    prior_scale: Floats


def carry_over(exposure: Floats, step_days: int) -> Floats:
    """Geometric adstock a_t = (1 - r) x_t + r a_(t-1), r = 0.5 ** (step_days / 3.5).

    >>> carry_over(np.array([4.0, 0.0, 0.0]), step_days=7).round(3).tolist()
    [3.0, 0.75, 0.188]
    """
    kept = 0.5 ** (step_days / HALF_LIFE_DAYS)
    carried = np.empty(len(exposure))
    before = 0.0
    for t, x in enumerate(exposure):
        before = (1 - kept) * x + kept * before
        carried[t] = before
    return carried


def regressors(
    raw: Floats, drivers: tuple[Driver, ...], start: int, known: int, step_days: int
) -> Regressors:
    """Columns for a series that starts at period `start`, scaled on periods start..known only.

    Media, organic and publicity: z = log(1 + a / mean of positive a), a the carried exposure.
    Promotions: z = depth. Columns constant over the training periods are dropped: their effect
    cannot be told from the level.
    """
    kept, columns, zeros = [], [], []
    for column, (kind, driver) in enumerate(drivers):
        x = raw[:, column]
        if kind in CARRIED:
            x = carry_over(x, step_days)
            positive = x[start:known][x[start:known] > 0]
            x = np.log1p(np.maximum(x, 0) / (positive.mean() if len(positive) else 1.0))
        trained = x[start:known]
        spread = trained.std()
        if spread <= 1e-9 * max(1.0, float(np.abs(trained).max(initial=0.0))):
            continue
        kept.append((kind, driver))
        columns.append((x[start:] - trained.mean()) / spread)
        zeros.append(-trained.mean() / spread)
    values = np.column_stack(columns) if columns else np.zeros((len(raw) - start, 0))
    scales = np.array([PRIOR_SCALE.get(kind, 0.05) for kind, _ in kept])
    return Regressors(tuple(kept), values, np.array(zeros), scales)
