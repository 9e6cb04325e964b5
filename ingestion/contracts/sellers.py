"""Who sells: employees, manufacturers' representatives and outsourced agencies."""

from ingestion.contracts.contract import (
    Contract,
    between,
    day,
    differs,
    measure,
    not_before,
    one_of,
    text,
)
from ingestion.contracts.incentive_plans import SELLER_KINDS

SELLERS = Contract(
    table="sellers",
    description="Sellers and the territories assigned to them, one row for each assignment.",
    columns={
        "seller_id": text("seller: a person, or an agency as a whole"),
        "seller_name": text("name or number shown in reports", nullable=True),
        "kind": one_of("who employs the seller", SELLER_KINDS),
        "agency_id": text("agency the seller belongs to", nullable=True),
        "manager_id": text("seller reported to", nullable=True),
        "territory_id": text("territory assigned; empty: none", nullable=True),
        "valid_from": day("first day of the assignment; empty: always", nullable=True),
        "valid_to": day("last day, included; empty: until further notice", nullable=True),
        "commission_plan": text("incentive plan", nullable=True),
        "commission_pct": measure("commission on revenue", "share 0..1", check=between(0, 1)),
    },
    key=("seller_id", "territory_id", "valid_from"),
    partition=None,
    rules=(
        not_before("valid_to", "valid_from"),
        differs("manager_id", "seller_id", "names the seller itself"),
    ),
)
