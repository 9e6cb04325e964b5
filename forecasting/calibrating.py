"""Intervals that held at earlier origins, and paths with which every sum has its own.

Split conformal prediction over several windows (Vovk et al. 2005; Lei et al. 2018): a forecast's
errors at earlier origins, in units of each series' own usual error, give the quantiles by distance.
How errors go together (over the chain, over a horizon, on a day) is read from the same errors, and
paths drawn accordingly make the intervals of sums. Errors of sparse series, whose zeros a log
leaves out, are read otherwise (`forecasting.dispersion`) and share what all share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from forecasting.correcting import mix_beside
from forecasting.dispersion import (
    UNKNOWN,
    Dispersion,
    P,
    Windows,
    dispersion_of,
    dispersion_of_some,
)
from forecasting.grid import Bools, Floats
from forecasting.race import Race, Told

PATHS = 600
QUANTILES = {"p025": 0.025, "p10": 0.10, "p50": 0.50, "p90": 0.90, "p975": 0.975}
#: Parts of the horizon with quantiles of their own.
BUCKETS = 3
#: Periods that a series' own usual error is drawn to its kind's with.
DRAWN = 60.0
#: Origins that tell how errors of a horizon go together: one says nothing of the level's spread.
ORIGINS_NEEDED = 2
#: Errors under which a quantile function is a guess.
LEAST = 10
#: Effective number of errors that fewer count as: with tails heavier than Student's at five, the
#: rarest paths would make the mean of all.
FEWEST = 5.0
LOGARITHMIC = frozenset({"regular", "short"})


@dataclass(frozen=True)
class Shares:
    """Shares of the variance of an error: common to all and a whole horizon, common on a day, a
    series' own over a horizon; the rest is a series' own on a day."""

    level: float
    day: float
    series: float


@dataclass(frozen=True)
class Calibration:
    """Quantile functions (kind -> (BUCKETS, 999)) of errors in units of `usual` (S,), and what
    goes together. Errors of kinds in LOGARITHMIC are logs of actual / forecast, of others the
    ratio itself. `dispersion`: instead of them, of sparse series, and of all where earlier origins
    are too few."""

    functions: dict[str, Floats]
    usual: Floats
    shares: Shares
    origins: int
    dispersion: Dispersion | None = None


def calibrate(
    race: Race,
    cuts: Sequence[int],
    weights: dict[str, dict[str, float]],
    now: Told,
    origin: int | None = None,
) -> Calibration:
    """From the mixes at the origins `cuts`, all of them before the forecast `now`; with fewer than
    ORIGINS_NEEDED, from what a shorter horizon shows (`forecasting.dispersion`).

    Args:
        origin: whose race it is; None: `now` itself.
    """
    S, H = now.shut.shape
    origin = now.cut if origin is None else origin
    if len(cuts) < ORIGINS_NEEDED:
        return _without_origins(dispersion_of(race, weights, now), len(cuts))
    actual, mean = np.full((2, len(cuts), S, H), np.nan)
    raced = np.empty((len(cuts), S), dtype=bool)
    for number, cut in enumerate(cuts):
        told = race.before(origin, cut)
        mix = mix_beside(race, told, weights, cuts, origin)
        came = race.actual(cut)
        raced[number] = told.raced
        use = np.isfinite(came) & ~told.shut & (mix > 0)
        actual[number][use] = np.maximum(came[use], 0)
        mean[number][use] = mix[use]
    ratios = actual / mean
    logs = np.log(np.where(ratios > 0, ratios, np.nan))
    # Of all series, so that no other one's interval hangs on who is sparse.
    found = calibration_of(logs, ratios, now.kinds, raced)
    sparse = np.flatnonzero(now.sparse)
    if len(sparse) == 0:
        return found
    own = dispersion_of_some(Windows(actual, mean), sparse, race.grid.at(now.cut), H)
    return replace(found, dispersion=own)


def _without_origins(dispersion: Dispersion, origins: int) -> Calibration:
    """Shares as told: means over the horizon."""
    common, own = (float(np.mean(np.square(one))) for one in (dispersion.common, dispersion.own))
    scatter = float(np.mean(np.var(dispersion.functions, axis=1)))
    total = max(common + own + scatter, 1e-12)
    shares = Shares(*(round(s / total, 6) for s in (common, dispersion.day * scatter, own)))
    return Calibration({}, np.full(len(dispersion.group), UNKNOWN), shares, origins, dispersion)


def calibration_of(
    logs: Floats, ratios: Floats, kinds: npt.NDArray[np.str_], raced: Bools | None = None
) -> Calibration:
    """From errors (K origins, S, H) as logs of actual / forecast and as ratios; NaN: none seen.

    Args:
        raced: (K, S) what quantile functions and shares are read from: of each origin as many, so
            that none speaks louder; a series' usual error is read from all of its own. None: all.
    """
    size, count = np.nan_to_num(np.abs(logs)).sum(axis=2), np.isfinite(logs).sum(axis=2)
    pooled, share = _usual(size.sum(axis=0), count.sum(axis=0), kinds)
    # How a series' errors compare with its kind's is read at the other origins: by its own, no
    # error would be far from usual. How large an origin's errors are is its own matter.
    others = [
        _usual(size.sum(axis=0) - size[k], count.sum(axis=0) - count[k], kinds)[1]
        for k in range(len(logs))
    ]
    scaled = logs / (pooled * np.stack(others))[:, :, None]
    if raced is not None:
        scaled, ratios = (np.where(raced[:, :, None], one, np.nan) for one in (scaled, ratios))
    shares = _shares(scaled)
    functions = {}
    for kind in sorted(set(kinds)):
        rows, of_logs = kinds == kind, kind in LOGARITHMIC
        functions[kind] = _functions(scaled if of_logs else ratios, rows, symmetric=of_logs)
        # A guess is no quantile of few errors, and as wide as it was meant.
        if of_logs and np.isfinite(scaled[:, rows]).sum() >= LEAST:
            functions[kind] = functions[kind] * _wider(scaled[:, rows], shares)
    return Calibration(functions, pooled * share, shares, len(logs))


def _wider(errors: Floats, shares: Shares) -> Floats:
    """(999,) by how much quantiles of so few errors (K, S, H) are widened: Student's t beside the
    normal, and the mean's own error. Errors of one horizon go together and count for fewer than
    they are (Kish 1965, design effect)."""
    together = 1 + (errors.shape[2] - 1) * (shares.level + shares.series)
    count = max(float(np.isfinite(errors).sum()) / together, FEWEST)
    middle = np.isclose(P, 0.5)
    z = np.where(middle, 1.0, norm.ppf(P))
    wider = np.where(middle, 1.0, t.ppf(P, count) / z)
    return np.asarray(wider * np.sqrt(1 + 1 / count))


def _usual(
    total: Floats, count: npt.NDArray[np.intp], kinds: npt.NDArray[np.str_]
) -> tuple[Floats, Floats]:
    """(S,) mean size of errors of a series' kind, and what part or multiple of it its own is, drawn
    to 1; from the sum and number of each series' errors."""
    pooled = np.full(len(kinds), UNKNOWN)
    everyone = total.sum() / count.sum() if count.sum() >= 10 else UNKNOWN
    for kind in set(kinds):
        rows = kinds == kind
        enough = count[rows].sum() >= 10
        pooled[rows] = total[rows].sum() / count[rows].sum() if enough else everyone
    pooled = np.maximum(pooled, 1e-4)
    share = (total / pooled + DRAWN) / (count + DRAWN)
    return pooled, np.asarray(np.maximum(share, 1e-3))


def _functions(errors: Floats, rows: Bools, *, symmetric: bool) -> Floats:
    """(BUCKETS, 999) quantile functions. Logs are made symmetric: the sign of a window's bias is
    no news about the next window's."""
    H = errors.shape[2]
    parts = np.array_split(np.arange(H), BUCKETS)
    everywhere = errors[:, rows]
    everywhere = everywhere[np.isfinite(everywhere)]
    out = []
    for part in parts:
        found = errors[:, rows][:, :, part]
        found = found[np.isfinite(found)]
        if len(found) < 50:
            found = everywhere
        if len(found) < LEAST:
            found = 1.25 * norm.ppf(P) if symmetric else np.exp(UNKNOWN * norm.ppf(P))
        out.append(np.quantile(np.r_[found, -found] if symmetric else found, P))
    return np.array(out)


def _shares(scaled: Floats) -> Shares:
    """Variance components by moments: products of errors that share an origin, a day, a series."""
    whole = np.isfinite(scaled)
    if whole.sum() < 100 or scaled.shape[0] < 2:
        return Shares(0.15, 0.05, 0.15)
    filled = np.nan_to_num(scaled)
    total = float(np.square(filled).sum() / whole.sum())
    if total == 0:  # a price that never moved
        return Shares(0.15, 0.05, 0.15)
    day_sum, day_n = filled.sum(axis=1), whole.sum(axis=1)  # (K, H)
    row_sum, row_n = filled.sum(axis=2), whole.sum(axis=2)  # (K, S)
    squares = np.square(filled)
    # Mean product of two series on one day; of two days of one series; of neither.
    day = _pairs(day_sum, day_n, squares.sum(axis=1))
    row = _pairs(row_sum, row_n, squares.sum(axis=2))
    k_sum, k_n = filled.sum(axis=(1, 2)), whole.sum(axis=(1, 2))
    both = (
        np.square(k_sum).sum() - np.square(day_sum).sum() - np.square(row_sum).sum() + squares.sum()
    )
    pairs = np.square(k_n).sum() - np.square(day_n).sum() - np.square(row_n).sum() + whole.sum()
    level = max(float(both / max(pairs, 1)), 0.0)
    # Few windows say little about their own spread: as wide as Student's t would have it.
    level *= (scaled.shape[0] + 1) / scaled.shape[0]
    shares = [level / total, max(day - level, 0) / total, max(row - level, 0) / total]
    over = max(sum(shares) / 0.95, 1.0)
    return Shares(*(round(s / over, 6) for s in shares))


def _pairs(sums: Floats, counts: npt.NDArray[np.intp], squares: Floats) -> float:
    pairs = (counts * (counts - 1)).sum()
    return float((np.square(sums) - squares).sum() / max(pairs, 1))


def draw(  # noqa: PLR0917
    mean: Floats,
    told: Told,
    calibration: Calibration,
    rows: npt.NDArray[np.intp],
    seed: int,
    numbers: npt.NDArray[np.intp] | None = None,
    stream: int = 0,
) -> npt.NDArray[np.float32]:
    """Paths (rows, PATHS, H) of some of the series; what all share is the same for every block.

    `numbers` (S,): each series' number in a larger frame, which its own shocks go by; None: its
    row. Paths of the parts of a frame then add up as those of the whole. `stream`: what is drawn
    with another one of the same seed moves apart from it.
    """
    H = mean.shape[1]
    shares = calibration.shares
    common = np.random.default_rng([seed, 10 * stream + 1])
    levels, days = common.standard_normal((PATHS, 1)), common.standard_normal((PATHS, H))
    level, day = levels * np.sqrt(shares.level), days * np.sqrt(shares.day)
    rest = np.sqrt(max(1 - shares.level - shares.day - shares.series, 0.0))
    bucket = np.concatenate(
        [np.full(len(part), i) for i, part in enumerate(np.array_split(np.arange(H), BUCKETS))]
    )
    out = np.empty((len(rows), PATHS, H), dtype=np.float32)
    for place, row in enumerate(rows):
        number = int(row if numbers is None else numbers[row])
        own = np.random.default_rng([seed, 10 * stream + 2, number])
        own_level, own_day = own.standard_normal((PATHS, 1)), own.standard_normal((PATHS, H))
        dispersion = calibration.dispersion
        if dispersion is not None and dispersion.group[row] >= 0:
            u = dispersion.ratios(int(row), (levels, own_level), (days, own_day))
        else:
            p = norm.cdf(level + day + own_level * np.sqrt(shares.series) + own_day * rest)
            kind = str(told.kinds[row])
            function = calibration.functions[kind]
            u = np.empty_like(p)
            for third in range(BUCKETS):
                at = bucket == third
                u[:, at] = np.interp(p[:, at], P, function[third])
            if kind in LOGARITHMIC:
                u = np.exp(calibration.usual[row] * u)
        out[place] = np.where(told.shut[row], 0.0, np.maximum(mean[row] * u, 0.0))
    return out
