"""A month landed by `airflow backfill create`, twice: the same rows and bytes, no duplicate."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest

from liftcast import pipeline

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

COMPANY = {"seed": 4022, "days": 60, "territories": 2, "end": date(2025, 3, 10)}
# What happened day by day, and what it needs: sixty landings of every table would show no more.
TABLES = ("ad_spend", "controls", "fx_rates", "products", "sales", "territories")
FIRST, AFTER = "2025-02-01", "2025-03-01"
DATED = {"ad_spend": "date_day", "sales": "date_day", "controls": "date_day"}
KEYS = {
    "sales": "order_id, line_number",
    "controls": "date_day, territory_id, control",
    "ad_spend": "date_day, platform, account_id, campaign_id, ad_group_id, channel, territory_id",
}


def _backfill(airflow, *more: str) -> None:
    """Create the month's backfill as dags/README.md says and see its 28 runs end green."""
    done = airflow.command(
        "backfill", "create", "--dag-id", "ingest", "--from-date", FIRST, "--to-date", AFTER,
        "--max-active-runs", "4", *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    started = max(
        b["id"] for b in airflow.call("GET", "/api/v2/backfills?dag_id=ingest")["backfills"]
    )

    def ended() -> bool:
        facts = airflow.call("GET", f"/api/v2/backfills/{started}")
        return facts["completed_at"] is not None

    airflow.wait("a month of backfill", ended, 600)
    runs = [run for run in airflow.runs("ingest") if run["run_type"] == "backfill"]
    assert Counter(run["state"] for run in runs) == {"success": 28}, airflow.errors()


def _landed(airflow) -> dict[str, int]:
    return {
        table: duckdb.sql(
            f"select count(*) from '{airflow.lake.raw}/{table}/source=simulated/*/part.parquet'"
        ).fetchall()[0][0]
        for table in DATED
    }


def _sent(company: Path) -> dict[str, int]:
    """Rows of the month in the company's own files; a line sent twice counts once."""
    counts = {}
    for table, column in DATED.items():
        with (company / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            month = {tuple(row.items()) for row in rows if FIRST <= row[column] < AFTER}
            counts[table] = len(month)
    return counts


def _bytes(raw: Path) -> dict[str, str]:
    return {
        str(file.relative_to(raw)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(raw.rglob("part.parquet"))
    }


@pytest.fixture(scope="module")
def twice(airflow):
    """What lay in the lake after the first and after the second backfill, and both releases."""
    airflow.pause("transform", True)
    airflow.pause("ingest", False)
    _backfill(airflow)
    first = (_landed(airflow), _bytes(airflow.lake.raw))
    release = pipeline.transform(airflow.lake)
    _backfill(airflow, "--reprocess-behavior", "completed")
    second = (_landed(airflow), _bytes(airflow.lake.raw))
    return first, second, release, pipeline.transform(airflow.lake)


def test_the_month_landed_is_the_month_sent(airflow, twice) -> None:
    assert twice[0][0] == _sent(airflow.company)


def test_landing_it_again_changes_no_row_and_no_byte(twice) -> None:
    assert twice[1] == twice[0]


@pytest.mark.parametrize("table", sorted(KEYS))
def test_no_key_is_there_twice(airflow, twice, table: str) -> None:
    files = f"'{airflow.lake.raw}/{table}/*/*/part.parquet'"
    twins = duckdb.sql(
        f"select count(*) from (select 1 from {files} group by {KEYS[table]} having count(*) > 1)"
    ).fetchall()
    assert twins == [(0,)]


def test_both_rebuilds_give_one_release(airflow, twice) -> None:
    assert twice[2]["release_id"] == twice[3]["release_id"]
    assert (twice[2]["first_day"], twice[2]["last_day"]) == (FIRST, "2025-02-28")
    assert len(list(airflow.lake.inputs.glob("*/release.json"))) == 2  # the release and `current`
