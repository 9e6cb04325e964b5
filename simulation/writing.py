"""Files of the company: CSV or Parquet, whole or not at all, the same bytes for the same rows."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

Format = Literal["csv", "parquet"]
UNFINISHED = ".unfinished"
ROW_GROUP = 1_000_000


class Sheet:
    """One table being written, chunk by chunk, on a thread of its own.

    Rows go to a passing name, and take their own when the sheet is closed without an error; a file
    of the same table in another format then goes. Chunks are written in the order they were given.
    """

    def __init__(self, folder: Path, table: str, form: Format) -> None:
        self._folder, self._table, self._form = folder, table, form
        self._path = folder / f".{table}.{form}{UNFINISHED}"
        self._writer: pq.ParquetWriter | pyarrow.csv.CSVWriter | None = None
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._behind: list[Future[None]] = []
        self._abandoned = False
        self.rows = 0

    def abandon(self) -> None:
        """Closing will take the unfinished file away."""
        self._abandoned = True

    def __enter__(self) -> "Sheet":
        return self

    def write(self, chunk: pa.Table) -> None:
        """Hand over rows; waits while two chunks are still being written."""
        self.rows += chunk.num_rows
        self._behind.append(self._thread.submit(self._write, chunk))
        while len(self._behind) > 2:
            self._behind.pop(0).result()

    def _write(self, chunk: pa.Table) -> None:
        if self._form == "csv":
            chunk = plain(chunk)
        if self._writer is None:
            self._writer = self._open(chunk.schema)
        if self._form == "csv":
            self._writer.write_table(chunk)
        else:
            self._writer.write_table(chunk, row_group_size=ROW_GROUP)

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter | pyarrow.csv.CSVWriter:
        if self._form == "csv":
            options = pyarrow.csv.WriteOptions(quoting_style="needed")
            return pyarrow.csv.CSVWriter(self._path, schema, write_options=options)
        unlike = [
            f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_timestamp(f.type)
        ]
        return pq.ParquetWriter(
            self._path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[f.name for f in schema if f.name not in unlike],
            store_schema=False,
            store_decimal_as_integer=True,
            write_statistics=True,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            for waiting in self._behind:
                waiting.result()
        finally:
            self._thread.shutdown()
            if self._writer is not None:
                self._writer.close()
        if error is None and self._writer is not None and not self._abandoned:
            self._path.replace(self._folder / f"{self._table}.{self._form}")
            other: Format = "parquet" if self._form == "csv" else "csv"
            (self._folder / f"{self._table}.{other}").unlink(missing_ok=True)
        else:
            self._path.unlink(missing_ok=True)


def plain(chunk: pa.Table) -> pa.Table:
    """Columns as text files carry them: names written out, plain numbers, times to the second."""
    columns = []
    for column in chunk.columns:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(pa.string())  # noqa: PLW2901
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.float64())  # noqa: PLW2901
        elif pa.types.is_timestamp(kind):
            column = pc.cast(column, pa.timestamp("s"), safe=False)  # noqa: PLW2901
        columns.append(column)
    return pa.table(dict(zip(chunk.column_names, columns, strict=True)))


def write_whole(folder: Path, table: str, form: Format, rows: pa.Table) -> int:
    """Write a table in one go; returns how many rows it has."""
    with Sheet(folder, table, form) as sheet:
        sheet.write(rows)
    return sheet.rows
