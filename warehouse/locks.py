"""One writer at a time: locks that the operating system frees when their holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import LakeBusyError, printable
from warehouse.lake import Lake

_POLL_SECONDS = 0.1


@contextmanager
def holding(lake: Lake, name: str, timeout: float) -> Iterator[int]:
    """Hold the lake's lock `name` (`warehouse`, `publication`, `landing-<source>`).

    The lock is flock(2) on a file descriptor, which is yielded. A child process that inherits it
    (`subprocess.run(..., pass_fds=[fd])`) keeps the lock until it ends, so when its parent is
    killed, no second writer starts beside the orphan. Nothing is ever left to unlock by hand.

    Raises:
        LakeBusyError: somebody else held it for longer than `timeout` seconds.
    """
    lake.ensure()
    busy = LakeBusyError(
        f"another run has held the {name} lock for {timeout:g} s",
        where=printable(lake.root),
        remedy="Wait for it to end (`liftcast status` shows what runs), then run again",
    )
    with alone(lake.root / f".{name}.lock", timeout, busy) as handle:
        yield handle


@contextmanager
def alone(file: Path, timeout: float, busy: LakeBusyError) -> Iterator[int]:
    """Hold a lock file, made where it is missing, as `holding` does; its descriptor.

    Raises:
        LakeBusyError: `busy`; somebody else held it for longer than `timeout` seconds.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise busy from error
                time.sleep(_POLL_SECONDS)
        yield handle
    finally:
        os.close(handle)
