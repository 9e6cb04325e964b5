"""Sorted rows of the workshop cut into partitions, each compared with what stands in the lake."""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingestion import quoting
from ingestion.contracts import Contract
from ingestion.partitions import (
    ALL,
    ROW_GROUP,
    Landed,
    Partition,
    PartitionFile,
    Stage,
    path_of,
    read_landed,
)
from ingestion.workshop import Workshop
from warehouse.lake import Lake

# Hashing and encoding let go of Python's lock, so that threads share the work with DuckDB's.
_WORKERS = 2
_AHEAD = 4


@dataclass(frozen=True)
class Cut:
    """A partition beside what stands in its place.

    Args:
        waits: the stage holds a file for it: what stands is other, damaged or missing.
    """

    partition: Partition
    landed: Landed | None
    path: Path
    waits: bool


@dataclass(frozen=True)
class Cutter:
    """How rows of one table and source become files.

    Args:
        hashes: file hash by `_origin`.
    """

    lake: Lake
    contract: Contract
    source: str
    hashes: Mapping[int, str]
    stage: Stage

    def cut(self, workshop: Workshop, rows: str) -> Iterator[Cut]:
        """Cut `rows` (a select of contract columns, `_origin`, `_row_number`, `_extra`).

        Each partition that differs from the one in the lake is written beside it. Memory holds a
        few row groups, whatever the size of a day.
        """
        waiting: deque[Future[Cut]] = deque()
        with ThreadPoolExecutor(_WORKERS) as pool:
            for day, chunks in self._days(self._sorted(workshop, rows)):
                first = next(chunks)
                second = next(chunks, None)
                if second is None:
                    waiting.append(pool.submit(self._small, day, first))
                else:
                    yield self._large(day, first, second, chunks)
                while len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def empty(self, day: str) -> Cut:
        """A day that no longer has a row."""
        return self._small(day, self.contract.arrow_schema.empty_table())

    def _sorted(self, workshop: Workshop, rows: str) -> Iterator[pa.Table]:
        contract = self.contract
        leading = [contract.partition] if contract.partition else []
        order = [*leading, *(name for name in contract.key if name not in leading)]
        by = ", ".join(f"{quoting.name(name)} nulls last" for name in order)
        sql = (
            f"select {quoting.names(contract.columns)}, _origin, _row_number, _extra "
            f"from ({rows}) order by {by}"
        )
        # Texts that thousands of rows share stay a dictionary up to the file.
        hashes = pa.array([self.hashes.get(n, "") for n in range(max(self.hashes, default=-1) + 1)])
        sources = pa.array([self.source])
        for batch in workshop.engine.sql(sql).to_arrow_reader(ROW_GROUP):
            columns = [batch.column(n) for n in range(len(contract.columns))]
            columns += [
                pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0), batch.num_rows), sources),
                pa.DictionaryArray.from_arrays(batch["_origin"], hashes),
                batch["_row_number"],
                batch["_extra"],
            ]
            yield pa.Table.from_arrays(columns, names=contract.arrow_schema.names)

    def _days(self, tables: Iterator[pa.Table]) -> Iterator[tuple[str, Iterator[pa.Table]]]:
        """Each day with its rows in chunks of `ROW_GROUP`; chunks are read before the next day."""
        runs = _Runs(self.contract, tables)
        while (day := runs.next_day()) is not None:
            yield day, runs.chunks(day)

    def _small(self, day: str, rows: pa.Table) -> Cut:
        path = path_of(self.lake, self.contract.table, self.source, day)
        file = PartitionFile(self.contract, day)
        file.add(rows)
        found, landed = file.partition, read_landed(self.contract, path)
        waits = not _same(found, landed)
        if waits:
            temporary = self.stage.beside(path)
            file.write(temporary, rows)
            file.close(temporary)
        return Cut(found, landed, path, waits)

    def _large(
        self, day: str, first: pa.Table, second: pa.Table, others: Iterator[pa.Table]
    ) -> Cut:
        path = path_of(self.lake, self.contract.table, self.source, day)
        file, temporary = PartitionFile(self.contract, day), self.stage.beside(path)
        for rows in (chunk for chunks in ((first, second), others) for chunk in chunks):
            file.add(rows)
            file.write(temporary, rows)
        file.close(temporary)
        found, landed = file.partition, read_landed(self.contract, path)
        waits = not _same(found, landed)
        if not waits:
            self.stage.forget(path)
        return Cut(found, landed, path, waits)


def _same(found: Partition, landed: Landed | None) -> bool:
    return landed is not None and landed.fits and landed.content_hash == found.content_hash


class _Runs:
    """Sorted tables as runs of one day, cut into chunks."""

    def __init__(self, contract: Contract, tables: Iterator[pa.Table]) -> None:
        self._contract, self._tables = contract, tables
        self._pieces: deque[tuple[str, pa.Table]] = deque()

    def next_day(self) -> str | None:
        return self._pieces[0][0] if self._fill() else None

    def _fill(self) -> bool:
        while not self._pieces:
            table = next(self._tables, None)
            if table is None:
                return False
            self._pieces.extend(_by_day(self._contract, table))
        return True

    def chunks(self, day: str) -> Iterator[pa.Table]:
        held: list[pa.Table] = []
        size = 0
        while self._fill() and self._pieces[0][0] == day:
            piece = self._pieces.popleft()[1]
            room = ROW_GROUP - size
            if len(piece) > room:
                self._pieces.appendleft((day, piece.slice(room)))
                piece = piece.slice(0, room)
            held.append(piece)
            size += len(piece)
            if size == ROW_GROUP:
                yield _one(held)
                held, size = [], 0
        if held:
            yield _one(held)


def _one(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks()


def _by_day(contract: Contract, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    if contract.partition is None:
        if len(table):
            yield ALL, table
        return
    days = table[contract.partition].to_numpy()
    if not len(days):
        return
    begins = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
    for start, end in zip(begins, [*begins[1:], len(days)], strict=True):
        yield str(days[start]), table.slice(int(start), int(end - start))
