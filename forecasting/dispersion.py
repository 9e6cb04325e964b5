"""Errors of a forecast whose history holds no earlier origin of a whole horizon, or a single one.

Two errors make one: where the level goes, and how single periods scatter about it. Both are read at
origins with a shorter horizon, as far as history has it. The level's error goes on growing with
distance as a random walk's does; the scatter is that of the series itself and of those that sell
about as much, zeros and all, because counts scatter by their size and know nothing of logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import nbinom, norm

from forecasting.grid import Floats, Grid
from forecasting.race import FALLBACKS, Race, Told, mixed

#: Probabilities that quantile functions are given at.
P = np.linspace(0.001, 0.999, 999)
#: Log error of a period of a series nobody knows anything about.
UNKNOWN = 0.5
#: Error of a level that nothing is known of, at the distance of a window; windows it weighs.
LEVEL, LEVEL_WEIGHTS = 0.08, 1.0
#: Part of a level's variance that all series share.
COMMON = 0.5
#: Errors that a quantile function is read from, at least: the series' own, then the nearest ones'.
ENOUGH = 100
#: Errors under which nothing is read.
LEAST = 10
#: Shorter origins that are looked at.
WINDOWS = 2


@dataclass(frozen=True)
class Dispersion:
    """What errors are made of.

    Attributes:
        functions: (G, 999) quantile functions of actual / level, with mean about 1.
        group: (S,) which of them is a series' own.
        level: (H,) standard deviation of the level's log error by distance.
        day: share of the scatter's variance (as normal scores) that all series share on a day.
    """

    functions: Floats
    group: npt.NDArray[np.intp]
    level: Floats
    day: float

    def ratios(self, row: int, level: tuple[Floats, Floats], day: tuple[Floats, Floats]) -> Floats:
        """(P, H) paths of actual / forecast of a series.

        Args:
            level: standard normal scores (P, 1), of all series and of its own.
            day: the same by period (P, H).
        """
        drift = np.sqrt(COMMON) * level[0] + np.sqrt(1 - COMMON) * level[1]
        score = np.sqrt(self.day) * day[0] + np.sqrt(1 - self.day) * day[1]
        scatter = np.interp(norm.cdf(score), P, self.functions[self.group[row]])
        return np.asarray(np.exp(self.level * drift) * scatter)


@dataclass(frozen=True)
class _Windows:
    """Actual and mean (K, S, h) at shorter origins; NaN: not seen."""

    actual: Floats
    mean: Floats


def dispersion_of(race: Race, weights: dict[str, dict[str, float]], now: Told) -> Dispersion:
    """From a history that is too short for origins; nothing after `now` is looked at.

    Args:
        weights: of the mix at `now`; slow candidates are left out, as they race on a sample.
    """
    grid = race.grid.at(now.cut)
    H = now.shut.shape[1]
    width = max(min(grid.known // 4, H), 1)
    least = max(2 * grid.season, 8)
    cuts = [width * k for k in range(1, WINDOWS + 1) if grid.known - width * k >= least]
    seen = _windows(race, weights, grid, cuts, width)
    level, variance = _levels(seen, grid)
    distance = np.arange(1, H + 1) / width
    # A window's mean error is that of its middle.
    deviation = np.sqrt(variance * np.maximum(0.5 + distance, 1.0))
    ratios = seen.actual / (seen.mean * level[:, :, None])
    size = _sizes(grid)
    functions, group = _functions(ratios, size, grid, now)
    return Dispersion(functions, group, deviation, _day_share(ratios))


def _windows(
    race: Race,
    weights: dict[str, dict[str, float]],
    grid: Grid,
    cuts: Sequence[int],
    width: int,
) -> _Windows:
    S = len(grid.ids)
    actual, mean = np.full((2, len(cuts), S, width), np.nan)
    if not cuts:
        return _Windows(actual, mean)
    near = replace(
        grid, dates=grid.dates[: grid.known + width], plan=grid.plan[:, :, : grid.known + width]
    )
    names = FALLBACKS.union(*weights.values())
    field = [one for one in race.candidates if one.name in names and one.speed != "slow"]
    short = Race(near, race.seed, race.country, field)
    for number, cut in enumerate(cuts):
        told = short.at(cut)
        mix, _ = mixed(told, weights)
        came = short.actual(cut)
        use = np.isfinite(came) & ~told.shut & (mix > 0) & told.raced[:, None]
        actual[number][use] = np.maximum(came[use], 0)
        mean[number][use] = mix[use]
    return _Windows(actual, mean)


def _levels(seen: _Windows, grid: Grid) -> tuple[Floats, float]:
    """(K, S) level of each window over what was forecast, drawn to 1 by how little it is known, and
    the variance of levels over a window: what windows differ by beyond their scatter."""
    count = np.isfinite(seen.actual).sum(axis=2)
    came, told = np.nansum(seen.actual, axis=2), np.nansum(seen.mean, axis=2)
    whole = (count > 0) & (told > 0)
    base = np.where(whole, told, 1.0)
    level = np.where(whole, np.minimum(came / base, 4.0), 1.0)
    # What the scatter of single periods makes of a window's sum.
    gap = np.square(seen.actual - seen.mean * level[:, :, None])
    scatter = np.nansum(gap, axis=2) * count / np.maximum(count - 1, 1)
    of_history = np.nan_to_num(np.nanvar(_filled(grid.y), axis=1)) * count
    pooled = scatter.sum(axis=0) / np.maximum((scatter > 0).sum(axis=0), 1)
    scatter = np.where(pooled > 0, pooled, of_history)
    noise = np.where(whole, scatter / np.square(base), 0.0)
    prior = LEVEL**2
    weight = np.where(whole, prior / (noise + prior), 0.0)
    if weight.sum() == 0:
        return level, prior
    excess = float((weight * (np.square(level - 1) - noise)).sum())
    # Windows of one origin err together: they count as few.
    windows = (weight.max(axis=1) > 0).sum() * min(float(weight.sum(axis=1).max()), 4.0)
    mean = max(excess / float(weight.sum()), 0.0)
    variance = (windows * mean + LEVEL_WEIGHTS * prior) / (windows + LEVEL_WEIGHTS)
    known = variance / (variance + noise)
    return np.maximum(1 + known * (level - 1), 0.05), float(variance)


def _filled(y: Floats) -> Floats:
    """History with no row empty, which has no variance."""
    return np.where(np.isfinite(y).any(axis=1, keepdims=True), y, 0.0)


def _sizes(grid: Grid) -> Floats:
    """(S,) mean of a period in the last year."""
    y = grid.y[:, -grid.year :]
    return np.asarray(np.nan_to_num(y).sum(axis=1) / np.maximum(np.isfinite(y).sum(axis=1), 1))


def _functions(
    ratios: Floats, size: Floats, grid: Grid, now: Told
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """A quantile function a series: of its own errors, and of the nearest in size till there are
    ENOUGH. Quantiles by (n + 1) p, which hold for an error not seen yet."""
    S = len(size)
    functions, group = np.empty((S, len(P))), np.arange(S)
    own = [ratios[:, row][np.isfinite(ratios[:, row])] for row in range(S)]
    count = np.array([len(one) for one in own])
    log_size = np.log(np.maximum(size, 1e-6))
    donors = np.flatnonzero(count > 0)
    for row in range(S):
        near = donors[np.argsort(np.abs(log_size[donors] - log_size[row]), kind="stable")]
        near = np.r_[row, near[near != row]] if count[row] else near
        # No series that sells another order of size tells how this one scatters.
        near = near[np.abs(log_size[near] - log_size[row]) < 1.0]
        last = int(np.searchsorted(np.cumsum(count[near]), ENOUGH)) + 1
        found = np.concatenate([own[n] for n in near[:last]]) if len(near) else np.empty(0)
        if len(found) < LEAST:
            functions[row] = _guess(grid.y[row], size[row])
        else:
            functions[row] = np.quantile(found, P, method="weibull")
    return functions, group


def _guess(y: Floats, size: float) -> Floats:
    """Of a series nobody knows anything about: counts are Poisson about a level that scatters."""
    known = y[np.isfinite(y)]
    if len(known) and size > 0 and np.all(known == np.rint(known)):
        shape = 1 / UNKNOWN**2
        return np.asarray(nbinom.ppf(P, shape, shape / (shape + size)) / size)
    return np.asarray(np.exp(1.25 * UNKNOWN * norm.ppf(P)))


def _day_share(ratios: Floats) -> float:
    """Mean correlation of two series on a day."""
    whole = np.isfinite(ratios)
    gap = np.nan_to_num(ratios - 1)
    spread = np.sqrt(np.square(gap).sum(axis=(0, 2)) / np.maximum(whole.sum(axis=(0, 2)), 1))
    score = gap / np.where(spread > 0, spread, 1.0)[None, :, None]
    count = whole.sum(axis=1)
    pairs = float((count * (count - 1)).sum())
    if pairs < LEAST:
        return 0.05
    both = np.square(score.sum(axis=1)) - np.square(score).sum(axis=1)
    return float(np.clip(both.sum() / pairs, 0.0, 0.9))
