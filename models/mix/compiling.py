"""How kernels are compiled: once a machine, then read from numba's cache; without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile by numba; sums keep their order."""
    out: F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return out


def reordered(function: F) -> F:
    """Compile by numba; sums may be taken in any order, which lets them run four at a time."""
    decorate = numba.njit(
        cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"}
    )
    out: F = decorate(function)
    return out
