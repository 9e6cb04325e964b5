"""A release of sixty weeks and two territories, and tests that were run in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

DATES = pd.date_range("2024-01-01", periods=60, freq="7D")
PLACES = ("north", "south")
KINDS = ("media", "organic", "promotion", "publicity")


def frames(weeks: int = 60) -> dict[str, pd.DataFrame]:
    """Television and calls in two territories; sales follow television."""
    rng = np.random.default_rng(3)
    cells = [(day, place) for day in DATES[:weeks] for place in PLACES]
    tv = rng.uniform(0.0, 100.0, len(cells)).round()
    outcome = pd.DataFrame(cells, columns=["date_day", "territory_id"])
    outcome["net_revenue"] = (1000 + 2 * tv + rng.normal(0, 30, len(cells))).round(2)
    drivers = pd.concat(
        outcome[["date_day", "territory_id"]].assign(
            kind=kind, driver=driver, exposure=exposure, exposure_unit=unit, spend=spend
        )
        for kind, driver, unit, exposure, spend in (
            ("media", "tv", "spend", tv, tv),
            ("seller", "call", "touches", rng.poisson(4.0, len(cells)).astype(float), 0.0),
        )
    )
    return {
        "outcome": outcome,
        "drivers": drivers,
        "controls": pd.DataFrame(columns=["date_day", "territory_id", "control", "value"]),
        "holidays": pd.DataFrame(columns=["date_day", "holiday", "country_code"]),
        "territories": pd.DataFrame(
            {"territory_id": PLACES, "population": [2e6, 1e6], "country_code": None}
        ),
    }


def forecast_inputs(weeks: int = 60, ahead: int = 4) -> dict[str, pd.DataFrame]:
    """The ledger behind `frames` by two sales channels; television is planned for `ahead` weeks."""
    outcome = frames(weeks)["outcome"]
    ledger = pd.concat(
        outcome[["date_day", "territory_id"]].assign(
            product_id="tea", sales_channel=channel, net_revenue=outcome["net_revenue"] * share,
            units=(outcome["net_revenue"] * share / 4).round(), unit_cost=0.0,
        )
        for channel, share in (("shop", 0.6), ("web", 0.4))
    )  # fmt: skip
    later = pd.date_range(DATES[weeks - 1], periods=ahead + 1, freq="7D")[1:]
    cells = [(day, place) for day in later for place in PLACES]
    plan = pd.DataFrame(cells, columns=["date_day", "territory_id"]).assign(
        kind="media", driver="tv", product_id=None, exposure=80.0, spend=80.0
    )
    products = pd.DataFrame({"product_id": ["tea"], "product_name": ["Tea"]})
    return {"ledger": ledger, "plan": plan, "products": products}


def journey_inputs() -> dict[str, pa.Table]:
    """Ten people: search then email sold five times; two orders met nothing, one went back."""
    money = pa.decimal128(18, 2)
    paths = [
        ("sale", "channel", ["search", "email"], 5, "50.01", 3, 4),
        ("sale", "channel", ["search"], 0, "-1.00", 0, 0),
        ("sale", "channel", [], 2, "20.00", 0, 1),
    ]
    names = ("conversion_kind", "grain", "path", "conversions", "value", "nulls", "customers")
    columns = dict(zip(names, map(list, zip(*paths, strict=True)), strict=True))
    value = pa.array([Decimal(amount) for amount in columns["value"]], money)
    text, count = pa.string(), pa.int64()
    stages = dict.fromkeys(("cohort", "channel", "seller_key", "handover"), text)
    stages |= {"stage": text, "outcome": text, "days": count, "days_before": count}
    stages |= {"opportunities": count, "backwards": count}
    return {
        "journey_paths": pa.table(
            columns
            | {"path": pa.array(columns["path"], pa.list_(text)), "value": value}
            | {"margin": pa.nulls(3, money)}
        ),
        "journey_touches": pa.table(
            {"grain": ["channel"], "name": ["search"], "treatment": ["counted"], "touches": [13]}
        ),
        "journey_spend": pa.table({"channel": ["tv"], "spend": pa.array([Decimal("7.00")], money)}),
        "stages": pa.schema(list(stages.items())).empty_table(),
    }


RELEASE = {"grain": "week", "currency": "EUR"}


def tv_test(name: str, **more: Any) -> list[dict[str, Any]]:
    """A television test in the north: treated there, the south for comparison."""
    whole = {
        "experiment_id": name, "kind": "media", "driver": "tv", "campaign_id": None,
        "starts_on": DATES[20].date(), "ends_on": (DATES[24] - pd.Timedelta(days=1)).date(),
        "status": "done",
    }  # fmt: skip
    treated = {"territory_id": "north", "arm": "treated", "spend": 100, "effect": 180.0,
               "effect_se": 60.0}  # fmt: skip
    control = {"territory_id": "south", "arm": "control", "spend": 0, "effect": None,
               "effect_se": None}  # fmt: skip
    return [whole | treated | more, whole | control | {k: more[k] for k in more if k in whole}]
