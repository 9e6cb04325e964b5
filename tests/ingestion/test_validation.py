"""Rows that break their contract are rejected with column and reason; the others are typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.contracts import CONTRACTS
from ingestion.mapping import TableMapping, Writing

# Declared, so that a cell written otherwise is a misfit and not a question.
DECLARED = Writing(decimal=".", date_format="%Y-%m-%d")

GOOD: dict[str, dict[str, str]] = {
    "sales": {
        "order_id": "o", "line_number": "1", "date_day": "2025-01-01", "grain": "day",
        "product_id": "tea", "territory_id": "north", "sales_channel": "web",
        "sales_level": "shop", "customer_kind": "B2C", "net_revenue": "10",
        "currency_code": "EUR",
    },
    "ad_spend": {
        "date_day": "2025-01-01", "grain": "day", "platform": "p", "channel": "tv",
        "channel_kind": "paid", "territory_id": "north", "spend": "5", "currency_code": "EUR",
    },
    "promotions": {
        "promotion_id": "p", "kind": "coupon", "territory_id": "north",
        "starts_on": "2025-01-01", "ends_on": "2025-01-07", "fixed_cost": "0",
        "variable_cost": "0", "currency_code": "EUR",
    },
    "publicity": {
        "event_id": "e", "date_day": "2025-01-01", "grain": "day", "kind": "publicity",
        "territory_id": "north", "cost": "0", "currency_code": "EUR",
    },
    "controls": {
        "date_day": "2025-01-01", "grain": "day", "territory_id": "north", "control": "rain",
        "value": "-1.5",
    },
    "plans": {
        "plan_id": "p", "date_day": "2026-01-01", "grain": "day", "kind": "media",
        "driver": "tv", "territory_id": "north", "spend": "5", "currency_code": "EUR",
    },
    "products": {"product_id": "tea", "product_name": "Tea"},
    "territories": {
        "territory_id": "north", "territory_name": "North", "currency_code": "EUR",
    },
    "fx_rates": {
        "date_day": "2025-01-01", "from_currency": "USD", "to_currency": "EUR",
        "kind": "average", "rate": "0.9",
    },
    "touchpoints": {
        "touchpoint_id": "t", "date_day": "2025-01-01", "occurred_at": "2025-01-01T10:00:00Z",
        "kind": "call", "channel": "phone",
    },
    "opportunities": {
        "opportunity_id": "o", "date_day": "2025-01-01", "stage": "lead",
        "created_at": "2025-01-01 10:00:00",
    },
    "agency_reports": {
        "report_id": "r", "agency_id": "a", "territory_id": "north", "starts_on": "2025-01-01",
        "ends_on": "2025-01-31", "fee": "100", "currency_code": "EUR",
    },
    "quotas": {"starts_on": "2025-01-01", "ends_on": "2025-03-31"},
    "budgets": {
        "budget_id": "b", "kind": "sales", "territory_id": "north", "starts_on": "2025-01-01",
        "ends_on": "2025-12-31", "amount": "1000", "currency_code": "EUR",
    },
    "sales_contests": {
        "contest_id": "c", "starts_on": "2025-01-01", "ends_on": "2025-01-31",
        "metric": "revenue", "prize_cost": "500", "currency_code": "EUR",
    },
    "incentive_plans": {
        "plan_id": "p", "starts_on": "2025-01-01", "basis": "revenue",
        "from_attainment_pct": "1",
    },
    "experiments": {
        "experiment_id": "e", "design": "before_after", "kind": "media", "driver": "tv",
        "territory_id": "north", "arm": "treated", "starts_on": "2025-01-01",
        "ends_on": "2025-01-31", "spend": "10", "currency_code": "EUR", "status": "done",
    },
    "campaigns": {"campaign_id": "c"},
    "customers": {"customer_id": "c", "customer_kind": "B2B"},
    "identities": {"person_id": "p", "customer_id": "c"},
    "sellers": {"seller_id": "s", "kind": "employee"},
    "fiscal_calendar": {
        "date_day": "2025-01-01", "calendar_id": "c", "fiscal_year": "2025",
        "fiscal_quarter": "1", "fiscal_period": "1", "fiscal_week": "1",
    },
    "holidays": {"date_day": "2025-01-01", "holiday": "New Year", "country_code": "DE"},
}  # fmt: skip


def _rows(table: str, *changes: dict[str, str | None]) -> dict[str, list[str | None]]:
    rows = [GOOD[table] | change for change in changes]
    return {name: [row.get(name) for row in rows] for name in CONTRACTS[table].columns}


@pytest.fixture
def check(bench: Any) -> Any:
    def run(
        table: str,
        *changes: dict[str, str | None],
        allow_negative: tuple[str, ...] = (),
        **held: Any,
    ) -> Found:
        entry = TableMapping.model_validate(
            {"table": table, "from": "f", "allow_negative": allow_negative}
        )
        return Found(*bench.checked(entry, _rows(table, *changes), DECLARED, **held))

    return run


@dataclass
class Found:
    kept: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @property
    def numbers(self) -> list[int]:
        return [row["_row_number"] for row in self.kept]

    @property
    def rejected_numbers(self) -> list[int]:
        return [row["_row_number"] for row in self.rejected]

    @property
    def columns(self) -> list[str]:
        return [row["column"] for row in self.rejected]

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.rejected]


@pytest.mark.parametrize("table", CONTRACTS)
def test_a_sound_row_passes_and_every_required_column_is_required(check: Any, table: str) -> None:
    required = CONTRACTS[table].required
    found = check(table, {}, *({name: None} for name in required))
    assert len(found.kept) == 1
    assert found.columns == list(required)
    assert set(found.reasons) == {"is empty"}


@pytest.mark.parametrize(
    ("table", "column", "cell", "reason"),
    [
        ("sales", "net_revenue", "abc", "'abc' is not a number"),
        ("sales", "net_revenue", "1,234.50", "is not a number"),
        ("sales", "net_revenue", "1_000", "is not a number"),
        ("sales", "net_revenue", "١٢", "is not a number"),
        ("sales", "net_revenue", "nan", "is not a finite number"),
        ("sales", "net_revenue", "-Infinity", "is not a finite number"),
        ("sales", "net_revenue", "1e12", "out of range"),
        ("sales", "net_revenue", "999999999999.9999999", "out of range"),
        ("sales", "net_revenue", "1e999", "out of range"),
        ("sales", "units", "inf", "is not a finite number"),
        ("sales", "units", "1e999", "out of range"),
        ("sales", "line_number", "1.5", "is not a whole number"),
        ("sales", "line_number", "9" * 30, "out of range"),
        ("sales", "line_number", "-1", "is negative"),
        ("sales", "unit_cost", "-0.01", "is negative"),
        ("sales", "date_day", "2025-02-30", "not a possible date"),
        ("sales", "date_day", "30/01/2025", "not a possible date"),
        ("sales", "date_day", "2025-1-5", "not a possible date"),
        ("sales", "date_day", "0000-00-00", "not a possible date"),
        ("sales", "date_day", "1850-01-01", "not a possible date"),
        ("sales", "date_day", "9999-12-31", "not a possible date"),
        ("sales", "date_day", "2052-01-01", "in the future"),
        ("sales", "grain", "month", "is not one of day, week"),
        ("sales", "customer_kind", "b2c", "is not one of B2C, B2B"),
        ("sales", "currency_code", "EUX", "not an ISO 4217 currency"),
        ("sales", "currency_code", "eur", "not an ISO 4217 currency"),
        ("sales", "territory_id", "nrth", "unknown territory; nearest is 'north'"),
        ("ad_spend", "spend", "-5", "'-5' is negative"),
        ("ad_spend", "impressions", "-1", "is negative"),
        ("promotions", "ends_on", "2024-12-31", "is before starts_on"),
        ("promotions", "discount_pct", "20", "is not between 0 and 1"),
        ("promotions", "vendor_share", "-0.1", "is not between 0 and 1"),
        ("publicity", "tone", "-1.01", "is not between -1 and 1"),
        ("fx_rates", "rate", "-0.9", "is not above zero"),
        ("fx_rates", "rate", "0", "is not above zero"),
        ("territories", "time_zone", "Mars/Olympus", "not an IANA time zone"),
        ("territories", "country_code", "UK", "not an ISO 3166"),
        ("territories", "parent_id", "west", "unknown territory"),
        ("territories", "parent_id", "north", "names the territory itself"),
    ],
)
def test_a_broken_cell_rejects_its_row(
    check: Any, table: str, column: str, cell: str, reason: str
) -> None:
    found = check(table, {column: cell})
    assert not found.kept
    assert found.columns == [column]
    assert reason in found.reasons[0]
    assert found.rejected_numbers == [2]


def test_credits_pass_only_where_declared(check: Any) -> None:
    assert len(check("ad_spend", {"spend": "-5"}, allow_negative=("spend",)).kept) == 1
    assert len(check("ad_spend", {"spend": "-5"}, allow_negative=("clicks",)).rejected) == 1
    assert len(check("sales", {"net_revenue": "-5", "units": "-1"}).kept) == 1


def test_plans_may_be_ahead_and_yesterdays_ledger_too_but_not_by_much(check: Any) -> None:
    assert len(check("plans", {"date_day": "2030-01-01"}).kept) == 1
    assert len(check("sales", {"date_day": "2025-07-02"}).kept) == 1
    assert len(check("sales", {"date_day": "2025-07-03"}).rejected) == 1


def test_types_are_exact(check: Any) -> None:
    kept = check("sales", {"net_revenue": "0.1234565", "units": "1e3", "line_number": "7.0"}).kept
    assert kept[0]["net_revenue"] == Decimal("0.123456")
    assert kept[0]["units"] == 1000.0
    assert kept[0]["line_number"] == 7
    assert kept[0]["date_day"] == date(2025, 1, 1)


def test_the_second_of_two_keys_is_rejected_and_names_the_first(check: Any) -> None:
    found = check("sales", {}, {"order_id": "p"}, {}, {"net_revenue": "11"})
    assert found.numbers == [2, 3]
    assert found.rejected_numbers == [4, 5]
    assert "exact copy of row 2" in found.reasons[0]
    assert "same key as row 2" in found.reasons[1]


def test_empty_key_cells_are_equal(check: Any) -> None:
    found = check("ad_spend", {"account_id": None}, {"account_id": None}, {"account_id": "a"})
    assert found.rejected_numbers == [3]


def test_a_sound_row_is_not_lost_to_a_bad_one_of_its_key(check: Any) -> None:
    found = check("sales", {"net_revenue": "x"}, {})
    assert found.numbers == [3]


def test_every_reason_of_a_row_is_told_once(check: Any) -> None:
    found = check("sales", {"grain": "month", "unit_cost": "-1", "currency_code": "EUX"})
    assert found.columns == ["grain"]
    assert found.reasons[0].count(";") == 2


def test_territories_are_not_checked_where_none_is_known(check: Any) -> None:
    assert len(check("sales", {"territory_id": "anywhere"}, territories=None).kept) == 1


def test_a_parent_may_stand_in_the_same_table_or_the_lake(check: Any) -> None:
    rows = [{"parent_id": "all"}, {"territory_id": "all"}, {"territory_id": "x", "parent_id": "y"}]
    assert len(check("territories", *rows, territories=frozenset({"y"})).kept) == 3


def test_no_rows_are_no_error(check: Any) -> None:
    found = check("sales")
    assert not found.kept
    assert not found.rejected


cell = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["1", "-1", "EUR", "2025-01-01"]))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(list(CONTRACTS["sales"].columns)), cell, max_size=3),
        max_size=8,
    )
)
def test_kept_and_rejected_are_what_was_read(check: Any, rows: list[dict[str, str | None]]) -> None:
    found = check("sales", *[{"order_id": f"o{n}"} | row for n, row in enumerate(rows)])
    assert sorted([*found.numbers, *found.rejected_numbers]) == list(range(2, len(rows) + 2))
