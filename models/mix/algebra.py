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
def _joined(still: Floats, moving: Floats) -> Floats:
    """Fixed (S, P, T) and dynamic (Pd, S, T) columns as one (S, P + Pd, T)."""
    if not len(moving):
        return still
    series, size, dates = still.shape
    out = np.empty((series, size + len(moving), dates))
    for s in range(series):
        out[s, :size] = still[s]
        for m in range(len(moving)):
            out[s, size + m] = moving[m, s]
    return out


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
    held = 0.0
    for s in range(series):
        for k in range(width):
            at, new = s * width + k, k - width + fresh
            for j in range(width):
                if j != k and new < 0:
                    continue
                covariance = dot(joint[at], lean[s, j])
                for i in range(max(j, k), width):
                    covariance += root[s, i, j] * root[s, i, k]
                if j == k:
                    ratio = covariance / (own_sd[k] * own_sd[k])
                    by_own_width[k] += ratio
                    held += 1.0 - ratio
                if new >= 0:
                    add(by_own[new, s], -covariance * scale, columns[s, j])
            if new >= 0:
                out = by_own[new, s]
                add(out, own_mean[s, k], pull[s])
                for p in range(size):
                    add(out, joint[at, p] * scale, shared[s, p])
                if joint.shape[1] > size:
                    add(out, scale, joint[at, size:])
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
def _collapse_stacked(
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
    z, x = _joined(fixed.shared, shared), _joined(fixed.own, own)
    precision, moment = _stacked(left, fixed, z, x, sd, own_sd, scale, tie)
    whole = len(moment)
    pull, residual = np.zeros((series, dates)), np.zeros((series, dates))
    by_shared = np.zeros((len(shared), series, dates))
    by_own = np.zeros((len(own), series, dates))
    by_width, by_own_width = np.zeros(size), np.zeros(width)
    nothing, none = np.zeros((series, width)), np.zeros((0, 0, 0))
    if not cholesky(precision):
        return Found(
            -np.inf, pull, by_shared, by_own, 0.0, by_width, by_own_width,
            moment, nothing, residual, precision, none, none,
        )  # fmt: skip
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
        return _collapse_stacked(left, fixed, shared, own, sd, own_sd, sigma)
    noise, shock = sigma * sigma * (1.0 - common), sigma * sigma * common
    shocks = dates if common > 0.0 else 0
    scale = 1.0 / noise
    z, x = _joined(fixed.shared, shared), _joined(fixed.own, own)
    precision, moment = _shared_precision(left, fixed, z, sd, scale, shock)
    root, half, known, log_own = np.zeros((0, 0, 0)), np.zeros((0, size)), np.zeros(0), 0.0
    if width:
        root, half, known, log_own = _own_blocks(left, x, z, own_sd, scale, shocks)
        precision -= np.dot(half.T, half)
        moment -= np.dot(half.T, known)
    pull, residual = np.zeros((series, dates)), np.zeros((series, dates))
    own_mean, lean = np.zeros((series, width)), np.zeros((series, width, size + shocks))
    by_shared = np.zeros((len(shared), series, dates))
    by_own = np.zeros((len(own), series, dates))
    by_width, by_own_width = np.zeros(size), np.zeros(width)
    if not (math.isfinite(log_own) and cholesky(precision)):
        return Found(
            -np.inf, pull, by_shared, by_own, 0.0, by_width, by_own_width,
            moment, own_mean, residual, precision, root, lean,
        )  # fmt: skip

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
