"""The run log: who ran what, on which inputs, with which code, and how it ended."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import structlog

from warehouse.errors import printable
from warehouse.files import disk_errors
from warehouse.lake import Lake
from warehouse.settings import PROJECT


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_run_id() -> str:
    """`YYYYMMDDTHHMMSS-<nanosecond in 8 hex>`: sorts by time, within a second too."""
    second, nanosecond = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(second, UTC):%Y%m%dT%H%M%S}-{nanosecond:08x}"


@functools.cache
def code_version() -> str:
    """The package's version and, in a git checkout, the commit (`+dirty` when changed)."""
    base = version("liftcast")
    if not (PROJECT / ".git").exists():
        return base
    try:
        commit = subprocess.run(
            ["git", "-C", str(PROJECT), "rev-parse", "--short=12", "HEAD"],
            capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
        dirty = subprocess.run(
            ["git", "-C", str(PROJECT), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return base
    return f"{base}+{commit}{'.dirty' if dirty else ''}"


@dataclass
class Run:
    """A running stage; `notes` ends up in its log line."""

    run_id: str
    stage: str
    notes: dict[str, Any] = field(default_factory=dict)


def _append(lake: Lake, record: dict[str, Any]) -> None:
    line = (json.dumps(record, sort_keys=True, default=str) + "\n").encode()
    handle = os.open(lake.runs, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        # A writer killed in the middle of its line left no line end: start a line of our own.
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def recorded(lake: Lake, stage: str, seed: int, run_id: str | None = None) -> Iterator[Run]:
    """Record a stage's start and end (ok, failed with its error) in `runs.jsonl`."""
    lake.ensure()
    run = Run(run_id or new_run_id(), stage)
    started, clock = utc_now(), time.monotonic()
    head = {
        "run_id": run.run_id,
        "stage": stage,
        "started_at": started,
        "code_version": code_version(),
        "seed": seed,
        "pid": os.getpid(),
    }
    with disk_errors(lake.runs):
        _append(lake, head | {"status": "running"})
    log = structlog.get_logger("liftcast").bind(run_id=run.run_id, stage=stage)
    log.info("stage started", lake=str(lake.root))

    def end(status: str, **more: Any) -> None:
        done = {
            "status": status,
            "finished_at": utc_now(),
            "seconds": round(time.monotonic() - clock, 2),
        }
        (log.info if status == "ok" else log.error)("stage ended", **run.notes, **done, **more)
        _append(lake, head | run.notes | done | more)

    try:
        yield run
    except BaseException as error:
        # On a full disk the log cannot be written either; the first error is the one to show.
        with suppress(OSError):
            end("failed", error=printable(error, 2000))
        raise
    end("ok")


def history(lake: Lake) -> list[dict[str, Any]]:
    """Runs, oldest first, one record each: its newest line; torn lines are passed over.

    A run whose last word is *running* while its process is gone was killed, and says so.
    """
    runs: dict[tuple[str, str], dict[str, Any]] = {}
    if not lake.runs.exists():
        return []
    for line in lake.runs.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
            runs[(record["run_id"], record["stage"])] = record
        except (ValueError, KeyError, TypeError):
            continue
    for record in runs.values():
        if record["status"] == "running" and not _alive(int(record.get("pid", 0))):
            record["status"] = "killed"
    return list(runs.values())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
