"""Sorted rows of the workshop cut into partitions, each compared with what stands in the lake."""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingestion import quoting
from ingestion.contracts import Contract
from ingestion.fingerprint import Chunk
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
from warehouse.files import disk_errors
from warehouse.lake import Lake

# Hashing and encoding let go of Python's lock, so that threads share the work with DuckDB's.
_WORKERS = 2
_AHEAD = 4
# Rows sorted at once: so many stay in memory.
_SORTED = 3_000_000


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
        waiting: deque[Future[list[Cut]]] = deque()
        runs = _Runs(self.contract, self._sorted(workshop, rows))
        with ThreadPoolExecutor(_WORKERS) as pool:
            while (day := runs.next_day()) is not None:
                if whole := runs.whole_days():
                    waiting.append(pool.submit(self._several, whole))
                else:
                    chunks = runs.chunks(day)
                    first, second = next(chunks), next(chunks, None)
                    if second is None:
                        run = _Run(day, first, 0, len(first.rows))
                        waiting.append(pool.submit(self._several, [run]))
                    else:
                        yield self._large(day, first, second, chunks)
                while len(waiting) > _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

    def empty(self, day: str) -> Cut:
        """A day that no longer has a row."""
        rows = self.contract.arrow_schema.empty_table()
        return self._small(_Run(day, Chunk(self.contract, rows), 0, 0))

    def _sorted(self, workshop: Workshop, rows: str) -> Iterator[pa.Table]:
        contract = self.contract
        leading = [contract.partition] if contract.partition else []
        order = [*leading, *(name for name in contract.key if name not in leading)]
        by = ", ".join(f"{quoting.name(name)} nulls last" for name in order)
        hashes = pa.array([self.hashes.get(n, "") for n in range(max(self.hashes, default=-1) + 1)])
        wanted = f"{quoting.names(contract.columns)}, _origin, _row_number, _extra"
        for span in self._spans(workshop, rows):
            sql = f"select {wanted} from ({rows}){span} order by {by}"
            for batch in workshop.engine.sql(sql).to_arrow_reader(ROW_GROUP):
                yield self._table(batch, hashes)

    def _table(self, batch: pa.RecordBatch, hashes: pa.Array) -> pa.Table:
        """A batch with the lineage of a landed file."""
        columns = [batch.column(n) for n in range(len(self.contract.columns))]
        # Texts that thousands of rows share stay a dictionary up to the file.
        columns += [
            pa.DictionaryArray.from_arrays(
                pa.repeat(pa.scalar(0), batch.num_rows), pa.array([self.source])
            ),
            pa.DictionaryArray.from_arrays(batch["_origin"], hashes),
            batch["_row_number"],
            batch["_extra"],
        ]
        return pa.Table.from_arrays(columns, names=self.contract.arrow_schema.names)

    def _spans(self, workshop: Workshop, rows: str) -> list[str]:
        """Conditions that cut the rows into spans of days, in order, each sorted in memory."""
        if self.contract.partition is None:
            return [""]
        day = quoting.name(self.contract.partition)
        counted = workshop.engine.execute(
            f"select cast({day} as varchar), count(*) from ({rows}) group by 1 order by 1"
        ).fetchall()
        spans: list[list[str]] = []
        size = _SORTED
        for date, count in counted:
            if size + count > _SORTED:
                spans.append([])
                size = 0
            spans[-1].append(date)
            size += count
        if len(spans) == 1:
            return [""]
        return [f" where {day} between date '{one[0]}' and date '{one[-1]}'" for one in spans]

    def _several(self, runs: list[_Run]) -> list[Cut]:
        return [self._small(run) for run in runs]

    def _small(self, run: _Run) -> Cut:
        path = path_of(self.lake, self.contract.table, self.source, run.day)
        file = PartitionFile(self.contract, run.day)
        file.add(run.chunk, run.start, run.end)
        found, landed = file.partition, read_landed(self.contract, path)
        waits = not _same(found, landed)
        if waits:
            rows = run.chunk.rows.slice(run.start, run.end - run.start)
            file.write_whole(self.stage.beside(path), rows)
        return Cut(found, landed, path, waits)

    def _large(self, day: str, first: Chunk, second: Chunk, others: Iterator[Chunk]) -> Cut:
        path = path_of(self.lake, self.contract.table, self.source, day)
        file, temporary = PartitionFile(self.contract, day), self.stage.beside(path)
        with disk_errors(path):
            for chunk in chain((first, second), others):
                file.add(chunk, 0, len(chunk.rows))
                file.write(temporary, chunk.rows)
            file.close()
        found, landed = file.partition, read_landed(self.contract, path)
        waits = not _same(found, landed)
        if not waits:
            self.stage.forget(path)
        return Cut(found, landed, path, waits)


def _same(found: Partition, landed: Landed | None) -> bool:
    return landed is not None and landed.fits and landed.content_hash == found.content_hash


@dataclass(frozen=True)
class _Run:
    """Rows [start, end) of a chunk: all of one day, or what the chunk has of it."""

    day: str
    chunk: Chunk
    start: int
    end: int


class _Runs:
    """Sorted tables as runs of one day."""

    def __init__(self, contract: Contract, tables: Iterator[pa.Table]) -> None:
        self._contract, self._tables = contract, tables
        # Runs of one table at a time; the next is asked for when these are used up.
        self._runs: deque[_Run] = deque()

    def next_day(self) -> str | None:
        """The day that comes next, or None at the end."""
        while not self._runs:
            table = next(self._tables, None)
            if table is None:
                return None
            self._runs.extend(_by_day(self._contract, table))
        return self._runs[0].day

    def whole_days(self) -> list[_Run]:
        """Days that another follows in the same table: none of them goes on in the next one."""
        return [self._runs.popleft() for _ in range(len(self._runs) - 1)]

    def chunks(self, day: str) -> Iterator[Chunk]:
        """The rows of the day that comes next, `ROW_GROUP` at a time."""
        held: list[pa.Table] = []
        size = 0
        while self.next_day() == day:
            run = self._runs.popleft()
            taken = min(run.end - run.start, ROW_GROUP - size)
            held.append(run.chunk.rows.slice(run.start, taken))
            size += taken
            if run.start + taken < run.end:
                self._runs.appendleft(_Run(day, run.chunk, run.start + taken, run.end))
            if size == ROW_GROUP:
                yield self._one(held)
                held, size = [], 0
        if held:
            yield self._one(held)

    def _one(self, tables: list[pa.Table]) -> Chunk:
        return Chunk(self._contract, pa.concat_tables(tables).combine_chunks())


def _by_day(contract: Contract, table: pa.Table) -> Iterator[_Run]:
    size = len(table)
    if not size:
        return
    chunk = Chunk(contract, table)
    if contract.partition is None:
        yield _Run(ALL, chunk, 0, size)
        return
    days = table[contract.partition].to_numpy()
    begins = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
    for start, end in zip(begins.tolist(), [*begins[1:].tolist(), size], strict=True):
        yield _Run(str(days[start]), chunk, start, end)
