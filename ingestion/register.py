"""What the lake remembers of a source: its mapping, its columns, and where its cursors stand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion import plain_yaml
from ingestion.mapping import LoadedMapping
from ingestion.partitions import write_if_changed
from ingestion.wording import quoted
from warehouse.errors import SourceError, printable
from warehouse.lake import Lake


@dataclass(frozen=True)
class Registered:
    """A source as its last landing left it.

    Args:
        columns: source columns by input; empty before the first landing.
        mapping_path: of the mapping that landed it; empty where unknown.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mapping_path: str = ""
    mapping_hash: str = ""


def path_of(lake: Lake, source: str) -> Path:
    return lake.sources / f"{source}.json"


def state_path(lake: Lake, source: str) -> Path:
    # In a folder of its own: what stands in `sources/` is a register.
    return lake.sources / "state" / f"{source}.json"


def read(lake: Lake, source: str) -> Registered:
    """What is known of a source; nothing where it never landed or its register is damaged."""
    record = _object(path_of(lake, source))
    inputs = record.get("inputs")
    return Registered(
        {str(k): tuple(map(str, v)) for k, v in inputs.items()} if isinstance(inputs, dict) else {},
        str(record.get("mapping_path", "")),
        str(record.get("mapping_hash", "")),
    )


def write(
    lake: Lake, mapping: LoadedMapping, mapping_path: Path, columns: Mapping[str, tuple[str, ...]]
) -> None:
    """Remember a source. The file stays as it is where nothing changed."""
    spec = mapping.spec
    record = {
        "source": spec.source,
        "description": spec.description,
        "reporting_currency": spec.reporting_currency,
        "mapping_hash": mapping.hash,
        "mapping_path": _absolute(mapping_path),
        "tables": sorted({table.table for table in spec.tables}),
        "inputs": {name: list(found) for name, found in sorted(columns.items())},
    }
    content = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    write_if_changed(path_of(lake, spec.source), content.encode())


def read_state(lake: Lake, source: str) -> dict[str, dict[str, Any]]:
    """State by input, as the extracts of the last landing asked.

    Raises:
        SourceError: the file is damaged. A cursor that is lost would pull a source again from
            its first day, so nobody decides that silently.
    """
    path = state_path(lake, source)
    if not path.exists():
        return {}
    record = _object(path)
    if not record or not all(isinstance(state, dict) for state in record.values()):
        raise SourceError(
            "the state of the source is damaged",
            where=printable(path),
            expected="a JSON object of inputs",
            remedy="Remove the file to pull the source again from its first day",
        )
    return record


def write_state(lake: Lake, source: str, states: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep the states of inputs that have one; called once their rows stand in the lake."""
    kept = read_state(lake, source) | {name: dict(s) for name, s in states.items() if s}
    if kept:
        content = json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
        write_if_changed(state_path(lake, source), content.encode())


def refuse_another_mapping(known: Registered, mapping: LoadedMapping, mapping_path: Path) -> None:
    """Refuse a second mapping of one source: the two would replace each other's days.

    A mapping that was moved or copied unchanged, or whose former file is gone or now names
    another source, is the same mapping in another place.

    Raises:
        SourceError: the registered mapping still stands and says something else.
    """
    path, before = _absolute(mapping_path), known.mapping_path
    if before in ("", path) or mapping.hash == known.mapping_hash:
        return
    try:
        tree = plain_yaml.parse(Path(before).read_bytes())
    except (OSError, plain_yaml.NotPlainError):
        return
    if not isinstance(tree, dict) or tree.get("source") != mapping.spec.source:
        return
    raise SourceError(
        f"another mapping has the source name {quoted(mapping.spec.source)}",
        where=printable(mapping_path, 200),
        got=f"rows landed by {printable(before, 200)}",
        remedy="Give one of them another `source`; or remove the older mapping if this one "
        "replaces it",
    )


def _absolute(path: Path) -> str:
    # Links are kept: `releases/current/sources/shop.yml` is one place through all releases.
    return os.path.abspath(path)  # noqa: PTH100


def _object(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
