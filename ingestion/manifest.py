"""The manifest: one line for each change of a partition, one for each landing of a table."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ingestion.partitions import write_if_changed
from warehouse.files import disk_errors
from warehouse.lake import Lake

# The fields of every line, in order. `kind` is new or restated (of one partition), or confirmed
# (of a whole table, once a landing: its totals, and the proof that the source was seen).
EMPTY: dict[str, Any] = {
    "source": "",
    "table": "",
    "date_day": "",
    "kind": "",
    "file_hash": "",
    "previous_file_hash": "",
    "previous_hash": "",
    "content_hash": "",
    "money": "",
    "money_change": "",
    "previous_rows": 0,
    "rows_read": 0,
    "rows_kept": 0,
    "rows_rejected": 0,
    "last_day": "",
    "landed_at": "",
    "run_id": "",
}

# Fields that a line of any release has.
_ALWAYS = {"source", "table", "date_day", "kind", "content_hash"}


def path_of(lake: Lake, table: str, source: str) -> Path:
    return lake.manifest / table / f"{source}.jsonl"


def read(path: Path) -> list[dict[str, Any]]:
    """Lines of a manifest, oldest first; a line torn by a kill is passed over."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.keys() >= _ALWAYS:
            records.append(EMPTY | record)
    return records


def latest(path: Path) -> dict[str, dict[str, Any]]:
    """The newest change of each partition, by day."""
    return {record["date_day"]: record for record in read(path) if record["kind"] != "confirmed"}


def append(path: Path, records: list[dict[str, Any]]) -> None:
    """Append lines; the caller holds the source's lock.

    A torn line at the end is cut off first, and lines that do not fit on a full disk are taken
    back, so that readers only ever see whole lines but for the moment of a kill.
    """
    text = "".join(json.dumps(EMPTY | record, ensure_ascii=True) + "\n" for record in records)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as handle:
            handle.seek(0)
            whole = handle.read().rfind(b"\n") + 1
            handle.truncate(whole)
            try:
                handle.write(text.encode())
                handle.flush()
                os.fsync(handle.fileno())
            except OSError:
                os.ftruncate(handle.fileno(), whole)
                raise


def write_contract_line(lake: Lake) -> None:
    """One line with every field, so that a glob over the manifest always matches."""
    line = EMPTY | {
        "source": "_contract",
        "table": "_contract",
        "date_day": "all",
        "kind": "confirmed",
        "landed_at": "1970-01-01T00:00:00+00:00",
    }
    write_if_changed(path_of(lake, "_contract", "_contract"), json.dumps(line).encode() + b"\n")
