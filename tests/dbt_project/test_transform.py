"""The transform stage on lakes small enough to work out with pencil and paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

JANUARY = [date(2024, 1, 1) + timedelta(days=day) for day in range(30)]
TRANSFORM = ("build", "--select", "tag:transform")
# Unit tests look at the code, which is the same on every lake: once is enough.
DATA_ONLY = ("--exclude-resource-type", "unit_test")
Tables = dict[str, list[dict[str, Any]]]


def sale(order_id: str, day: date, place: str, amount: str, currency: str, **more: Any) -> Any:
    return {
        "order_id": order_id,
        "line_number": 1,
        "date_day": day,
        "grain": "day",
        "product_id": "tea",
        "territory_id": place,
        "sales_channel": "shop",
        "sales_level": "shop",
        "customer_kind": "B2C",
        "net_revenue": Decimal(amount),
        "currency_code": currency,
        **more,
    }


def ad(day: date, channel: str, place: str, amount: str, **more: Any) -> Any:
    return {
        "date_day": day,
        "grain": "day",
        "platform": "agency",
        "channel": channel,
        "channel_kind": "paid",
        "territory_id": place,
        "spend": Decimal(amount),
        "currency_code": "USD",
        **more,
    }


def masters() -> Tables:
    """A country of two regions, the north with twice the people of the south."""
    return {
        "territories": [
            {"territory_id": "land", "territory_name": "Land", "country_code": "US"},
            {
                "territory_id": "north",
                "territory_name": "North",
                "parent_id": "land",
                "population": 2e6,
            },
            {
                "territory_id": "south",
                "territory_name": "South",
                "parent_id": "land",
                "country_code": "MX",
                "population": 1e6,
            },
        ],
        "products": [{"product_id": "tea", "product_name": "Tea", "brand": "Leaf"}],
        "fx_rates": [
            {
                "date_day": day,
                "from_currency": "EUR",
                "to_currency": "USD",
                "kind": kind,
                "rate": rate,
            }
            for day, kind, rate in (
                (JANUARY[0], "average", 1.10),
                (JANUARY[15], "average", 1.0825),
                (JANUARY[15], "closing", 9.0),
            )
        ],
    }


def daily_tables() -> Tables:
    """Thirty days in two currencies, with every kind of driver."""
    tables = masters()
    tables["sales"] = [
        sale(
            f"n{day}",
            day,
            "north",
            "100",
            "USD",
            units=4.0,
            unit_cost=Decimal("2.5"),
            # A tenth dearer from the sixteenth on; what was paid for it stays the same.
            list_price=Decimal(30 if day < JANUARY[15] else 33),
        )
        for day in JANUARY
    ]
    for day in JANUARY:
        # The south is closed on the tenth: a zero in the outcome, no row in the ledger.
        if day != JANUARY[9]:
            tables["sales"].append(sale(f"s{day}", day, "south", "10", "EUR", units=1.0))
            tables["sales"].append(sale(f"s{day}", day, "south", "-1", "EUR", line_number=2))
    tables["ad_spend"] = [ad(day, "tv", "land", "100", impressions=3000.0) for day in JANUARY]
    tables["ad_spend"] += [
        ad(JANUARY[-1] + timedelta(days=1), "tv", "land", "55", impressions=9.0),
        ad(JANUARY[19], "search", "south", "10", currency_code="EUR", clicks=7.0),
        ad(
            JANUARY[4],
            "letter",
            "north",
            "0",
            channel_kind="organic",
            impressions=500.0,
            campaign_id="unlisted",
        ),
    ]
    tables["campaigns"] = [{"campaign_id": "spring", "campaign_name": "Spring"}]
    tables["sellers"] = [{"seller_id": "s7", "kind": "employee", "valid_from": JANUARY[9]}]
    tables["opportunities"] = [
        {
            "opportunity_id": f"lead {day}",
            "date_day": day,
            "territory_id": "north",
            "campaign_id": "spring",
            "seller_id": "s7",
            "stage": "new",
            "created_at": f"{day} 09:00:00",
            "amount": 40,
            "currency_code": "EUR",
        }
        for day in (JANUARY[1], JANUARY[9])
    ]
    tables["promotions"] = [
        {
            "promotion_id": "january",
            "kind": "price_cut",
            "territory_id": "land",
            "starts_on": JANUARY[9],
            "ends_on": JANUARY[11],
            "discount_pct": 0.2,
            "fixed_cost": 4,
            "variable_cost": 6,
            "currency_code": "USD",
        },
        {
            "promotion_id": "tea days",
            "kind": "price_cut",
            "product_id": "tea",
            "campaign_id": "unlisted",
            "territory_id": "north",
            "starts_on": JANUARY[11],
            "ends_on": JANUARY[12],
            "discount_pct": 0.1,
            "fixed_cost": 0,
            "variable_cost": 0,
            "currency_code": "EUR",
        },
    ]
    tables["publicity"] = [
        {
            "event_id": "article",
            "date_day": JANUARY[7],
            "grain": "week",
            "kind": "publicity",
            "territory_id": "land",
            "reach": 2100.0,
            "cost": 7,
            "currency_code": "USD",
        }
    ]
    tables["touchpoints"] = [
        {
            "touchpoint_id": f"{kind} {number}",
            "date_day": JANUARY[20],
            "occurred_at": f"{JANUARY[20]} 10:00:00",
            "kind": kind,
            "channel": channel,
            "territory_id": "north",
            "seller_id": seller,
        }
        for kind, channel, seller, count in (
            ("call", "field", "s7", 3),
            ("visit", "direct", None, 5),
        )
        for number in range(count)
    ]
    tables["agency_reports"] = [
        {
            "report_id": "january",
            "agency_id": "brokers",
            "territory_id": "land",
            "starts_on": JANUARY[0],
            "ends_on": JANUARY[29],
            "calls": 60.0,
            "visits": 30.0,
            "fee": 300,
            "currency_code": "USD",
        }
    ]
    tables["experiments"] = [
        {
            "experiment_id": "more letters",
            "design": "territory_holdout",
            "kind": "organic",
            "driver": "letter",
            "territory_id": place,
            "arm": arm,
            "starts_on": JANUARY[1],
            "ends_on": JANUARY[8],
            "spend": spend,
            "currency_code": "EUR",
            "effect": effect,
            "effect_se": error,
            "status": "done",
        }
        for place, arm, spend, effect, error in (
            ("south", "treated", 10, 100, 20.0),
            ("north", "control", 0, None, None),
        )
    ]
    tables["controls"] = [
        {"date_day": day, "grain": "day", "territory_id": place, "control": name, "value": value}
        for day, place, name, value in (
            (JANUARY[0], "land", "temperature", 5.0),
            (JANUARY[2], "land", "temperature", 7.0),
            (JANUARY[2], "north", "temperature", 8.0),
            (JANUARY[3], "south", "strike", 1.0),
        )
    ]
    tables["plans"] = [
        {
            "plan_id": "spring",
            "date_day": day,
            "grain": grain,
            "kind": "media",
            "driver": "tv",
            "territory_id": "land",
            "spend": 70,
            "currency_code": "USD",
        }
        for day, grain in ((date(2024, 1, 31), "week"), (JANUARY[29], "day"))
    ]
    tables["holidays"] = [
        {"date_day": JANUARY[0], "holiday": "New Year", "country_code": "US"},
    ]
    return tables


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., Any], lakes: Any) -> Any:
    lake = tmp_path_factory.mktemp("daily")
    lakes.write_raw(lake, daily_tables())
    run = dbt(lake, *TRANSFORM)
    assert run.returncode == 0, run.output
    return run


def cell(run: Any, table: str, day: date, place: str, **key: str) -> dict[str, Any]:
    """The one row of a release table at a date, a territory and further key columns."""
    where = " and ".join(f"{name} = '{value}'" for name, value in key.items())
    [row] = run.query(
        f"select * from {table} where date_day = '{day}' and territory_id = '{place}'"
        + (f" and {where}" if where else "")
    )
    row = {name: value for name, value in row.items() if name not in ("date_day", "territory_id")}
    return {name: value for name, value in row.items() if name not in key}


def test_outcome_is_the_converted_ledger_on_a_whole_grid(daily: Any) -> None:
    assert daily.query("select count(*) as cells from release_outcome") == [{"cells": 60}]
    assert cell(daily, "release_outcome", JANUARY[0], "south") == {
        "net_revenue": Decimal("9.90"),  # 11.00 - 1.10
        "units": 1.0,
    }
    # 10.825 and 1.0825 are rounded line by line: 10.83 - 1.08.
    assert cell(daily, "release_outcome", JANUARY[15], "south")["net_revenue"] == Decimal("9.75")
    assert cell(daily, "release_outcome", JANUARY[9], "south") == {
        "net_revenue": Decimal("0.00"),
        "units": 0.0,
    }
    assert cell(daily, "release_ledger", JANUARY[0], "north") == {
        "product_id": "tea",
        "sales_channel": "shop",
        "net_revenue": Decimal("100.00"),
        "units": 4.0,
        "unit_cost": Decimal("10.00"),
    }
    # 14 days at 9.90 before the sixteenth, 15 at 9.75 from then on.
    assert daily.query("select sum(net_revenue) as total from release_ledger") == [
        {"total": Decimal("3000.00") + 14 * Decimal("9.90") + 15 * Decimal("9.75")}
    ]


def test_national_media_is_split_by_population_to_the_cent(daily: Any) -> None:
    tv = {"kind": "media", "driver": "tv"}
    assert cell(daily, "release_drivers", JANUARY[0], "north", **tv) == {
        "exposure": 2000.0,
        "exposure_unit": "impressions",
        "spend": Decimal("66.67"),
    }
    assert cell(daily, "release_drivers", JANUARY[0], "south", **tv) == {
        "exposure": 1000.0,
        "exposure_unit": "impressions",
        "spend": Decimal("33.33"),
    }
    search = {"kind": "media", "driver": "search"}
    assert cell(daily, "release_drivers", JANUARY[19], "south", **search) == {
        "exposure": 7.0,
        "exposure_unit": "clicks",
        "spend": Decimal("10.83"),
    }
    letter = {"kind": "organic", "driver": "letter"}
    assert cell(daily, "release_drivers", JANUARY[4], "north", **letter)["exposure"] == 500.0
    # tv, search, letter, price cut, publicity, list price, calls and the agency on every date of
    # both territories.
    assert daily.query("select count(*) as cells from release_drivers") == [{"cells": 8 * 60}]


def test_promotions_and_publicity_are_spread_over_their_days(daily: Any) -> None:
    cut = {"kind": "promotion", "driver": "price_cut"}
    spends = [
        cell(daily, "release_drivers", day, place, **cut)["spend"]
        for day in JANUARY[9:12]
        for place in ("north", "south")
    ]
    # 10.00 over three days is 3.33, 3.33, 3.34, each then two to one.
    assert spends == [Decimal(x) for x in ("2.22", "1.11", "2.22", "1.11", "2.23", "1.11")]
    depths = [
        cell(daily, "release_drivers", day, "north", **cut)["exposure"] for day in JANUARY[8:14]
    ]
    assert depths == [0.0, 0.2, 0.2, 0.3, 0.1, 0.0]
    assert cell(daily, "release_drivers", JANUARY[10], "south", **cut)["exposure"] == 0.2
    article = {"kind": "publicity", "driver": "publicity"}
    assert cell(daily, "release_drivers", JANUARY[13], "north", **article) == {
        "exposure": 200.0,
        "exposure_unit": "reach",
        "spend": Decimal("0.67"),
    }
    assert cell(daily, "release_drivers", JANUARY[14], "north", **article)["exposure"] == 0.0


def test_prices_sellers_and_agencies_are_drivers_of_their_own(daily: Any) -> None:
    price = {"kind": "price", "driver": "list_price"}
    before, after = (
        cell(daily, "release_drivers", day, "north", **price)["exposure"]
        for day in (JANUARY[14], JANUARY[15])
    )
    assert after / before == pytest.approx(1.1, abs=1e-8)
    # Fifteen days of thirty on either side of the norm; the south has no list prices.
    assert before * after == pytest.approx(1.0, abs=1e-8)
    assert cell(daily, "release_drivers", JANUARY[3], "south", **price)["exposure"] == 1.0
    calls = {"kind": "seller", "driver": "call"}
    assert cell(daily, "release_drivers", JANUARY[20], "north", **calls)["exposure"] == 3.0
    assert daily.query("select distinct driver from release_drivers where kind = 'seller'") == [
        {"driver": "call"}  # a visit without a seller is one of the web
    ]
    brokers = {"kind": "agency", "driver": "brokers"}
    assert cell(daily, "release_drivers", JANUARY[5], "north", **brokers) == {
        "exposure": 2.0,  # ninety touches over thirty days, two to one
        "exposure_unit": "touches",
        "spend": Decimal("6.67"),
    }
    assert daily.query("select sum(spend) as fee from release_drivers where kind = 'agency'") == [
        {"fee": Decimal("300.00")}
    ]


def test_experiments_are_released_in_the_reporting_currency(daily: Any) -> None:
    rows = daily.query(
        "select territory_id, arm, spend, effect, effect_se, status from release_experiments "
        "order by 1"
    )
    assert rows == [
        {
            "territory_id": "north",
            "arm": "control",
            "spend": Decimal("0.00"),
            "effect": None,
            "effect_se": None,
            "status": "done",
        },
        {
            "territory_id": "south",
            "arm": "treated",
            "spend": Decimal("11.00"),
            "effect": 110.0,
            "effect_se": pytest.approx(22.0),
            "status": "done",
        },
    ]


def test_controls_are_inherited_carried_or_switched_off(daily: Any) -> None:
    def values(place: str, control: str, days: list[date]) -> list[float]:
        return [
            cell(daily, "release_controls", day, place, control=control)["value"] for day in days
        ]

    assert values("south", "temperature", JANUARY[:4]) == [5.0, 5.0, 7.0, 7.0]
    assert values("north", "temperature", JANUARY[:4]) == [5.0, 5.0, 8.0, 8.0]
    assert values("south", "strike", JANUARY[2:5]) == [0.0, 1.0, 0.0]
    assert values("north", "strike", JANUARY[2:5]) == [0.0, 0.0, 0.0]


def test_plan_covers_only_dates_after_the_last_sale(daily: Any) -> None:
    span = "min(date_day) as first, max(date_day) as last, sum(spend) as spend"
    assert daily.query(f"select {span} from release_plan") == [
        {"first": date(2024, 1, 31), "last": date(2024, 2, 6), "spend": Decimal("70.00")}
    ]
    # Ten dollars a day buy what they bought in history: 3000 impressions for 100.00.
    assert cell(daily, "release_plan", date(2024, 2, 6), "south") == {
        "kind": "media",
        "driver": "tv",
        "product_id": None,
        "exposure": 100.0,
        "spend": Decimal("3.33"),
    }


def test_release_tables_have_the_contract_columns_in_order(daily: Any) -> None:
    columns = {
        name: [
            f"{column['column_name']} {column['column_type']}"
            for column in daily.query(f"describe release_{name}")
        ]
        for name in ("outcome", "drivers", "ledger", "plan", "territories")
    }
    assert columns == {
        "outcome": [
            "date_day DATE",
            "territory_id VARCHAR",
            "net_revenue DECIMAL(18,2)",
            "units DOUBLE",
        ],
        "drivers": [
            "date_day DATE",
            "territory_id VARCHAR",
            "kind VARCHAR",
            "driver VARCHAR",
            "exposure DOUBLE",
            "exposure_unit VARCHAR",
            "spend DECIMAL(18,2)",
        ],
        "ledger": [
            "date_day DATE",
            "territory_id VARCHAR",
            "product_id VARCHAR",
            "sales_channel VARCHAR",
            "net_revenue DECIMAL(18,2)",
            "units DOUBLE",
            "unit_cost DECIMAL(18,2)",
        ],
        "plan": [
            "date_day DATE",
            "territory_id VARCHAR",
            "kind VARCHAR",
            "driver VARCHAR",
            "product_id VARCHAR",
            "exposure DOUBLE",
            "spend DECIMAL(18,2)",
        ],
        "territories": [
            "territory_id VARCHAR",
            "territory_name VARCHAR",
            "country_code VARCHAR",
            "population DOUBLE",
        ],
    }
    assert daily.query("select territory_id, country_code from release_territories order by 1") == [
        {"territory_id": "north", "country_code": "US"},
        {"territory_id": "south", "country_code": "MX"},
    ]


def test_warnings_name_what_was_left_out_or_filled(daily: Any) -> None:
    assert daily.not_passed() == {
        "spend_outside_the_calendar": "warn",
        "controls_with_holes": "warn",
        "constant_currency_without_budget_rate": "warn",
        "ad_spend__campaign_is_listed": "warn",
        "promotions__campaign_is_listed": "warn",
        "seller_valid_on_the_day": "warn",
    }
    [rate] = daily.rows_of("constant_currency_without_budget_rate")
    assert rate["reason"].startswith("no budget rate EUR to USD")
    [campaign] = daily.rows_of("ad_spend__campaign_is_listed")
    assert campaign["reason"].startswith("campaign_id 'unlisted' is not in campaigns")
    assert (campaign["first_date"], campaign["first_source"]) == (JANUARY[4], "hand")
    [promotion] = daily.rows_of("promotions__campaign_is_listed")
    assert (promotion["first_date"], promotion["first_row_number"]) == (JANUARY[11], 3)
    # Of the seller's two leads one is from before the assignment.
    [seller] = daily.rows_of("seller_valid_on_the_day")
    assert seller["reason"].startswith("seller s7 has no assignment on the days")
    assert (seller["example"], seller["rows_found"]) == (f"lead {JANUARY[1]}", 1)
    [outside] = daily.rows_of("spend_outside_the_calendar")
    assert outside["reason"] == (
        "ad spend of 55.00 USD lies outside the ledger's dates 2024-01-01 to 2024-01-30 "
        "and is left out"
    )
    holes = daily.rows_of("controls_with_holes")
    assert [(row["control"], row["territory_id"]) for row in holes] == [
        ("temperature", "north"),
        ("temperature", "south"),
    ]


def test_source_freshness_warns_of_a_late_table_and_spares_one_never_landed(
    daily: Any, dbt: Callable[..., Any]
) -> None:
    landed = datetime.now(tz=UTC) - timedelta(days=3)
    manifest = Path(daily.lake) / "manifest" / "sales" / "hand.jsonl"
    manifest.parent.mkdir()
    change = {"source": "hand", "table": "sales", "landed_at": landed.isoformat()}
    manifest.write_text(json.dumps(change) + "\n", encoding="utf-8")
    run = dbt(daily.lake, "source", "freshness")
    assert run.returncode == 0, run.output
    found = json.loads((run.target / "sources.json").read_text(encoding="utf-8"))["results"]
    assert {result["unique_id"].split(".")[-1]: result["status"] for result in found} == {
        "ad_spend": "pass",
        "controls": "pass",
        "fx_rates": "pass",
        "sales": "warn",
    }


def test_one_weekly_source_makes_the_whole_lake_weekly(
    tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., Any], lakes: Any
) -> None:
    sundays = [date(2024, 1, 7), date(2024, 1, 14), date(2024, 1, 21)]
    days = [sundays[0] + timedelta(days=day) for day in range(21)]
    tables = masters()
    for row in tables["territories"]:
        row["population"] = None
    tables["products"] = []
    tables["sales"] = [
        sale(f"{place}{day}", day, place, "70.01", "USD", grain="week")
        for day in (sundays[0], sundays[2])
        for place in ("north", "south")
    ]
    tables["ad_spend"] = [ad(day, "tv", "land", "0.01") for day in days]
    tables["promotions"] = [
        {
            "promotion_id": "p",
            "kind": "coupon",
            "territory_id": "north",
            "starts_on": days[5],
            "ends_on": days[8],
            "intensity": 0.7,
            "fixed_cost": 10,
            "variable_cost": 0,
            "currency_code": "USD",
        }
    ]
    lake = tmp_path_factory.mktemp("weekly")
    lakes.write_raw(lake, tables)
    run = dbt(lake, *TRANSFORM, *DATA_ONLY)
    assert run.returncode == 0, run.output

    assert run.query("select * from int_calendar__bounded") == [
        {
            "grain": "week",
            "week_starts_on": 7,
            "currency_code": "USD",
            "days_in_period": 7,
            "first_day": sundays[0],
            "last_day": sundays[2],
        }
    ]
    assert cell(run, "release_outcome", sundays[1], "north") == {
        "net_revenue": Decimal("0.00"),
        "units": None,
    }
    tv = {"kind": "media", "driver": "tv"}
    # Seven cents a week without populations: three each, the last to the first of equals.
    assert cell(run, "release_drivers", sundays[1], "north", **tv)["spend"] == Decimal("0.04")
    assert cell(run, "release_drivers", sundays[1], "south", **tv)["spend"] == Decimal("0.03")
    coupon = {"kind": "promotion", "driver": "coupon"}
    weeks = [cell(run, "release_drivers", day, "north", **coupon) for day in sundays]
    # Two of seven days at 0.7 in each of two weeks; 10.00 over four days is 2.50 a day.
    assert [week["exposure"] for week in weeks] == [0.2, 0.2, 0.0]
    assert [week["spend"] for week in weeks] == [Decimal("5.00"), Decimal("5.00"), 0]
    assert run.not_passed() == {
        "sales__products_are_listed": "warn",
        "split_without_population": "warn",
    }


def test_spoiled_rows_stop_the_build_and_are_named(
    tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., Any], lakes: Any
) -> None:
    tables = daily_tables()
    tables["sales"] += [
        sale("n2024-01-01", JANUARY[0], "north", "100", "USD"),  # again
        sale("x", JANUARY[1], "nowhere", "1", "USD"),
        sale("y", JANUARY[2], "north", "1", "GBP"),
        sale("z", JANUARY[3], "land", "1", "USD"),
        sale("w", JANUARY[4], "north", "1", "USD", product_id="cocoa"),
    ]
    tables["ad_spend"] += [
        ad(JANUARY[0], "print", "north", "1", grain="week"),
        ad(JANUARY[1], "print", "north", "1", grain="week"),
    ]
    tables["touchpoints"] = [
        {
            "touchpoint_id": name,
            # Within one source landing keeps the first of two, so a key meets in two sources only.
            "_source": f"hand_{minute}",
            "date_day": JANUARY[0],
            "occurred_at": f"2024-01-01 09:0{minute}:00",
            "kind": "visit",
            "territory_id": "north",
        }
        for minute, name in enumerate(("t1", "t1", "t2"))
    ]
    lake = tmp_path_factory.mktemp("spoiled")
    lakes.write_raw(lake, tables)
    run = dbt(lake, *TRANSFORM, *DATA_ONLY)
    assert run.returncode != 0
    assert run.not_passed() == {
        "sales__key_is_unique": "fail",
        "sales__territory_id_is_known": "fail",
        "sales__fx_rate_is_known": "fail",
        "sales_at_leaves": "fail",
        "sales__product_is_known": "fail",
        "weeks_start_on_one_weekday": "fail",
        "touchpoints__key_is_unique": "fail",
        "ad_spend__campaign_is_listed": "warn",
        "promotions__campaign_is_listed": "warn",
        "seller_valid_on_the_day": "warn",
    }
    [touch] = run.rows_of("touchpoints__key_is_unique")
    assert (touch["touchpoint_id"], touch["rows_found"]) == ("t1", 2)
    # Nothing is released from a ledger that failed.
    assert run.results["release_outcome"]["status"] == "skipped"
    [twice] = run.rows_of("sales__key_is_unique")
    assert twice["reason"].startswith("2 rows share one key (order_id, line_number)")
    assert (twice["order_id"], twice["line_number"]) == ("n2024-01-01", 1)
    [unknown] = run.rows_of("sales__territory_id_is_known")
    assert "'nowhere' is not in the territory master" in unknown["reason"]
    [rate] = run.rows_of("sales__fx_rate_is_known")
    assert (rate["currency_code"], rate["date_day"]) == ("GBP", JANUARY[2])
    assert rate["reason"].startswith("no average rate GBP to USD on or before 2024-01-03")
    [parent] = run.rows_of("sales_at_leaves")
    assert parent["reason"] == (
        "sales stand at land, the parent of north, south; book them at one of these"
    )
    [product] = run.rows_of("sales__product_is_known")
    assert product["product_id"] == "cocoa"
    weekdays = run.rows_of("weeks_start_on_one_weekday")
    assert [row["weekday"] for row in weekdays] == ["Monday", "Tuesday"]
