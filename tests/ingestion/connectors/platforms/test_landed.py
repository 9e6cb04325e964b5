"""Connectors through landing into a lake: restated days, changed rows, kills, shipped mappings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingestion import LandingReport, land, partitions
from ingestion.connectors import secrets
from ingestion.mapping import load_mapping
from warehouse import Lake, Settings

PROJECT = Path(__file__).resolve().parents[4]
EXAMPLES = PROJECT / "sources" / "examples"
PLATFORMS = ["google_ads", "meta", "linkedin", "tiktok"]
FOLDERS = {"google_ads": "google", "meta": "meta", "linkedin": "linkedin", "tiktok": "tiktok"}
NAMES = ("DEVELOPER_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.at(tmp_path / "lake").ensure()


@pytest.fixture
def shipped(company: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The shipped mapping of a platform, its variables set to the local server."""

    def make(platform: str) -> Path:
        upper = platform.upper()
        monkeypatch.setenv(f"{upper}_URL", f"{company.url}/{FOLDERS[platform]}")
        monkeypatch.setenv(f"{upper}_TOKEN_URL", f"{company.url}/token")
        for name in NAMES:
            monkeypatch.setenv(f"{upper}_{name}", os.environ[f"CANARY_{name}"])
        told = (EXAMPLES / f"{platform}.yml").read_text(encoding="utf-8")
        path = tmp_path / f"{platform}.yml"
        path.write_text(told.replace("2025-01-01", str(min(company.days))), encoding="utf-8")
        return path

    return make


def landed(lake: Lake, mapping: Path, company: Any, **how: Any) -> LandingReport:
    told = {"end": max(company.days) + timedelta(days=1)} | how
    return land(
        lake, mapping, start=told.get("start"), end=told["end"],
        run_id="20250101T000000-00000000", settings=Settings(),
    )  # fmt: skip


def rows(lake: Lake, source: str, table: str = "ad_spend") -> list[dict[str, Any]]:
    files = sorted((lake.raw / table / f"source={source}").rglob("*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def manifest(lake: Lake, source: str, table: str = "ad_spend") -> list[dict[str, Any]]:
    text = (lake.manifest / table / f"{source}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def total(found: list[dict[str, Any]]) -> Decimal:
    return sum((row["spend"] for row in found), Decimal(0))


def truth(company: Any) -> Decimal:
    return sum((ad.spend for ads in company.days.values() for ad in ads), Decimal(0))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_second_landing_restates_the_days_that_changed_and_no_other(
    lake: Lake, company: Any, shipped: Any, platform: str
) -> None:
    mapping = shipped(platform)
    first = landed(lake, mapping, company)
    assert total(rows(lake, platform)) == truth(company)
    (table,) = first.tables
    assert (table.rows_kept, table.rows_rejected, table.partitions_new) == (15, 0, 3)

    again = landed(lake, mapping, company)
    assert again.tables[0].partitions_unchanged == 3

    changed, emptied, still = sorted(company.days)
    company.days[changed][0].spend += Decimal("0.010001")
    gone = sum((ad.spend for ad in company.days[emptied][2:]), Decimal(0))
    del company.days[emptied][2:]
    before = len(manifest(lake, platform))
    landed(lake, mapping, company)
    assert total(rows(lake, platform)) == truth(company)
    lines = [line for line in manifest(lake, platform)[before:] if line["kind"] == "restated"]
    moved = {line["date_day"]: partitions.money_from(line["money_change"])["USD"] for line in lines}
    assert moved == {str(changed): Decimal("0.010001"), str(emptied): -gone}

    # A day that the platform no longer knows at all leaves the lake too.
    company.days[still] = []
    landed(lake, mapping, company)
    assert total(rows(lake, platform)) == truth(company)


def test_restated_days_land_though_the_schedule_asks_for_one_day(
    lake: Lake, company: Any, shipped: Any
) -> None:
    mapping = shipped("meta")
    last = max(company.days)
    one_day = {"start": last, "end": last + timedelta(days=1)}
    landed(lake, mapping, company, **one_day)
    assert total(rows(lake, "meta")) == truth(company)
    company.days[min(company.days)][0].spend += 1
    landed(lake, mapping, company, **one_day)
    assert total(rows(lake, "meta")) == truth(company)


def test_a_landing_that_fails_does_not_ask_twice_and_one_that_lands_does(
    lake: Lake, company: Any, shipped: Any
) -> None:
    mapping = shipped("tiktok")
    good = mapping.read_text(encoding="utf-8")
    mapping.write_text(good.replace("channel_kind: paid", "channel_kind: bought"), "utf-8")
    with pytest.raises(Exception, match="rejected"):
        landed(lake, mapping, company)
    assert len(set(company.asked)) == 3
    company.asked.clear()
    mapping.write_text(good, encoding="utf-8")
    landed(lake, mapping, company)
    assert company.asked == []
    landed(lake, mapping, company)
    assert len(set(company.asked)) == 3


def test_killed_in_the_middle_of_a_pull_only_the_day_in_hand_is_asked_again(
    lake: Lake, company: Any, shipped: Any, fault_type: Any
) -> None:
    mapping = shipped("linkedin")
    days = sorted(company.days)
    # The last day is never answered: the process waits for it, and dies.
    company.fault_at[days[2]] = fault_type(status=429, headers={"Retry-After": "60"})
    code = (
        "import sys; from pathlib import Path; from datetime import date\n"
        "from ingestion import land; from warehouse import Lake, Settings\n"
        "land(Lake.at(sys.argv[1]), sys.argv[2], end=date.fromisoformat(sys.argv[3]),"
        " run_id='20250101T000000-00000000', settings=Settings())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, lake.root, mapping, str(days[2] + timedelta(days=1))]
    )
    try:
        limit = time.monotonic() + 60
        while str(days[2]) not in company.asked and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.02)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert rows(lake, "linkedin") == []
    company.fault_at.clear()
    company.asked.clear()
    landed(lake, mapping, company)
    assert set(company.asked) == {str(days[2])}
    assert total(rows(lake, "linkedin")) == truth(company)


@pytest.mark.parametrize("name", [*PLATFORMS, "postgres"])
def test_shipped_mappings_are_sound_and_hold_no_secret(name: str) -> None:
    loaded = load_mapping(EXAMPLES / f"{name}.yml")
    assert [table.from_ for table in loaded.spec.tables] == list(loaded.spec.inputs)
    for api in loaded.spec.apis.values():
        assert api.credentials
        assert all(value.startswith("${") for value in api.credentials.values())
    assert secrets.connections_of(loaded.spec) == ()


def _ledger(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {
        "PASSWORD": postgres.password, "PORT": str(postgres.port), "NAME": postgres.database,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SHOP_DB_{key}", value)
    postgres.run(
        "CREATE SCHEMA sales",
        """CREATE TABLE sales.order_lines (order_id text, line int, ordered_on date,
        product_id text, units int, amount numeric(12,2), updated_at timestamptz)""",
        """INSERT INTO sales.order_lines SELECT 'o' || g, 1, date '2025-01-01' + g % 3, 'tea', g,
        g + 0.25, timestamptz '2025-02-01' + g * interval '1 hour' FROM generate_series(1, 30) g""",
    )


@pytest.mark.postgres
def test_changed_rows_of_a_database_merge_with_what_has_landed(
    lake: Lake, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ledger(postgres, monkeypatch)

    def land_it() -> LandingReport:
        return land(
            lake, EXAMPLES / "postgres.yml", run_id="20250101T000000-00000000",
            settings=Settings(),
        )  # fmt: skip

    def equal() -> None:
        with postgres.connect() as link:
            told = link.execute(
                "SELECT order_id, ordered_on, amount FROM sales.order_lines ORDER BY 1"
            ).fetchall()
        found = sorted(
            (row["order_id"], row["date_day"], row["net_revenue"])
            for row in rows(lake, "shop_ledger", "sales")
        )
        assert found == told

    first = land_it()
    assert first.tables[0].rows_read == 30
    equal()
    again = land_it()
    assert again.tables[0].rows_read == 1  # the last value comes again, and changes nothing
    assert Counter(line["kind"] for line in manifest(lake, "shop_ledger", "sales"))["restated"] == 0
    postgres.run(
        "UPDATE sales.order_lines SET amount = 99, updated_at = '2025-03-01' WHERE order_id = 'o7'",
        """UPDATE sales.order_lines SET ordered_on = '2025-01-09', updated_at = '2025-03-02'
        WHERE order_id = 'o8'""",
        """INSERT INTO sales.order_lines VALUES
        ('o31', 1, '2025-01-04', 'tea', 1, 1, '2025-03-03')""",
    )
    third = land_it()
    assert third.tables[0].rows_read == 4
    equal()
