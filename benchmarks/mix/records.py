"""Results as JSON lines, one a fit: appended whole, read back, never rewritten."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the results folder, since two runs at once would share files and spoil the seconds.

    Raises:
        RuntimeError: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"{folder}: another run of the benchmark is going on") from None
        yield


def append(path: Path, record: dict[str, Any]) -> None:
    """Add one line and force it to the disk; a torn line before it is closed first."""
    line = json.dumps(record, default=float, allow_nan=True) + "\n"
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = "\n" + line
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines; a line that a kill tore is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def latest(records: list[dict[str, Any]], versions: dict[str, str]) -> pd.DataFrame:
    """The last record of each (size, seed, side) made by the code of today, scores as columns.

    Args:
        versions: the word for today's code, by side.
    """
    rows = {}
    for record in records:
        if versions.get(record["side"]) == record["version"]:
            rows[record["size"], record["seed"], record["side"]] = record
    flat = [
        {
            **{name: record[name] for name in ("size", "seed", "side", "usual", "status", "cap")},
            **{name: record["measured"][name] for name in ("wall", "cpu", "peak_mb")},
            **{f"floor_{name}": value for name, value in record["floors"].items()},
            **(record["scores"] or {}),
            "divergences": record["diagnostics"].get("divergences"),
        }
        for record in rows.values()
    ]
    return pd.DataFrame(flat)
