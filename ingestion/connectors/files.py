"""Files: found, opened, checked and written to the scratch folder as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.connectors.addresses import Address, addresses
from ingestion.connectors.delimited import Delimited
from ingestion.connectors.lines import blocks
from ingestion.connectors.opening import opened
from ingestion.connectors.scratch import TextWriter, distinct
from ingestion.extract import Extract, Part
from ingestion.mapping import FileInput, LoadedMapping
from warehouse.errors import printable


def extract(
    mapping: LoadedMapping,
    name: str,
    scratch: Path,
    *,
    start: date | None = None,
    end: date | None = None,
    state: Mapping[str, Any],
    say: Callable[[str], None],
) -> Extract:
    """Read every file of an input (see `ingestion.connectors.extract`); files know no days."""
    declared = mapping.spec.files[name]
    parts: list[Part] = []
    columns: tuple[str, ...] = ()
    for number, address in enumerate(addresses(mapping, name)):
        label = f"{mapping.spec.source}, {printable(name, 60)} ({printable(address.shown, 200)})"
        say(f"{mapping.spec.source}: reading {printable(address.shown, 200)}")
        found, part = _read(address, label, declared, scratch / f"{name}-{number}.parquet")
        columns = columns or found
        parts.append(part)
    return Extract(name, columns, tuple(parts))


def _read(
    address: Address, label: str, declared: FileInput, target: Path
) -> tuple[tuple[str, ...], Part]:
    with opened(address, label, declared.compression) as source:
        text = Delimited(
            blocks(source.plain, declared.encoding, label), label, declared.delimiter or ","
        )
        distinct(text.header, label)
        with TextWriter(target, text.header) as writer:
            for cells, numbers in text.rows():
                writer.write(cells, numbers)
        file_hash = source.finish()
    part = Part(label, file_hash, writer.scan, writer.rows, source.check_unchanged)
    return text.header, part
