"""The content of a partition as one hash, and its money: what tells a restatement."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    valid = np.packbits(array.is_valid().to_numpy(zero_copy_only=False))
    if pa.types.is_string(array.type):
        filled = pc.fill_null(array, "")
        lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False)
        return [valid.tobytes(), lengths.astype("<i4").tobytes(), _text(filled)]
    if pa.types.is_decimal(array.type):
        filled = pc.fill_null(array, pa.scalar(Decimal(0), array.type))
        return [valid.tobytes(), _fixed(filled, 16)]
    width = {pa.date32(): 4, pa.float64(): 8, pa.int64(): 8, pa.timestamp("us"): 8}[array.type]
    integers = array.cast(pa.float64()) if array.type == pa.float64() else array
    zero = pa.scalar(0.0, pa.float64()) if array.type == pa.float64() else (
        pa.scalar(0, pa.int32() if width == 4 else pa.int64()).cast(array.type)
    )  # fmt: skip
    return [valid.tobytes(), _fixed(pc.fill_null(integers, zero), width)]


def _fixed(array: pa.Array, width: int) -> memoryview:
    buffer = array.buffers()[1]
    return memoryview(buffer)[array.offset * width : (array.offset + len(array)) * width]


def _text(array: pa.StringArray) -> bytes | memoryview:
    offsets, data = array.buffers()[1], array.buffers()[2]
    if data is None or not len(array):
        return b""
    ends = np.frombuffer(offsets, dtype=np.int32)
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]]
