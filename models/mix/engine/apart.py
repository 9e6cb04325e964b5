"""Work side by side in processes: Python's lock holds back threads that call Python often."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")


def apart(run: Callable[[int], T], count: int, cores: int | None = None) -> list[T]:
    """Results of run(0), ..., run(count - 1), each in a process of its own where there are cores.

    Processes are forked, so that they share what is in memory; where that cannot be (another
    system, a process that may have no children, one core) they run one after the other.

    Raises:
        ChildProcessError: a process ended without a result (killed, or out of memory).
        Exception: whatever run raised.
    """
    cores = cores or os.cpu_count() or 1
    alone = multiprocessing.current_process().daemon
    if cores < 2 or alone or "fork" not in multiprocessing.get_all_start_methods():
        return [run(at) for at in range(count)]
    context = multiprocessing.get_context("fork")

    parent = os.getpid()

    def send(pipe: Connection, at: int) -> None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        try:
            pipe.send((True, run(at)))
        except Exception as error:
            pipe.send((False, error))

    started = []
    for at in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=send, args=(there, at), daemon=True)
        process.start()
        there.close()
        started.append((process, here))
    found: list[T] = []
    try:
        for process, here in started:
            try:
                fine, result = here.recv()
            except EOFError:
                process.join()
                raise ChildProcessError(
                    f"a process that sampled ended without a result (code {process.exitcode}); "
                    "if memory ran out, use fewer territories or draws"
                ) from None
            if not fine:
                raise result
            found.append(result)
    finally:
        for process, here in started:
            here.close()
            if len(found) < count:
                process.terminate()
            process.join()
    return found


def _end_with(parent: int) -> None:
    """End this process once its parent is gone: killed, it could not end it itself."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
