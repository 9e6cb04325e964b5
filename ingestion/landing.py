"""Landing: a source's files into the lake's partitions, all of them checked before any is written.

Killed at any moment, a partition is the old one or the new one. A landing writes the Parquet
files of a table, then its manifest lines; what a kill leaves between the two, the next landing
mends by comparing each partition's content hash with its newest line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from ingestion import manifest, partitions, quarantine, register, workshop
from ingestion.contracts import CONTRACTS
from ingestion.mapping import load_mapping
from ingestion.partitions import Money
from ingestion.planning import Plan, plan
from ingestion.preparing import prepare, refuse_too_many_bad_rows
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
            sales, controls); other tables, and rows that a cursor will not bring again, are
            always landed whole.
        run_id: written into the manifest.
        settings: `bad_row_share`, `lock_timeout` and `memory_limit` are used.
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
        known = register.read(lake, source)
        register.refuse_another_mapping(known, mapping, Path(mapping_path))
        _sweep(lake, source)
        _write_contracts(lake, settings)
        with workshop.opened(lake, source, settings) as shop, disk_errors(lake.scratch):
            preparation = prepare(
                shop, lake, mapping, settings, say,
                start=start, end=end,
                states=register.read_state(lake, source), columns_before=known.columns,
            )  # fmt: skip
            for table in preparation.tables:
                quarantine.write(
                    shop,
                    lake,
                    table.contract.table,
                    source,
                    rejected=table.found.rejected,
                    origins=table.origins,
                )
            for table in preparation.tables:
                folder = printable(lake.quarantine / table.contract.table / f"source={source}", 200)
                refuse_too_many_bad_rows(shop, table, source, settings.bad_row_share, folder)
            stamp = {
                "source": source,
                "landed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "run_id": run_id,
            }
            with partitions.Stage() as stage:
                planned = []
                for table in preparation.tables:
                    say(f"{source}: writing {table.contract.table}")
                    planned.append(plan(shop, lake, table, stamp, stage, start, end))
                stage.flush()
                for one in planned:
                    stage.swap(one.paths)
                    manifest.append(one.log, list(one.lines))
        register.write(lake, mapping, Path(mapping_path), preparation.columns)
        # Last: a cursor may only move on once its rows stand in the lake.
        register.write_state(lake, source, preparation.states)
    reports = tuple(_report(one) for one in planned)
    notices = (*preparation.notices, *(text for one in planned for text in _notices(one)))
    days = [r.last_date for r in reports if r.last_date and CONTRACTS[r.table].actual]
    return LandingReport(source, run_id, reports, notices, max(days, default=None))


def _sweep(lake: Lake, source: str) -> None:
    """Remove what a killed landing of this source left half written."""
    for room in (lake.raw, lake.quarantine):
        for folder in room.glob(f"*/source={source}"):
            sweep_leftovers(folder)
    for room in (lake.sources, register.state_path(lake, source).parent):
        for leftover in room.glob(f".{source}.json.*.tmp"):
            leftover.unlink(missing_ok=True)


def _write_contracts(lake: Lake, settings: Settings) -> None:
    with holding(lake, "landing-_contract", settings.lock_timeout):
        for contract in CONTRACTS.values():
            folder = lake.raw / contract.table / "source=_contract"
            if folder.is_dir():
                sweep_leftovers(folder)
            partitions.write_contract_file(lake, contract)
        manifest.write_contract_line(lake)


def _report(plan: Plan) -> TableReport:
    restated = len(plan.restated)
    return TableReport(
        table=plan.table.contract.table,
        rows_read=plan.table.found.rows_read,
        rows_kept=plan.table.found.rows_kept,
        rows_rejected=plan.table.found.rows_rejected,
        partitions_new=sum(line["kind"] == "new" for line in plan.lines),
        partitions_unchanged=plan.unchanged,
        partitions_restated=restated,
        partitions_kept=len(plan.gone),
        last_date=plan.last_date,
    )


def _notices(plan: Plan) -> list[str]:
    report, restated, gone = _report(plan), plan.restated, plan.gone
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
