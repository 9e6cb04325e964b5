"""Journeys in the warehouse: credit worked out by hand, and what a late touch rewrites."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

SELECT = ("--select", "+attr_touch_credit", "+attr_paths", "+release_journey_paths",
          "release_journey_credit")  # fmt: skip
BUILD = ("build", *SELECT, "credit_equals_ledger", "credit_sums_to_its_conversion",
         "paths_equal_conversions", "--exclude-resource-type", "unit_test",
         "--indirect-selection", "cautious")  # fmt: skip
Tables = dict[str, list[dict[str, Any]]]


def sale(order: str, day: str, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "order_id": order, "line_number": 1, "date_day": date.fromisoformat(day), "grain": "day",
        "product_id": "tea", "territory_id": "n", "sales_channel": "web", "sales_level": "shop",
        "customer_kind": "B2C", "net_revenue": Decimal(amount), "currency_code": "USD",
        "units": -1.0 if amount.startswith("-") else 1.0, **more,
    }  # fmt: skip


def touch(name: str, moment: str, channel: str, **more: Any) -> dict[str, Any]:
    return {
        "touchpoint_id": name, "date_day": date.fromisoformat(moment[:10]), "occurred_at": moment,
        "kind": "visit", "channel": channel, **more,
    }  # fmt: skip


def company() -> Tables:
    """A person who buys twice, one who returns, an account with people and a seller, a machine."""
    return {
        "territories": [{"territory_id": "n", "territory_name": "North", "country_code": "US"}],
        "products": [{"product_id": "tea", "product_name": "Tea"}],
        "customers": [
            {"customer_id": "acme", "customer_kind": "B2B", "account_id": "a-acme"},
            *({"customer_id": c, "customer_kind": "B2C"} for c in ("ann", "bob")),
        ],
        "sales": [
            sale("o1", "2024-03-10", "100.01", customer_id="ann", unit_cost=Decimal("60.00")),
            sale("o2", "2024-03-20", "10", customer_id="ann", sold_at="2024-03-20 12:00:00"),
            sale("o3", "2024-03-10", "50", customer_id="bob"),
            sale("o3", "2024-03-25", "-50", customer_id="bob", line_number=2),
            # A return under a number of its own: of the last order of the same product.
            sale("r1", "2024-03-26", "-4", customer_id="ann"),
            # Under an earlier key of ann's, which nobody knows yet.
            sale("o6", "2024-03-22", "5", customer_id="ann-before"),
            sale("o4", "2024-03-11", "7"),
            sale("o5", "2024-03-11", "8"),
            sale("b1", "2024-03-30", "900", customer_id="acme", customer_kind="B2B",
                 opportunity_id="deal"),
            sale("b2", "2024-03-31", "20", customer_id="acme", customer_kind="B2B"),
        ],
        "opportunities": [
            {"opportunity_id": "deal", "date_day": date(2024, 2, 1), "account_id": "a-acme",
             "person_id": "p-acme", "territory_id": "n", "stage": "won", "amount": Decimal(1000),
             "currency_code": "USD", "created_at": "2024-02-01 12:00:00",
             "qualified_at": "2024-02-10 12:00:00", "proposal_at": "2024-03-01 12:00:00",
             "closed_at": "2024-03-29 12:00:00"},
        ],
        "touchpoints": [
            touch("t1", "2024-03-01 10:00:00", "search", person_id="ann", campaign_id="spring"),
            touch("t2", "2024-03-10 23:00:00", "direct", person_id="ann"),
            touch("t3", "2024-03-15 10:00:00", "email", person_id="ann"),
            touch("t4", "2024-03-09 10:00:00", "search", person_id="bob"),
            touch("t5", "2024-01-15 10:00:00", "search", person_id="p-acme"),
            touch("t6", "2024-02-20 10:00:00", "field_sales", account_id="a-acme", kind="meeting",
                  seller_id="s"),
            touch("t7", "2024-03-28 10:00:00", "field_sales", account_id="a-acme", kind="call",
                  seller_id="s"),
            touch("t8", "2024-02-01 10:00:00", "search", person_id="cid"),
            touch("t9", "2024-03-30 10:00:00", "search", person_id="dora"),
            touch("t10", "2024-03-09 10:00:00", "search"),
            touch("t11", "2024-03-14 10:00:00", "video", person_id="cookie"),
            touch("t12", "2024-03-21 10:00:00", "store", person_id="ann"),
            *(touch(f"x{n}", f"2024-03-09 10:{n // 60:02d}:{n % 60:02d}", "display",
                    person_id="bot") for n in range(150)),
            # A machine that passes for one of the account's people.
            *(touch(f"y{n}", f"2024-03-09 10:{n // 60:02d}:{n % 60:02d}", "display",
                    person_id="script", account_id="a-acme") for n in range(120)),
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., Any], lakes: Any) -> Any:
    """Three builds of one lake: the first, one with a late touch, one of nothing new."""
    lake = tmp_path_factory.mktemp("journeys")
    tables = company()
    lakes.write_raw(lake, tables)
    runs = [dbt(lake, *BUILD)]
    assert runs[0].returncode == 0, runs[0].output
    found = [contents(runs[0])]
    # What stands is marked, so that what is written anew can be told.
    with duckdb.connect(str(lake / "warehouse.duckdb")) as connection:
        connection.execute("update attr_touch_credit set platform = 'stood before'")
    # A touch of bob's, late and before his order; and one of the account after it was won.
    tables["touchpoints"] += [
        touch("late", "2024-03-05 10:00:00", "email", person_id="bob"),
        touch("t0", "2024-03-29 13:00:00", "email", account_id="a-acme"),
    ]
    # A cookie that logged in, by a key that is ann's.
    tables["identities"] = [
        {"person_id": "cookie", "customer_id": "bob", "merged_at": "2024-03-15 10:00:00"},
        {"person_id": "cookie", "customer_id": "ann-before", "merged_at": "2024-04-01 10:00:00"},
        {"person_id": "ann-before", "customer_id": "ann"},
    ]
    # An order that is no more, and with it the last day.
    (lake / "raw/sales/source=hand/date_day=2024-03-31/part.parquet").unlink()
    tables["sales"] = [row for row in tables["sales"] if row["order_id"] != "b2"]
    lakes.write_raw(lake, tables)
    later = dbt(lake, *BUILD)
    assert later.returncode == 0, later.output
    found.append(contents(later))
    fresh = tmp_path_factory.mktemp("fresh")
    lakes.write_raw(fresh, tables)
    whole = dbt(fresh, *BUILD)
    assert whole.returncode == 0, whole.output
    found.append(contents(whole))
    return found


def contents(run: Any) -> dict[str, list[dict[str, Any]]]:
    """Rows of the marts and of what they are made of."""
    return {
        "credit": run.query(
            "select * from attr_touch_credit order by conversion_kind, conversion_id, position"
        ),
        "paths": run.query("select * from attr_paths order by all"),
        "conversions": run.query("select * from int_journeys__conversions order by all"),
        "open": run.query("select * from int_journeys__missed where is_open order by all"),
        "bots": run.query("select * from int_journeys__bots order by unit_id"),
        "released": run.query("select * from release_journey_credit order by all"),
    }


def credit(rows: list[dict[str, Any]], column: str) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        found.setdefault((row["conversion_kind"], row["conversion_id"]), []).append(row[column])
    return found


def test_conversions_are_orders_and_stages_and_hold_all_money_once(built: Any) -> None:
    found = {
        (row["conversion_kind"], row["conversion_id"]): (
            row["unit_id"], row["conversions"], str(row["value"]), str(row["returned_value"])
        )
        for row in built[0]["conversions"]
    }  # fmt: skip
    assert found == {
        ("sale", "o1"): ("ann", 1, "100.01", "0.00"),
        ("sale", "o2"): ("ann", 1, "6.00", "-4.00"),
        ("sale", "o3"): ("bob", 0, "0.00", "-50.00"),
        ("sale", "o6"): ("ann-before", 1, "5.00", "0.00"),
        ("sale", "(nobody) 2024-03-11 n"): (None, 2, "15.00", "0.00"),
        # Before the ledger begins, where spend does not count either.
        ("lead", "deal"): ("a-acme", 0, "0.00", "0.00"),
        ("qualified", "deal"): ("a-acme", 0, "0.00", "0.00"),
        ("opportunity", "deal"): ("a-acme", 0, "0.00", "0.00"),
        ("won", "deal"): ("a-acme", 1, "900.00", "0.00"),
        ("order", "b2"): ("a-acme", 1, "20.00", "0.00"),
    }


def test_touches_are_credited_as_on_paper(built: Any) -> None:
    rows = built[0]["credit"]
    # o1 is known by its day: a touch at eleven in the evening comes before it.
    assert credit(rows, "touchpoint_id") == {
        ("sale", "o1"): ["t1", "t2"],
        ("sale", "o2"): ["t3"],
        ("sale", "o3"): ["t4"],
        ("sale", "o6"): [None],
        ("sale", "(nobody) 2024-03-11 n"): [None],
        ("lead", "deal"): ["t5"],
        ("qualified", "deal"): ["t5"],
        ("opportunity", "deal"): ["t5", "t6"],
        ("won", "deal"): ["t5", "t6", "t7"],
        ("order", "b2"): ["t5", "t6", "t7"],
    }
    assert credit(rows, "value_linear")["sale", "o1"] == [Decimal("50.01"), Decimal("50.00")]
    assert credit(rows, "margin_linear")["sale", "o1"] == [Decimal("20.01"), Decimal("20.00")]
    assert credit(rows, "value_last_non_direct")["sale", "o1"] == [Decimal("100.01"), 0]
    assert credit(rows, "margin_linear")["sale", "o2"] == [None]
    assert credit(rows, "conversions_first")["sale", "o3"] == [0]
    assert credit(rows, "conversions_last")["sale", "(nobody) 2024-03-11 n"] == [2]
    # Lead and first touch are one: 60 %; the opportunity 30 %, the call between it and the sale 10.
    assert credit(rows, "value_w_shaped")["won", "deal"] == [540, 270, 90]
    assert credit(rows, "share_shapley")["won", "deal"] == [
        Decimal("0.5"), Decimal("0.25"), Decimal("0.25"),
    ]  # fmt: skip
    assert {row["seller_id"] for row in rows if row["touch_kind"] in ("call", "meeting")} == {"s"}


def test_paths_hold_nulls_but_neither_open_journeys_nor_machines(built: Any) -> None:
    sales = {
        (row["grain"], tuple(row["path"])): (row["conversions"], row["nulls"])
        for row in built[0]["paths"]
        if row["conversion_kind"] == "sale"
    }
    assert sales == {
        ("channel", ()): (3, 0), ("channel", ("search", "direct")): (1, 0),
        ("channel", ("email",)): (1, 0), ("channel", ("search",)): (0, 1),
        ("campaign", ()): (3, 0), ("campaign", ("spring", "(no campaign) direct")): (1, 0),
        ("campaign", ("(no campaign) email",)): (1, 0),
        ("campaign", ("(no campaign) search",)): (0, 1),
        ("territory", ()): (3, 0), ("territory", ("(no territory)", "(no territory)")): (1, 0),
        ("territory", ("(no territory)",)): (1, 1),
    }  # fmt: skip
    assert built[0]["bots"] == [
        {"unit_kind": "person", "unit_id": "bot", "touches": 150},
        {"unit_kind": "contact", "unit_id": "script", "touches": 120},
    ]
    opened = [row for row in built[0]["open"] if row["conversion_kind"] == "sale"]
    # The touches of dora, of the cookie, and of ann after her orders.
    assert [row["journeys"] for row in opened] == [1, 1, 1]


def test_credit_is_summed_by_territory_with_new_customers_and_widths_by_person(built: Any) -> None:
    found = {
        (row["name"], row["conversion_kind"]): row
        for row in built[2]["released"]
        if (row["grain"], row["rule"]) == ("territory", "linear")
    }
    # ann bought three times: drawn as a person she weighs more than as three orders.
    ann = found["(no territory)", "sale"]
    assert (ann["conversions"], ann["customers"]) == (3, 1)
    assert (ann["conversions_se"], ann["conversions_se_alone"]) == (3, 3**0.5)
    assert found["(unattributed)", "sale"]["conversions"] == 2
    customers = [row["customers"] for row in built[2]["paths"] if row["grain"] == "territory"]
    assert sum(customers) == sum(row["customers"] for row in found.values()) == 2


def test_late_touches_and_identities_rewrite_what_they_reach_and_no_more(
    built: Any,
) -> None:
    before, after, whole = built

    rewritten = {
        (row["conversion_kind"], row["conversion_id"])
        for row in after["credit"]
        if row["platform"] is None
    }
    gone = credit(before["credit"], "made_of").keys() - credit(after["credit"], "made_of").keys()
    # o3 by the late touch, o2 by the cookie's, o6 as its buyer turned out to be ann.
    assert rewritten == {("sale", "o3"), ("sale", "o2"), ("sale", "o6")}
    assert gone == {("order", "b2")}
    touches = credit(after["credit"], "touchpoint_id")
    assert touches["sale", "o3"] == ["late", "t4"]
    assert touches["sale", "o2"] == ["t11", "t3"]
    assert touches["sale", "o6"] == ["t12"]

    for row in after["credit"]:
        row["platform"] = None
    assert after["credit"] == whole["credit"]
    assert after["paths"] == whole["paths"]


def test_the_release_has_the_paths_and_no_person(
    dbt: Callable[..., Any], built: Any, tmp_path: Path, lakes: Any
) -> None:
    lakes.write_raw(tmp_path, {
        "sales": company()["sales"][:1],
        **{name: company()[name] for name in ("territories", "customers", "opportunities")},
        "identities": [
            {"person_id": "tablet", "customer_id": "p-acme"},
            {"person_id": "desk", "account_id": "a-other"},
            {"person_id": "till", "customer_id": "acme"},
            {"person_id": "one", "customer_id": "two"}, {"person_id": "two", "customer_id": "one"},
        ],
    })  # fmt: skip
    run = dbt(tmp_path, "run", *SELECT)
    assert run.returncode == 0, run.output
    rows = run.query("select * from release_journey_paths order by all")
    sold = [row for row in rows if row["conversion_kind"] == "sale"]
    assert [(row["grain"], row["path"], row["conversions"]) for row in sold] == [
        (grain, [], 1) for grain in ("campaign", "channel", "territory")
    ]
    # Keys of a contact, of an account, of a business; those in a circle stay who they are.
    known = run.query("select * from int_journeys__identified order by person_id")
    assert [(row["person_id"], row["unit_kind"], row["unit_id"]) for row in known] == [
        (person, "account", account)
        for person, account in (
            ("desk", "a-other"), ("p-acme", "a-acme"), ("tablet", "a-acme"), ("till", "a-acme"),
        )
    ]  # fmt: skip
    assert set(rows[0]) == {
        "conversion_kind", "grain", "path", "conversions", "value", "margin", "customers",
        "nulls",
    }  # fmt: skip

    # A table that an older version made: it knows no Shapley, and was made by other code.
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        before = connection.execute("from attr_touch_credit order by all").fetchall()
        for measure in ("share", "conversions", "value", "margin"):
            connection.execute(f"alter table attr_touch_credit drop column {measure}_shapley")
        connection.execute("update attr_touch_credit set made_of = md5(made_of)")
    upgraded = dbt(tmp_path, "run", "--select", "attr_touch_credit")
    assert upgraded.returncode == 0, upgraded.output
    credited = upgraded.query("select * from attr_touch_credit order by all")
    assert len(credited) == len(before) > 0
    assert {row["share_shapley"] for row in credited} == {1}
