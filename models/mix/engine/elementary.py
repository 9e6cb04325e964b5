"""Logarithms and exponentials of whole rows, compiled to run four at a time.

Those of the C library come one by one, and are half of a gradient's time. Here the same is done in
plain arithmetic that a compiler can take side by side; both are right to two units in the last
place (`tests/models/mix/engine/test_elementary.py`). Sources: Muller (2016), Elementary functions,
ch. 11; Tang (1989, 1990) for the reductions.
"""

from __future__ import annotations

import numpy as np

from models.mix.engine.compiling import compiled
from models.mix.frames import Floats

#: Bits of sqrt(1/2): mantissas are taken from there to sqrt(2).
_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)
_EXPONENT = np.int64(~((1 << 52) - 1))
#: 1.5 * 2^52: a number added to it shows its integer part in the last bits.
_ROUND = 6755399441055744.0
_ROUND_BITS = np.int64(0x4338000000000000)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2_E = 1.4426950408889634
_MOST = 709.0


@compiled
def log_row(x: Floats, out: Floats) -> None:
    """Natural logarithms of positive, finite, normal numbers; x and out are contiguous."""
    size = len(x)
    bits = x.view(np.int64)
    power, part = np.empty(size, np.int64), np.empty(size, np.int64)
    for i in range(size):
        off = bits[i] - _ROOT_HALF
        power[i] = (off >> 52) + _ROUND_BITS
        part[i] = bits[i] - (off & _EXPONENT)
    exponent, mantissa = power.view(np.float64), part.view(np.float64)
    for i in range(size):
        k = exponent[i] - _ROUND
        f = mantissa[i] - 1.0
        s = f / (2.0 + f)
        z = s * s
        # log(1 + f) = 2 atanh(s) = f - s (f - z (2/3 + 2/5 z + ...)), which keeps small f exact.
        tail = 2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21 + z * 2 / 23)))
        tail = 2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * tail)))
        tail = z * (2 / 3 + z * (2 / 5 + z * tail))
        out[i] = k * _LN2_HIGH + (f - (s * (f - tail) - k * _LN2_LOW))


@compiled
def exp_row(x: Floats, out: Floats) -> None:
    """Exponentials; numbers beyond +-709 count as that. x and out are contiguous."""
    size = len(x)
    shifted, scale = np.empty(size), np.empty(size, np.int64)
    for i in range(size):
        shifted[i] = min(max(x[i], -_MOST), _MOST) * _LOG2_E + _ROUND
    bits = shifted.view(np.int64)
    for i in range(size):
        scale[i] = (bits[i] - _ROUND_BITS + 1023) << 52
    power = scale.view(np.float64)
    for i in range(size):
        k = shifted[i] - _ROUND
        r = (min(max(x[i], -_MOST), _MOST) - k * _LN2_HIGH) - k * _LN2_LOW
        p = 1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600 + r / 6227020800))
        p = 1 / 720 + r * (1 / 5040 + r * (1 / 40320 + r * (1 / 362880 + r * p)))
        p = r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * p))))
        out[i] = (1.0 + p) * power[i]
