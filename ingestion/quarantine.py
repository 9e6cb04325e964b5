"""Rejected rows on disk, as they were written, with the reason: one file per file of the source."""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contracts.contract import LINEAGE
from ingestion.partitions import COMPRESSION
from ingestion.workshop import Workshop
from warehouse.files import disk_errors, replacing
from warehouse.lake import Lake

SCHEMA = pa.schema(
    [
        ("row_number", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("original", pa.string()),
        *LINEAGE,
    ]
)
_AT_ONCE = 10_000


@dataclass(frozen=True)
class Origin:
    """One part of an input as one entry of a mapping reads it.

    Args:
        hash: SHA-256 of the part.
        columns: the source's columns.
        rows: select of `c0`, `c1`, ... and `_row_number` of that part.
    """

    hash: str
    columns: tuple[str, ...]
    rows: str


def write(
    workshop: Workshop,
    lake: Lake,
    table: str,
    source: str,
    *,
    rejected: str,
    origins: Mapping[int, Origin],
) -> None:
    """Write the rejected rows of each part, or remove what an earlier mapping rejected of it."""
    folder = lake.quarantine / table / f"source={source}"
    by_hash: dict[str, list[int]] = {}
    for number, origin in origins.items():
        by_hash.setdefault(origin.hash, []).append(number)
    found = {
        row[0]
        for row in workshop.engine.execute(f"select distinct _origin from {rejected}").fetchall()
    }
    for file_hash, numbers in by_hash.items():
        path = folder / f"{file_hash[:12]}.parquet"
        with disk_errors(path):
            bad = [number for number in numbers if number in found]
            if not bad:
                path.unlink(missing_ok=True)
                continue
            with (
                replacing(path) as temporary,
                pq.ParquetWriter(
                    temporary, SCHEMA, compression=COMPRESSION, store_schema=False
                ) as writer,
            ):
                for number in bad:
                    _append(
                        workshop, writer, rejected, source, number=number, origin=origins[number]
                    )


def _append(
    workshop: Workshop,
    writer: pq.ParquetWriter,
    rejected: str,
    source: str,
    *,
    number: int,
    origin: Origin,
) -> None:
    cells = ", ".join(f"cast(c{n} as varchar)" for n in range(len(origin.columns)))
    sql = (
        f'select r._row_number, r."column", r.reason, {cells} from {rejected} as r '
        f"join ({origin.rows}) as s on s._row_number = r._row_number "
        f"where r._origin = {number} order by r._row_number, r._step"
    )
    for batch in workshop.engine.sql(sql).to_arrow_reader(_AT_ONCE):
        lines, columns, reasons = (batch.column(n) for n in range(3))
        texts = [batch.column(n).to_pylist() for n in range(3, batch.num_columns)]
        size = batch.num_rows
        rows = pa.table(
            [
                lines, columns, reasons, _originals(origin.columns, texts),
                pa.repeat(pa.scalar(source), size), pa.repeat(pa.scalar(origin.hash), size),
                lines, pa.nulls(size, pa.string()),
            ],
            schema=SCHEMA,
        )  # fmt: skip
        writer.write_table(rows)


def _originals(columns: Sequence[str], texts: list[list[str | None]]) -> list[str]:
    """Rows as they were written, each a JSON object of text."""
    return [
        json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)
        for row in zip(*texts, strict=True)
    ]


def first_reasons(workshop: Workshop, rejected: str, count: int) -> list[str]:
    """The first rejected rows in words."""
    rows = workshop.engine.execute(
        f'select _row_number, "column", reason from {rejected} '
        f"order by _origin, _row_number, _step limit {count}"
    ).fetchall()
    return [f"row {number}, {column}: {reason}" for number, column, reason in rows]
