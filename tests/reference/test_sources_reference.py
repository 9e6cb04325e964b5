"""Weekly marketing files, national and by territory, land, and their sums are the files' own."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.reference
PLACES = Decimal("0.000001")


def _cut(text: str) -> Decimal:
    return Decimal(text).quantize(PLACES, ROUND_HALF_EVEN)


@pytest.fixture(scope="module")
def robyn(land_source: Any, raw_rows: Any) -> tuple[Any, list[dict[str, str]]]:
    return land_source("robyn"), raw_rows("mix/robyn_weekly.csv")


@pytest.fixture(scope="module")
def meridian(land_source: Any, raw_rows: Any) -> tuple[Any, list[dict[str, str]]]:
    return land_source("meridian"), raw_rows("mix/meridian_geo_all_channels.csv.gz")


def test_robyn_lands_every_row(robyn: Any) -> None:
    landed, rows = robyn
    assert landed.kept_and_rejected == {
        "ad_spend": (6 * 208, 0), "controls": (208, 0), "sales": (208, 0), "publicity": (2, 0),
        "products": (1, 0), "territories": (1, 0),
    }  # fmt: skip
    assert len(rows) == 208
    assert landed.report.notices == ()
    assert str(landed.report.max_date) == max(row["DATE"] for row in rows)


def test_robyn_sums_are_the_files(robyn: Any) -> None:
    landed, rows = robyn
    spend = dict(landed.query("select channel, sum(spend) from ad_spend group by all"))
    assert spend == {"newsletter": 0} | {
        channel: sum(_cut(row[f"{channel}_S"]) for row in rows)
        for channel in ("tv", "ooh", "print", "facebook", "search")
    }
    assert landed.query("select sum(net_revenue) from sales") == [
        (sum(_cut(row["revenue"]) for row in rows),)
    ]
    for column, measure, channel in (
        ("facebook_I", "impressions", "facebook"),
        ("search_clicks_P", "clicks", "search"),
        ("newsletter", "impressions", "newsletter"),
    ):
        total = landed.one(f"select sum({measure}) from ad_spend where channel = '{channel}'")
        assert total == pytest.approx(sum(float(row[column]) for row in rows), rel=1e-12)
    total = landed.one("select sum(value) from controls")
    assert total == pytest.approx(sum(float(row["competitor_sales_B"]) for row in rows))
    events = landed.query("select event_name, date_day::varchar from publicity")
    assert set(events) == {(r["events"], r["DATE"]) for r in rows if r["events"] != "na"}


def test_meridian_lands_every_row(meridian: Any) -> None:
    landed, rows = meridian
    promoted = sum(float(row["Promo"]) != 0 for row in rows)
    assert landed.kept_and_rejected == {
        "ad_spend": (6 * 6240, 0), "controls": (2 * 6240, 0), "sales": (6240, 0),
        "promotions": (promoted, 0), "products": (1, 0), "territories": (40, 0),
    }  # fmt: skip
    assert landed.report.notices == ()


def test_meridian_sums_are_the_files(meridian: Any) -> None:
    landed, rows = meridian
    spend = dict(landed.query("select channel, sum(spend) from ad_spend group by all"))
    assert spend == {"organic0": 0} | {
        f"channel{n}": sum(_cut(row[f"Channel{n}_spend"]) for row in rows) for n in range(5)
    }
    revenue = sum(
        (Decimal(row["conversions"]) * Decimal(row["revenue_per_conversion"])).quantize(
            PLACES, ROUND_HALF_EVEN
        )
        for row in rows
    )
    assert landed.query("select sum(net_revenue) from sales") == [(revenue,)]
    assert landed.query("select count(conversions) from ad_spend") == [(0,)]
    people = dict(landed.query("select territory_id, population from territories"))
    assert people == {row["geo"]: float(row["population"]) for row in rows}


def test_meridian_territories_sum_to_the_national_file(meridian: Any, raw_rows: Any) -> None:
    landed, _ = meridian
    national = {row["time"]: row for row in raw_rows("mix/meridian_national_all_channels.csv")}
    sums: dict[str, dict[str, float]] = defaultdict(dict)
    for day, channel, spend, impressions in landed.query(
        "select date_day::varchar, channel, sum(spend)::double, sum(impressions) from ad_spend "
        "group by all",
    ):
        name = channel.replace("channel", "Channel").replace("organic0", "Organic_channel0")
        sums[day][f"{name}_impression"] = impressions
        if channel != "organic0":
            sums[day][f"{name}_spend"] = spend
    # Revenue has no national figure: the file's price is the plain mean of the territories' prices.
    for day, units in landed.query("select date_day::varchar, sum(units) from sales group by all"):
        sums[day]["conversions"] = units
    assert sums.keys() == national.keys()
    for day, columns in sums.items():
        for name, value in columns.items():
            assert value == pytest.approx(float(national[day][name]), rel=1e-6), (day, name)
