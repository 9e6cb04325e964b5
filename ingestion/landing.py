"""Landing: a source's files into the lake's partitions, all of them checked before any is written.

Killed at any moment, a partition is the old one or the new one. A landing writes the Parquet
files of a table, then its manifest lines; what a kill leaves between the two, the next landing
mends by comparing each partition's content hash with its newest line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion import manifest, partitions
from ingestion.contracts import CONTRACTS
from ingestion.mapping import LoadedMapping, load_mapping
from ingestion.partitions import Landed, Money, Partition
from ingestion.preparing import Prepared, prepare, refuse_too_many_bad_rows
from warehouse.errors import SourceError, printable
from warehouse.files import disk_errors, sweep_leftovers
from warehouse.lake import Lake
from warehouse.locks import holding
from warehouse.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class TableReport:
    """One table of a landing.

    Args:
        rows_read: rows the mapping made of the whole file, whatever the window;
            kept and rejected add up to it.
        partitions_new: not in the lake before.
        partitions_unchanged: in the lake with equal content.
        partitions_restated: replaced by other content.
        partitions_kept: in the lake and the window, but no longer in the file.
        last_date: newest partition among the rows kept; None for an undated table.
    """

    table: str
    rows_read: int
    rows_kept: int
    rows_rejected: int
    partitions_new: int
    partitions_unchanged: int
    partitions_restated: int
    partitions_kept: int
    last_date: date | None


@dataclass(frozen=True)
class LandingReport:
    """What a landing did.

    Args:
        max_date: newest day of what happened (advertising, sales, publicity, controls).
        notices: sentences for people: restatements, partitions kept, files without rows.
    """

    source: str
    run_id: str
    tables: tuple[TableReport, ...]
    notices: tuple[str, ...]
    max_date: date | None


def land(
    lake: Lake,
    mapping_path: str | Path,
    *,
    start: date | None = None,
    end: date | None = None,
    run_id: str,
    settings: Settings,
    progress: Progress | None = None,
) -> LandingReport:
    """Land one source. Landing the same file again changes no byte of any partition.

    Args:
        lake: where to.
        mapping_path: the source's mapping (see `sources/README.md`).
        start: first day of the partitions to land; default all.
        end: day after the last. The window holds for what happened (advertising, publicity,
            sales, controls); other tables are always landed whole.
        run_id: written into the manifest.
        settings: `bad_row_share` and `lock_timeout` are used.
        progress: told in words what is being done.

    Raises:
        SourceError: the mapping, a file or too many of its rows are wrong; nothing landed.
        LakeBusyError: another landing of this source did not end in time.
        LiftcastError: the lake cannot be written.
    """
    say = progress or (lambda _: None)
    if start is not None and end is not None and start >= end:
        raise SourceError(
            "the window to land is empty",
            where=printable(mapping_path),
            expected="a start before the end (the end is not included)",
            got=f"{start} to {end}",
            remedy="Give a later end",
        )
    mapping = load_mapping(mapping_path)
    source = mapping.spec.source
    with holding(lake, f"landing-{source}", settings.lock_timeout):
        _sweep(lake, source)
        _write_contracts(lake, settings)
        preparation = prepare(lake, mapping, say)
        for table in preparation.tables:
            _quarantine(lake, source, table)
        for table in preparation.tables:
            folder = printable(lake.quarantine / table.contract.table / f"source={source}", 200)
            refuse_too_many_bad_rows(table, source, settings.bad_row_share, folder)
        stamp = {
            "source": source,
            "landed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run_id": run_id,
        }
        plans = [_plan(lake, table, stamp, start, end) for table in preparation.tables]
        _carry_out(lake, source, plans, say)
        _register(lake, mapping)
    reports = tuple(plan.report for plan in plans)
    notices = (*preparation.notices, *(text for plan in plans for text in _notices(plan)))
    days = [r.last_date for r in reports if r.last_date and CONTRACTS[r.table].actual]
    return LandingReport(source, run_id, reports, notices, max(days, default=None))


def _sweep(lake: Lake, source: str) -> None:
    """Remove what a killed landing of this source left half written."""
    for room in (lake.raw, lake.quarantine):
        for folder in room.glob(f"*/source={source}"):
            sweep_leftovers(folder)
    for leftover in lake.sources.glob(f".{source}.json.*.tmp"):
        leftover.unlink(missing_ok=True)


def _write_contracts(lake: Lake, settings: Settings) -> None:
    with holding(lake, "landing-_contract", settings.lock_timeout):
        for contract in CONTRACTS.values():
            folder = lake.raw / contract.table / "source=_contract"
            if folder.is_dir():
                sweep_leftovers(folder)
            partitions.write_contract_file(lake, contract)
        manifest.write_contract_line(lake)


def _quarantine(lake: Lake, source: str, table: Prepared) -> None:
    for file_hash in table.file_hashes:
        rows = table.rejected[table.rejected["_file_hash"] == file_hash]
        with disk_errors(lake.quarantine):
            partitions.write_quarantine(lake, table.contract, source, file_hash, rows)


@dataclass(frozen=True)
class _Plan:
    """What landing a table will do: partitions to write by path, then manifest lines to add."""

    report: TableReport
    writes: dict[Path, Partition]
    log: Path
    lines: tuple[dict[str, Any], ...]
    gone: tuple[str, ...]

    @property
    def restated(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "restated"]


def _plan(
    lake: Lake, table: Prepared, stamp: dict[str, Any], start: date | None, end: date | None
) -> _Plan:
    contract, source = table.contract, stamp["source"]
    if not contract.actual:
        # What looks ahead (plans, promotions) or holds for long (rates, holidays) is dated
        # otherwise than the day it became known: a window of days would never land it.
        start = end = None
    log = manifest.path_of(lake, contract.table, source)
    told = manifest.latest(log)
    head = stamp | {"table": contract.table, "file_hash": table.file_hash}
    writes: dict[Path, Partition] = {}
    changes: list[dict[str, Any]] = []
    days, hashes, unchanged = [], [], 0
    for partition in partitions.split(contract, table.kept, source):
        days.append(partition.day)
        hashes.append(f"{partition.day} {partition.content_hash}")
        if not partitions.in_window(partition.day, start, end):
            continue
        path = partitions.path_of(lake, contract.table, source, partition.day)
        landed = partitions.read_landed(path)
        if landed is None or landed.content_hash != partition.content_hash:
            writes[path] = partition
        change = _change(partition, landed, told.get(partition.day))
        if change is None and path not in writes:
            unchanged += 1
        elif change is not None:
            changes.append(head | change)
    whole = head | {
        "date_day": partitions.ALL,
        "kind": "confirmed",
        "content_hash": hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
        "rows_read": table.read,
        "rows_kept": len(table.kept),
        "rows_rejected": len(table.rejected),
        "last_day": days[-1] if days else "",
    }
    seen = set(days)
    gone = []
    for day in partitions.landed_days(lake, contract.table, source):
        if day in seen or not partitions.in_window(day, start, end):
            continue
        path = partitions.path_of(lake, contract.table, source, day)
        left = partitions.without_moved(contract, path, day, table.kept)
        if left is not None:
            writes[path] = left
            moved = _change(left, partitions.read_landed(path), told.get(day))
            changes += [head | moved] if moved else []
        elif told.get(day, {}).get("rows_kept") != 0:
            gone.append(day)
    restated = sum(change["kind"] == "restated" for change in changes)
    report = TableReport(
        table=contract.table,
        rows_read=table.read,
        rows_kept=len(table.kept),
        rows_rejected=len(table.rejected),
        partitions_new=len(changes) - restated,
        partitions_unchanged=unchanged,
        partitions_restated=restated,
        partitions_kept=len(gone),
        last_date=date.fromisoformat(days[-1]) if days and contract.partition else None,
    )
    return _Plan(report, writes, log, (*changes, whole), tuple(gone))


def _change(
    partition: Partition, landed: Landed | None, told: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The manifest line a partition needs, or None when file and manifest say so already.

    Args:
        landed: what stands on disk.
        told: the partition's newest manifest line.
    """
    line = Landed(told["content_hash"], partitions.money_from(told["money"])) if told else None
    earlier = [one for one in (landed, line) if one and one.content_hash != partition.content_hash]
    if landed and line and not earlier:
        return None
    # After a kill the file is ahead of its manifest: then the line knows what stood before.
    before = earlier[0] if earlier else None
    moved = partitions.change(before.money, partition.money) if before else {}
    return {
        "date_day": partition.day,
        "kind": "restated" if before else "new",
        "previous_hash": before.content_hash if before else "",
        "content_hash": partition.content_hash,
        "money": partitions.money_text(partition.money),
        "money_change": partitions.money_text(moved),
        "rows_read": len(partition.rows),
        "rows_kept": len(partition.rows),
        "last_day": partition.day,
    }


def _carry_out(lake: Lake, source: str, plans: list[_Plan], say: Progress) -> None:
    with partitions.Stage() as stage:
        for plan in plans:
            say(f"{source}: writing {len(plan.writes):,} partitions of {plan.report.table}")
            for path, partition in plan.writes.items():
                stage.add(path, partition)
        stage.flush()
        for plan in plans:
            for path in plan.writes:
                stage.swap(path)
            manifest.append(plan.log, list(plan.lines))


def _notices(plan: _Plan) -> list[str]:
    report, restated, gone = plan.report, plan.restated, plan.gone
    said = []
    if report.rows_rejected:
        said.append(
            f"{report.table}: {report.rows_rejected:,} of {report.rows_read:,} rows were rejected "
            "and lie in quarantine"
        )
    if restated:
        total: Money = {}
        for line in restated:
            moved = partitions.money_from(line["money_change"])
            total = {
                c: total.get(c, Decimal(0)) + moved.get(c, Decimal(0)) for c in {*total, *moved}
            }
        amount = partitions.money_text({c: a for c, a in total.items() if a}) or "no money moved"
        said.append(
            f"{report.table}: {_some(len(restated))} restated "
            f"({_span([line['date_day'] for line in restated])}): {amount}"
        )
    if gone:
        said.append(
            f"{report.table}: {_some(len(gone))} in the lake but not in the file, kept "
            f"({_span(gone)})"
        )
    return said


def _some(count: int) -> str:
    return "1 partition is" if count == 1 else f"{count:,} partitions are"


def _span(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{min(days)} to {max(days)}"


def _register(lake: Lake, mapping: LoadedMapping) -> None:
    spec = mapping.spec
    record = {
        "source": spec.source,
        "description": spec.description,
        "reporting_currency": spec.reporting_currency,
        "mapping_hash": mapping.hash,
        "tables": sorted({table.table for table in spec.tables}),
    }
    content = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    partitions.write_if_changed(lake.sources / f"{spec.source}.json", content.encode())
