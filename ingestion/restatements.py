"""What the sources changed after it had landed: when, which rows, by how much money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ingestion import manifest
from ingestion.partitions import money_from
from warehouse.lake import Lake


@dataclass(frozen=True)
class Restatement:
    """One partition replaced by other content.

    Args:
        date_day: the partition; None for an undated table.
        landed_at: when, UTC.
        previous_hash, content_hash: of its content, before and after.
        previous_file_hash, file_hash: of the source's file, before and after; the former is empty
            where it is not known any more.
        money_change: after minus before, by currency; currencies that did not move are left out.
        rows_before, rows_after: rows of the partition.
    """

    source: str
    table: str
    date_day: date | None
    landed_at: datetime
    run_id: str
    previous_hash: str
    content_hash: str
    previous_file_hash: str
    file_hash: str
    money_change: dict[str, Decimal]
    rows_before: int
    rows_after: int


def restatements(
    lake: Lake,
    source: str | None = None,
    table: str | None = None,
    since: date | None = None,
) -> list[Restatement]:
    """Restatements in the order in which they landed.

    Args:
        lake: where the manifest lies.
        source: only of this source.
        table: only of this raw table.
        since: only landed on this day (UTC) or later.
    """
    found = []
    for path in sorted(lake.manifest.glob("*/*.jsonl")):
        if (table and path.parent.name != table) or (source and path.stem != source):
            continue
        for line in manifest.read(path):
            if line["kind"] != "restated":
                continue
            landed_at = datetime.fromisoformat(line["landed_at"])
            if since is not None and landed_at.date() < since:
                continue
            day = line["date_day"]
            found.append(
                Restatement(
                    source=line["source"],
                    table=line["table"],
                    date_day=None if day == "all" else date.fromisoformat(day),
                    landed_at=landed_at,
                    run_id=line["run_id"],
                    previous_hash=line["previous_hash"],
                    content_hash=line["content_hash"],
                    previous_file_hash=line["previous_file_hash"],
                    file_hash=line["file_hash"],
                    money_change=money_from(line["money_change"]),
                    rows_before=line["previous_rows"],
                    rows_after=line["rows_kept"],
                )
            )
    return sorted(found, key=lambda r: (r.landed_at, r.source, r.table, str(r.date_day)))
