"""Business that may be won: from the first contact of a lead to the signature."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    moment,
    money,
    not_before,
    one_of,
    text,
    time_zone,
)

STAGES = ("lead", "qualified", "proposal", "won", "lost")

OPPORTUNITIES = Contract(
    table="opportunities",
    description="Opportunities with the time of each stage, who worked on them and their amount.",
    columns={
        "opportunity_id": text("opportunity or lead"),
        "date_day": day("day of the first contact"),
        "account_id": text("business account", nullable=True),
        "person_id": text("person who asked", nullable=True),
        "customer_id": text("customer it became in the ledger", nullable=True),
        "campaign_id": text("campaign it came from", nullable=True),
        "channel": text("channel it came from", nullable=True),
        "territory_id": text("territory", nullable=True),
        "product_id": text("product asked for", nullable=True),
        "developer_id": text("seller who qualified it", nullable=True),
        "seller_id": text("seller who owns it", nullable=True),
        "agency_id": text("outsourced seller who owns it", nullable=True),
        "stage": one_of("where it stands", STAGES),
        "created_at": moment("first contact"),
        "qualified_at": moment("accepted as worth a seller's time", nullable=True),
        "proposal_at": moment("offer made", nullable=True),
        "closed_at": moment("won or lost", nullable=True),
        "time_zone": time_zone("time zone it was written down in", nullable=True),
        "segment": text("business segment", nullable=True),
        "amount": money("expected, then agreed, revenue", nullable=True),
        "currency_code": currency("currency of amount", nullable=True),
        "lost_reason": text("why it was lost", nullable=True),
    },
    key=("opportunity_id",),
    partition="date_day",
    money=("amount",),
    actual=True,
    derived={"date_day": "created_at"},
    rules=(
        not_before("qualified_at", "created_at"),
        not_before("proposal_at", "created_at"),
        not_before("closed_at", "created_at"),
    ),
)
