"""What a command costs: wall and CPU seconds and peak memory of its whole process tree."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Seconds between two looks at the tree's memory.
STEP = 0.1


@dataclass(frozen=True)
class Measured:
    """One command, from start to end.

    Attributes:
        wall: seconds from start to end.
        cpu: user and system seconds of the command and all its descendants, imports included.
        peak_mb: greatest resident memory of the tree, in MB (10^6 bytes), looked at ten times a
            second; at least the kernel's high-water mark of its largest process. Pages that two
            processes share count twice.
        code: exit code; negative is a signal.
        capped: it was ended because its time was up.
        said: the last lines it printed.
    """

    wall: float
    cpu: float
    peak_mb: float
    code: int
    capped: bool
    said: str


def _highest(pid: int) -> float:
    """High-water mark of a live process's memory in bytes, since it became what it is now.

    The mark that the kernel hands over at a process's end is none: it keeps that of the process it
    was forked from.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "")
    return float(line.split()[1]) * 1024 if line else 0.0


def _tree(root: psutil.Process) -> tuple[float, float]:
    """CPU seconds and resident bytes of the processes that live now, ended children included."""
    cpu = resident = highest = 0.0
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0, 0.0
    for process in processes:
        try:
            times = process.cpu_times()
            resident += process.memory_info().rss
            highest = max(highest, _highest(process.pid))
        except psutil.Error:  # ended between two looks
            continue
        cpu += times.user + times.system + times.children_user + times.children_system
    return cpu, max(resident, highest)


def _watched(pid: int, until: float) -> tuple[resource.struct_rusage, int, float, float, bool]:
    """Look at a child until it ends; the kernel's account, exit code, what was seen, capped."""
    root = psutil.Process(pid)
    seen_cpu = peak = 0.0
    capped = False
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return usage, os.waitstatus_to_exitcode(status), seen_cpu, peak, capped
        cpu, resident = _tree(root)
        seen_cpu, peak = max(seen_cpu, cpu), max(peak, resident)
        if not capped and time.monotonic() > until:
            capped = True
            os.killpg(pid, signal.SIGKILL)
        time.sleep(STEP)


def measure(
    command: Sequence[str],
    *,
    cap: float,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Measured:
    """Run a command to its end or its cap; output goes to `log`.

    At the cap the command's own process group is ended, and nothing else.

    Args:
        cap: wall seconds it may take.
        log: file for what it prints.
        environment: its whole environment; by default this process's.
        folder: its working folder.

    Raises:
        FileNotFoundError: the command does not exist.
    """
    start = time.monotonic()
    with log.open("wb") as printed:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    try:
        usage, code, seen_cpu, peak, capped = _watched(child.pid, start + cap)
    except BaseException:  # the benchmark is being ended: its command with it
        os.killpg(child.pid, signal.SIGKILL)
        raise
    wall = time.monotonic() - start
    child.returncode = code
    told = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return Measured(
        wall=wall,
        cpu=max(usage.ru_utime + usage.ru_stime, seen_cpu),
        peak_mb=peak / 1e6,
        code=child.returncode,
        capped=capped,
        said="\n".join(told[-12:]),
    )
