"""How sellers are paid for what they sell."""

from ingestion.contracts.contract import (
    Contract,
    between,
    currency,
    day,
    measure,
    money,
    not_before,
    one_of,
    text,
)

SELLER_KINDS = ("employee", "manufacturers_representative", "agency")

INCENTIVE_PLANS = Contract(
    table="incentive_plans",
    description="Commission and bonus plans: one row for each step of a plan.",
    columns={
        "plan_id": text("plan"),
        "plan_name": text("plan's name", nullable=True),
        "seller_kind": one_of("kind of seller it is for; empty: all", SELLER_KINDS, nullable=True),
        "product_id": text("product it pays for; empty: all", nullable=True),
        "starts_on": day("first day"),
        "ends_on": day("last day, included; empty: until further notice", nullable=True),
        "basis": one_of("what is paid for", ("revenue", "margin", "units", "quota_attainment")),
        "from_attainment_pct": measure(
            "attainment of quota from which the step pays", "share of quota", nullable=False
        ),
        "rate_pct": measure("pay as a share of the basis", "share 0..1", check=between(0, 1)),
        "amount": money("pay as an amount: each unit, or once when reached", nullable=True),
        "cap": money("most that is paid in a period", nullable=True),
        "currency_code": currency("currency of amount and cap", nullable=True),
    },
    key=("plan_id", "seller_kind", "product_id", "starts_on", "from_attainment_pct"),
    partition=None,
    rules=(not_before("ends_on", "starts_on"),),
)
