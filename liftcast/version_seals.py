"""Receipts of locked versions: `locked/<name>.seal` holds the hash of the event that locked it.

A receipt is written after its event, so a journal that does not hold it was touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from forecasting.versions.states import History, Version
from warehouse.errors import printable
from warehouse.files import write_json


def seal_of(root: Path, name: str) -> Path:
    """Where the receipt of a version lies."""
    return root / "locked" / f"{name}.seal"


def write_seal(root: Path, version: Version) -> None:
    """Write the receipt of a version whose last event locked it, read-only."""
    step = version.steps[-1]
    file = seal_of(root, version.name)
    write_json(file, {"version": version.name, "seq": step.seq, "at": step.at, "hash": step.hash})
    file.chmod(0o444)


def read_seals(root: Path) -> dict[str, str | None]:
    """Receipts of locked versions: name -> hash of the event that locked it; None: not readable."""
    found: dict[str, str | None] = {}
    for file in sorted(root.glob("locked/*.seal")):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))["hash"]
        except (OSError, ValueError, KeyError, TypeError):
            told = None
        found[file.name.removesuffix(".seal")] = told
    return found


def seal_problems(seals: Mapping[str, str | None], history: History) -> list[str]:
    """Receipts that a journal does not hold."""
    problems = []
    for name, told in seals.items():
        version = history.versions.get(name)
        held = version.steps[-1].hash if version and version.state == "locked" else None
        if held is None or told != held:
            problems.append(
                f"locked/{printable(name)}.seal says it was locked, and the journal does not hold "
                "that event"
            )
    return problems
