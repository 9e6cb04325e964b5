"""The two shipped mappings land the public data sets, and their sums are the files' own."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import LandingReport, land
from warehouse import Lake, Settings
from warehouse.settings import PROJECT

pytestmark = pytest.mark.reference
PLACES = Decimal("0.000001")


def _rows(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines()))


def _cut(text: str) -> Decimal:
    return Decimal(text).quantize(PLACES, ROUND_HALF_EVEN)


def _land(source: str, folder: Path, data: Path) -> tuple[Lake, LandingReport]:
    lake = Lake.at(folder / "lake")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIFTCAST_REFERENCE_DATA", str(data))
        mapping = PROJECT / "sources" / f"{source}.yml"
        report = land(lake, mapping, run_id="20250101T000000-00000000", settings=Settings())
    return lake, report


def _query(lake: Lake, table: str, sql: str) -> list[tuple[Any, ...]]:
    files = lake.raw / table / "*/*/part.parquet"
    source = f"read_parquet('{files}', hive_partitioning=false)"
    return duckdb.sql(sql.replace("LANDED", source)).fetchall()


@pytest.fixture(scope="module")
def robyn(
    tmp_path_factory: pytest.TempPathFactory, reference_data: Path
) -> tuple[Lake, LandingReport, list[dict[str, str]]]:
    lake, report = _land("robyn", tmp_path_factory.mktemp("robyn"), reference_data)
    return lake, report, _rows(reference_data / "mix/robyn_weekly.csv")


@pytest.fixture(scope="module")
def meridian(
    tmp_path_factory: pytest.TempPathFactory, reference_data: Path
) -> tuple[Lake, LandingReport, list[dict[str, str]]]:
    lake, report = _land("meridian", tmp_path_factory.mktemp("meridian"), reference_data)
    return lake, report, _rows(reference_data / "mix/meridian_geo_all_channels.csv.gz")


def test_robyn_lands_every_row(robyn: Any) -> None:
    _, report, rows = robyn
    counts = {table.table: (table.rows_kept, table.rows_rejected) for table in report.tables}
    assert counts == {
        "ad_spend": (6 * 208, 0), "controls": (208, 0), "sales": (208, 0), "publicity": (2, 0),
        "products": (1, 0), "territories": (1, 0),
    }  # fmt: skip
    assert len(rows) == 208
    assert report.notices == ()
    assert str(report.max_date) == max(row["DATE"] for row in rows)


def test_robyn_sums_are_the_files(robyn: Any) -> None:
    lake, _, rows = robyn
    spend = dict(_query(lake, "ad_spend", "select channel, sum(spend) from LANDED group by all"))
    assert spend == {"newsletter": 0} | {
        channel: sum(_cut(row[f"{channel}_S"]) for row in rows)
        for channel in ("tv", "ooh", "print", "facebook", "search")
    }
    assert _query(lake, "sales", "select sum(net_revenue) from LANDED") == [
        (sum(_cut(row["revenue"]) for row in rows),)
    ]
    for column, measure, channel in (
        ("facebook_I", "impressions", "facebook"),
        ("search_clicks_P", "clicks", "search"),
        ("newsletter", "impressions", "newsletter"),
    ):
        ((landed,),) = _query(
            lake, "ad_spend", f"select sum({measure}) from LANDED where channel = '{channel}'"
        )
        assert landed == pytest.approx(sum(float(row[column]) for row in rows), rel=1e-12)
    ((landed,),) = _query(lake, "controls", "select sum(value) from LANDED")
    assert landed == pytest.approx(sum(float(row["competitor_sales_B"]) for row in rows))
    events = _query(lake, "publicity", "select event_name, date_day::varchar from LANDED")
    assert set(events) == {(r["events"], r["DATE"]) for r in rows if r["events"] != "na"}


def test_meridian_lands_every_row(meridian: Any) -> None:
    _, report, rows = meridian
    counts = {table.table: (table.rows_kept, table.rows_rejected) for table in report.tables}
    promoted = sum(float(row["Promo"]) != 0 for row in rows)
    assert counts == {
        "ad_spend": (6 * 6240, 0), "controls": (2 * 6240, 0), "sales": (6240, 0),
        "promotions": (promoted, 0), "products": (1, 0), "territories": (40, 0),
    }  # fmt: skip
    assert report.notices == ()


def test_meridian_sums_are_the_files(meridian: Any) -> None:
    lake, _, rows = meridian
    spend = dict(_query(lake, "ad_spend", "select channel, sum(spend) from LANDED group by all"))
    assert spend == {"organic0": 0} | {
        f"channel{n}": sum(_cut(row[f"Channel{n}_spend"]) for row in rows) for n in range(5)
    }
    revenue = sum(
        (Decimal(row["conversions"]) * Decimal(row["revenue_per_conversion"])).quantize(
            PLACES, ROUND_HALF_EVEN
        )
        for row in rows
    )
    assert _query(lake, "sales", "select sum(net_revenue) from LANDED") == [(revenue,)]
    assert _query(lake, "ad_spend", "select count(conversions) from LANDED") == [(0,)]
    people = dict(_query(lake, "territories", "select territory_id, population from LANDED"))
    assert people == {row["geo"]: float(row["population"]) for row in rows}


def test_meridian_territories_sum_to_the_national_file(meridian: Any, reference_data: Path) -> None:
    lake, _, _ = meridian
    national = {
        row["time"]: row for row in _rows(reference_data / "mix/meridian_national_all_channels.csv")
    }
    sums: dict[str, dict[str, float]] = defaultdict(dict)
    for day, channel, spend, impressions in _query(
        lake,
        "ad_spend",
        "select date_day::varchar, channel, sum(spend)::double, sum(impressions) from LANDED "
        "group by all",
    ):
        name = channel.replace("channel", "Channel").replace("organic0", "Organic_channel0")
        sums[day][f"{name}_impression"] = impressions
        if channel != "organic0":
            sums[day][f"{name}_spend"] = spend
    # Revenue has no national figure: the file's price is the plain mean of the territories' prices.
    for day, units in _query(
        lake, "sales", "select date_day::varchar, sum(units) from LANDED group by all"
    ):
        sums[day]["conversions"] = units
    assert sums.keys() == national.keys()
    for day, columns in sums.items():
        for name, value in columns.items():
            assert value == pytest.approx(float(national[day][name]), rel=1e-6), (day, name)
