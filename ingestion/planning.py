"""What landing a table will change: partitions beside their places, manifest lines to add."""

# ruff: noqa: S608, PLR0917 - names and texts from outside pass through `quoting`

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ingestion import manifest, partitions, quoting
from ingestion.cutting import Cut, Cutter
from ingestion.partitions import Landed, Partition, Stage
from ingestion.preparing import Prepared
from ingestion.workshop import Workshop, table_of
from warehouse.lake import Lake


@dataclass(frozen=True)
class Plan:
    """What landing a table will do.

    Args:
        paths: places of partitions that wait in the stage.
        log: its manifest.
        lines: manifest lines to add once the partitions are in place.
        gone: days that stand in the lake and the window, but are no longer in the source.
        unchanged: partitions that stand as they are.
        last_date: newest partition among the rows kept; None for an undated table.
    """

    table: Prepared
    paths: tuple[Path, ...]
    log: Path
    lines: tuple[dict[str, Any], ...]
    gone: tuple[str, ...]
    unchanged: int
    last_date: date | None

    @property
    def restated(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "restated"]


def plan(
    workshop: Workshop,
    lake: Lake,
    table: Prepared,
    stamp: dict[str, Any],
    stage: Stage,
    start: date | None,
    end: date | None,
) -> Plan:
    """Cut a table's rows into partitions and hold each against what stands in the lake.

    Args:
        stamp: `source`, `landed_at` and `run_id` of the manifest lines.
        stage: takes the partitions that differ.
        start, end: window of days, the end not included.
    """
    contract, source, kept = table.contract, stamp["source"], table.found.kept
    if not contract.actual or table.merge or table.stateful:
        # What looks ahead (plans, promotions) or holds for long (rates, holidays) is dated
        # otherwise than the day it became known: a window of days would never land it. And what
        # a cursor brought once it will not bring again.
        start = end = None
    log = manifest.path_of(lake, contract.table, source)
    told = manifest.latest(log)
    head = stamp | {"table": contract.table, "file_hash": table.file_hash}
    standing = [
        day
        for day in partitions.landed_days(lake, contract.table, source)
        if partitions.in_window(day, start, end)
    ]
    hashes = {number: origin.hash for number, origin in table.origins.items()}
    _, last = _span(workshop, table)
    days_brought = _days(workshop, table, start, end)
    if table.merge:
        _add_landed(workshop, lake, table, source, sorted(days_brought & {*standing}), hashes)
    cutter = Cutter(lake, contract, source, hashes, stage)

    changes: list[dict[str, Any]] = []
    paths: list[Path] = []
    content, unchanged = [], 0
    for cut in cutter.cut(workshop, f"select * from {kept}{_window(table, start, end)}"):
        day = cut.partition.day
        content.append(f"{day} {cut.partition.content_hash}")
        change = _change(cut, told.get(day))
        if cut.waits:
            paths.append(cut.path)
        if change is not None:
            changes.append(head | change)
        elif not cut.waits:
            unchanged += 1
    left = [day for day in standing if day not in days_brought]
    gone = []
    for day, cut_or_none in _left(workshop, lake, table, cutter, left, hashes):
        if cut_or_none is not None:
            paths += [cut_or_none.path] if cut_or_none.waits else []
            change = _change(cut_or_none, told.get(day))
            changes += [head | change] if change else []
        elif told.get(day, {}).get("rows_kept") != 0 and not table.merge:
            gone.append(day)
    whole = head | {
        "date_day": partitions.ALL,
        "kind": "confirmed",
        "content_hash": hashlib.sha256("\n".join(sorted(content)).encode()).hexdigest(),
        "rows_read": table.found.rows_read,
        "rows_kept": table.found.rows_kept,
        "rows_rejected": table.found.rows_rejected,
        "last_day": last or "",
    }
    return Plan(
        table, tuple(paths), log, (*changes, whole), tuple(gone), unchanged,
        date.fromisoformat(last) if last and contract.partition else None,
    )  # fmt: skip


def _window(table: Prepared, start: date | None, end: date | None) -> str:
    if table.contract.partition is None or (start is None and end is None):
        return ""
    day = quoting.name(table.contract.partition)
    return f" where {day} >= date '{start or date.min}' and {day} < date '{end or date.max}'"


def _span(workshop: Workshop, table: Prepared) -> tuple[str | None, str | None]:
    """First and last day of the rows kept; `all` of an undated table that has any."""
    kept, partition = table.found.kept, table.contract.partition
    if not table.found.rows_kept:
        return None, None
    if partition is None:
        return partitions.ALL, partitions.ALL
    day = quoting.name(partition)
    first, last = workshop.one(f"select min({day}), max({day}) from {kept}")
    return str(first), str(last)


def _days(workshop: Workshop, table: Prepared, start: date | None, end: date | None) -> set[str]:
    """Days of the window that the source brings."""
    kept, partition = table.found.kept, table.contract.partition
    if partition is None:
        return {partitions.ALL} if table.found.rows_kept else set()
    rows = workshop.engine.execute(
        f"select distinct cast({quoting.name(partition)} as varchar) "
        f"from {kept}{_window(table, start, end)}"
    ).fetchall()
    return {row[0] for row in rows}


def _scan(lake: Lake, table: Prepared, source: str, days: list[str]) -> str:
    """The landed rows of some days, in the contract's columns of today."""
    files = [
        partitions.path_of(lake, table.contract.table, name, day)
        for name, day in (("_contract", partitions.ALL), *((source, day) for day in days))
    ]
    listed = quoting.texts(str(file) for file in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def _matches(table: Prepared, one: str, other: str) -> str:
    return " and ".join(
        f"{one}.{quoting.name(n)} is not distinct from {other}.{quoting.name(n)}"
        for n in table.contract.key
    )


def _add_landed(
    workshop: Workshop,
    lake: Lake,
    table: Prepared,
    source: str,
    days: list[str],
    hashes: dict[int, str],
) -> None:
    """Put the landed rows of days beside the new ones; a row of the same key is replaced."""
    if not days:
        return
    kept = table.found.kept
    standing = (
        f"select l.* from {_scan(lake, table, source, days)} as l "
        f"anti join {kept} as k on {_matches(table, 'l', 'k')}"
    )
    table_of(workshop, "standing", standing)
    _take_in(workshop, table, "standing", kept, hashes)


def _take_in(
    workshop: Workshop, table: Prepared, rows: str, into: str, hashes: dict[int, str]
) -> None:
    """Insert landed rows, their file hashes numbered as origins."""
    found = workshop.engine.execute(f"select distinct _file_hash from {rows} order by 1").fetchall()
    numbered = max(hashes, default=-1) + 1
    numbers = {row[0]: numbered + n for n, row in enumerate(found)}
    hashes |= {number: file_hash for file_hash, number in numbers.items()}
    pairs = ", ".join(f"({quoting.text(h)}, {n})" for h, n in numbers.items())
    if not pairs:
        return
    workshop.engine.execute(
        f"insert into {into} select {quoting.names(table.contract.columns)}, o.number, "
        f"_row_number, 0, _extra, true from {rows} "
        f"join (values {pairs}) as o(hash, number) on o.hash = _file_hash"
    )


def _left(
    workshop: Workshop,
    lake: Lake,
    table: Prepared,
    cutter: Cutter,
    days: list[str],
    hashes: dict[int, str],
) -> Iterator[tuple[str, Cut | None]]:
    """Landed days that the source does not bring: what stays of each, or None where all does.

    A corrected date moves a row; left where it was, it would stand twice. A day that the source
    speaks for wholly and no longer has is emptied.
    """
    contract = table.contract
    covered = {day for day in days if _covered(table, day)}
    open_days = [day for day in days if day not in covered]
    moved: set[str] = set()
    if open_days and contract.partition is not None and contract.partition not in contract.key:
        kept, scan = table.found.kept, _scan(lake, table, cutter.source, open_days)
        rows = workshop.engine.execute(
            f"select distinct cast({quoting.name(contract.partition)} as varchar) "
            f"from {scan} as l semi join {kept} as k on {_matches(table, 'l', 'k')}"
        ).fetchall()
        moved = {row[0] for row in rows}
    found: dict[str, Cut] = {}
    if moved:
        scan = _scan(lake, table, cutter.source, sorted(moved))
        table_of(workshop, "staying", (
            f"select l.* from {scan} as l "
            f"anti join {table.found.kept} as k on {_matches(table, 'l', 'k')}"
        ))  # fmt: skip
        table_of(workshop, "remaining", f"select * from {table.found.kept} limit 0")
        _take_in(workshop, table, "staying", "remaining", hashes)
        found = {cut.partition.day: cut for cut in cutter.cut(workshop, "select * from remaining")}
    for day in days:
        if day in covered or (day in moved and day not in found):
            yield day, cutter.empty(day)
        else:
            yield day, found.get(day)


def _covered(table: Prepared, day: str) -> bool:
    if table.covers is None or day == partitions.ALL:
        return False
    return table.covers[0] <= date.fromisoformat(day) <= table.covers[1]


def _change(cut: Cut, told: dict[str, Any] | None) -> dict[str, Any] | None:
    """The manifest line a partition needs, or None when file and manifest say so already.

    Args:
        told: the partition's newest manifest line.
    """
    partition = cut.partition
    line = None
    if told is not None:
        line = Landed(told["content_hash"], partitions.money_from(told["money"]), told["rows_kept"])
    earlier = [
        one for one in (cut.landed, line) if one and one.content_hash != partition.content_hash
    ]
    if cut.landed and line and not earlier:
        return None
    # After a kill the file is ahead of its manifest: then the line knows what stood before.
    before = earlier[0] if earlier else None
    return _line(partition, before, (told or {}).get("file_hash", "") if before else "")


def _line(partition: Partition, before: Landed | None, file_hash_before: str) -> dict[str, Any]:
    moved = partitions.change(before.money, partition.money) if before else {}
    return {
        "date_day": partition.day,
        "kind": "restated" if before else "new",
        "previous_file_hash": file_hash_before,
        "previous_hash": before.content_hash if before else "",
        "content_hash": partition.content_hash,
        "money": partitions.money_text(partition.money),
        "money_change": partitions.money_text(moved),
        "previous_rows": before.rows if before else 0,
        "rows_read": partition.rows,
        "rows_kept": partition.rows,
        "last_day": partition.day,
    }
