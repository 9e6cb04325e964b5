"""What each seller is asked to sell."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    measure,
    money,
    not_before,
    text,
)

QUOTAS = Contract(
    table="quotas",
    description="Sales quotas by period, seller, territory and product.",
    columns={
        "starts_on": day("first day of the period"),
        "ends_on": day("last day, included"),
        "seller_id": text("seller; empty: the territory as a whole", nullable=True),
        "territory_id": text("territory; empty: all of the seller's", nullable=True),
        "product_id": text("product; empty: all", nullable=True),
        "units": measure("units to sell", "units"),
        "revenue": money("net revenue to sell", nullable=True),
        "currency_code": currency("currency of revenue", nullable=True),
    },
    key=("starts_on", "ends_on", "seller_id", "territory_id", "product_id"),
    partition="starts_on",
    money=("revenue",),
    rules=(not_before("ends_on", "starts_on"),),
)
