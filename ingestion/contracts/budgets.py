"""What management allowed to be spent, and wants to be sold."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    measure,
    money,
    not_before,
    one_of,
    territory,
    text,
)

BUDGET_KINDS = (
    "sales",
    "advertising",
    "promotion",
    "publicity",
    "public_relations",
    "trade",
    "agency",
)

BUDGETS = Contract(
    table="budgets",
    description="Budgets by period: sales wanted and money allowed, in versions.",
    columns={
        "budget_id": text("version of the budget"),
        "kind": one_of("what is budgeted: sales, or a kind of spend", BUDGET_KINDS),
        "channel": text("advertising or sales channel; empty: all", nullable=True),
        "territory_id": territory("territory budgeted for"),
        "product_id": text("product; empty: all", nullable=True),
        "seller_id": text("seller; empty: all", nullable=True),
        "starts_on": day("first day of the period"),
        "ends_on": day("last day, included"),
        "units": measure("units budgeted", "units"),
        "amount": money("revenue or spend budgeted"),
        "currency_code": currency(),
    },
    key=("budget_id", "kind", "channel", "territory_id", "product_id", "seller_id", "starts_on"),
    partition="starts_on",
    money=("amount",),
    rules=(not_before("ends_on", "starts_on"),),
)
