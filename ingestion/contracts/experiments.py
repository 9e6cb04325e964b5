"""Tests that were run to learn what marketing brings."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    measure,
    money,
    not_before,
    one_of,
    positive,
    territory,
    text,
)

EXPERIMENTS = Contract(
    table="experiments",
    description="Experiments: design, window, one row for each territory and its arm, read-out.",
    columns={
        "experiment_id": text("experiment"),
        "experiment_name": text("its name", nullable=True),
        "design": one_of(
            "how treatment was assigned",
            ("territory_holdout", "switchback", "user_holdout", "before_after"),
        ),
        "kind": one_of(
            "kind of driver tested",
            ("media", "organic", "promotion", "price", "publicity", "seller", "agency"),
        ),
        "driver": text("channel, promotion kind, publicity kind, kind of touch or agency tested"),
        "campaign_id": text("campaign tested; empty: all of the driver", nullable=True),
        "territory_id": territory("territory in the experiment"),
        "arm": one_of("treated, or held out for comparison", ("treated", "control")),
        "starts_on": day("first day of the window"),
        "ends_on": day("last day, included"),
        "spend": money("money added (or withheld, then as a positive amount) in the territory"),
        "currency_code": currency(),
        "effect": money(
            "net revenue brought in the treated territories in the window; empty until read",
            nullable=True,
            signed=True,
        ),
        "effect_se": measure(
            "standard error of effect", "currency_code", nullable=True, check=positive()
        ),
        "status": one_of("where it stands", ("planned", "running", "done", "cancelled")),
    },
    key=("experiment_id", "territory_id"),
    partition="starts_on",
    money=("spend",),
    rules=(not_before("ends_on", "starts_on"),),
)
