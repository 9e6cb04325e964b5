"""An append-only log whose lines hold each other: a line changed, moved or taken out shows.

Each line is one JSON object with the hash of the line before it (`prev`) and its own (`hash`,
SHA-256 over the rest). Whoever can write the file can also write it anew from the start: keep a
`hash` somewhere else (a receipt), and `Journal.read` of a rewritten file does not hold it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse.errors import LakeBusyError, LiftcastError, printable
from warehouse.files import disk_errors, flush
from warehouse.locks import alone

FIRST = "0" * 64
#: Clocks of machines that share a folder differ by as much.
_CLOCK_SLACK = 5.0
Event = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """What a journal holds: events up to the first line that does not follow, and what is wrong.

    `torn` is the last line of a writer that was killed in the middle: it never happened.
    """

    events: tuple[Event, ...]
    problem: str | None
    torn: bytes
    length: int

    @property
    def head(self) -> str:
        """Hash of the last event; 64 zeros where there is none."""
        return str(self.events[-1]["hash"]) if self.events else FIRST


@dataclass(frozen=True)
class Journal:
    """The log `path`; its lock is `.lock` in the same folder."""

    path: Path

    @contextmanager
    def writing(self, timeout: float = 60) -> Iterator[None]:
        """Hold the journal's folder: one writer at a time; freed when the holder dies.

        Raises:
            LakeBusyError: somebody else held it for longer than `timeout` seconds.
        """
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        busy = LakeBusyError(
            f"somebody else has written here for {timeout:g} s",
            where=printable(self.path.parent),
            remedy="Wait for it to end, then run again",
        )
        with alone(self.path.parent / ".lock", timeout, busy):
            yield

    def read(self) -> Reading:
        """Every event, each checked against the one before."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return Reading((), None, b"", 0)
        body, _, torn = data.rpartition(b"\n")
        length = len(data) - len(torn)
        lines = body.split(b"\n") if body or data.startswith(b"\n") else []
        events: list[Event] = []
        before = FIRST
        for number, line in enumerate(lines, start=1):
            wrong = _wrong(line, number, before)
            if wrong:
                place = f"{self.path.name}, line {number}"
                return Reading(tuple(events), f"{place}: {wrong}", torn, length)
            events.append(json.loads(line))
            before = events[-1]["hash"]
        return Reading(tuple(events), None, torn, length)

    def append(
        self,
        reading: Reading,
        fields: Mapping[str, Any],
        check: Callable[[Event], object] | None = None,
    ) -> Event:
        """Add one event after those of `reading`, on disk when this returns; return it.

        `check` is given the event as it will stand, and may refuse it by an error.

        Call it while `writing`, with a reading made since. `at` is never before the event before:
        where the clock says so, `clock_at` is what it says.

        Raises:
            LiftcastError: the journal is damaged, or has grown since it was read.
        """
        if reading.problem:
            raise LiftcastError(
                "the journal is damaged and takes no more events",
                where=printable(self.path), got=reading.problem,
                remedy="Put it back from a backup",
            )  # fmt: skip
        if reading.torn:
            self._cut(reading.torn)
            lost = {"event": "repaired", "torn_bytes": len(reading.torn), "by": fields.get("by")}
            self._write(reading, lost, None)
            reading = self.read()
        return self._write(reading, fields, check)

    def _write(
        self,
        reading: Reading,
        fields: Mapping[str, Any],
        check: Callable[[Event], object] | None,
    ) -> Event:
        event = dict(fields) | {"seq": len(reading.events) + 1, "prev": reading.head}
        event |= _moment(reading)
        event["hash"] = _hash(event)
        if check is not None:
            check(event)
        line = _canonical(event) + b"\n"
        with disk_errors(self.path):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                size = os.fstat(handle).st_size
                if size != reading.length:
                    raise LiftcastError(
                        "somebody else has written meanwhile", where=printable(self.path),
                        remedy="Run again",
                    )  # fmt: skip
                try:
                    written = os.write(handle, line)
                    if written != len(line):
                        raise OSError(28, "No space left on device")
                    os.fsync(handle)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(handle, size)
                    raise
            finally:
                os.close(handle)
            if not reading.events:
                flush(self.path.parent)
        return event

    def _cut(self, torn: bytes) -> None:
        """Take the torn line out of the log, after putting it aside."""
        with disk_errors(self.path):
            aside = self.path.parent / "unfinished"
            aside.mkdir(exist_ok=True)
            name = f"{self.path.stem}-{hashlib.sha256(torn).hexdigest()[:12]}.part"
            (aside / name).write_bytes(torn)
            handle = os.open(self.path, os.O_RDWR)
            try:
                os.ftruncate(handle, os.fstat(handle).st_size - len(torn))
                os.fsync(handle)
            finally:
                os.close(handle)


def _canonical(event: Mapping[str, Any]) -> bytes:
    text = json.dumps(event, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def _hash(event: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in event.items() if key != "hash"}
    return hashlib.sha256(_canonical(rest)).hexdigest()


def _wrong(line: bytes, number: int, before: str) -> str | None:
    try:
        event = json.loads(line)
        if not isinstance(event, dict) or _canonical(event) != line:
            return "not as it was written"
    except (ValueError, RecursionError):
        return "not as it was written"
    if event.get("hash") != _hash(event):
        return "its content is not what its hash says"
    if event.get("prev") != before:
        return "the event before it is not the one it was written after"
    if event.get("seq") != number:
        return f"it says it is event {printable(event.get('seq'), 20)}"
    return None


def _moment(reading: Reading) -> dict[str, str]:
    now = datetime.now(UTC)
    said = now.isoformat(timespec="seconds")
    if not reading.events:
        return {"at": said}
    last = str(reading.events[-1]["at"])
    behind = (datetime.fromisoformat(last) - now).total_seconds()
    if behind <= 0:
        return {"at": said}
    return {"at": last} if behind <= _CLOCK_SLACK else {"at": last, "clock_at": said}
