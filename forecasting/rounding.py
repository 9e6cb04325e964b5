"""Whole cents that sum to what they have to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting.grid import Floats

Cents = npt.NDArray[np.int64]


def rounded_to(whole: Cents, parts: Floats) -> Cents:
    """Whole numbers near `parts` (k, ...) that sum to `whole` (...), by largest remainder.

    >>> rounded_to(np.array([10]), np.array([[3.4], [3.3], [3.3]])).ravel().tolist()
    [4, 3, 3]
    """
    # What binary fractions leave behind the sixth digit is no remainder.
    steady = np.round(parts, 6)
    floor = np.floor(steady).astype(np.int64)
    left = whole - floor.sum(axis=0)
    # Parts of nothing have no remainder: they come last and stay nothing.
    order = np.argsort(np.argsort(-(steady - floor), axis=0, kind="stable"), axis=0)
    out = floor + (order < left)
    rest = whole - out.sum(axis=0)
    largest = np.abs(steady).argmax(axis=0)
    np.put_along_axis(out, largest[None], np.take_along_axis(out, largest[None], 0) + rest, 0)
    return np.asarray(out)
