"""Parquet, read where it lies: typed columns keep their types, nested ones become JSON text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.connectors.scratch import distinct, file_literal, identifier
from ingestion.extract import ROW_NUMBER
from warehouse.errors import SourceError, printable

_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
_REMEDY = "Fetch it again, or set `format` for this file in the source mapping"


@dataclass(frozen=True)
class ReadParquet:
    """Columns, the select of them, and how many rows it gives."""

    columns: tuple[str, ...]
    scan: str
    rows: int


def read_parquet(path: Path, label: str) -> ReadParquet:
    """Look at a Parquet file's columns; its rows are left for the scan to read.

    Raises:
        SourceError: it is no sound Parquet file, or SQL cannot tell its columns apart.
    """
    try:
        with pq.ParquetFile(path) as file:
            columns, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"the file is not sound Parquet ({printable(error)})", where=label, remedy=_REMEDY
        ) from error
    distinct(columns, label)
    rows_of = (
        f"read_parquet({file_literal(path.resolve())}, file_row_number = true, "
        "hive_partitioning = false, binary_as_string = true)"
    )
    try:
        with duckdb.connect() as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {rows_of}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise SourceError(
            f"the Parquet file cannot be read ({printable(error, 300)})",
            where=label,
            remedy=_REMEDY,
        ) from error
    types = {str(name): str(kind) for name, kind, *_ in described}
    cells = [_cell(name, types[name]) for name in columns]
    select = ", ".join([*cells, f"file_row_number + 1 AS {ROW_NUMBER}"])
    return ReadParquet(columns, f"SELECT {select} FROM {rows_of}", rows)  # noqa: S608


def _cell(name: str, kind: str) -> str:
    column = identifier(name)
    if kind.startswith(_NESTED) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR) AS {column}"
    if kind.startswith("ENUM"):
        return f"CAST({column} AS VARCHAR) AS {column}"
    return column
