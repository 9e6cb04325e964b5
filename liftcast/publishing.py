"""From tested marts to a publication: Parquet, one DuckDB file, page, workbook, dbt's docs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from liftcast import building, releasing, results, version_marts
from liftcast.sign_offs import SignOff, as_json, read_sign_offs, standing
from warehouse.errors import CheckFailedError, LiftcastError, printable
from warehouse.files import disk_errors
from warehouse.lake import Lake
from warehouse.publication import publish
from warehouse.runlog import code_version, utc_now
from warehouse.settings import Settings

Progress = Callable[[str], None]

# Mart -> its row order. `attr_checks` and `pub_freshness` are completed here.
MARTS: dict[str, str] = {
    "attr_contributions": "date_day, territory_id, kind, driver",
    "attr_summary": "kind, driver",
    "attr_summary_classical": "kind, driver",
    "attr_curves": "kind, driver, multiplier",
    "attr_channels": "channel, rule",
    "attr_campaigns": "campaign, rule",
    "attr_territories": "territory, rule",
    "attr_checks": "stage, check_name, subject",
    "funnel_stages": "compared_by, member, stage",
    "funnel_interactions": "stage, factor",
    "fcst_volume": "period, date_day, level, territory_id, product_id, sales_channel",
    "fcst_revenue": "period, date_day, level, territory_id, product_id, sales_channel",
    "fcst_components": "date_day, territory_id, product_id, sales_channel, component",
    "fcst_fit": "date_day, territory_id, product_id, sales_channel",
    "fcst_versions": "version, period_starts_on, territory_id, product_id",
    "fcst_bridge": "version, step_number, step, period, territory_id, product_id",
    "fcst_accuracy": "basis, period, scenario, lag, version, level, key",
    "fct_ledger": "date_day, territory_id, product_id, sales_channel",
}
# Readable by DuckDB 1.2 and later, hence by the tools that embed 1.4.
STORAGE_VERSION = "v1.2.0"


def publish_marts(
    lake: Lake, settings: Settings, run_id: str, lock: int, progress: Progress
) -> dict[str, Any]:
    """Build marts from one release and its results, test them, publish; return the facts.

    The caller holds the publication and the warehouse lock.
    """
    facts = _facts(lake, settings, run_id)
    for engine in results.ENGINES:
        require_tables(lake, engine, facts[f"{engine}_run_id"])
    used = _signed_off(lake, settings, facts)
    for one in used:
        progress(f"{one.gate} {one.subject}: {one.words}")
    facts |= {"sign_offs": [one.model_dump(mode="json") for one in used]}
    version_marts.export(lake, progress)
    pins = ("release_id", *(f"{engine}_run_id" for engine in results.ENGINES))
    moment = {key: facts[key] for key in pins}
    moment |= {"standing_sign_offs": as_json(used)}
    shop = building.Workshop(lake, settings, lock, facts["currency"], progress, moment)
    docs, freshness = shop.target / "static_index.html", shop.target / "sources.json"
    for report in (docs, freshness):
        report.unlink(missing_ok=True)
    outcome = building.build(
        shop,
        "tag:publish",
        ["docs", "generate", "--static", "--no-compile"],
        ["source", "freshness"],
    )
    checks = pa.Table.from_pylist(
        [_as_check(node) for node in outcome.tests()] + _freshness_checks(lake, freshness),
        _CHECK_SCHEMA,
    )

    def fill(folder: Path) -> dict[str, Any]:
        tables = folder / "tables"
        tables.mkdir()
        _copy_marts(lake, tables, checks)
        _copy_star(lake, tables, facts["release_id"])
        _database(tables, folder / "liftcast.duckdb")
        progress("page")
        _faces(tables, folder, facts)
        (folder / "docs").mkdir()
        (folder / "docs" / "index.html").write_bytes(docs.read_bytes())
        return facts

    with disk_errors(lake.published):
        folder = publish(lake, run_id, fill, settings.keep_publications)
    progress(f"published {folder.name}")
    return facts | {"folder": str(folder)}


def _facts(lake: Lake, settings: Settings, run_id: str) -> dict[str, Any]:
    found = {engine: lake.latest_result(engine)[1] for engine in results.ENGINES}
    if len({result["release_id"] for result in found.values()}) > 1:
        raise LiftcastError(
            "attribution and forecast were estimated on different releases",
            where=printable(lake.results),
            expected="one release",
            got=", ".join(f"{name} on {result['release_id']}" for name, result in found.items()),
            remedy="Run `liftcast attribute` and `liftcast forecast` on the newest release",
        )
    release = releasing.read_facts(lake.release_dir(found["mix"]["release_id"]))
    pins = {f"{engine}_run_id": result["run_id"] for engine, result in found.items()}
    return (
        release
        | pins
        | {
            "run_id": run_id,
            "code_version": code_version(),
            "published_at": utc_now(),
            "seed": settings.seed,
            "horizon_weeks": settings.horizon_weeks,
        }
    )


def _signed_off(lake: Lake, settings: Settings, facts: dict[str, Any]) -> tuple[SignOff, ...]:
    """The sign-offs that this publication needs.

    Raises:
        CheckFailedError: a check of severity fail failed, and no sign-off of it stands.
    """
    signed = {one.key: one for one in read_sign_offs(lake, settings)}
    stands = {one.key for one in standing(tuple(signed.values()), datetime.now(UTC).date())}
    red: list[str] = []
    used: list[SignOff] = []
    stages = {"mix": "attribute", "journeys": "attribute", "forecast": "forecast"}
    for engine, stage in stages.items():
        file = lake.results / engine / f"run_id={facts[f'{engine}_run_id']}" / "checks.parquet"
        with duckdb.connect() as connection:
            failed = connection.execute(
                "select check_name, subject, text from read_parquet(?) "
                "where severity = 'fail' and status = 'fail' order by all",
                [str(file)],
            ).fetchall()
        for name, subject, text in failed:
            key = (stage, name, subject)
            if key in stands:
                used.append(signed[key])
                continue
            ended = f" (sign-off ended on {signed[key].until})" if key in signed else ""
            red.append(f"{engine}, {name} of {subject}: {printable(text, 300)}{ended}")
    if red:
        raise CheckFailedError(
            "an estimate failed its checks, nothing new is published",
            got=" | ".join(red[:5]),
            remedy="See docs/runbooks/ for what to do, or for signing it off by name and reason; "
            "the last publication stands",
        )
    return tuple(used)


def require_tables(lake: Lake, engine: str, run_id: str) -> None:
    """Check that a result has every table that is published of it.

    Raises:
        LiftcastError: an older version made it, which did not know them all.
    """
    folder = lake.results / engine / f"run_id={run_id}"
    missing = [
        name for name in results.ENGINES[engine] if not (folder / f"{name}.parquet").is_file()
    ]
    if missing:
        made, stage = ("forecast",) * 2 if engine == "forecast" else ("attribution", "attribute")
        raise LiftcastError(
            f"the {made} was made by an older version",
            where=printable(folder),
            expected=f"{missing[0]}.parquet",
            remedy=f"Run `liftcast {stage}` anew, then publish",
        )


def _freshness_checks(lake: Lake, report: Path) -> list[dict[str, Any]]:
    """dbt's source freshness as rows of `attr_checks`, of the tables that have landed."""
    rows = []
    for result in json.loads(report.read_text(encoding="utf-8"))["results"]:
        status = {"pass": "pass", "warn": "warn"}.get(result["status"])
        table = result["unique_id"].split(".")[-1]
        known = status is not None or result["status"] == "error"
        if not known or not lake.has_landed(table):
            continue
        rows.append(
            {
                "check_name": "source_freshness",
                "subject": table,
                "stage": "land",
                "severity": "warn",
                "status": status or "warn",
                "figure": result.get("max_loaded_at_time_ago_in_s"),
                "threshold": None,
                "text": f"Last landed {result.get('max_loaded_at', 'never')[:16]} UTC; "
                "the figure is the seconds since.",
            }
        )
    return rows


_CHECK_SCHEMA = pa.schema(
    [
        ("check_name", pa.string()),
        ("subject", pa.string()),
        ("stage", pa.string()),
        ("severity", pa.string()),
        ("status", pa.string()),
        ("figure", pa.float64()),
        ("threshold", pa.float64()),
        ("text", pa.string()),
    ]
)


def _as_check(node: dict[str, Any]) -> dict[str, Any]:
    status = {"pass": "pass", "warn": "warn"}.get(node["status"], node["status"])
    failures = node.get("failures")
    return {
        "check_name": node["unique_id"].split(".")[2],
        "subject": "",
        "stage": "publish",
        "severity": "warn" if status == "warn" else "fail",
        "status": status,
        "figure": None if failures is None else float(failures),
        "threshold": 0.0,
        "text": printable(node.get("message") or "no offending rows", 300),
    }


def _copy_marts(lake: Lake, tables: Path, dbt_checks: pa.Table) -> None:
    with duckdb.connect(str(lake.warehouse), read_only=True) as connection:
        connection.execute("set threads to 1")
        connection.register("dbt_checks", dbt_checks)
        for mart, order in MARTS.items():
            more = " union all by name select * from dbt_checks" if mart == "attr_checks" else ""
            connection.execute(
                f"copy (select * from (select * from {mart}{more}) order by {order}) "  # noqa: S608
                f"to '{tables / mart}.parquet' (format parquet, compression zstd)"
            )
        connection.execute(
            f"copy (select * from ({_FRESHNESS}) order by source, table_name) "  # noqa: S608
            f"to '{tables}/pub_freshness.parquet' (format parquet, compression zstd)",
            [f"{lake.manifest}/*/*.jsonl"],
        )


def _copy_star(lake: Lake, tables: Path, release_id: str) -> None:
    """The star of the release, file by file, as it was tested when the release was made."""
    release = lake.release_dir(release_id)
    for table in releasing.STAR:
        if not (release / f"{table}.parquet").is_file():
            raise LiftcastError(
                "the release was made before it held a star schema",
                where=printable(release),
                expected=f"{table}.parquet",
                remedy="Run `liftcast run`, which transforms, estimates and publishes anew",
            )
        shutil.copyfile(release / f"{table}.parquet", tables / f"{table}.parquet")


# One line a table and source: when it last landed, up to which day, how many rows stand.
_FRESHNESS = """
    with lines as (
        select * from read_json(?, format = 'newline_delimited', ignore_errors = true, columns = {
            source: 'varchar', "table": 'varchar', date_day: 'varchar', rows_kept: 'bigint',
            rows_rejected: 'bigint', landed_at: 'timestamptz', kind: 'varchar'
        })
        where "table" <> '_contract'
    ),

    standing as (
        select source, "table" as table_name, date_day, arg_max(rows_kept, landed_at) as rows_kept
        from lines
        where kind <> 'confirmed'
        group by all
    ),

    counted as (
        select
            source,
            table_name,
            max(try_cast(date_day as date)) as last_date,
            sum(rows_kept)::bigint as rows
        from standing
        group by all
    ),

    -- A bad date belongs to no partition: rejected rows are counted per landing, not per day.
    landed as (
        select
            source,
            "table" as table_name,
            max(landed_at) as landed_at,
            arg_max(rows_rejected, landed_at) filter (kind = 'confirmed') as rejected
        from lines
        group by all
    )

    select
        landed.source,
        landed.table_name,
        counted.last_date,
        strftime(landed.landed_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') as landed_at,
        coalesce(counted.rows, 0) as rows,
        coalesce(landed.rejected, 0) as rejected
    from landed
    left join counted using (source, table_name)
"""


def _database(tables: Path, target: Path) -> None:
    """All tables in one DuckDB file that older clients can open; read-only."""
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{target}' as publication (storage_version '{STORAGE_VERSION}')"
        )
        for file in sorted(tables.glob("*.parquet")):
            connection.execute(
                f"create table publication.{file.stem} as "  # noqa: S608
                f"select * from read_parquet('{file}')"
            )
        connection.execute("detach publication")
    target.chmod(0o444)


def _faces(tables: Path, folder: Path, facts: dict[str, Any]) -> None:
    from reporting.page import write_page
    from reporting.workbook import write_workbook

    write_page(tables, folder / "index.html", facts)
    write_workbook(tables, folder / "liftcast.xlsx", facts)
