"""Partitions of a raw table on disk: one Parquet file a day, with its content hash inside."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contracts import Contract
from ingestion.fingerprint import Chunk, Fingerprint, Money
from warehouse.files import disk_errors, replacing
from warehouse.lake import Lake

ALL = "all"
_HASH = "liftcast.content_hash"
_MONEY = "liftcast.money"
# Up to here a flush of each file is quicker than one of the whole machine.
_FLUSH_SINGLY = 16
# Rows of a row group: DuckDB reads a file by row groups of this size, one a thread.
ROW_GROUP = 122_880
# LZ4 costs next to nothing to read. That another release of a codec writes other bytes harms
# nothing: whether a partition changed is told by the hash of its content.
COMPRESSION = "lz4"


@dataclass(frozen=True)
class Partition:
    """What is known of the rows of one day (`all` for an undated table), sorted by key.

    Args:
        content_hash: of the contract's columns and `_extra`. The other lineage is left out, so
            that a file that only grew at its end, or was sorted anew, restates nothing.
        money: the contract's money, summed by currency.
    """

    day: str
    rows: int
    content_hash: str
    money: Money


@dataclass(frozen=True)
class Landed:
    """What a partition on disk says of itself.

    Args:
        fits: its columns are those of the contract today.
    """

    content_hash: str
    money: Money
    rows: int
    fits: bool = True


def path_of(lake: Lake, table: str, source: str, day: str) -> Path:
    return lake.raw / table / f"source={source}" / f"date_day={day}" / "part.parquet"


def landed_days(lake: Lake, table: str, source: str) -> list[str]:
    """Days that hold a partition, sorted."""
    found = (lake.raw / table / f"source={source}").glob("date_day=*/part.parquet")
    return sorted(file.parent.name.removeprefix("date_day=") for file in found)


def money_text(money: Money) -> str:
    """`EUR 12.500000, USD -3.000000`; empty where there is none."""
    return ", ".join(f"{code} {amount:f}" for code, amount in sorted(money.items()))


def money_from(text: str) -> Money:
    """The reverse of `money_text`."""
    pairs = (part.split(" ") for part in text.split(", ") if part)
    return {code: Decimal(amount) for code, amount in pairs}


def change(before: Money, after: Money) -> Money:
    """After minus before, by currency; currencies that did not move are left out."""
    zero = Decimal(0)
    moved = {
        code: after.get(code, zero) - before.get(code, zero) for code in sorted({*before, *after})
    }
    return {code: amount for code, amount in moved.items() if amount}


def read_landed(contract: Contract, path: Path) -> Landed | None:
    """What a partition on disk says; None when there is none or it is damaged."""
    if not path.exists():
        return None
    try:
        with pq.ParquetFile(path) as file:
            metadata = file.metadata.metadata or {}
            return Landed(
                metadata[_HASH.encode()].decode(),
                money_from(metadata[_MONEY.encode()].decode()),
                file.metadata.num_rows,
                file.schema_arrow.equals(contract.arrow_schema),
            )
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        return None


class Stage:
    """Partitions written beside their places, to be swapped in together.

    All of a landing is on disk before the first rename, so a full disk changes nothing, and one
    flush serves hundreds of files. Leaving the context removes what was not swapped in.
    """

    def __init__(self) -> None:
        self._waiting: dict[Path, Path] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for temporary in self._waiting.values():
            temporary.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._waiting)

    def beside(self, path: Path) -> Path:
        """A temporary name beside `path`, to be written by the caller."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        self._waiting[path] = temporary
        return temporary

    def forget(self, path: Path) -> None:
        """Remove what waits for `path`: it stands there already."""
        self._waiting.pop(path).unlink(missing_ok=True)

    def flush(self) -> None:
        """Bring every waiting file to disk, before any of them may be swapped in."""
        if len(self._waiting) > _FLUSH_SINGLY:
            os.sync()
            return
        for temporary in self._waiting.values():
            with temporary.open("rb") as handle, disk_errors(temporary):
                os.fsync(handle.fileno())

    def swap(self, paths: Iterable[Path]) -> None:
        """Rename the files that wait for `paths` over them.

        The folders are not flushed: a rename that a power cut undoes, the next landing repeats.
        """
        for path in paths:
            with disk_errors(path):
                self._waiting[path].replace(path)
            del self._waiting[path]


class PartitionFile:
    """One partition being written: chunks of sorted rows, each a row group.

    Bytes depend on rows alone: the caller cuts chunks at every `ROW_GROUP` rows.
    """

    def __init__(self, contract: Contract, day: str) -> None:
        self._contract, self._day = contract, day
        self._fingerprint = Fingerprint(contract, day)
        self._writer: pq.ParquetWriter | None = None
        self._sink: pa.NativeFile | None = None

    def add(self, chunk: Chunk, start: int, end: int) -> None:
        """Count rows [start, end) of a chunk in; `write` says whether they are written too."""
        self._fingerprint.add(chunk, start, end)

    @property
    def partition(self) -> Partition:
        found = self._fingerprint
        return Partition(self._day, found.rows, found.digest(), found.money)

    def write(self, path: Path, rows: pa.Table) -> None:
        """Append a row group to the file at `path`."""
        with disk_errors(path):
            if self._writer is None:
                # A file of Python's: a full disk is then an OSError of ours.
                self._sink = pa.PythonFile(path.open("wb"), mode="w")
                self._writer = _writer(self._sink, rows.schema)
            self._writer.write_table(rows, row_group_size=ROW_GROUP)

    def close(self) -> None:
        """End the file with what is known of its rows."""
        assert self._writer is not None
        assert self._sink is not None
        self._writer.add_key_value_metadata(self._said())
        self._writer.close()
        self._sink.close()

    def write_whole(self, path: Path, rows: pa.Table) -> None:
        """Write the file of a day that is one row group: made in memory, then written at once."""
        sink = pa.BufferOutputStream()
        with _writer(sink, rows.schema) as writer:
            writer.write_table(rows, row_group_size=ROW_GROUP)
            writer.add_key_value_metadata(self._said())
        with disk_errors(path), path.open("wb", buffering=0) as file:
            content = memoryview(sink.getvalue())
            while content:
                content = content[file.write(content) :]

    def _said(self) -> dict[str, str]:
        partition = self.partition
        return {_HASH: partition.content_hash, _MONEY: money_text(partition.money)}


def _writer(sink: pa.NativeFile, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(sink, schema, compression=COMPRESSION, store_schema=False)


def encode(table: pa.Table) -> bytes:
    """Parquet bytes of a small table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=COMPRESSION, store_schema=False)
    return bytes(sink.getvalue().to_pybytes())


def write_if_changed(path: Path, content: bytes) -> bool:
    """Replace a small file only where its bytes differ; return whether they did."""
    if path.is_file() and path.read_bytes() == content:
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return True


def write_contract_file(lake: Lake, contract: Contract) -> None:
    """A file of no rows and the right types, so that a glob over a table always matches."""
    path = path_of(lake, contract.table, "_contract", ALL)
    write_if_changed(path, encode(contract.arrow_schema.empty_table()))


def in_window(day: str, start: date | None, end: date | None) -> bool:
    """Whether a partition is one of the days [start, end); undated ones always are."""
    if day == ALL:
        return True
    then = date.fromisoformat(day)
    return (start is None or then >= start) and (end is None or then < end)
