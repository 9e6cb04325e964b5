"""The report that dbt packages for advertising agree on lands, and its sums are the file's."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.reference

FILE = "mix/fivetran_ad_report.csv"
PLATFORMS = {"Google Ads": "google_ads", "Facebook Ads": "facebook_ads", "TikTok Ads": "tiktok_ads"}


@pytest.fixture(scope="module")
def ad_report(land_source: Any) -> Any:
    return land_source("ad_report")


def test_every_row_lands(ad_report: Any, raw_rows: Any) -> None:
    assert ad_report.kept_and_rejected == {
        "ad_spend": (16, 0), "campaigns": (3, 0), "territories": (1, 0),
    }  # fmt: skip
    assert len(raw_rows(FILE)) == 16
    assert ad_report.report.max_date == date(2025, 7, 12)


def test_spend_and_delivery_by_platform_are_the_files(ad_report: Any, raw_rows: Any) -> None:
    expected: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
    columns = ("spend", "conversions_value", "impressions", "clicks", "conversions")
    for row in raw_rows(FILE):
        sums = expected[PLATFORMS[row["platform"]]]
        expected[PLATFORMS[row["platform"]]] = [
            total + Decimal(row[column]) for total, column in zip(sums, columns, strict=True)
        ]
    landed = ad_report.query(
        "select platform, sum(spend), sum(conversions_value), sum(impressions), sum(clicks), "
        "sum(conversions) from ad_spend group by platform"
    )
    assert {platform: list(sums) for platform, *sums in landed} == dict(expected)
    assert {name: sums[0] for name, sums in expected.items()} == {
        "google_ads": Decimal("587.05"), "facebook_ads": Decimal("1188.00"),
        "tiktok_ads": Decimal("472.10"),
    }  # fmt: skip


def test_columns_of_the_contract_need_no_mapping(ad_report: Any, raw_rows: Any) -> None:
    columns = ("account_name", "campaign_name", "ad_group_id", "ad_name")
    landed = ad_report.query(f"select {', '.join(columns)}, date_day::varchar from ad_spend")
    assert Counter(landed) == Counter(
        tuple(row[column] for column in (*columns, "date_day")) for row in raw_rows(FILE)
    )


def test_search_and_social_are_told_apart(ad_report: Any) -> None:
    assert set(
        ad_report.query("select distinct platform, channel, channel_kind from ad_spend")
    ) == {
        ("google_ads", "search", "paid"),
        ("facebook_ads", "social", "paid"),
        ("tiktok_ads", "social", "paid"),
    }
