"""Work in processes of its own: results in order, faults told, nothing left running."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from models.mix.engine.apart import apart

ENDLESS = """
import os, time
from models.mix.engine.apart import apart

def run(at):
    print(os.getpid(), flush=True)
    time.sleep(600)

apart(run, 2, cores=2)
"""


@pytest.mark.parametrize("cores", [1, 2])
def test_results_come_in_order(cores: int) -> None:
    assert apart(lambda at: at * at, 3, cores) == [0, 1, 4]


def test_each_has_a_process_of_its_own_where_there_are_cores() -> None:
    assert len({os.getpid(), *apart(lambda _: os.getpid(), 2, 2)}) == 3
    assert set(apart(lambda _: os.getpid(), 2, 1)) == {os.getpid()}


def test_a_fault_is_raised_here() -> None:
    def fail(at: int) -> int:
        raise ValueError(f"number {at}")

    with pytest.raises(ValueError, match="number 0"):
        apart(fail, 2, 2)


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(ChildProcessError, match="without a result"):
        apart(lambda _: os.kill(os.getpid(), signal.SIGKILL), 2, 2)


def test_processes_end_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while any(psutil.pid_exists(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(psutil.pid_exists(pid) for pid in children)
