"""Partitions of a raw table on disk: one Parquet file a day, with its content hash inside."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.contracts import LINEAGE, Contract
from warehouse.files import disk_errors, replacing
from warehouse.lake import Lake

Money = dict[str, Decimal]

ALL = "all"
_HASH = "liftcast.content_hash"
_MONEY = "liftcast.money"
# Up to here a flush of each file is quicker than one of the whole machine.
_FLUSH_SINGLY = 16


@dataclass(frozen=True)
class Partition:
    """Rows of one day (`all` for an undated table), sorted by key.

    Args:
        rows: contract and lineage columns.
        content_hash: SHA-256 over the contract columns. Lineage is left out, so that a file
            that only grew at its end, or was sorted anew, restates nothing.
        money: the contract's money, summed by currency.
    """

    day: str
    rows: pa.Table
    content_hash: str
    money: Money


@dataclass(frozen=True)
class Landed:
    """What a partition on disk says of itself."""

    content_hash: str
    money: Money


def path_of(lake: Lake, table: str, source: str, day: str) -> Path:
    return lake.raw / table / f"source={source}" / f"date_day={day}" / "part.parquet"


def landed_days(lake: Lake, table: str, source: str) -> list[str]:
    """Days that hold a partition, sorted."""
    found = (lake.raw / table / f"source={source}").glob("date_day=*/part.parquet")
    return sorted(file.parent.name.removeprefix("date_day=") for file in found)


def split(contract: Contract, kept: pd.DataFrame, source: str) -> Iterator[Partition]:
    """Sort validated rows by key and cut them into partitions, oldest first.

    Args:
        kept: typed contract columns, `_row_number` and `_file_hash`.
    """
    if kept.empty:
        return
    table = pa.Table.from_pandas(
        kept.assign(_source=source)[contract.arrow_schema.names],
        schema=contract.arrow_schema,
        preserve_index=False,
    ).replace_schema_metadata(None)
    leading = [contract.partition] if contract.partition else []
    order = [*leading, *(name for name in contract.key if name not in leading)]
    table = table.sort_by([(name, "ascending") for name in [*order, "_file_hash", "_row_number"]])
    table = table.combine_chunks()
    lines, money = _canonical_lines(contract, table), _money(contract, table)
    for day, begins, ends in _runs(contract, table):
        rows = table.slice(begins, ends - begins)
        digest = hashlib.sha256("\n".join(lines[begins:ends]).encode()).hexdigest()
        yield Partition(day, rows, digest, money.get(day, {}))


def _runs(contract: Contract, table: pa.Table) -> Iterator[tuple[str, int, int]]:
    if contract.partition is None:
        yield ALL, 0, len(table)
        return
    days = table[contract.partition].to_numpy()
    begins = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
    for start, end in zip(begins, [*begins[1:], len(days)], strict=True):
        yield str(days[start]), int(start), int(end)


def _canonical_lines(contract: Contract, table: pa.Table) -> list[str]:
    """Each row as one text that no other row shares: `length:text` a cell, `-` for null."""
    cells = []
    for name in contract.columns:
        text = table[name].cast(pa.string())
        length = pc.binary_length(text).cast(pa.string())
        cells.append(pc.fill_null(pc.binary_join_element_wise(length, text, ":"), "-"))
    return list(pc.binary_join_element_wise(*cells, ",").to_pylist())


def _money(contract: Contract, table: pa.Table) -> dict[str, Money]:
    """The contract's money by day and currency."""
    if not contract.money:
        return {}
    day = contract.partition or "currency_code"
    sums = table.group_by(list(dict.fromkeys([day, "currency_code"]))).aggregate(
        [(name, "sum") for name in contract.money]
    )
    found: dict[str, Money] = {}
    for line in sums.to_pylist():
        amount = sum((line[f"{name}_sum"] or Decimal(0) for name in contract.money), Decimal(0))
        found.setdefault(str(line[day]), {})[line["currency_code"]] = amount
    return found


def money_text(money: Money) -> str:
    """`EUR 12.500000, USD -3.000000`; empty where there is none."""
    return ", ".join(f"{code} {amount:f}" for code, amount in sorted(money.items()))


def money_from(text: str) -> Money:
    """The reverse of `money_text`."""
    pairs = (part.split(" ") for part in text.split(", ") if part)
    return {code: Decimal(amount) for code, amount in pairs}


def without_moved(contract: Contract, path: Path, day: str, kept: pd.DataFrame) -> Partition | None:
    """A landed day without the rows whose key the file now has on another day.

    A corrected date moves a row; left where it was, it would stand twice.

    Args:
        path: the partition on disk, of a day that the file no longer has.
        kept: the file's rows, as for `split`.

    Returns:
        What stays of the day (perhaps no row), or None when no row of it has moved.
    """
    if contract.partition is None or contract.partition in contract.key:
        return None
    rows = pq.ParquetFile(path).read()
    keys = list(contract.key)
    moved = set(kept[keys].astype(str).itertuples(index=False, name=None))
    stays = [
        key not in moved
        for key in rows.select(keys).to_pandas().astype(str).itertuples(index=False, name=None)
    ]
    if all(stays):
        return None
    rows = rows.replace_schema_metadata(None).filter(pa.array(stays))
    digest = hashlib.sha256("\n".join(_canonical_lines(contract, rows)).encode()).hexdigest()
    return Partition(day, rows, digest, _money(contract, rows).get(day, {}))


def change(before: Money, after: Money) -> Money:
    """After minus before, by currency; currencies that did not move are left out."""
    zero = Decimal(0)
    moved = {
        code: after.get(code, zero) - before.get(code, zero) for code in sorted({*before, *after})
    }
    return {code: amount for code, amount in moved.items() if amount}


def read_landed(path: Path) -> Landed | None:
    """Content hash and money of a partition on disk; None when there is none or it is damaged."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
        content_hash, money = metadata[_HASH.encode()], metadata[_MONEY.encode()]
        return Landed(content_hash.decode(), money_from(money.decode()))
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

    def add(self, path: Path, partition: Partition) -> None:
        """Write a partition beside `path`."""
        metadata = {_HASH: partition.content_hash, _MONEY: money_text(partition.money)}
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
            self._waiting[path] = temporary
            temporary.write_bytes(encode(partition.rows, metadata))

    def flush(self) -> None:
        """Bring every waiting file to disk, before any of them may be swapped in."""
        if len(self._waiting) > _FLUSH_SINGLY:
            os.sync()
            return
        for temporary in self._waiting.values():
            with temporary.open("rb") as handle, disk_errors(temporary):
                os.fsync(handle.fileno())

    def swap(self, path: Path) -> None:
        """Rename the waiting file over `path`.

        The folder is not flushed: a rename that a power cut undoes, the next landing repeats.
        """
        with disk_errors(path):
            self._waiting[path].replace(path)
        del self._waiting[path]


def encode(table: pa.Table, metadata: dict[str, str] | None = None) -> bytes:
    """Parquet bytes that depend on rows and metadata alone.

    Uncompressed: a codec's output may change with its release. In memory first, so that a full
    disk is an OSError of ours and not of a library.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="none", store_schema=False) as writer:
        writer.write_table(table)
        if metadata:
            writer.add_key_value_metadata(metadata)
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


QUARANTINE_SCHEMA = pa.schema(
    [
        ("row_number", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("original", pa.string()),
        *LINEAGE,
    ]
)


def write_quarantine(
    lake: Lake, contract: Contract, source: str, file_hash: str, rejected: pd.DataFrame
) -> None:
    """Write the rejected rows of one file, or remove what an earlier mapping rejected of it.

    Args:
        rejected: `row_number`, `column`, `reason` and `original` (a JSON object of text).
    """
    folder = lake.quarantine / contract.table / f"source={source}"
    path = folder / f"{file_hash[:12]}.parquet"
    if rejected.empty:
        path.unlink(missing_ok=True)
        return
    rows = rejected.assign(_source=source, _file_hash=file_hash, _row_number=rejected["row_number"])
    table = pa.Table.from_pandas(
        rows[QUARANTINE_SCHEMA.names], schema=QUARANTINE_SCHEMA, preserve_index=False
    ).replace_schema_metadata(None)
    write_if_changed(path, encode(table))


def in_window(day: str, start: date | None, end: date | None) -> bool:
    """Whether a partition is one of the days [start, end); undated ones always are."""
    if day == ALL:
        return True
    then = date.fromisoformat(day)
    return (start is None or then >= start) and (end is None or then < end)


def original_text(cells: pd.DataFrame, lines: pd.Series) -> list[str]:
    """Rows of a file as they were written, each a JSON object of text."""
    rows = cells.iloc[lines.to_numpy(dtype=int)].astype(object)
    return [
        json.dumps(row, ensure_ascii=False)
        for row in rows.where(rows.notna(), None).to_dict("records")
    ]
