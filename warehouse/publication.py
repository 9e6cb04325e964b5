"""Publication: a folder that appears whole, then a pointer that swaps in one step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warehouse.errors import LiftcastError, printable
from warehouse.files import appearing, point, sha256_file, write_json
from warehouse.lake import Lake


def publish(
    lake: Lake, run_id: str, build: Callable[[Path], dict[str, Any]], keep: int = 10
) -> Path:
    """Let `build` fill a hidden folder, seal it with checksums, show it, swap the pointer.

    `build` gets the folder and returns what `publication.json` shall say beside the checksums.
    Killed at any moment, readers still see the previous publication, whole.
    The caller holds the `publication` lock.
    """
    folder = lake.published / run_id
    with appearing(folder) as temporary:
        facts = build(temporary)
        files = {
            str(file.relative_to(temporary)): sha256_file(file)
            for file in sorted(temporary.rglob("*"))
            if file.is_file()
        }
        write_json(temporary / "publication.json", facts | {"run_id": run_id, "files": files})
    point(lake.current, run_id)
    _forget_old(lake, keep)
    return folder


def _forget_old(lake: Lake, keep: int) -> None:
    current = lake.current.resolve()
    complete = sorted(p.parent for p in lake.published.glob("*/publication.json"))
    old = [folder for folder in complete if folder.resolve() != current and folder != lake.current]
    for folder in old[: max(0, len(old) - (keep - 1))]:
        shutil.rmtree(folder, ignore_errors=True)


def read_current(lake: Lake) -> tuple[Path, dict[str, Any]]:
    """Folder and facts of what is published now.

    Raises:
        LiftcastError: nothing is published yet.
    """
    facts = lake.current / "publication.json"
    if not facts.is_file():
        raise LiftcastError(
            "nothing is published yet",
            where=printable(lake.root),
            remedy="Run `liftcast run --sources FILE`, or `liftcast demo` for an example",
        )
    return lake.current.resolve(), json.loads(facts.read_text(encoding="utf-8"))


def verify(folder: Path) -> list[str]:
    """Compare a publication with its checksums; return what is missing, changed or extra."""
    facts = json.loads((folder / "publication.json").read_text(encoding="utf-8"))
    wanted: dict[str, str] = facts["files"]
    found = {
        str(file.relative_to(folder)): file
        for file in folder.rglob("*")
        if file.is_file() and file.name != "publication.json"
    }
    problems = [f"missing: {name}" for name in sorted(wanted.keys() - found.keys())]
    problems += [f"extra: {name}" for name in sorted(found.keys() - wanted.keys())]
    problems += [
        f"changed: {name}"
        for name in sorted(wanted.keys() & found.keys())
        if sha256_file(found[name]) != wanted[name]
    ]
    return problems
