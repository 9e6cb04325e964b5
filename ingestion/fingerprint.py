"""The content of a partition as one hash, and its money: what tells a restatement."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa

from ingestion.contracts import Contract


class Fingerprint:
    """SHA-256 over rows in the order of their key, chunk by chunk.

    A chunk is hashed column by column: name, type, which cells are null, then the values as
    little-endian bytes (texts: lengths, then UTF-8). Cut at the same rows, equal rows give an
    equal hash, whatever wrote or compressed them.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._digest = hashlib.sha256(contract.table.encode())
        self.rows = 0
        self.money: dict[str, Decimal] = {}

    def add(self, rows: pa.Table) -> None:
        """Take in the next rows."""
        self.rows += len(rows)
        for name in (*self._contract.columns, "_extra"):
            self._digest.update(f"\n{name} {len(rows)}\n".encode())
            for piece in _pieces(rows[name]):
                self._digest.update(piece)
        self._add_money(rows)

    def digest(self) -> str:
        return self._digest.hexdigest()

    def _add_money(self, rows: pa.Table) -> None:
        money = self._contract.money
        if not money or not len(rows):
            return
        sums = rows.group_by("currency_code").aggregate([(name, "sum") for name in money])
        for line in sums.to_pylist():
            amount = sum((line[f"{name}_sum"] or Decimal(0) for name in money), Decimal(0))
            code = line["currency_code"] or ""
            self.money[code] = self.money.get(code, Decimal(0)) + amount


def _pieces(column: pa.ChunkedArray) -> list[bytes | memoryview]:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if array.null_count == len(array):
        return [b"empty"]
    pieces: list[bytes | memoryview] = [b"full"]
    if array.null_count:
        pieces = [np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes()]
        # What lies under a null is nobody's business and may be anything.
        array = array.fill_null(_NOTHING[array.type])
    if pa.types.is_string(array.type):
        return pieces + _text(array)
    return [*pieces, _fixed(array, array.type.bit_width // 8)]


_NOTHING = {
    pa.string(): "",
    pa.decimal128(18, 6): Decimal(0),
    pa.date32(): date(1970, 1, 1),
    pa.timestamp("us"): datetime(1970, 1, 1),  # noqa: DTZ001 - a place holder
    pa.float64(): 0.0,
    pa.int64(): 0,
}


def _fixed(array: pa.Array, width: int) -> memoryview:
    buffer = array.buffers()[1]
    return memoryview(buffer)[array.offset * width : (array.offset + len(array)) * width]


def _text(array: pa.StringArray) -> list[bytes | memoryview]:
    ends = np.frombuffer(array.buffers()[1], dtype="<i4")
    ends = ends[array.offset : array.offset + len(array) + 1]
    data = array.buffers()[2]
    texts = memoryview(data)[ends[0] : ends[-1]] if data is not None else b""
    return [np.diff(ends).tobytes(), texts]
