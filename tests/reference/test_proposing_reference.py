"""Public files are recognised for what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.mapping import SourceMapping, parse_mapping
from ingestion.proposing import propose

pytestmark = pytest.mark.reference

Proposed = Callable[[str], SourceMapping]


@pytest.fixture
def proposed(reference_data: Path) -> Proposed:
    return lambda name: parse_mapping(propose(reference_data / name).text.encode(), name)


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        (
            "mix/robyn_weekly.csv",
            ["territories", "products", "ad_spend", "sales", "controls", "publicity"],
        ),
        (
            "mix/meridian_geo_all_channels.csv.gz",
            ["territories", "products", "ad_spend", "sales", "controls", "controls"],
        ),
        ("mix/fivetran_ad_report.csv", ["territories", "ad_spend"]),
        ("mix/robyn_holidays.csv.gz", ["holidays"]),
        ("retail/rossmann_train_odd_stores.csv.gz", ["territories", "products", "sales"]),
        ("retail/completejourney_transactions_sample.csv.gz", ["territories", "products", "sales"]),
        ("retail/completejourney_products.csv.gz", ["products"]),
        ("sales/adventureworks_FactResellerSales.csv.gz", ["territories", "products", "sales"]),
        ("sales/adventureworks_FactSalesQuota.csv.gz", ["quotas"]),
        ("sales/olist_marketing_qualified_leads_dataset.csv.gz", ["opportunities"]),
    ],
)
def test_a_public_file_gets_its_tables(proposed: Proposed, name: str, tables: list[str]) -> None:
    assert [table.table for table in proposed(name).tables] == tables


def test_robyns_columns_are_its_channels(proposed: Proposed) -> None:
    mapping = proposed("mix/robyn_weekly.csv")
    spend = next(table for table in mapping.tables if table.table == "ad_spend")
    assert spend.constants["grain"] == "week"
    assert {entry.set_["channel"] for entry in spend.unpivot} == {
        "tv", "ooh", "print", "facebook", "search",
    }  # fmt: skip
    assert mapping.files["data"].na_values == ("na",)


def test_meridians_revenue_is_conversions_times_their_value(proposed: Proposed) -> None:
    mapping = proposed("mix/meridian_geo_all_channels.csv.gz")
    sales = next(table for table in mapping.tables if table.table == "sales")
    assert sales.multiply == {"net_revenue": ("conversions", "revenue_per_conversion")}
    spend = next(table for table in mapping.tables if table.table == "ad_spend")
    organic = [entry for entry in spend.unpivot if entry.set_["channel_kind"] == "organic"]
    assert [entry.columns for entry in organic] == [{"impressions": "Organic_channel0_impression"}]


def test_times_in_seconds_are_seen(proposed: Proposed) -> None:
    mapping = proposed("retail/completejourney_transactions_sample.csv.gz")
    assert mapping.files["data"].date_format == "epoch_seconds"
    sales = next(table for table in mapping.tables if table.table == "sales")
    assert sales.columns["date_day"] == "transaction_timestamp"
