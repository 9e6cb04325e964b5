"""AdventureWorks lands on one clock: ledger, quotas, assignments and offers agree to the day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

pytestmark = pytest.mark.reference

LINES = "sales/adventureworks_FactResellerSales.csv.gz"
QUOTAS = "sales/adventureworks_FactSalesQuota.csv.gz"


@pytest.fixture(scope="module")
def adventureworks(land_source: Any) -> Any:
    return land_source("adventureworks")


@pytest.fixture(scope="module")
def lines(raw_rows: Any) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = raw_rows(LINES)
    return rows


def test_every_row_lands(adventureworks: Any, lines: Any, raw_rows: Any) -> None:
    assert adventureworks.kept_and_rejected == {
        "sales": (57_851, 0), "quotas": (163, 0), "sellers": (20, 0), "promotions": (64, 0),
        "customers": (701, 0), "products": (397, 0), "territories": (20, 0),
    }  # fmt: skip
    assert len(lines) == 57_851 and len(raw_rows(QUOTAS)) == 163
    assert adventureworks.query("select min(date_day), max(date_day) from sales") == [
        (date(2017, 7, 1), date(2020, 5, 31))
    ]


def test_revenue_and_units_are_the_files(adventureworks: Any, lines: Any) -> None:
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in lines:
        expected[row["OrderDate"][:7], row["SalesTerritoryKey"]] += Decimal(row["SalesAmount"])
    landed = adventureworks.query(
        "select strftime(date_day, '%Y-%m'), territory_id, sum(net_revenue) from sales group by all"
    )
    assert {(month, region): total for month, region, total in landed} == dict(expected)
    assert sum(expected.values()) == Decimal("77548570.20")
    assert adventureworks.one("select sum(units) from sales") == sum(
        int(row["OrderQuantity"]) for row in lines
    )


def test_cost_is_what_was_booked_else_the_standard(adventureworks: Any, lines: Any) -> None:
    missing = [row for row in lines if row["TotalProductCost"] == "NULL"]
    assert len(missing) == 76 and {row["OrderDate"] for row in missing} <= {
        f"2017-07-0{day}" for day in range(1, 6)
    }
    expected = sum(
        int(row["OrderQuantity"]) * Decimal(row["StandardCost"])
        if row["TotalProductCost"] == "NULL"
        else Decimal(row["TotalProductCost"])
        for row in lines
    )
    landed = adventureworks.one(
        "select sum(round((unit_cost * units::decimal(18, 0))::decimal(18, 6), 2)) from sales"
    )
    assert landed == expected == Decimal("76549075.63")
    # The file's standard cost of one frame is its successor's: 104 lines were booked at less.
    other = [
        row for row in lines
        if row["TotalProductCost"] != "NULL" and row["ProductKey"] == "439"
    ]  # fmt: skip
    booked = {Decimal(row["TotalProductCost"]) / int(row["OrderQuantity"]) for row in other}
    assert len(other) == 104 and {round(cost) for cost in booked} == {722}
    assert {row["StandardCost"] for row in other} == {"868.63"}


def test_lines_are_numbered_in_the_order_of_the_file(adventureworks: Any, lines: Any) -> None:
    numbers: dict[str, int] = defaultdict(int)
    expected = set()
    for at, row in enumerate(lines, start=2):
        numbers[row["SalesOrderNumber"]] += 1
        expected.add((row["SalesOrderNumber"], numbers[row["SalesOrderNumber"]], at))
    assert set(adventureworks.query("select order_id, line_number, _row_number from sales")) == (
        expected
    )
    assert len(numbers) == 3_616


def test_median_attainment_of_the_163_quotas_is_084(
    adventureworks: Any, lines: Any, raw_rows: Any
) -> None:
    landed = adventureworks.query(
        "select seller_id, starts_on, sum(net_revenue) / any_value(revenue) "
        "from quotas inner join sales "
        "on rep_id = seller_id and date_day between starts_on and ends_on group by all"
    )
    # A seller's quotas, in their order, are those of the quarters since July 2017.
    sold: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for row in lines:
        year, month = int(row["OrderDate"][:4]), int(row["OrderDate"][5:7])
        sold[row["EmployeeKey"], 4 * year + (month - 1) // 3] += Decimal(row["SalesAmount"])
    days = sorted({row["DateKey"] for row in raw_rows(QUOTAS)})
    expected = {}
    for row in raw_rows(QUOTAS):
        quarter = 4 * 2017 + 2 + days.index(row["DateKey"])
        starts_on = date(quarter // 4, 3 * (quarter % 4) + 1, 1)
        attained = sold[row["EmployeeKey"], quarter] / Decimal(row["SalesAmountQuota"])
        expected[row["EmployeeKey"], starts_on] = float(attained)
    assert len(expected) == len(landed) == 163
    assert {(s, d): pytest.approx(a, rel=1e-9) for s, d, a in landed} == expected
    assert round(median(float(attained) for _, _, attained in landed), 2) == 0.84


def test_sellers_change_territory_on_the_day_the_ledger_says(adventureworks: Any) -> None:
    moves = adventureworks.query(
        "select seller_id, territory_id, valid_from, valid_to from sellers "
        "where seller_id in ('281', '283', '288') order by all"
    )
    assert moves == [
        ("281", "2", date(2017, 7, 1), date(2018, 12, 31)),
        ("281", "3", date(2019, 1, 1), None),
        ("283", "2", date(2019, 1, 1), None),
        ("283", "3", date(2017, 7, 1), date(2018, 12, 31)),
        ("288", "10", date(2018, 7, 1), None),
        ("288", "6", date(2017, 7, 1), date(2018, 6, 30)),
    ]
    # Two swap the Northeast, the third leaves Canada for Britain: nobody sells before or after.
    sold = adventureworks.query(
        "select rep_id, territory_id, min(date_day), max(date_day) from sales "
        "where (rep_id, territory_id) in (('281', '2'), ('283', '2'), ('288', '6'), ('288', '10')) "
        "group by all order by all"
    )
    assert sold == [
        ("281", "2", date(2017, 7, 10), date(2018, 12, 29)),
        ("283", "2", date(2019, 1, 6), date(2020, 5, 28)),
        ("288", "10", date(2018, 7, 6), date(2020, 5, 31)),
        ("288", "6", date(2017, 7, 2), date(2018, 6, 17)),
    ]


def test_four_lines_in_five_are_sold_in_the_sellers_own_territory(adventureworks: Any) -> None:
    counts = adventureworks.query(
        "select count(*), count(*) filter (sellers.territory_id = sales.territory_id), "
        "count(*) filter (sellers.territory_id is null) "
        "from sales left join sellers on rep_id = seller_id "
        "and date_day between coalesce(valid_from, date_day) and coalesce(valid_to, date_day)"
    )
    assert counts == [(57_851, 46_056, 2_522)]


def test_offers_hold_for_the_products_and_days_that_the_prices_show(adventureworks: Any) -> None:
    """A reseller pays 0.6 of the list price, in an offer 0.6 less the discount."""
    shown = adventureworks.query(
        "with priced as ("
        "  select product_id, date_day, net_revenue / units as price,"
        "    max(net_revenue / units) over (partition by product_id) as full_price from sales), "
        "offered as ("
        "  select promotion_id, date_day,"
        "    abs(price / full_price - (0.6 - discount_pct) / 0.6) < 0.002 as is_lowered"
        "  from promotions inner join priced using (product_id)"
        "  where kind = 'price_cut' and date_day between starts_on and ends_on) "
        "select promotion_id, count(*), count(*) filter (is_lowered), "
        "  min(date_day) filter (is_lowered) from offered group by all"
    )
    lowered = {offer: (count, low, first) for offer, count, low, first in shown}
    # Bikes of offer 7 kept their price for its first 17 days.
    assert lowered.pop("7") == (258, 137, date(2018, 6, 1))
    assert {offer: count for offer, (count, _, _) in lowered.items()} == {
        "8": 98, "9": 61, "11": 84, "13": 504, "14": 231, "16": 90,
    }  # fmt: skip
    assert all(count == low for count, low, _ in lowered.values())
    windows = adventureworks.query(
        "select distinct promotion_id, starts_on, ends_on from promotions "
        "where promotion_id in ('7', '12', '13') order by all"
    )
    assert windows == [
        ("12", date(2019, 7, 1), date(2019, 8, 15)),
        ("13", date(2019, 7, 1), date(2019, 9, 30)),
        ("7", date(2018, 5, 15), date(2018, 6, 30)),
    ]


def test_quotas_cover_twelve_whole_quarters(adventureworks: Any) -> None:
    periods = adventureworks.query("select distinct starts_on, ends_on from quotas order by all")
    assert periods[0] == (date(2017, 7, 1), date(2017, 9, 30)) and len(periods) == 12
    assert all(end + timedelta(days=1) == start for (_, end), (start, _) in pairwise(periods))
    assert periods[-1][1] == date(2020, 6, 30)


def test_territories_form_one_tree_with_the_ledger_at_its_leaves(adventureworks: Any) -> None:
    tree = dict(adventureworks.query("select territory_id, parent_id from territories"))
    sold = {region for (region,) in adventureworks.query("select distinct territory_id from sales")}
    assert sold == set(tree) - set(tree.values()) == {str(number) for number in range(1, 11)}
    for region in sold:
        path = [region]
        while tree[path[-1]] is not None:
            path.append(tree[path[-1]])
        assert len(path) == 4 and path[-1] == "all"


def test_resellers_are_placed_where_they_buy(adventureworks: Any) -> None:
    assert (
        adventureworks.one(
            "select count(*) from sales inner join customers using (customer_id) "
            "where sales.territory_id <> customers.territory_id"
        )
        == 0
    )
    idle = adventureworks.query(
        "select territory_id, count(*) from customers anti join sales using (customer_id) "
        "group by all"
    )
    assert dict(idle) == {"US": 36, "6": 10, "7": 6, "8": 8, "9": 7, "10": 2}
    kinds = adventureworks.query("select segment, count(*) from customers group by all")
    assert dict(kinds) == {
        "Specialty Bike Shop": 231, "Value Added Reseller": 238, "Warehouse": 232,
    }  # fmt: skip
