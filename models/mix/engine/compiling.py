"""How kernels are compiled: once a machine, then read from numba's cache; without Python's lock."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
#: Sources that compiled code is made of.
KERNELS = (
    *("algebra", "collapsed", "compiling", "density", "effects", "elementary", "lift"),
    *("noise", "rows", "stacking", "transforms"),
)


def _cache_folder() -> str:
    """A folder that holds the machine code of these very sources.

    Numba looks only at the file of the function it is asked for: what that calls in another file
    could have changed since, and old machine code would go on running.
    """
    here = Path(__file__).parent
    sources = b"".join((here / f"{name}.py").read_bytes() for name in KERNELS)
    name = f"kernels-{hashlib.sha256(sources).hexdigest()[:12]}"
    beside = here / "__pycache__"
    writable = os.access(beside if beside.exists() else here, os.W_OK)
    root = beside if writable else Path(tempfile.gettempdir()) / f"liftcast-{os.getuid()}"
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in root.glob("kernels-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return str(folder)


numba.config.CACHE_DIR = _cache_folder()


def is_cold() -> bool:
    """Whether this machine has yet to compile these sources, which takes about a minute."""
    return not any(Path(numba.config.CACHE_DIR).iterdir())


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
