"""Sample paths of the future, drawn for all series together so that sums have intervals too.

A path is expected + what history's noise did to the fit + changes of trend + noise ahead. The
noise is the fit's own residuals, resampled in blocks of four whole weeks (weekdays kept) with the
same blocks for every series, so that what moves together in history moves together ahead. Sources:
circular block bootstrap, Politis and Romano (1992); residual bootstrap of a linearised estimator,
Efron and Tibshirani (1993), ch. 9; future trend changes, Taylor and Letham (2018), section 3.1.4.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.curve import Curve
from forecasting.fallback import LEAST_FOR_SPREAD
from forecasting.series import Calendar, Floats, Series

PATHS = 1000
BLOCK_WEEKS = 4
# Weeks of the pool made for a series too short to resample.
LEAST_POOL_WEEKS = 52
# Spread, as a share of the level, of a series too short to show one, where no other series can.
UNKNOWN_SPREAD = 0.5


@dataclass(frozen=True)
class Dependence:
    """What the series of one forecast share.

    `offsets` (paths, blocks) of the resampled blocks in periods; `longest`: periods of the longest
    history in whole weeks; `correlation`: mean of the residuals' pairs; `borrowed_spread`: what
    short series take for their own.
    """

    offsets: np.ndarray
    longest: int
    correlation: float
    borrowed_spread: float
    common_seed: tuple[int, ...]


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that belong to a name: another series beside it does not change them."""
    keys = [zlib.crc32(n.encode()) for n in names]
    return np.random.default_rng([seed, *keys])


def dependence(
    curves: Sequence[Curve], ahead: int, laid: Calendar, seed: int, paths: int = PATHS
) -> Dependence:
    """Draw the blocks once for all series and measure how far their residuals move together."""
    unit = laid.per_week
    known = max(len(c.residual) for c in curves)
    blocks = -(-(known + ahead) // (BLOCK_WEEKS * unit))
    longest = max(known, LEAST_POOL_WEEKS * unit) // unit * unit
    offsets = stream(seed, "blocks").integers(0, longest // unit, (paths, blocks)) * unit
    spreads = [
        float(c.residual.std() * c.level_known.mean() / max(c.fitted.mean(), 1e-9))
        for c in curves
        if c.model.startswith("prophet")
    ]
    borrowed = float(np.median(spreads)) if spreads else UNKNOWN_SPREAD
    common = (seed, zlib.crc32(b"common"))
    return Dependence(offsets, longest, _mean_correlation(curves, unit), borrowed, common)


def _mean_correlation(curves: Sequence[Curve], unit: int) -> float:
    """Mean pairwise correlation of weekly residuals over the shortest common history, at least 0.

    From the variance of the sum of standardised series: var = m + m (m - 1) r.
    """
    fitted = [c.residual for c in curves if c.model.startswith("prophet")]
    if len(fitted) < 2:
        return 0.0
    weeks = min(len(r) for r in fitted) // unit
    table = np.array([r[len(r) - weeks * unit :].reshape(weeks, unit).sum(axis=1) for r in fitted])
    table = table[table.std(axis=1) > 0]
    m = len(table)
    if m < 2:
        return 0.0
    table = (table - table.mean(axis=1, keepdims=True)) / table.std(axis=1, keepdims=True)
    shared = (float(table.sum(axis=0).var()) - m) / (m * (m - 1))
    return float(np.clip(shared, 0.0, 1.0))


def draw(
    series: Sequence[Series],
    curves: Sequence[Curve],
    laid: Calendar,
    shared: Dependence,
    *,
    seed: int,
    width: float = 1.0,
) -> Iterator[Floats]:
    """Yield (paths, periods ahead) per series, never negative, one at a time to bound memory.

    `width` multiplies every deviation from the expected path. Deviations are centred over paths,
    so without the floor at zero the mean of the paths is the expected forecast.
    """
    for one, curve in zip(series, curves, strict=True):
        own = stream(seed, one.territory_id, one.product_id)
        deviation = _noise(curve, laid, shared, own) + _trend_changes(curve, shared, own)
        deviation -= deviation.mean(axis=0)
        yield np.maximum(curve.expected + width * deviation, 0.0)


def _noise(curve: Curve, laid: Calendar, shared: Dependence, own: np.random.Generator) -> Floats:
    n, h = len(curve.residual), len(curve.expected)
    unit = laid.per_week
    pool = curve.residual - curve.residual.mean()
    if n < LEAST_FOR_SPREAD and curve.model != "zero":
        # Too few errors to resample: a normal pool, as wide as its own or the others' spread.
        spread = max(float(pool.std()), shared.borrowed_spread)
        pool = spread * own.standard_normal(LEAST_POOL_WEEKS * unit)
    usable = len(pool) // unit * unit if len(pool) >= unit else len(pool)
    # Age 0 is the last known period, negative ages lie ahead; equal ages are equal dates in all
    # series, and offsets are whole weeks, so weekdays and shared shocks stay in place.
    ages = np.arange(n - 1, -h - 1, -1)
    block = (ages + h) // (BLOCK_WEEKS * unit)
    source = (ages[None, :] + shared.offsets[:, block]) % shared.longest % usable
    drawn = pool[::-1][source]
    past, ahead = drawn[:, :n], drawn[:, n:]
    moved: Floats = (past * curve.level_known) @ curve.refit.T + ahead * curve.level_ahead
    return moved


def _trend_changes(curve: Curve, shared: Dependence, own: np.random.Generator) -> Floats:
    """Slope changes at history's rate and mean size (Laplace), in some paths the same for all.

    The share of paths with common changes is the mean correlation of the residuals.
    """
    paths, h = len(shared.offsets), len(curve.expected)
    if curve.slope_change <= 0:
        return np.zeros((paths, h))

    def changes(rng: np.random.Generator) -> Floats:
        happens = rng.uniform(size=(paths, h)) < curve.change_rate
        sizes: Floats = rng.laplace(0.0, 1.0, size=(paths, h)) * happens
        return sizes

    common, alone = changes(np.random.default_rng(shared.common_seed)), changes(own)
    together = np.random.default_rng([*shared.common_seed, 1]).uniform(size=paths)
    sizes = np.where((together < shared.correlation)[:, None], common, alone)
    moved: Floats = sizes.cumsum(axis=1).cumsum(axis=1) * curve.slope_change
    return moved
