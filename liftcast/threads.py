"""One thread for every library that a command loads."""

from __future__ import annotations

import os


def one_thread() -> None:
    """Keep libraries from starting threads that wait for each other; call before numpy loads."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
