"""Products of rows of numbers, compiled to run four at a time."""

from __future__ import annotations

from models.mix.engine.compiling import reordered
from models.mix.frames import Floats


@reordered
def dot(a: Floats, b: Floats) -> float:
    """Inner product of two rows."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@reordered
def add(out: Floats, factor: float, a: Floats) -> None:
    """out += factor * a."""
    for i in range(len(a)):
        out[i] += factor * a[i]
