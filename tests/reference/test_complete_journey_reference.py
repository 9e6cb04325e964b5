"""The grocer's receipts, placements and coupons land, and add up to what the files say."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

pytestmark = pytest.mark.reference

RECEIPTS = "retail/completejourney_transactions_sample.csv.gz"
PLACEMENTS = "retail/completejourney_promotions_sample.csv.gz"
COUPONS = "retail/completejourney_coupons.csv.gz"
CAMPAIGNS = "retail/completejourney_campaign_descriptions.csv.gz"
MAILINGS = "retail/completejourney_campaigns.csv.gz"
REDEMPTIONS = "retail/completejourney_coupon_redemptions.csv.gz"
PRODUCTS = "retail/completejourney_products.csv.gz"
NEW_YORK = ZoneInfo("America/New_York")
FIRST_MONDAY = date(2016, 12, 26)


@pytest.fixture(scope="module")
def journey(land_source: Any) -> Any:
    return land_source("complete_journey")


@pytest.fixture(scope="module")
def receipts(raw_rows: Any) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = raw_rows(RECEIPTS)
    return rows


def day_of(number: str) -> date:
    return date(1970, 1, 1) + timedelta(days=int(float(number)))


def moment(row: dict[str, str]) -> datetime:
    return datetime.fromtimestamp(float(row["transaction_timestamp"]), UTC)


def cents(row: dict[str, str], column: str) -> Decimal:
    return Decimal(row[column]).quantize(Decimal("0.01"))


def test_every_row_lands(journey: Any, receipts: Any) -> None:
    assert journey.kept_and_rejected == {
        "sales": (75_000, 0), "promotions": (394_213 + 111_332, 0), "campaigns": (27, 0),
        "touchpoints": (6_589 + 2_102, 0),
        "customers": (2_379, 0), "products": (92_331 + 10, 0), "territories": (293 + 1, 0),
    }  # fmt: skip
    assert len(receipts) == 75_000
    assert journey.query("select min(date_day), max(date_day) from sales") == [
        (date(2017, 1, 1), date(2017, 12, 31))
    ]


def test_net_revenue_by_store_is_what_the_store_received(journey: Any, receipts: Any) -> None:
    expected: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in receipts:
        expected[row["store_id"]][0] += cents(row, "sales_value")
        expected[row["store_id"]][1] += cents(row, "retail_disc") + cents(row, "coupon_match_disc")
    landed = journey.query(
        "select territory_id, sum(net_revenue), sum(discount) from sales group by territory_id"
    )
    assert {store: list(sums) for store, *sums in landed} == dict(expected)
    assert journey.query("select sum(net_revenue), sum(discount) from sales") == [
        (Decimal("233935.24"), Decimal("40180.91") + Decimal("242.10"))
    ]
    assert journey.one("select count(distinct order_id) from sales") == 47_243
    assert len(expected) == 293
    # What manufacturers pay back is no discount of the store.
    assert sum(cents(row, "coupon_disc") for row in receipts) == Decimal("1356.71")


def test_days_are_new_yorks(journey: Any, receipts: Any) -> None:
    """The file's own week number is right on every line in that zone, and in UTC it is not."""

    def week(day: date) -> str:
        return str((day - FIRST_MONDAY).days // 7 + 1)

    local = [moment(row).astimezone(NEW_YORK).date() for row in receipts]
    assert all(week(day) == row["week"] for day, row in zip(local, receipts, strict=True))
    assert sum(week(moment(row).date()) == row["week"] for row in receipts) == 73_230
    landed = journey.query("select date_day, sold_at from sales order by _row_number")
    assert landed == [
        (day, moment(row).replace(tzinfo=None)) for day, row in zip(local, receipts, strict=True)
    ]


def test_fuel_is_counted_in_gallons(journey: Any, receipts: Any, raw_rows: Any) -> None:
    fuel = {
        row["product_id"] for row in raw_rows(PRODUCTS)
        if row["product_type"] == "GASOLINE-REG UNLEADED"
    }  # fmt: skip
    pumped = [row for row in receipts if row["product_id"] in fuel and float(row["quantity"]) > 100]
    assert len(pumped) == 692
    assert sum(row["product_id"] in fuel for row in receipts) == 692 + 72
    # Nothing else comes in hundreds, and a gallon costs what it did in 2017.
    assert all(float(row["quantity"]) <= 100 for row in receipts if row["product_id"] not in fuel)
    prices = [float(row["sales_value"]) / float(row["quantity"]) * 1000 for row in pumped]
    assert min(prices) > 1.8 and max(prices) < 3.3
    thousandths = sum(float(row["quantity"]) for row in pumped)
    items = sum(float(row["quantity"]) for row in receipts) - thousandths
    assert journey.one("select sum(units) from sales") == pytest.approx(
        items + thousandths / 1000, rel=1e-12
    )


def test_lines_without_quantity_have_no_value(journey: Any) -> None:
    assert journey.query(
        "select count(*), sum(net_revenue), count(list_price) from sales where units = 0"
    ) == [(416, 0, 0)]


def test_list_price_less_discount_is_net_revenue(journey: Any) -> None:
    assert (
        journey.one(
            "select count(*) from sales where units > 0 "
            "and abs(list_price::double * units - discount::double - net_revenue::double) > 0.005"
        )
        == 0
    )


def test_placements_become_one_promotion_for_each_kind(journey: Any, reference_data: Path) -> None:
    placed = pd.read_csv(reference_data / PLACEMENTS, dtype=str)
    week = placed["week"].str.zfill(2)
    parts = [
        placed.assign(
            promotion_id=kind + "-" + placed[column] + "-week-" + week,
            kind=kind,
            starts_on=pd.Timestamp(FIRST_MONDAY) + pd.to_timedelta(7 * (week.astype(int) - 1), "D"),
        )[placed[column] != "0"]
        for kind, column in (("display", "display_location"), ("feature", "mailer_location"))
    ]
    columns = ["promotion_id", "kind", "product_id", "store_id", "starts_on"]
    expected = pd.concat(parts)[columns].sort_values(columns[:4], ignore_index=True)
    landed = journey.frame(
        "select promotion_id, kind, product_id, territory_id as store_id, starts_on "
        "from promotions where kind <> 'coupon' order by all"
    )
    assert len(landed) == len(expected) == len(placed) + 33_678
    for column in columns:
        assert (landed[column].to_numpy() == expected[column].to_numpy()).all()
    assert landed["kind"].value_counts().to_dict() == {"display": 155_001, "feature": 239_212}
    assert landed["store_id"].nunique() == 2
    assert journey.query(
        "select distinct ends_on - starts_on, min(starts_on) over (), max(ends_on) over () "
        "from promotions where kind <> 'coupon'"
    ) == [(6, date(2016, 12, 26), date(2017, 12, 31))]


def test_households_have_an_income_where_the_file_knows_it(journey: Any) -> None:
    assert journey.query("select count(segment), count(distinct customer_id) from customers") == [
        (801, 2_379)
    ]


def test_a_coupon_counts_once_for_a_product_and_campaign(journey: Any, raw_rows: Any) -> None:
    rows = raw_rows(COUPONS)
    window = {
        row["campaign_id"]: (day_of(row["start_date"]), day_of(row["end_date"]))
        for row in raw_rows(CAMPAIGNS)
    }
    expected = {
        (
            f"coupon-{row['coupon_upc']}-campaign-{row['campaign_id']}",
            row["product_id"], row["campaign_id"], *window[row["campaign_id"]],
        )
        for row in rows
    }  # fmt: skip
    landed = journey.query(
        "select promotion_id, product_id, campaign_id, starts_on, ends_on from promotions "
        "where kind = 'coupon'"
    )
    assert set(landed) == expected
    assert (len(rows), len(landed)) == (116_204, 111_332)


def test_campaigns_run_from_r_day_numbers(journey: Any) -> None:
    days = journey.query("select starts_on, ends_on from campaigns where campaign_id = '26'")
    assert days == [(date(2016, 12, 28), date(2017, 2, 19))]
    assert journey.query("select min(starts_on), max(ends_on) from campaigns") == [
        (date(2016, 11, 14), date(2018, 2, 28))
    ]


def test_mail_and_redeemed_coupons_are_touches_of_a_household(journey: Any, raw_rows: Any) -> None:
    start = {row["campaign_id"]: row["start_date"] for row in raw_rows(CAMPAIGNS)}
    expected = Counter(
        [
            ("mail", row["household_id"], row["campaign_id"], day_of(start[row["campaign_id"]]))
            for row in raw_rows(MAILINGS)
        ]
        + [
            ("coupon", row["household_id"], row["campaign_id"], day_of(row["redemption_date"]))
            for row in raw_rows(REDEMPTIONS)
        ]
    )
    assert (
        Counter(journey.query("select kind, person_id, campaign_id, date_day from touchpoints"))
        == expected
    )
    # A coupon is redeemed by a household that got its campaign, while the campaign runs.
    assert journey.query(
        "select count(*), count(*) filter (redeemed.date_day between starts_on and ends_on) "
        "from touchpoints as redeemed "
        "inner join touchpoints as sent using (person_id, campaign_id) "
        "inner join campaigns using (campaign_id) "
        "where redeemed.kind = 'coupon' and sent.kind = 'mail'"
    ) == [(2_102, 2_102)]
    hours = journey.query("select distinct hour(occurred_at) from touchpoints order by all")
    assert hours == [(4,), (5,)]


def test_every_product_sold_or_couponed_is_declared(journey: Any, receipts: Any) -> None:
    assert journey.one("select count(*) from sales anti join products using (product_id)") == 0
    assert journey.one("select count(*) from promotions anti join products using (product_id)") == 0
    assert (
        journey.one(
            "select count(*) from sales inner join products using (product_id) "
            "where product_name like 'Not in the catalogue%'"
        )
        == 222
    )
