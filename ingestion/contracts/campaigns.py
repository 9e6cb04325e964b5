"""Campaigns by name, also those that never cost anything."""

from ingestion.contracts.contract import Contract, day, not_before, text

CAMPAIGNS = Contract(
    table="campaigns",
    description="Campaigns of any kind: what they are called, where they run and for how long.",
    columns={
        "campaign_id": text("campaign"),
        "campaign_name": text("campaign's name", nullable=True),
        "platform": text("seller of its advertising; empty: none", nullable=True),
        "channel": text("channel that attribution credits", nullable=True),
        "objective": text("what it is for: awareness, leads, sales", nullable=True),
        "starts_on": day("first day", nullable=True),
        "ends_on": day("last day, included", nullable=True),
    },
    key=("campaign_id",),
    partition=None,
    rules=(not_before("ends_on", "starts_on"),),
)
