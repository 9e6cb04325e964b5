from __future__ import annotations

import os
import sys
import time

import psutil
import pytest
from measuring import measure


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


BUSY = "import time; end = time.process_time() + {}\nwhile time.process_time() < end: pass"


def test_cpu_counts_children_and_grandchildren(tmp_path):
    inner = BUSY.format(0.4)
    middle = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    done = measure(
        python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {middle!r}])"),
        cap=60,
        log=tmp_path / "log",
    )
    assert done.code == 0
    assert not done.capped
    assert 0.4 <= done.cpu < 3
    assert done.wall >= 0.4


def test_peak_memory_adds_up_the_tree(tmp_path):
    held = "x = bytearray(150_000_000); import time; time.sleep(0.8)"
    two = (
        "import subprocess, sys\n"
        f"a = [subprocess.Popen([sys.executable, '-c', {held!r}]) for _ in range(2)]\n"
        "[p.wait() for p in a]"
    )
    done = measure(python(two), cap=60, log=tmp_path / "log")
    assert 300 < done.peak_mb < 420


def test_a_command_past_its_cap_is_ended_with_its_children(tmp_path):
    mark = tmp_path / "child"
    child = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    text = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)"
    )
    start = time.monotonic()
    done = measure(python(text), cap=1.5, log=tmp_path / "log")
    assert done.capped
    assert done.code == -9
    assert time.monotonic() - start < 10
    left = int(mark.read_text())
    deadline = time.monotonic() + 5
    while psutil.pid_exists(left) and time.monotonic() < deadline:
        if psutil.Process(left).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
    assert psutil.pid_exists(os.getpid())


def test_what_a_failing_command_said_is_kept(tmp_path):
    done = measure(python("print('why'); raise SystemExit(3)"), cap=60, log=tmp_path / "log")
    assert done.code == 3
    assert done.said == "why"


def test_a_missing_command_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        measure([str(tmp_path / "none")], cap=5, log=tmp_path / "log")
