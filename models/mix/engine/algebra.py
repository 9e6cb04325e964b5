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

import numpy as np

from models.mix.engine.collapsed import (
    Fixed,
    Found,
    cholesky,
    joined,
    lower_gram,
    lower_inverse,
    nowhere,
)
from models.mix.engine.compiling import compiled
from models.mix.engine.rows import add, dot
from models.mix.engine.stacking import collapse_stacked, stacked
from models.mix.frames import Floats

_LOG_2PI = math.log(2.0 * math.pi)


@compiled
def _shared_precision(
    left: Floats, fixed: Fixed, shared: Floats, sd: Floats, scale: float, shock: float
) -> tuple[Floats, Floats]:
    """Precision (lower triangle) and moment of shared coefficients, then of common shocks.

    `shock` is the variance of a common shock, 0: there are none.
    """
    series, size, dates = shared.shape
    still = len(fixed.gram)
    shocks = dates if shock > 0.0 else 0
    precision, moment = np.zeros((size + shocks, size + shocks)), np.zeros(size + shocks)
    for p in range(size):
        if p < still:
            precision[p, : p + 1] = fixed.gram[p, : p + 1] * scale
            for t in range(shocks):
                precision[size + t, p] = fixed.by_date[p, t] * scale
        for s in range(series):
            row = shared[s, p]
            moment[p] += dot(row, left[s]) * scale
            if p >= still:
                for q in range(p + 1):
                    precision[p, q] += dot(row, shared[s, q]) * scale
                for t in range(shocks):
                    precision[size + t, p] += row[t] * scale
        precision[p, p] += 1.0 / (sd[p] * sd[p])
    for t in range(shocks):
        precision[size + t, size + t] = series * scale + 1.0 / shock
        for s in range(series):
            moment[size + t] += left[s, t] * scale
    return precision, moment


@compiled
def _own_blocks(
    left: Floats, columns: Floats, shared: Floats, own_sd: Floats, scale: float, shocks: int
) -> tuple[Floats, Floats, Floats, float]:
    """Own coefficients eliminated, series by series.

    Returns:
        Inverse factors of own precisions (S, K, K); these times the cross products with shared
        columns and shocks (S * K, P + shocks), and with `left` (S * K,); half the log determinant
        of own precisions, infinite where one has no factor.
    """
    series, width, _ = columns.shape
    size = shared.shape[1]
    root = np.zeros((series, width, width))
    half = np.zeros((series * width, size + shocks))
    known = np.zeros(series * width)
    log_root = 0.0
    for s in range(series):
        block, rhs = np.zeros((width, width)), np.empty(width)
        cross = np.zeros((width, size + shocks))
        cross[:, :size] = np.dot(columns[s], shared[s].T)
        if shocks:
            cross[:, size:] = columns[s]
        for k in range(width):
            rhs[k] = dot(columns[s, k], left[s]) * scale
            for j in range(k + 1):
                block[k, j] = dot(columns[s, k], columns[s, j]) * scale
            block[k, k] += 1.0 / (own_sd[k] * own_sd[k])
        if not cholesky(block):
            return root, half, known, np.inf
        root[s] = lower_inverse(block)
        for k in range(width):
            log_root += math.log(block[k, k])
            for j in range(k + 1):
                known[s * width + k] += root[s, k, j] * rhs[j]
                add(half[s * width + k], root[s, k, j] * scale, cross[j])
    return root, half, known, log_root


@compiled
def _own_gradient(
    by_own: Floats,
    by_own_width: Floats,
    pull: Floats,
    columns: Floats,
    shared: Floats,
    own_mean: Floats,
    own_sd: Floats,
    root: Floats,
    lean: Floats,
    joint: Floats,
    scale: float,
) -> float:
    """Gradient by dynamic own columns and widths; returns what the prior held of own freedom.

    With u the pull and C the posterior covariance, it is u d' - (all columns) C / noise.
    """
    series, width, _ = columns.shape
    fresh, size = len(by_own), shared.shape[1]
    held, still = 0.0, width - fresh
    for s in range(series):
        rows = joint[s * width : (s + 1) * width]
        for k in range(still):
            ratio = dot(rows[k], lean[s, k])
            for i in range(k, width):
                ratio += root[s, i, k] * root[s, i, k]
            ratio /= own_sd[k] * own_sd[k]
            by_own_width[k] += ratio
            held += 1.0 - ratio
        if fresh == 0:
            continue
        covariance = np.dot(rows[still:], lean[s].T) + np.dot(
            np.ascontiguousarray(root[s][:, still:]).T, root[s]
        )
        for f in range(fresh):
            k = still + f
            ratio = covariance[f, k] / (own_sd[k] * own_sd[k])
            by_own_width[k] += ratio
            held += 1.0 - ratio
        by = np.dot(np.ascontiguousarray(rows[still:, :size]), shared[s])
        by -= np.dot(covariance, columns[s])
        for f in range(fresh):
            out = by_own[f, s]
            add(out, own_mean[s, still + f], pull[s])
            add(out, scale, by[f])
            if joint.shape[1] > size:
                add(out, scale, rows[still + f, size:])
    return held


@compiled
def _shared_gradient(
    by_shared: Floats,
    pull: Floats,
    columns: Floats,
    shared: Floats,
    mean: Floats,
    inverse: Floats,
    joint: Floats,
    scale: float,
) -> None:
    """Gradient by dynamic shared columns, written into `by_shared` (Pd, S, T)."""
    moving, series, _ = by_shared.shape
    size, width = shared.shape[1], columns.shape[1]
    for m in range(moving):
        p = size - moving + m
        for s in range(series):
            out = by_shared[m, s]
            add(out, mean[p], pull[s])
            for q in range(size):
                add(out, -inverse[p, q] * scale, shared[s, q])
            for k in range(width):
                add(out, joint[s * width + k, p] * scale, columns[s, k])
            if len(inverse) > size:
                add(out, -scale, inverse[p, size:])


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
    series, dates = left.shape
    size, width = len(sd), len(own_sd)
    common = fixed.common if series > 1 else 0.0
    if common > 0.0 and stacked(series, dates, size, width):
        return collapse_stacked(left, fixed, shared, own, sd, own_sd, sigma)
    noise, shock = sigma * sigma * (1.0 - common), sigma * sigma * common
    shocks = dates if common > 0.0 else 0
    scale = 1.0 / noise
    z, x = joined(fixed.shared, shared), joined(fixed.own, own)
    precision, moment = _shared_precision(left, fixed, z, sd, scale, shock)
    root, half, known, log_own = np.zeros((0, 0, 0)), np.zeros((0, size)), np.zeros(0), 0.0
    if width:
        root, half, known, log_own = _own_blocks(left, x, z, own_sd, scale, shocks)
        precision -= lower_gram(half)
        moment -= np.dot(half.T, known)
    pull, residual = np.zeros((series, dates)), np.zeros((series, dates))
    own_mean, lean = np.zeros((series, width)), np.zeros((series, width, size + shocks))
    by_shared = np.zeros((len(shared), series, dates))
    by_own = np.zeros((len(own), series, dates))
    by_width, by_own_width = np.zeros(size), np.zeros(width)
    if not (math.isfinite(log_own) and cholesky(precision)):
        return nowhere(series, dates, len(shared), len(own), size, width)
    inverse_root = lower_inverse(precision)
    mean = np.dot(inverse_root.T, np.dot(inverse_root, moment))
    value = fixed.log_root - log_own - 0.5 * left.size * (math.log(noise) + _LOG_2PI)
    quadratic = 0.0
    for p in range(size + shocks):
        value -= math.log(precision[p, p])
    for p in range(size):
        unit = mean[p] / sd[p]
        value -= math.log(sd[p])
        by_width[p] = unit * unit - 1.0
        quadratic += unit * unit
    for k in range(width):
        value -= series * math.log(own_sd[k])
    if shocks:
        value -= 0.5 * dates * math.log(shock)
        quadratic += dot(mean[size:], mean[size:]) / shock

    # What is left at the conditional means.
    squares, summed = 0.0, np.zeros(dates)
    for s in range(series):
        rest = residual[s]
        rest[:] = left[s]
        for p in range(size):
            add(rest, -mean[p], z[s, p])
        for k in range(width):
            for j in range(k, width):
                at = s * width + j
                own_mean[s, k] += root[s, j, k] * (known[at] - dot(half[at], mean))
                add(lean[s, k], root[s, j, k], half[at])
            add(rest, -own_mean[s, k], x[s, k])
            unit = own_mean[s, k] / own_sd[k]
            quadratic += unit * unit
            by_own_width[k] += unit * unit - 1.0
        for t in range(dates):
            away = rest[t] - (mean[size + t] if shocks else 0.0)
            quadratic += away * away * scale
            pull[s, t] = away * scale
            summed[t] += pull[s, t]
        squares += dot(pull[s], pull[s])
    value -= 0.5 * quadratic
    squares = sigma * sigma * ((1.0 - common) * squares + common * dot(summed, summed))

    # The gradient wants posterior covariances: of shared coefficients, and joint with own ones.
    freedom = float(left.size)
    inverse = np.dot(inverse_root.T, inverse_root)
    for p in range(size):
        ratio = inverse[p, p] / (sd[p] * sd[p])
        by_width[p] += ratio
        freedom -= 1.0 - ratio
    joint = np.zeros((0, size + shocks))
    if width:
        joint = np.dot(lean.reshape(series * width, size + shocks), inverse)
        freedom -= _own_gradient(
            by_own, by_own_width, pull, x, z, own_mean, own_sd, root, lean, joint, scale
        )
    _shared_gradient(by_shared, pull, x, z, mean, inverse, joint, scale)
    return Found(
        value, pull, by_shared, by_own, squares - freedom,
        by_width, by_own_width, mean, own_mean, residual, precision, root, lean,
    )  # fmt: skip
