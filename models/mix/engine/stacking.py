"""The linear part integrated out where series are few and dates many, compiled.

Common shocks are integrated out first, which ties series at each date; own coefficients of all
series then stand beside the shared ones in one system.
"""

from __future__ import annotations

import math

import numpy as np

from models.mix.engine.collapsed import Fixed, Found, cholesky, joined, lower_inverse, nowhere
from models.mix.engine.compiling import compiled
from models.mix.engine.rows import add, dot
from models.mix.frames import Floats

_LOG_2PI = math.log(2.0 * math.pi)


@compiled
def stacked(series: int, dates: int, size: int, width: int) -> bool:
    """Whether own coefficients beside shared ones cost less than common shocks beside them."""
    own = float(series * width)
    beside = (size + own) ** 3 / 3.0 + own * own * dates
    return beside < (size + dates) ** 3 / 3.0 + 2.0 * own * (size + dates) ** 2


@compiled
def _stacked(
    left: Floats,
    fixed: Fixed,
    shared: Floats,
    columns: Floats,
    sd: Floats,
    own_sd: Floats,
    scale: float,
    tie: float,
) -> tuple[Floats, Floats]:
    """Precision (lower triangle) and moment of shared coefficients, then of all own ones.

    Common shocks are integrated out first: the residual's precision over series at a date is
    scale * (I - tie * ones).
    """
    series, size, dates = shared.shape
    width = columns.shape[1]
    whole = size + series * width
    rows = columns.reshape(series * width, dates)
    summed, over = np.zeros((size, dates)), np.zeros(dates)
    for s in range(series):
        over += left[s]
        for p in range(size):
            add(summed[p], 1.0, shared[s, p])
    precision, moment = np.zeros((whole, whole)), np.zeros(whole)
    still = len(fixed.gram)
    between = np.dot(summed, summed.T)
    for p in range(size):
        for q in range(p + 1):
            if p < still:
                precision[p, q] = fixed.gram[p, q]
            else:
                for s in range(series):
                    precision[p, q] += dot(shared[s, p], shared[s, q])
            precision[p, q] = scale * (precision[p, q] - tie * between[p, q])
        precision[p, p] += 1.0 / (sd[p] * sd[p])
        for s in range(series):
            moment[p] += scale * dot(shared[s, p], left[s])
        moment[p] -= scale * tie * dot(summed[p], over)
    precision[size:, size:] = np.dot(rows, rows.T) * (-scale * tie)
    precision[size:, :size] = np.dot(rows, summed.T) * (-scale * tie)
    for s in range(series):
        first = size + s * width
        precision[first : first + width, :size] += np.dot(columns[s], shared[s].T) * scale
        for k in range(width):
            for j in range(k + 1):
                precision[first + k, first + j] += scale * dot(columns[s, k], columns[s, j])
            precision[first + k, first + k] += 1.0 / (own_sd[k] * own_sd[k])
            moment[first + k] = scale * (
                dot(columns[s, k], left[s]) - tie * dot(columns[s, k], over)
            )
    return precision, moment


@compiled
def _stacked_gradient(
    by_shared: Floats,
    by_own: Floats,
    pull: Floats,
    columns: Floats,
    shared: Floats,
    mean: Floats,
    inverse: Floats,
    scale: float,
    tie: float,
) -> None:
    """Gradient by dynamic columns, where shared and own coefficients are in one system."""
    series, size, dates = shared.shape
    width, moving, fresh = columns.shape[1], len(by_shared), len(by_own)
    rows = columns.reshape(series * width, dates)
    summed = np.zeros((size, dates))
    for s in range(series):
        for p in range(size):
            add(summed[p], 1.0, shared[s, p])
    # Posterior covariance times all columns, summed over series, for every coefficient.
    by_shared_mean = np.ascontiguousarray(inverse[:, :size])
    by_own_mean = np.ascontiguousarray(inverse[:, size:])
    total = np.dot(by_shared_mean, summed) + np.dot(by_own_mean, rows)
    for s in range(series):
        own = np.ascontiguousarray(inverse[:, size + s * width : size + (s + 1) * width])
        here = np.dot(by_shared_mean, shared[s]) + np.dot(own, columns[s])
        for m in range(moving):
            p = size - moving + m
            out = by_shared[m, s]
            add(out, mean[p], pull[s])
            add(out, -scale, here[p])
            add(out, scale * tie, total[p])
        for f in range(fresh):
            at = size + s * width + width - fresh + f
            out = by_own[f, s]
            add(out, mean[at], pull[s])
            add(out, -scale, here[at])
            add(out, scale * tie, total[at])


@compiled
def collapse_stacked(
    left: Floats,
    fixed: Fixed,
    shared: Floats,
    own: Floats,
    sd: Floats,
    own_sd: Floats,
    sigma: float,
) -> Found:
    """`collapse` for few series and many dates: own coefficients stand beside shared ones."""
    series, dates = left.shape
    size, width = len(sd), len(own_sd)
    common = fixed.common
    scale = 1.0 / (sigma * sigma * (1.0 - common))
    tie = common / (1.0 + (series - 1) * common)
    z, x = joined(fixed.shared, shared), joined(fixed.own, own)
    precision, moment = _stacked(left, fixed, z, x, sd, own_sd, scale, tie)
    whole = len(moment)
    pull, residual = np.zeros((series, dates)), np.zeros((series, dates))
    by_shared = np.zeros((len(shared), series, dates))
    by_own = np.zeros((len(own), series, dates))
    by_width, by_own_width = np.zeros(size), np.zeros(width)
    none = np.zeros((0, 0, 0))
    if not cholesky(precision):
        return nowhere(series, dates, len(shared), len(own), size, width)
    inverse_root = lower_inverse(precision)
    mean = np.dot(inverse_root.T, np.dot(inverse_root, moment))
    inverse = np.dot(inverse_root.T, inverse_root)
    value = fixed.log_root - 0.5 * left.size * (2.0 * math.log(sigma) + _LOG_2PI)
    value -= (
        0.5
        * dates
        * ((series - 1) * math.log(1.0 - common) + math.log(1.0 + (series - 1) * common))
    )
    quadratic, freedom = 0.0, float(left.size)
    for p in range(whole):
        value -= math.log(precision[p, p])
        width_at = (p - size) % width if p >= size else p
        prior = own_sd[width_at] if p >= size else sd[p]
        value -= math.log(prior)
        ratio, unit = inverse[p, p] / (prior * prior), mean[p] / prior
        quadratic += unit * unit
        freedom -= 1.0 - ratio
        if p >= size:
            by_own_width[width_at] += ratio + unit * unit - 1.0
        else:
            by_width[p] = ratio + unit * unit - 1.0
    over = np.zeros(dates)
    for s in range(series):
        rest = residual[s]
        rest[:] = left[s]
        for p in range(size):
            add(rest, -mean[p], z[s, p])
        for k in range(width):
            add(rest, -mean[size + s * width + k], x[s, k])
        over += rest
    squares = 0.0
    for s in range(series):
        for t in range(dates):
            pull[s, t] = scale * (residual[s, t] - tie * over[t])
        squares += dot(pull[s], residual[s])
    _stacked_gradient(by_shared, by_own, pull, x, z, mean, inverse, scale, tie)
    return Found(
        value - 0.5 * (quadratic + squares), pull, by_shared, by_own, squares - freedom,
        by_width, by_own_width, mean, mean[size:].copy().reshape(series, width), residual,
        precision, none, none,
    )  # fmt: skip
