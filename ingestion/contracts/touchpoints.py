"""Meetings of a person or an account with the company, wherever they happened."""

from ingestion.contracts.contract import Contract, day, moment, one_of, text, time_zone

TOUCH_KINDS = (
    "ad_view",
    "ad_click",
    "visit",
    "email",
    "mail",
    "coupon",
    "call",
    "store_visit",
    "meeting",
)

TOUCHPOINTS = Contract(
    table="touchpoints",
    description="Touches: what a person or an account saw, clicked, heard or was told, and when.",
    columns={
        "touchpoint_id": text("touch"),
        "date_day": day("its day in UTC"),
        "occurred_at": moment("when"),
        "time_zone": time_zone("time zone it was written down in", nullable=True),
        "person_id": text("person, device or cookie", nullable=True),
        "account_id": text("business account", nullable=True),
        "kind": one_of("kind of touch", TOUCH_KINDS),
        "channel": text("channel that attribution credits"),
        "platform": text("where it happened", nullable=True),
        "campaign_id": text("campaign", nullable=True),
        "territory_id": text("territory", nullable=True),
        "seller_id": text("seller, for calls and meetings", nullable=True),
    },
    key=("touchpoint_id",),
    partition="date_day",
    actual=True,
    derived={"date_day": "occurred_at"},
)
