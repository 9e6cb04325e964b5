"""Contests among sellers or dealers."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    measure,
    money,
    not_before,
    one_of,
    text,
)

SALES_CONTESTS = Contract(
    table="sales_contests",
    description="Contests: who may win, for selling what, and what the prizes cost.",
    columns={
        "contest_id": text("contest"),
        "contest_name": text("contest's name", nullable=True),
        "territory_id": text("territory; empty: everywhere", nullable=True),
        "seller_id": text("seller; empty: all", nullable=True),
        "product_id": text("product that counts; empty: all", nullable=True),
        "starts_on": day("first day"),
        "ends_on": day("last day, included"),
        "metric": one_of("what is counted", ("revenue", "margin", "units", "new_accounts")),
        "target": measure("figure from which a prize is won", "metric's unit"),
        "prize_cost": money("cost of the prizes"),
        "currency_code": currency(),
    },
    key=("contest_id", "territory_id", "seller_id", "product_id"),
    partition="starts_on",
    money=("prize_cost",),
    rules=(not_before("ends_on", "starts_on"),),
)
