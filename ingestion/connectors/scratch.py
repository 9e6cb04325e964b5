"""Text columns in the scratch folder: Parquet written a block at a time, and the select of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.extract import ROW_NUMBER
from ingestion.wording import listed
from warehouse.errors import SourceError
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
        self._writer: Any = None
        self._pending: Future[None] | None = None

    def __enter__(self) -> TextWriter:
        with disk_errors(self.path):
            # Without dictionaries, which cost more time than they save where a file is read once.
            self._writer = pq.ParquetWriter(
                self.path,
                self._schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=False,
                write_statistics=False,
            )
        self._worker = ThreadPoolExecutor(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.shutdown()
        with disk_errors(self.path):
            if error is None and self._pending is not None:
                self._pending.result()
            self._writer.close()

    def write(
        self,
        cells: Iterable[pa.Array | pa.ChunkedArray],
        numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    ) -> None:
        """Add rows: one text array a column, and the rows' numbers.

        One block is compressed and written while the next is parsed.
        """
        table = pa.Table.from_arrays([*cells, pa.array(numbers, pa.int64())], schema=self._schema)
        with disk_errors(self.path):
            if self._pending is not None:
                self._pending.result()
            self._pending = self._worker.submit(self._writer.write_table, table)
        self.rows += table.num_rows

    @property
    def scan(self) -> str:
        """SQL of a select that gives the columns under their own names, and `_row_number`."""
        return scan([self.path], self.columns)


def scan(paths: Sequence[Path], columns: Sequence[str]) -> str:
    """SQL of a select from files of `TextWriter`, of which later ones may have further columns."""
    named = [f"c{n} AS {identifier(name)}" for n, name in enumerate(columns)]
    files = ", ".join(map(file_literal, paths))
    select = ", ".join([*named, ROW_NUMBER])
    return f"SELECT {select} FROM read_parquet([{files}], union_by_name = true)"  # noqa: S608


def distinct(columns: Sequence[str], label: str) -> None:
    """Check that a mapping, and SQL, can tell columns apart.

    Raises:
        SourceError: two have one name, or names that differ by case only; or one is the row
            number's.
    """
    twice = [name for name, count in Counter(columns).items() if count > 1]
    folded = Counter(name.lower() for name in columns)
    alike = [name for name in columns if folded[name.lower()] > 1]
    if twice or alike:
        said = "more than once" if twice else "which differ by case only"
        raise SourceError(
            f"the header names {listed(twice or alike)}{' ' if twice else ', '}{said}",
            where=label,
            remedy="Rename one of them: a mapping could not tell them apart",
        )
    if ROW_NUMBER in folded:
        raise SourceError(
            f"the header names a column '{ROW_NUMBER}', which means the line of a row here",
            where=label,
            remedy="Rename the column",
        )
