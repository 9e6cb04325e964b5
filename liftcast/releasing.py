"""A release: the model inputs of one moment, copied out of the warehouse as immutable Parquet."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import LiftcastError
from warehouse.files import appearing, point, sha256_file, write_json
from warehouse.lake import Lake

# Release file -> its key, which is also the order of its rows (docs/architecture.md).
TABLES: dict[str, tuple[str, ...]] = {
    "outcome": ("date_day", "territory_id"),
    "drivers": ("date_day", "territory_id", "kind", "driver"),
    "controls": ("date_day", "territory_id", "control"),
    "experiments": ("experiment_id", "territory_id"),
    "ledger": ("date_day", "territory_id", "product_id", "sales_channel"),
    "plan": ("date_day", "territory_id", "kind", "driver", "product_id"),
    "holidays": ("date_day", "holiday", "country_code"),
    "territories": ("territory_id",),
    "products": ("product_id",),
    "journey_paths": ("conversion_kind", "grain", "path"),
    "journey_credit": ("conversion_kind", "grain", "name", "rule"),
    "journey_spend": ("month", "spend_kind", "channel", "campaign", "territory"),
    "journey_touches": ("grain", "name", "treatment"),
    "stages": (
        "cohort", "channel", "seller_key", "handover", "stage", "outcome", "days", "days_before",
    ),
}  # fmt: skip
# Star table -> its key. They go into the release under their own names, and from there into the
# publication, so that both are of one moment. Rows of persons and lines of orders stay in the
# warehouse (docs/decisions/0009-personal-rows-stay.md).
STAR: dict[str, tuple[str, ...]] = {
    "dim_calendar": ("date_day",),
    "dim_campaigns": ("campaign_id",),
    "dim_channels": ("channel",),
    "dim_products": ("product_key",),
    "dim_sellers": ("seller_key",),
    "dim_territories": ("territory_key",),
    "fct_promotion_days": ("date_day", "promotion_id", "territory_id", "product_id", "starts_on"),
    "fct_publicity": ("date_day", "event_id", "territory_id"),
    "fct_spend": (
        "date_day", "spend_kind", "channel_kind", "platform", "channel", "campaign_id",
        "territory_id", "landed_currency",
    ),
    "fct_stock": ("date_day", "territory_id", "product_id"),
    "mix_panel": ("date_day", "territory_id", "product_group", "kind", "driver"),
}  # fmt: skip
# File of the release -> the warehouse's table and the order of its rows.
_FILES = {table: (f"release_{table}", key) for table, key in TABLES.items()} | {
    table: (table, key) for table, key in STAR.items()
}


def declared_currency(lake: Lake, asked: str | None) -> str:
    """The reporting currency: what was asked for, else what the landed sources declare.

    Raises:
        LiftcastError: no source declares one, or two disagree.
    """
    if asked:
        return asked
    declared = {
        file.stem: json.loads(file.read_text(encoding="utf-8")).get("reporting_currency")
        for file in sorted(lake.sources.glob("*.json"))
    }
    found = sorted({currency for currency in declared.values() if currency})
    if len(found) == 1:
        return str(found[0])
    raise LiftcastError(
        "the reporting currency is not clear",
        where="sources " + (", ".join(sorted(declared)) or "(none landed)"),
        expected="one currency declared by all of them",
        got=", ".join(found) or "none",
        remedy="Set `reporting_currency:` in the source mapping, or LIFTCAST_REPORTING_CURRENCY",
    )


def export(lake: Lake, currency: str) -> dict[str, Any]:
    """Copy the release tables out of the warehouse; return the facts of `release.json`.

    The folder is named by its content, so the same data give the same release twice and the
    second one changes nothing. The caller holds the warehouse lock.
    """
    staging = lake.scratch / "release"
    staging.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    with duckdb.connect(str(lake.warehouse), read_only=True) as connection:
        # One thread and a full order: the same rows give the same bytes.
        connection.execute("set threads to 1")
        for file, (table, key) in _FILES.items():
            target = staging / f"{file}.parquet"
            rows[file] = connection.execute(
                f"copy (select * from {table} order by {', '.join(key)}) "  # noqa: S608
                f"to '{target}' (format parquet, compression zstd)"
            ).fetchall()[0][0]
        facts = connection.execute(
            "select min(date_day), max(date_day) from release_outcome"
        ).fetchall()[0]
        grain = connection.execute("select grain from int_calendar__bounded").fetchall()
    if facts[0] is None:
        raise LiftcastError(
            "there are no sales in the warehouse",
            remedy="Land a source with a `sales` table: `liftcast ingest --sources FILE`",
        )
    digest = hashlib.sha256(currency.encode())
    for table in _FILES:
        digest.update(f"{table}:{sha256_file(staging / f'{table}.parquet')}".encode())
    release_id = digest.hexdigest()[:16]
    record = {
        "release_id": release_id,
        "grain": grain[0][0],
        "currency": currency,
        "first_day": str(facts[0]),
        "last_day": str(facts[1]),
        "rows": rows,
        "sources": sorted(file.stem for file in lake.sources.glob("*.json")),
    }
    folder = lake.release_dir(release_id)
    if not (folder / "release.json").is_file():
        with appearing(folder) as temporary:
            for table in _FILES:
                (staging / f"{table}.parquet").rename(temporary / f"{table}.parquet")
            write_json(temporary / "release.json", record)
    point(lake.inputs / "current", release_id)
    return record


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of a release folder."""
    facts: dict[str, Any] = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return facts


def is_due(lake: Lake, restatement_share: float) -> bool:
    """Whether the warehouse holds a reason to estimate anew.

    True when there is no release yet, when a week has closed that the last release did not
    hold, or when its history was restated by more than `restatement_share` of its net revenue
    (late rows of a few orders wait for the week to close; a corrected month does not).
    """
    link = lake.inputs / "current"
    if not (link / "release.json").is_file():
        return True
    last = read_facts(link)
    with duckdb.connect(str(lake.warehouse), read_only=True) as connection:
        grain, newest, closed = connection.execute(
            """
            select (select grain from int_calendar__bounded), max(date_day),
                   date_trunc('week', max(date_day) + 1) > date_trunc('week', ?::date + 1)
            from release_outcome
            """,
            [last["last_day"]],
        ).fetchall()[0]
        if grain != last["grain"] or closed or (grain == "week" and str(newest) > last["last_day"]):
            return True
        moved, stood = connection.execute(
            """
            select coalesce(sum(abs(coalesce(new.net_revenue, 0)
                                    - coalesce(old.net_revenue, 0))), 0),
                   coalesce(sum(abs(old.net_revenue)), 0)
            from read_parquet(?) as old
            full join (select * from release_outcome where date_day <= ?::date) as new
                using (date_day, territory_id)
            """,
            [str((link / "outcome.parquet").resolve()), last["last_day"]],
        ).fetchall()[0]
    return bool(float(moved) > restatement_share * float(stood))
