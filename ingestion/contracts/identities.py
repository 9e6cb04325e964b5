"""Who a person, a device or a cookie turned out to be."""

from ingestion.contracts.contract import Contract, Rule, differs, moment, text

IDENTITIES = Contract(
    table="identities",
    description=(
        "Keys that turned out to be somebody: a cookie that logged in, two keys of one person, a "
        "contact of a business. The latest holds, also for what was before it."
    ),
    columns={
        "person_id": text("person, device or cookie, as touches name it"),
        "customer_id": text("later key of the same person, or its customer", nullable=True),
        "account_id": text("business account it belongs to", nullable=True),
        "merged_at": moment("when that became known", nullable=True),
    },
    key=("person_id", "customer_id", "account_id", "merged_at"),
    partition=None,
    rules=(
        differs("customer_id", "person_id", "names the person itself"),
        Rule(
            "customer_id",
            "named",
            "is empty, and so is account_id",
            '"customer_id" is not null or "account_id" is not null',
        ),
    ),
)
