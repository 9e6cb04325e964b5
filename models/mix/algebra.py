"""Linear coefficients integrated out in closed form, compiled: value and exact gradient.

Whitened in time, the outcome less signed drivers is
    r_s = Z_s b + X_s d_s + n + e_s,   e ~ N(0, sigma^2 (1 - c)),  n_t ~ N(0, sigma^2 c),
with Z shared columns, X own columns of a series and n shocks common to all series. Own
coefficients are eliminated series by series, then shocks and shared ones together (Schur
complement), so cost grows linearly in series. Sources: Rasmussen and Williams (2006), ch. 2.7;
Lindley and Smith (1972) for the hierarchy.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.mix.compiling import compiled
from models.mix.frames import Floats
from models.mix.rows import add, dot

_LOG_2PI = math.log(2.0 * math.pi)


class Fixed(NamedTuple):
    """Whitened columns that do not change: `shared` (S, P, T), its Gram matrix (P, P) and sums over
    series (P, T); `own` (S, K, T); `common` c; log determinant of the whitening."""

    shared: Floats
    gram: Floats
    by_date: Floats
    own: Floats
    common: float
    log_root: float


class Found(NamedTuple):
    """The linear part integrated out.

    `pull` (S, T) is -d value / d r; `by_shared` (Pd, S, T), `by_own` (Kd, S, T) gradients by the
    dynamic columns; `by_sigma`, `by_width` (P,), `by_own_width` (K,) by logs of sigma and prior
    sds. `mean` (P + shocks,), `own_mean` (S, K) conditional means; `residual` (S, T) at them,
    common shocks in it. `factor` lower Cholesky factor of the precision of mean; `own_root`
    (S, K, K) inverse factor of own precisions; `lean` (S, K, P + shocks): how own means move.
    """

    value: float
    pull: Floats
    by_shared: Floats
    by_own: Floats
    by_sigma: float
    by_width: Floats
    by_own_width: Floats
    mean: Floats
    own_mean: Floats
    residual: Floats
    factor: Floats
    own_root: Floats
    lean: Floats


@compiled
def cholesky(matrix: Floats) -> bool:
    """Lower Cholesky factor in place (upper triangle zeroed); False where there is none."""
    size = len(matrix)
    for i in range(size):
        for j in range(i):
            matrix[i, j] = (matrix[i, j] - dot(matrix[i, :j], matrix[j, :j])) / matrix[j, j]
            matrix[j, i] = 0.0
        rest = matrix[i, i] - dot(matrix[i, :i], matrix[i, :i])
        if not rest > 0.0:
            return False
        matrix[i, i] = math.sqrt(rest)
    return True


@compiled
def lower_inverse(root: Floats) -> Floats:
    """Inverse of a lower triangular matrix."""
    size = len(root)
    out = np.zeros((size, size))
    for i in range(size):
        for j in range(i):
            add(out[i, : j + 1], -root[i, j], out[j, : j + 1])
        one = 1.0 / root[i, i]
        for j in range(i):
            out[i, j] *= one
        out[i, i] = one
    return out


@compiled
def collapse(
    left: Floats,
    fixed: Fixed,
    shared: Floats,
    own: Floats,
    sd: Floats,
    own_sd: Floats,
    sigma: float,
) -> Found:
    """Integrate every linear coefficient out of whitened `left` (S, T).

    Args:
        shared: (Pd, S, T), own: (Kd, S, T): dynamic columns, whitened; after the fixed ones.
        sd: (P + Pd,), own_sd: (K + Kd,) prior standard deviations; sigma of a whitened residual.

    Returns:
        Found; its value is -inf where the precision has no factor.
    """
    count, dates = left.shape
    still, moving = len(fixed.gram), len(shared)
    size, width = still + moving, len(own_sd)
    shocks = dates if fixed.common > 0.0 and count > 1 else 0
    whole = size + shocks
    noise = sigma * sigma * (1.0 - fixed.common)
    shock = sigma * sigma * fixed.common
    if not shocks:
        noise = sigma * sigma
    scale = 1.0 / noise

    precision = np.zeros((whole, whole))
    moment = np.zeros(whole)
    for p in range(still):
        for q in range(p + 1):
            precision[p, q] = fixed.gram[p, q] * scale
        for s in range(count):
            moment[p] += dot(fixed.shared[s, p], left[s]) * scale
        for t in range(shocks):
            precision[size + t, p] = fixed.by_date[p, t] * scale
    for m in range(moving):
        p = still + m
        for s in range(count):
            row = shared[m, s]
            moment[p] += dot(row, left[s]) * scale
            for q in range(still):
                precision[p, q] += dot(row, fixed.shared[s, q]) * scale
            for k in range(m + 1):
                precision[p, still + k] += dot(row, shared[k, s]) * scale
            for t in range(shocks):
                precision[size + t, p] += row[t] * scale
    for p in range(size):
        precision[p, p] += 1.0 / (sd[p] * sd[p])
    for t in range(shocks):
        precision[size + t, size + t] = count * scale + 1.0 / shock
        for s in range(count):
            moment[size + t] += left[s, t] * scale

    # Own coefficients, series by series.
    columns = np.empty((count, width, dates))
    root = np.zeros((count, width, width))
    half = np.zeros((count * width, whole))
    known = np.zeros(count * width)
    log_own = 0.0
    fits = True
    fresh = len(own)
    for s in range(count if width else 0):
        block = np.zeros((width, width))
        rhs = np.empty(width)
        cross = np.zeros((width, whole))
        for k in range(width):
            columns[s, k] = fixed.own[s, k] if k < width - fresh else own[k - width + fresh, s]
        cross[:, :still] = np.dot(columns[s], fixed.shared[s].T)
        for k in range(width):
            row = columns[s, k]
            rhs[k] = dot(row, left[s]) * scale
            for j in range(k + 1):
                block[k, j] = dot(row, columns[s, j]) * scale
            block[k, k] += 1.0 / (own_sd[k] * own_sd[k])
            for m in range(moving):
                cross[k, still + m] = dot(row, shared[m, s])
            for t in range(shocks):
                cross[k, size + t] = row[t]
        fits = fits and cholesky(block)
        if not fits:
            break
        for k in range(width):
            log_own += math.log(block[k, k])
        root[s] = lower_inverse(block)
        for k in range(width):
            at = s * width + k
            for j in range(k + 1):
                known[at] += root[s, k, j] * rhs[j]
                add(half[at], root[s, k, j] * scale, cross[j])
    if width and fits:
        precision -= np.dot(half.T, half)
        moment -= np.dot(half.T, known)
    fits = fits and cholesky(precision)
    by_shared = np.zeros((moving, count, dates))
    by_own = np.zeros((fresh, count, dates))
    pull = np.zeros((count, dates))
    residual = np.zeros((count, dates))
    own_mean = np.zeros((count, width))
    lean = np.zeros((count, width, whole))
    by_width, by_own_width = np.zeros(size), np.zeros(width)
    if not fits:
        return Found(
            -np.inf, pull, by_shared, by_own, 0.0, by_width, by_own_width,
            moment, own_mean, residual, precision, root, lean,
        )  # fmt: skip

    inverse_root = lower_inverse(precision)
    mean = np.dot(inverse_root.T, np.dot(inverse_root, moment))
    value = fixed.log_root - log_own - 0.5 * count * dates * (math.log(noise) + _LOG_2PI)
    quadratic = 0.0
    for p in range(whole):
        value -= math.log(precision[p, p])
    for p in range(size):
        value -= math.log(sd[p])
        by_width[p] = mean[p] * mean[p] / (sd[p] * sd[p]) - 1.0
        quadratic += mean[p] * mean[p] / (sd[p] * sd[p])
    for k in range(width):
        value -= count * math.log(own_sd[k])
    if shocks:
        value -= 0.5 * dates * math.log(shock)
        quadratic += dot(mean[size:], mean[size:]) / shock

    spread_pull = 0.0
    summed = np.zeros(dates)
    for s in range(count):
        rest = residual[s]
        rest[:] = left[s]
        for p in range(still):
            add(rest, -mean[p], fixed.shared[s, p])
        for m in range(moving):
            add(rest, -mean[still + m], shared[m, s])
        for k in range(width):
            at = s * width
            for j in range(k, width):
                own_mean[s, k] += root[s, j, k] * (known[at + j] - dot(half[at + j], mean))
                add(lean[s, k], root[s, j, k], half[at + j])
            add(rest, -own_mean[s, k], columns[s, k])
            unit = own_mean[s, k] / own_sd[k]
            quadratic += unit * unit
            by_own_width[k] += unit * unit - 1.0
        for t in range(dates):
            away = rest[t] - (mean[size + t] if shocks else 0.0)
            quadratic += away * away * scale
            pull[s, t] = away * scale
            summed[t] += pull[s, t]
        spread_pull += dot(pull[s], pull[s])
    if shocks:
        spread_pull = (1.0 - fixed.common) * spread_pull + fixed.common * dot(summed, summed)
    value -= 0.5 * quadratic

    # Posterior covariances, for the gradient: shared with shocks; own; between them (-joint).
    freedom = float(count * dates)
    if moving or width:
        inverse = np.dot(inverse_root.T, inverse_root)
        for p in range(size):
            by_width[p] += inverse[p, p] / (sd[p] * sd[p])
            freedom -= 1.0 - inverse[p, p] / (sd[p] * sd[p])
    else:
        inverse = inverse_root
        for p in range(size):
            variance = 0.0
            for q in range(p, size):
                variance += inverse_root[q, p] * inverse_root[q, p]
            by_width[p] += variance / (sd[p] * sd[p])
            freedom -= 1.0 - variance / (sd[p] * sd[p])
    joint = lean.reshape(count * width, whole)
    if width:
        joint = np.dot(joint, inverse)
    for s in range(count if width else 0):
        at = s * width
        for k in range(width):
            for j in range(width):
                if j != k and k < width - fresh:
                    continue
                covariance = dot(joint[at + k], lean[s, j])
                for i in range(max(j, k), width):
                    covariance += root[s, i, j] * root[s, i, k]
                if j == k:
                    ratio = covariance / (own_sd[k] * own_sd[k])
                    by_own_width[k] += ratio
                    freedom -= 1.0 - ratio
                if k >= width - fresh:
                    add(by_own[k - width + fresh, s], -covariance * scale, columns[s, j])
        for f in range(fresh):
            k = width - fresh + f
            out = by_own[f, s]
            add(out, own_mean[s, k], pull[s])
            for p in range(still):
                add(out, joint[at + k, p] * scale, fixed.shared[s, p])
            for m in range(moving):
                add(out, joint[at + k, still + m] * scale, shared[m, s])
            if shocks:
                add(out, scale, joint[at + k, size:])
    for m in range(moving):
        p = still + m
        for s in range(count):
            out = by_shared[m, s]
            add(out, mean[p], pull[s])
            for q in range(still):
                add(out, -inverse[p, q] * scale, fixed.shared[s, q])
            for k in range(moving):
                add(out, -inverse[p, still + k] * scale, shared[k, s])
            for k in range(width):
                add(out, joint[s * width + k, p] * scale, columns[s, k])
            if shocks:
                add(out, -scale, inverse[p, size:])
    return Found(
        value, pull, by_shared, by_own, sigma * sigma * spread_pull - freedom,
        by_width, by_own_width, mean, own_mean, residual, precision, root, lean,
    )  # fmt: skip
