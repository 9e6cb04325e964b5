"""Errors of sparse series, and of every series whose history holds fewer than two earlier origins.

Two errors make one: where the level goes, and how single periods scatter about it. Both are read at
earlier origins; where history has too few of them, at origins with a shorter horizon. The level's
error goes on growing with distance as a random walk's does; the scatter is that of the series
itself and of those that sell about as much, zeros and all, because counts scatter by their size and
know nothing of logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import nbinom, norm

from forecasting.grid import Floats, Grid, closed_periods
from forecasting.race import Race, Told
from forecasting.weighing import FALLBACKS, mixed

#: Probabilities that quantile functions are given at.
P = np.linspace(0.001, 0.999, 999)
#: Log error of a period of a series nobody knows anything about.
UNKNOWN = 0.5
#: Error of a level over a window that nothing is known of, half of its variance the chain's and
#: half a series' own; windows it weighs.
LEVEL, LEVEL_WEIGHTS = 0.10, 2.0
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
        group: (S,) which of them is a series' own; -1: its errors are no matter of these.
        common: (H,) standard deviation, by distance, of what all levels' log errors share.
        own: (H,) the same of what is a series' own.
        day: share of the scatter's variance (as normal scores) that all series share on a day.
    """

    functions: Floats
    group: npt.NDArray[np.intp]
    common: Floats
    own: Floats
    day: float

    def ratios(self, row: int, level: tuple[Floats, Floats], day: tuple[Floats, Floats]) -> Floats:
        """(P, H) paths of actual / forecast of a series.

        Args:
            level: standard normal scores (P, 1), of all series and of its own.
            day: the same by period (P, H).
        """
        # Less half of the variance: a level that errs to both sides leaves the mean where it is.
        drift = self.common * level[0] + self.own * level[1]
        drift = drift - (np.square(self.common) + np.square(self.own)) / 2
        score = np.sqrt(self.day) * day[0] + np.sqrt(1 - self.day) * day[1]
        scatter = np.interp(norm.cdf(score), P, self.functions[self.group[row]])
        return np.asarray(np.exp(drift) * scatter)


@dataclass(frozen=True)
class Windows:
    """Actual, at least zero, and mean (K, S, h) after earlier origins; NaN: closed or not seen."""

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
    return _of(_shorter(race, weights, grid, cuts, width), grid, H)


def dispersion_of_some(
    seen: Windows, rows: npt.NDArray[np.intp], grid: Grid, ahead: int
) -> Dispersion:
    """Of some series, from what they did at earlier origins of a whole horizon.

    Args:
        seen: of all series.
        grid: of all series, as known where the forecast begins.
    """
    part = _of(Windows(seen.actual[:, rows], seen.mean[:, rows]), grid.only(rows), ahead)
    group = np.full(len(grid.ids), -1)
    group[rows] = part.group
    return replace(part, group=group)


def _of(seen: Windows, grid: Grid, ahead: int) -> Dispersion:
    width = seen.actual.shape[2]
    level, common, own = _levels(seen, grid)
    # A window's mean error is that of its middle.
    grown = np.sqrt(np.maximum(0.5 + np.arange(1, ahead + 1) / width, 1.0))
    ratios = seen.actual / (seen.mean * level[:, :, None])
    functions, group = _functions(ratios, _sizes(grid), grid)
    return Dispersion(
        functions, group, np.sqrt(common) * grown, np.sqrt(own) * grown, _day_share(ratios)
    )


def _shorter(
    race: Race,
    weights: dict[str, dict[str, float]],
    grid: Grid,
    cuts: Sequence[int],
    width: int,
) -> Windows:
    near = replace(
        grid, dates=grid.dates[: grid.known + width], plan=grid.plan[:, :, : grid.known + width]
    )
    names = FALLBACKS.union(*weights.values())
    field = [one for one in race.candidates if one.name in names and one.speed != "slow"]
    short = Race(near, race.seed, race.country, field)
    actual, mean = np.full((2, len(cuts), len(grid.ids), width), np.nan)
    for number, cut in enumerate(cuts):
        told = short.at(cut)
        mix, _ = mixed(told, weights)
        came = short.actual(cut)
        use = np.isfinite(came) & ~told.shut & (mix > 0) & told.raced[:, None]
        actual[number][use] = np.maximum(came[use], 0)
        mean[number][use] = mix[use]
    return Windows(actual, mean)


def _levels(seen: Windows, grid: Grid) -> tuple[Floats, float, float]:
    """(K, S) level of each window over what was forecast, drawn to 1 by how little it is known; the
    variance of levels over a window that the chain shares, and that is a series' own: what windows
    differ by beyond their scatter."""
    half = LEVEL**2 / 2
    count = np.isfinite(seen.actual).sum(axis=2)
    came, told = np.nansum(seen.actual, axis=2), np.nansum(seen.mean, axis=2)
    whole = (count > 0) & (told > 0)
    base = np.where(whole, told, 1.0)
    level = np.where(whole, np.minimum(came / base, 4.0), 1.0)
    if not whole.any():
        return level, half, half
    # What the scatter of single periods makes of a window's sum.
    gap = np.square(seen.actual - seen.mean * level[:, :, None])
    scatter = np.nansum(gap, axis=2) * count / np.maximum(count - 1, 1)
    of_history = np.nan_to_num(np.nanvar(_filled(grid.y), axis=1)) * count
    pooled = scatter.sum(axis=0) / np.maximum((scatter > 0).sum(axis=0), 1)
    scatter = np.where(whole, np.where(pooled > 0, pooled, of_history), 0.0)
    noise = scatter / np.square(base)
    # All series together know their level best.
    kept = whole.any(axis=1)
    total = np.maximum(told.sum(axis=1), 1e-12)
    chain = np.where(kept, np.clip(came.sum(axis=1) / total, 0.25, 4.0), 1.0)
    beyond = np.square(chain - 1) - scatter.sum(axis=1) / np.square(total)
    common = _drawn_in(float(beyond[kept].mean()), float(kept.sum()), half)
    weight = np.where(whole, half / (noise + half), 0.0)
    excess = np.square(level / chain[:, None] - 1) - noise
    own = _drawn_in(float((weight * excess).sum() / weight.sum()), float(weight.sum()), half)
    known = (common + own) / (common + own + noise)
    return np.maximum(1 + known * (level - 1), 0.05), common, own


def _drawn_in(variance: float, windows: float, prior: float) -> float:
    """A variance of so many windows, with the prior's weight."""
    return (windows * max(variance, 0.0) + LEVEL_WEIGHTS * prior) / (windows + LEVEL_WEIGHTS)


def _filled(y: Floats) -> Floats:
    """History with no row empty, which has no variance."""
    return np.where(np.isfinite(y).any(axis=1, keepdims=True), y, 0.0)


def _sizes(grid: Grid) -> Floats:
    """(S,) mean of a period in the last year."""
    y = grid.y[:, -grid.year :]
    return np.asarray(np.nan_to_num(y).sum(axis=1) / np.maximum(np.isfinite(y).sum(axis=1), 1))


def _functions(ratios: Floats, size: Floats, grid: Grid) -> tuple[Floats, npt.NDArray[np.intp]]:
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
            functions[row] = _of_history(grid, row, size[row])
        else:
            functions[row] = np.quantile(found, P, method="weibull")
        mean = functions[row].mean()
        # What windows were off by is the level's, which errs to both sides.
        functions[row] /= mean if mean > 0 else 1.0
    return functions, group


def _of_history(grid: Grid, row: int, size: float) -> Floats:
    """Of a series that no origin tells of, nor of its like: its open days of a year as they are.
    With too few of those, counts are Poisson about a level that scatters."""
    y = grid.y[row]
    known = y[np.isfinite(y)]
    year = slice(-min(grid.known, grid.year), None)
    closed = closed_periods(grid.only(np.array([row])))[0, : grid.known]
    opened = y[year][np.isfinite(y[year]) & ~closed[year]]
    if len(opened) >= ENOUGH and opened.sum() > 0:
        return np.asarray(np.quantile(np.maximum(opened, 0) / opened.mean(), P, method="weibull"))
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
