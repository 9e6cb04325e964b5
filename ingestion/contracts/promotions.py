"""Offers to shoppers and to the trade."""

from ingestion.contracts.contract import (
    Contract,
    between,
    currency,
    day,
    measure,
    money,
    not_before,
    one_of,
    territory,
    text,
)
from ingestion.contracts.sales import SALES_LEVELS

PROMOTION_KINDS = (
    "price_cut",
    "coupon",
    "feature",
    "display",
    "sample",
    "contest",
    "trade_allowance",
)

PROMOTIONS = Contract(
    table="promotions",
    description="Promotions with their window, depth, cost and who pays for it.",
    columns={
        "promotion_id": text("promotion"),
        "promotion_name": text("promotion's name", nullable=True),
        "campaign_id": text("campaign it is part of", nullable=True),
        "kind": one_of("kind of promotion", PROMOTION_KINDS),
        "product_id": text("product promoted; empty: all", nullable=True),
        "territory_id": territory("territory it runs in"),
        "sales_level": one_of("who it is offered to", SALES_LEVELS, nullable=True),
        "starts_on": day("first day"),
        "ends_on": day("last day, included"),
        "discount_pct": measure("discount as a share", "share 0..1", check=between(0, 1)),
        "intensity": measure("strength on the source's own scale", "source's scale"),
        "fixed_cost": money("cost that does not grow with volume, whole promotion"),
        "variable_cost": money("cost that grows with volume, whole promotion"),
        "currency_code": currency(),
        "vendor_share": measure("share a vendor pays", "share 0..1", check=between(0, 1)),
    },
    key=("promotion_id", "territory_id", "product_id", "starts_on"),
    partition="starts_on",
    money=("fixed_cost", "variable_cost"),
    rules=(not_before("ends_on", "starts_on"),),
)
