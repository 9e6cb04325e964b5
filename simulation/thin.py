"""First, plain version of the tables about people, accounts and tests; no truth in them yet."""

from datetime import timedelta

import numpy as np
import pandas as pd

from simulation.markets import Stage
from simulation.sellers import AGENCY, SalesForce
from simulation.streams import Streams
from simulation.tables import COLUMNS
from simulation.targets import periods


def campaign_table(ad_spend: pd.DataFrame) -> pd.DataFrame:
    """Raw `campaigns`, from what was spent."""
    table = ad_spend.groupby("campaign_id", as_index=False).agg(
        campaign_name=("campaign_name", "first"), platform=("platform", "first"),
        channel=("channel", "first"), starts_on=("date_day", "min"), ends_on=("date_day", "max"),
    )  # fmt: skip
    return table.assign(objective="sales")[list(COLUMNS["campaigns"])]


def customer_table(sales: pd.DataFrame) -> pd.DataFrame:
    table = sales.dropna(subset=["customer_id"]).groupby("customer_id", as_index=False).agg(
        customer_kind=("customer_kind", "first"), territory_id=("territory_id", "first"),
        acquired_on=("date_day", "min"),
    )  # fmt: skip
    business = table["customer_kind"] == "B2B"
    table["account_id"] = np.where(business, "a-" + table["customer_id"], None)
    table["customer_name"] = np.where(business, "Dealer " + table["customer_id"], None)
    table["segment"] = np.where(business, "dealer", "household")
    return table.assign(parent_id=None)[list(COLUMNS["customers"])]


def touchpoint_table(streams: Streams, stage: Stage, sales: pd.DataFrame, force: SalesForce) -> pd.DataFrame:
    rng = streams("thin", "touchpoints")
    known = sales.dropna(subset=["customer_id"])
    picked = known.iloc[rng.integers(0, len(known), 4000)]
    moment = picked["date_day"] - pd.to_timedelta(rng.integers(1, 20 * 86400, 4000), unit="s")
    business = (picked["customer_kind"] == "B2B").to_numpy()
    channel = rng.choice(["search", "social", "video", "display", "direct"], 4000)
    table = pd.DataFrame({
        "occurred_at": moment.to_numpy(), "time_zone": "Europe/Berlin",
        "person_id": np.where(business, None, picked["customer_id"]),
        "account_id": np.where(business, "a-" + picked["customer_id"], None),
        "kind": np.where(business, "meeting", np.where(channel == "direct", "visit", "ad_click")),
        "channel": np.where(business, "field_sales", channel),
        "territory_id": picked["territory_id"].to_numpy(),
        "seller_id": np.where(business, force.sellers[0].seller_id, None),
    })
    table = table.sort_values("occurred_at", ignore_index=True)
    table["date_day"] = table["occurred_at"].dt.normalize()
    table["touchpoint_id"] = [f"t{n:07d}" for n in range(len(table))]
    return table.reindex(columns=list(COLUMNS["touchpoints"]))


def opportunity_table(streams: Streams, stage: Stage, sales: pd.DataFrame, force: SalesForce) -> pd.DataFrame:
    rng = streams("thin", "opportunities")
    known = sales[sales["customer_kind"] == "B2B"]
    picked = known.iloc[rng.integers(0, len(known), 200)].reset_index(drop=True)
    closed = picked["date_day"] + pd.to_timedelta(10, unit="h")
    days = rng.integers(9, 60, 200)
    created = closed - pd.to_timedelta(days, unit="D")
    won = rng.random(200) < 0.35
    table = pd.DataFrame({
        "opportunity_id": [f"o{n:05d}" for n in range(200)], "date_day": created.dt.normalize(),
        "account_id": "a-" + picked["customer_id"],
        "customer_id": np.where(won, picked["customer_id"], None),
        "channel": rng.choice(["search", "field_sales", "social"], 200),
        "territory_id": picked["territory_id"], "product_id": picked["product_id"],
        "seller_id": force.sellers[0].seller_id, "stage": np.where(won, "won", "lost"),
        "created_at": created, "qualified_at": created + pd.to_timedelta(days * 0.3, unit="D").round("s"),
        "proposal_at": created + pd.to_timedelta(days * 0.6, unit="D").round("s"),
        "closed_at": closed, "time_zone": "Europe/Berlin", "segment": "dealer",
        "amount": picked["net_revenue"].abs(), "currency_code": picked["currency_code"],
        "lost_reason": np.where(won, None, "price"),
    })
    return table.sort_values("created_at", ignore_index=True).reindex(columns=list(COLUMNS["opportunities"]))


def report_table(stage: Stage, force: SalesForce) -> pd.DataFrame:
    place = next((force.place(stage.days)[0, i] for i, s in enumerate(force.sellers) if s.agency_id), 0)
    rows = []
    for first, last in periods(stage, "M"):
        rows.append({"report_id": f"{AGENCY}-{first:%Y%m}", "agency_id": AGENCY,
                     "territory_id": stage.names[place], "starts_on": first, "ends_on": last,
                     "calls": 60.0, "visits": 20.0, "meetings": 10.0, "units_claimed": 700.0,
                     "revenue_claimed": 30_000.0, "fee": 3_000.0,
                     "currency_code": stage.territories[place].currency_code})
    return pd.DataFrame(rows, columns=list(COLUMNS["agency_reports"]))


def experiment_table(stage: Stage) -> pd.DataFrame:
    rows = []
    for number, (start, status) in enumerate((("0.5", "done"), ("1.1", "planned"))):
        first = stage.first_day + timedelta(days=int(stage.days * float(start)))
        for place, name in enumerate(stage.names):
            treated = place == 1 % stage.width
            rows.append({"experiment_id": f"exp-{number + 1}", "design": "territory_holdout",
                         "kind": "media", "driver": "video", "territory_id": name,
                         "arm": "treated" if treated else "control", "starts_on": first,
                         "ends_on": first + timedelta(days=27), "spend": 5_000.0 * treated,
                         "currency_code": stage.territories[place].currency_code,
                         "effect": 9_000.0 if treated and status == "done" else None,
                         "effect_se": 3_000.0 if treated and status == "done" else None,
                         "status": status})
    return pd.DataFrame(rows, columns=list(COLUMNS["experiments"]))
