"""Files: found, opened, and brought as text in the scratch folder, each format by its module."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from ingestion.connectors.addresses import Address, Local, addresses
from ingestion.connectors.delimited import Delimited
from ingestion.connectors.jsonlines import read_lines
from ingestion.connectors.lines import blocks
from ingestion.connectors.opening import Source, empty, opened
from ingestion.connectors.parquet import read_parquet
from ingestion.connectors.scratch import TextWriter, distinct, identifier
from ingestion.connectors.workbooks import read_sheet
from ingestion.extract import ROW_NUMBER, Extract, Part
from ingestion.mapping import FileInput, LoadedMapping
from ingestion.wording import listed
from warehouse.errors import SourceError, printable
from warehouse.files import disk_errors

_PACKED = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".zip")
_FORMATS = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "xlsx", ".xlsm": "xlsx",
}  # fmt: skip
_BLOCK = 2**20


@dataclass(frozen=True)
class _Found:
    """A file that has been read: its format, its columns, the select of them."""

    kind: str
    columns: tuple[str, ...]
    scan: str
    rows: int
    notices: tuple[str, ...] = ()


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
    return read_files(
        addresses(mapping, name),
        mapping.spec.files[name],
        scratch,
        name=name,
        source=mapping.spec.source,
        say=say,
    )


def read_files(
    found_at: Sequence[Address],
    declared: FileInput,
    scratch: Path,
    *,
    name: str,
    source: str,
    say: Callable[[str], None] = lambda _: None,
    limit: int | None = None,
) -> Extract:
    """Read files as one input.

    Args:
        found_at: where they are, in order.
        declared: how they are written.
        scratch: folder for what the scans read.
        name, source: what errors call input and source.
        limit: look at the first rows only, this many of each file. There are no hashes then.

    Raises:
        SourceError: one cannot be read, or they have different columns.
    """
    found: list[_Found] = []
    parts: list[Part] = []
    for number, address in enumerate(found_at):
        shown = printable(address.shown, 200)
        label = f"{source}, {printable(name, 60)} ({shown})"
        if len(found_at) > 1:
            say(f"{source}: reading {shown}")
        target = scratch / f"{name}-{number}.parquet"
        compression = declared.compression
        kind = format_of(declared, address.name)
        if kind == "xlsx" and compression is None:
            # A workbook is a zip itself.
            compression = "none"
        with opened(address, label, compression) as source_file:
            one = _read(kind, address, source_file, declared=declared, target=target, limit=limit)
            file_hash = "" if limit else source_file.finish()
        found.append(one)
        parts.append(Part(label, file_hash, one.scan, one.rows, source_file.check_unchanged))
    columns = _common_columns(found, [part.label for part in parts])
    return Extract(
        name,
        columns,
        tuple(
            replace(part, scan=_in_order(one, columns))
            for part, one in zip(parts, found, strict=True)
        ),
        notices=tuple(notice for one in found for notice in one.notices),
    )


def format_of(declared: FileInput, name: str) -> str:
    """The format of a file, as declared or by its name; CSV where neither says."""
    if declared.format is not None:
        return declared.format
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return _FORMATS.get(suffixes[-1] if suffixes else "", "csv")


def _read(
    kind: str,
    address: Address,
    source: Source,
    *,
    declared: FileInput,
    target: Path,
    limit: int | None,
) -> _Found:
    label = source.label
    if kind == "jsonl":
        text = blocks(source.plain, declared.encoding, label)
        lines = read_lines(text, label, target, declared.decimal, limit)
        if not lines.rows:
            raise empty(label)
        distinct(lines.columns, label)
        return _Found(kind, lines.columns, lines.scan, lines.rows)
    if kind == "parquet":
        path = _in_place(address, source, target.with_suffix(".source.parquet"))
        parquet = read_parquet(path, label)
        rows = min(parquet.rows, limit or parquet.rows)
        return _Found(
            kind, parquet.columns, parquet.scan + (f" LIMIT {limit}" if limit else ""), rows
        )
    if kind == "xlsx":
        path = _in_place(address, source, target.with_suffix(".source.xlsx"))
        sheet = read_sheet(path, label, declared, target, limit)
        return _Found(kind, sheet.columns, sheet.scan, sheet.rows, sheet.notices)
    delimiter = declared.delimiter or ("\t" if kind == "tsv" else ",")
    table = Delimited(blocks(source.plain, declared.encoding, label), label, delimiter)
    distinct(table.header, label)
    with TextWriter(target, table.header) as writer:
        for cells, numbers in table.rows():
            left = len(numbers) if limit is None else limit - writer.rows
            writer.write([column[:left] for column in cells], numbers[:left])
            if left < len(numbers):
                break
    return _Found(kind, table.header, writer.scan, writer.rows)


def _in_place(address: Address, source: Source, copy: Path) -> Path:
    """A file as one with a path: itself where it lies unpacked on this machine, else a copy."""
    if isinstance(address, Local) and not source.is_packed:
        return address.path
    with disk_errors(copy), copy.open("wb") as handle:
        shutil.copyfileobj(source.plain, handle, _BLOCK)
    return copy


def _common_columns(found: Sequence[_Found], labels: Sequence[str]) -> tuple[str, ...]:
    """The columns of all files of an input: in JSON lines any, else those that each must have.

    Raises:
        SourceError: a file has other columns than the first.
    """
    first = found[0]
    if all(one.kind == "jsonl" for one in found):
        columns = tuple(dict.fromkeys(column for one in found for column in one.columns))
        distinct(columns, labels[-1])
        return columns
    for one, label in zip(found[1:], labels[1:], strict=True):
        lacks = [column for column in first.columns if column not in one.columns]
        brings = [column for column in one.columns if column not in first.columns]
        if lacks or brings:
            differ = [f"it lacks {listed(lacks)}"] if lacks else []
            differ += [f"it brings {listed(brings)}"] if brings else []
            raise SourceError(
                "the file has other columns than the first of its input",
                where=label,
                expected=f"the columns of {labels[0]}",
                got=", ".join(differ),
                remedy="Give files of another shape an input and a table entry of their own",
            )
    return first.columns


def _in_order(found: _Found, columns: tuple[str, ...]) -> str:
    if found.columns == columns:
        return found.scan
    cells = [
        identifier(name)
        if name in found.columns
        else f"CAST(NULL AS VARCHAR) AS {identifier(name)}"
        for name in columns
    ]
    return f"SELECT {', '.join([*cells, ROW_NUMBER])} FROM ({found.scan})"  # noqa: S608
