"""Whether chains agree, and how many independent draws they are worth.

Rank-normalised split R-hat and effective draws of bulk and tail: Vehtari, Gelman, Simpson,
Carpenter and Buerkner (2021), Rank-normalization, folding, and localization. Same figures as
ArviZ's (tested), without its three seconds of import.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from models.mix.frames import Floats


def split_r_hat(theta: Floats) -> Floats:
    """The greater of bulk and folded R-hat of (chains, draws, D), by parameter."""
    halves = _halves(theta)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    out: Floats = np.maximum(_r_hat(_normal_ranks(halves)), _r_hat(_normal_ranks(folded)))
    return out


def effective_draws(theta: Floats) -> Floats:
    """The least of bulk and tail (5 % and 95 %) effective draws of (chains, draws, D)."""
    halves = _halves(theta)
    low, high = np.quantile(theta, (0.05, 0.95), axis=(0, 1))
    each = [_normal_ranks(halves), (halves <= low) * 1.0, (halves <= high) * 1.0]
    out: Floats = np.min([_effective(x) for x in each], axis=0)
    return out


def _halves(theta: Floats) -> Floats:
    half = theta.shape[1] // 2
    return np.concatenate([theta[:, :half], theta[:, theta.shape[1] - half :]])


def _normal_ranks(x: Floats) -> Floats:
    count = x.shape[0] * x.shape[1]
    ranks = rankdata(x.reshape(count, -1), axis=0)
    out: Floats = ndtri((ranks - 0.375) / (count + 0.25)).reshape(x.shape)
    return out


def _r_hat(x: Floats) -> Floats:
    draws = x.shape[1]
    within = x.var(axis=1, ddof=1).mean(axis=0)
    between = x.mean(axis=1).var(axis=0, ddof=1)
    out: Floats = np.sqrt((draws - 1) / draws + between / np.maximum(within, 1e-300))
    return out


def _effective(x: Floats) -> Floats:
    """Geyer's initial monotone sequence over all chains."""
    chains, draws, size = x.shape
    centred = x - x.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, 2 * draws, axis=1)) ** 2
    covariance = np.fft.irfft(power, axis=1)[:, :draws] / draws
    within = covariance[:, 0].mean(axis=0) * draws / (draws - 1)
    total = within * (draws - 1) / draws + x.mean(axis=1).var(axis=0, ddof=1)
    correlation = 1 - (within - covariance.mean(axis=0)) / np.maximum(total, 1e-300)
    correlation[0] = 1.0
    count = chains * draws
    out = np.empty(size)
    for at in range(size):
        out[at] = count / _autocorrelation_time(correlation[:, at], count)
    return out


def _autocorrelation_time(rho: Floats, count: int) -> float:
    """Sum of autocorrelations by pairs while these are positive, made monotone."""
    draws = len(rho)
    kept = np.zeros(draws)
    even, odd = 1.0, float(rho[1])
    kept[0], kept[1] = even, odd
    t = 1
    while t < draws - 3 and even + odd > 0.0:
        even, odd = float(rho[t + 1]), float(rho[t + 2])
        if even + odd >= 0.0:
            kept[t + 1], kept[t + 2] = even, odd
        t += 2
    end = t - 2
    # The first value left out stands in for the rest.
    if even > 0.0:
        kept[end + 1] = even
    for t in range(1, end - 1, 2):
        before = kept[t - 1] + kept[t]
        if kept[t + 1] + kept[t + 2] > before:
            kept[t + 1] = kept[t + 2] = before / 2.0
    time = -1.0 + 2.0 * float(kept[: end + 1].sum()) + float(kept[end + 1 : end + 2].sum())
    return max(time, 1.0 / float(np.log10(count)))
