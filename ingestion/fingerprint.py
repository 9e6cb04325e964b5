"""The content of a partition as one hash, and its money: what tells a restatement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import numpy as np
import pyarrow as pa

from ingestion.contracts import Contract

Money = dict[str, Decimal]


class Chunk:
    """Sorted rows, made ready once: each of their days is then hashed as a slice.

    Args:
        contract: of the rows' table.
        rows: contract columns and lineage, sorted by day.
    """

    def __init__(self, contract: Contract, rows: pa.Table) -> None:
        self.rows = rows
        self._contract = contract

    @cached_property
    def _columns(self) -> list[tuple[str, _Column]]:
        names = (*self._contract.columns, "_extra")
        return [(name, _Column(self.rows[name])) for name in names]

    def feed(self, digest: hashlib._Hash, start: int, end: int) -> None:
        """Hash the rows [start, end)."""
        for name, column in self._columns:
            digest.update(f"\n{name} {end - start}\n".encode())
            for piece in column.pieces(start, end):
                digest.update(piece)

    def money(self, day: date | None) -> Money:
        """Money of a day's rows, by currency; of all rows where the table has no days."""
        return self._sums.get(day, {})

    @cached_property
    def _sums(self) -> dict[date | None, Money]:
        """One aggregate for the days of the whole chunk."""
        money, partition = self._contract.money, self._contract.partition
        if not money or not len(self.rows):
            return {}
        by = [*([partition] if partition else []), "currency_code"]
        sums = self.rows.group_by(by).aggregate([(name, "sum") for name in money])
        found: dict[date | None, Money] = {}
        for line in sums.to_pylist():
            amount = sum((line[f"{name}_sum"] or Decimal(0) for name in money), Decimal(0))
            of_day = found.setdefault(line[partition] if partition else None, {})
            of_day[line["currency_code"] or ""] = amount
        return found


class Fingerprint:
    """SHA-256 over rows in the order of their key, chunk by chunk.

    A chunk is hashed column by column: name, type, which cells are null, then the values as
    little-endian bytes (texts: lengths, then UTF-8). Cut at the same rows, equal rows give an
    equal hash, whatever wrote or compressed them.
    """

    def __init__(self, contract: Contract, day: str) -> None:
        self._day = None if contract.partition is None else date.fromisoformat(day)
        self._digest = hashlib.sha256(contract.table.encode())
        self.rows = 0
        self.money: Money = {}

    def add(self, chunk: Chunk, start: int, end: int) -> None:
        """Take in the rows [start, end) of a chunk: all that it has of this day."""
        self.rows += end - start
        chunk.feed(self._digest, start, end)
        for code, amount in chunk.money(self._day).items() if end > start else ():
            self.money[code] = self.money.get(code, Decimal(0)) + amount

    def digest(self) -> str:
        return self._digest.hexdigest()


class _Column:
    """Bytes of a column's cells, to be sliced."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
        self._empty = array.null_count == len(array)
        self._valid: np.ndarray | None = None
        if self._empty:
            return
        if array.null_count:
            self._valid = array.is_valid().to_numpy(zero_copy_only=False)
            self._before = np.r_[0, np.cumsum(self._valid)]
            # What lies under a null is nobody's business and may be anything.
            array = array.fill_null(_NOTHING[array.type])
        self._text = pa.types.is_string(array.type)
        if self._text:
            ends = np.frombuffer(array.buffers()[1], dtype="<i4")
            self._ends = ends[array.offset : array.offset + len(array) + 1]
            self._width = 4
            self._cells = memoryview(np.diff(self._ends).tobytes())
            data = array.buffers()[2]
            self._data = memoryview(data if data is not None else b"")
        else:
            self._width = array.type.bit_width // 8
            first = array.offset * self._width
            self._cells = memoryview(array.buffers()[1])[first:]

    def pieces(self, start: int, end: int) -> Iterable[bytes | memoryview]:
        """What is hashed of the cells [start, end)."""
        if self._empty or start == end:
            return (b"empty",)
        mark = b"full"
        if self._valid is not None:
            full = int(self._before[end] - self._before[start])
            if not full:
                return (b"empty",)
            if full < end - start:
                mark = np.packbits(self._valid[start:end]).tobytes()
        cells = self._cells[start * self._width : end * self._width]
        if self._text:
            return (mark, cells, self._data[self._ends[start] : self._ends[end]])
        return (mark, cells)


_NOTHING = {
    pa.string(): "",
    pa.decimal128(18, 6): Decimal(0),
    pa.date32(): date(1970, 1, 1),
    pa.timestamp("us"): datetime(1970, 1, 1),  # noqa: DTZ001 - a place holder
    pa.float64(): 0.0,
    pa.int64(): 0,
}
