"""What an outsourced seller says it did and sold; held beside the ledger, never added to it."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    measure,
    money,
    not_before,
    territory,
    text,
)

AGENCY_REPORTS = Contract(
    table="agency_reports",
    description="Reports of outsourced sellers: activity, claimed sales and the fee charged.",
    columns={
        "report_id": text("report"),
        "agency_id": text("outsourced seller who reports"),
        "seller_id": text("person of the agency; empty: all", nullable=True),
        "territory_id": territory("territory reported on"),
        "product_id": text("product; empty: all", nullable=True),
        "starts_on": day("first day reported on"),
        "ends_on": day("last day, included"),
        "calls": measure("calls made", "calls"),
        "visits": measure("visits made", "visits"),
        "meetings": measure("meetings held", "meetings"),
        "units_claimed": measure("units the agency says it sold", "units"),
        "revenue_claimed": money("revenue the agency says it sold", nullable=True),
        "fee": money("what the agency charges for the period"),
        "currency_code": currency(),
    },
    key=("report_id", "seller_id", "territory_id", "product_id"),
    partition="starts_on",
    money=("fee",),
    rules=(not_before("ends_on", "starts_on"),),
)
