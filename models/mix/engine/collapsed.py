"""What integrating the linear part out takes and gives, and the factors that it needs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.mix.engine.compiling import compiled
from models.mix.engine.rows import add, dot
from models.mix.frames import Floats


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
def nowhere(series: int, dates: int, moving: int, fresh: int, size: int, width: int) -> Found:
    """What is found where the precision has no factor: a value of -inf, and zeros."""
    empty = np.zeros((series, width, 0))
    return Found(
        -np.inf, np.zeros((series, dates)), np.zeros((moving, series, dates)),
        np.zeros((fresh, series, dates)), 0.0, np.zeros(size), np.zeros(width), np.zeros(size),
        np.zeros((series, width)), np.zeros((series, dates)), np.zeros((0, 0)), empty, empty,
    )  # fmt: skip


#: Larger matrices are factored in blocks of this size, most of the work by the linear-algebra
#: library.
_BLOCK = 48


@compiled
def cholesky(matrix: Floats) -> bool:
    """Lower Cholesky factor in place of the lower triangle (upper zeroed); False: there is none."""
    size = len(matrix)
    for begin in range(0, size, _BLOCK):
        end = min(begin + _BLOCK, size)
        block = matrix[begin:end, begin:end].copy()
        if begin > 0:
            above = np.ascontiguousarray(matrix[begin:end, :begin])
            block -= np.dot(above, above.T)
        if not _root(block):
            return False
        matrix[begin:end, begin:end] = block
        matrix[begin:end, end:] = 0.0
        if end < size:
            below = matrix[end:, begin:end].copy()
            if begin > 0:
                below -= np.dot(np.ascontiguousarray(matrix[end:, :begin]), above.T)
            matrix[end:, begin:end] = np.dot(below, _inverse(block).T)
    return True


@compiled
def _root(matrix: Floats) -> bool:
    """`cholesky`, number by number."""
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
    if size <= _BLOCK:
        return _inverse(root)
    out = np.zeros((size, size))
    for begin in range(0, size, _BLOCK):
        end = min(begin + _BLOCK, size)
        block = _inverse(root[begin:end, begin:end].copy())
        out[begin:end, begin:end] = block
        if begin > 0:
            before = np.dot(
                np.ascontiguousarray(root[begin:end, :begin]),
                np.ascontiguousarray(out[:begin, :begin]),
            )
            out[begin:end, :begin] = -np.dot(block, before)
    return out


@compiled
def lower_gram(columns: Floats) -> Floats:
    """Lower triangle (by blocks) of columns' inner products, (P, P) from (rows, P)."""
    size = columns.shape[1]
    across = np.ascontiguousarray(columns.T)
    out = np.zeros((size, size))
    for begin in range(0, size, _BLOCK):
        end = min(begin + _BLOCK, size)
        out[begin:end, :end] = np.dot(across[begin:end], across[:end].T)
    return out


@compiled
def _inverse(root: Floats) -> Floats:
    """`lower_inverse`, number by number."""
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
def joined(still: Floats, moving: Floats) -> Floats:
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
