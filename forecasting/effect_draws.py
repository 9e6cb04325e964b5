"""How sure the regressions' effects are: draws of them from history, for differences of plans.

A score bootstrap (Kline and Santos 2012) of mixed estimation (Theil and Goldberger 1961): each
block of weeks gets a random multiplier, the same for all series and for the pooled effects, so
that what a common shock or a run of alike errors does to all estimates stays together. What the
prior rows leave open (how far a series may lie from the pooled effects) is drawn beside it, for
each series on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.candidates.protocol import Window
from forecasting.candidates.regression import log_effects
from forecasting.grid import Floats
from forecasting.sign_limits import held
from forecasting.signals import HALF_LIFE_YEARS, OWN_RIDGE

#: Short seasons (weeks) whose errors are drawn together.
BLOCK_SEASONS = 4
#: Blocks that a short history is cut into at least.
LEAST_BLOCKS = 12
#: Log error of a period where too little is known to measure it.
UNKNOWN = 0.5


@dataclass(frozen=True)
class EffectDraws:
    """Deviations of effects from their estimates, `draws` of them, drawn block of series by block.

    `gram` (S, P, P) and `scores` (S, B, P) of each series' weighted regression; `variance` (S,) of
    its errors; `pooled` (draws, P) deviations of the pooled effects; `multipliers` (draws, B);
    `effects` (S, P) the estimates, and `limits` (m, P) that they and every draw of them hold.
    """

    gram: Floats
    scores: Floats
    variance: Floats
    pooled: Floats
    multipliers: Floats
    effects: Floats
    limits: Floats
    seed: int

    def of(
        self,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        numbers: npt.NDArray[np.intp] | None = None,
    ) -> Floats:
        """(rows, draws, columns): what the effects of some design columns are off by.

        `numbers` (S,): each series' number in a larger frame, as in `calibrating.draw`.
        """
        R, P = self.pooled.shape
        ridge = _ridge(P)
        out = np.empty((len(rows), R, len(columns)))
        for place, row in enumerate(rows):
            inverse = np.linalg.inv(self.gram[row] + np.diag(ridge))
            number = int(row if numbers is None else numbers[row])
            own = np.random.default_rng([self.seed, 21, number])
            prior = own.standard_normal((R, P)) * np.sqrt(ridge * self.variance[row])
            moved = self.multipliers @ self.scores[row] + self.pooled * ridge + prior
            if len(self.limits):
                whole = self.effects[row] + moved @ inverse
                drawn = held(whole, inverse, self.limits) - self.effects[row]
                out[place] = drawn[:, columns]
            else:
                out[place] = moved @ inverse[:, columns]
        return out


def effect_draws(window: Window, draws: int) -> EffectDraws:
    """Learn how sure effects are from the window's history."""
    grid, z = window.grid, window.log_sales
    known = grid.known
    S, P = len(grid.ids), window.design.shape[2]
    weight = np.isfinite(z) * 0.5 ** (
        (known - 1 - np.arange(known)) / (HALF_LIFE_YEARS * grid.year)
    )
    total = weight.sum(axis=1)
    mean = (np.nan_to_num(z) * weight).sum(axis=1) / np.maximum(total, 1e-9)
    target = np.where(np.isfinite(z), np.nan_to_num(z) - mean[:, None], 0.0)
    block = _blocks(known, grid.season)
    B = int(block[-1]) + 1  # blocks are counted from the origin back, so the first may be short
    gram = np.empty((S, P, P))
    moment = np.empty((S, P))
    for row in range(S):
        weighted = window.design[row, :known] * weight[row][:, None]
        gram[row] = weighted.T @ window.design[row, :known]
        moment[row] = weighted.T @ target[row]
    whole = np.linalg.inv(gram.sum(axis=0) + 1e-3 * np.eye(P))
    about = whole @ moment.sum(axis=0)
    effects = np.where(np.isfinite(e := log_effects(window)[1]), e, about)
    scores = np.empty((S, B, P))
    pooled_scores = np.zeros((B, P))
    variance = np.full(S, UNKNOWN**2)
    ridge = _ridge(P)
    for row in range(S):
        X = window.design[row, :known]
        left = np.where(weight[row] > 0, target[row] - X @ effects[row], 0.0)
        spent = float(np.trace(np.linalg.solve(gram[row] + np.diag(ridge), gram[row])))
        free = total[row] - spent
        if free > 5:
            variance[row] = float((weight[row] * left**2).sum() / free)
        widen = np.sqrt(total[row] / free) if free > 5 else 1.0
        own = _by_block(X * (weight[row] * left)[:, None], block, B)
        scores[row] = widen * (own - own.mean(axis=0))
        common = np.where(weight[row] > 0, target[row] - X @ about, 0.0)
        pooled_scores += _by_block(X * (weight[row] * common)[:, None], block, B)
    multipliers = np.random.default_rng([seed := window.seed, 20]).standard_normal((draws, B))
    multipliers -= multipliers.mean(axis=0)  # the estimates are the draws' middle
    multipliers *= np.sqrt(B / max(B - 1, 1))
    pooled = (multipliers @ (pooled_scores - pooled_scores.mean(axis=0))) @ whole
    return EffectDraws(gram, scores, variance, pooled, multipliers, effects, window.limits, seed)


def _ridge(columns: int) -> Floats:
    return np.asarray(np.r_[0.5, np.full(columns - 1, OWN_RIDGE)])


def _blocks(known: int, season: int) -> npt.NDArray[np.intp]:
    length = max(1, min(BLOCK_SEASONS * season, known // LEAST_BLOCKS))
    back = np.arange(known)[::-1] // length
    return np.asarray(back.max() - back)


def _by_block(values: Floats, block: npt.NDArray[np.intp], count: int) -> Floats:
    out = np.zeros((count, values.shape[1]))
    np.add.at(out, block, values)
    return out
