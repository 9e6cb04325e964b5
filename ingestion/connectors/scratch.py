"""Text columns in the scratch folder: Parquet written a block at a time, and the select of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.extract import ROW_NUMBER
from warehouse.files import disk_errors


def identifier(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """Text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """A path as an SQL literal that `read_parquet` takes for one file, not for a pattern."""
    return literal("".join(f"[{ch}]" if ch in "*?[" else ch for ch in str(path)))


class TextWriter:
    """A Parquet file of text columns and `_row_number`, written as blocks of rows come.

    The columns are called c0, c1, ... in the file: foreign names would have to survive two more
    sets of rules there. `scan` gives them their own names back.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        self.rows = 0
        self._schema = pa.schema(
            [*((f"c{n}", pa.string()) for n in range(len(self.columns))), (ROW_NUMBER, pa.int64())]
        )
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> TextWriter:
        with disk_errors(self.path):
            self._writer = pq.ParquetWriter(self.path, self._schema, compression="snappy")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            with disk_errors(self.path):
                self._writer.close()

    def write(
        self,
        cells: Iterable[pa.Array | pa.ChunkedArray],
        numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    ) -> None:
        """Add rows: one text array a column, and the rows' numbers."""
        if self._writer is None:
            raise RuntimeError("the writer is not open")
        table = pa.Table.from_arrays([*cells, pa.array(numbers, pa.int64())], schema=self._schema)
        with disk_errors(self.path):
            self._writer.write_table(table)
        self.rows += table.num_rows

    @property
    def scan(self) -> str:
        """SQL of a select that gives the columns under their own names, and `_row_number`."""
        named = [f"c{n} AS {identifier(name)}" for n, name in enumerate(self.columns)]
        return (
            f"SELECT {', '.join([*named, ROW_NUMBER])} FROM read_parquet({file_literal(self.path)})"  # noqa: S608
        )
