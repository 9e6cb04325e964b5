"""Business that was won, lost or is still open, and what the agency says of its own."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from simulation.desk import Desk
from simulation.ledger import SELL_IN, Lines
from simulation.paths import DAY
from simulation.response import Array, Whole
from simulation.sellers import AGENCY
from simulation.streams import Streams
from simulation.tables import COLUMNS
from simulation.targets import periods

LOST_FOR_EACH_WON = 1.7
SOURCES = ("field_sales", "search", "email", "social")
REASONS = ("price", "competitor", "no_budget", "no_answer")
CLAIMED = (1.25, 1.7)
FEE_SHARE, RETAINER = 0.04, 1_500.0


@dataclass
class Won:
    """Orders that came from an opportunity: one of each order, and what the order comes to."""

    months: list[str] = field(default_factory=list)
    orders: list[Lines] = field(default_factory=list)
    amounts: list[Whole] = field(default_factory=list)


def collect(won: Won, month: str, lines: Lines) -> Lines:
    """Remember the won orders among `lines`; returns one line of each."""
    named = lines.take((lines.book == SELL_IN) & (lines.opportunity >= 0) & (lines.net > 0))
    _, head, index = np.unique(named.opportunity, return_index=True, return_inverse=True)
    orders = named.take(head)
    won.months.append(month)
    won.orders.append(orders)
    won.amounts.append(np.bincount(index, named.net, len(head)).astype(np.int64))
    return orders


def opportunity_table(streams: Streams, desk: Desk, won: Won) -> pd.DataFrame:
    """Raw `opportunities`: won ones lead to their orders; the others were lost or are open.

    Stages follow one another; a won one closes on the morning of its order.
    """
    rng = streams("opportunities")
    end = desk.stage.days * DAY
    frames = []
    for month, orders, amounts in zip(won.months, won.orders, won.amounts, strict=True):
        if not len(orders):
            continue
        closed = orders.day * DAY + 6 * 3_600
        length = rng.integers(10, 75, len(orders)) * DAY + rng.integers(0, DAY // 3, len(orders))
        frame = _stages(rng, closed - length, length)
        frame["opportunity_id"] = [f"o-{month}-{n}" for n in orders.opportunity]
        frame["stage"], frame["closed"] = "won", closed
        frame["place"], frame["dealer"], frame["seller"] = orders.place, orders.customer, orders.rep
        frame["product"], frame["amount"] = orders.product, amounts / 100.0
        frames.append(frame)
    known = pd.concat(frames, ignore_index=True) if frames else _none()
    lost = known.sample(
        n=int(LOST_FOR_EACH_WON * len(known)), replace=True, ignore_index=True,
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    lost["opportunity_id"] = [f"l-{n + 1:06d}" for n in range(len(lost))]
    created = rng.integers(0, end - DAY, len(lost))
    length = rng.integers(5, 90, len(lost)) * DAY
    for name, values in _stages(rng, created, length).items():
        lost[name] = values
    lost["closed"], lost["stage"] = created + length, "lost"
    lost["amount"] = np.round(lost["amount"] * rng.lognormal(0.0, 0.4, len(lost)), 2)
    lost["reason"] = np.array(REASONS)[rng.integers(0, len(REASONS), len(lost))]
    reached = rng.random(len(lost))  # many leads were lost before an offer
    lost.loc[reached < 0.6, "proposal"] = np.nan
    lost.loc[reached < 0.3, "qualified"] = np.nan
    _leave_open(lost, end)
    return _rows(streams, desk, pd.concat([known, lost], ignore_index=True))


def _stages(rng: np.random.Generator, created: Whole, length: Whole) -> pd.DataFrame:
    qualified = created + (length * rng.uniform(0.05, 0.35, len(created))).astype(np.int64)
    proposal = created + (length * rng.uniform(0.45, 0.85, len(created))).astype(np.int64)
    return pd.DataFrame(
        {
            "created": created,
            "qualified": qualified.astype(float),
            "proposal": proposal.astype(float),
        }
    )


def _none() -> pd.DataFrame:
    names = (
        "created qualified proposal opportunity_id stage closed place dealer seller product amount"
    )
    return pd.DataFrame({name: pd.Series(dtype=float) for name in names.split()})


def _leave_open(lost: pd.DataFrame, end: int) -> None:
    """What has not come to a close by the end of the window is open, at the stage it reached."""
    for name in ("qualified", "proposal"):
        lost.loc[lost[name] >= end, name] = np.nan
    still = lost["closed"] >= end
    offered, accepted = lost["proposal"].notna(), lost["qualified"].notna()
    where = np.select([offered, accepted], ["proposal", "qualified"], "lead")
    lost["stage"] = np.where(still, where, "lost")
    lost["closed"] = lost["closed"].astype(float).where(~still)
    lost["reason"] = lost["reason"].where(~still)


def _rows(streams: Streams, desk: Desk, found: pd.DataFrame) -> pd.DataFrame:
    rng = streams("opportunities", "rows")
    stage = desk.stage
    count = len(found)
    contact = rng.integers(1, 4, count)
    place = found["place"].to_numpy(dtype=np.int64)
    dealer = place * desk.volume.dealers + found["dealer"].to_numpy(dtype=np.int64)
    seller = found["seller"].to_numpy(dtype=np.int64)
    ids = np.array([s.seller_id for s in desk.force.sellers] + [None], dtype=object)
    agencies = np.array([s.agency_id for s in desk.force.sellers] + [None], dtype=object)
    won = (found["stage"] == "won").to_numpy()
    found = found.reindex(columns=[*found.columns.difference(["reason"]), "reason"])
    source = rng.integers(0, len(SOURCES), count)
    source = np.where(rng.random(count) < 0.5, 0, source)
    year = desk.year[np.clip(found["created"].to_numpy(dtype=np.int64) // DAY, 0, stage.days - 1)]
    campaigns = np.array(desk.campaigns, dtype=object)
    by_search = campaigns[desk.campaign_at[0, place, year]] if count else campaigns[:0]
    names = np.array(desk.dealers, dtype=object)[dealer]
    table = pd.DataFrame({
        "opportunity_id": found["opportunity_id"],
        "account_id": [f"a-{name}" for name in names],
        "person_id": [f"p-{name}-{n}" for name, n in zip(names, contact, strict=True)],
        "customer_id": np.where(won, names, None),
        "campaign_id": pd.Series(by_search).where(source == 1, None),
        "channel": np.array(SOURCES)[source],
        "territory_id": np.array(stage.names)[place],
        "product_id": np.array(desk.catalogue.ids)[found["product"].to_numpy(dtype=np.int64)],
        "developer_id": ids[desk.rep[-1, place, 0]] if count else None,
        "seller_id": ids[seller], "agency_id": agencies[seller], "stage": found["stage"],
        "time_zone": np.array([t.time_zone for t in stage.territories])[place],
        "segment": np.where(found["dealer"].to_numpy() < 3, "distributor", "dealer"),
        "amount": found["amount"],
        "currency_code": np.array([t.currency_code for t in stage.territories])[place],
        "lost_reason": found["reason"],
    })  # fmt: skip
    for column, name in (
        ("created_at", "created"), ("qualified_at", "qualified"), ("proposal_at", "proposal"),
        ("closed_at", "closed"),
    ):  # fmt: skip
        table[column] = pd.Timestamp(stage.first_day) + pd.to_timedelta(
            found[name].astype(float).round(), unit="s"
        )
    table["date_day"] = table["created_at"].dt.normalize()
    table = table.sort_values(["created_at", "opportunity_id"], ignore_index=True)
    return table[list(COLUMNS["opportunities"])]


@dataclass(frozen=True)
class Agencies:
    """Sell-in that agencies booked, by day and territory: ledger cents and units."""

    net: Array
    units: Array


def tally(agencies: Agencies, desk: Desk, lines: Lines) -> None:
    """Add what the agency's people booked among `lines`."""
    outsourced = np.array([seller.agency_id is not None for seller in desk.force.sellers])
    mine = (lines.book == SELL_IN) & (lines.rep >= 0) & outsourced[lines.rep]
    at = (lines.day[mine], lines.place[mine])
    np.add.at(agencies.net, at, lines.net[mine])
    np.add.at(agencies.units, at, lines.units[mine])


def report_tables(
    streams: Streams, desk: Desk, agencies: Agencies, brought_eur: Array
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raw `agency_reports` by month and territory, and the truth: the factor they overstate by.

    `brought_eur` is what the agency's touches really brought, days x territories.
    """
    stage, force = desk.stage, desk.force
    factor = float(streams("agency", "claims").uniform(*CLAIMED))
    rng = streams("agency", "reports")
    outsourced = np.flatnonzero([seller.agency_id is not None for seller in force.sellers])
    where = force.place(stage.days)
    rows, answers = [], []
    for first, last in periods(stage, "M"):
        start = max((first - stage.first_day).days, 0)
        end = min((last - stage.first_day).days + 1, stage.days)
        stretch = rng.uniform(0.97, 1.03, stage.width) * factor
        for place, territory in enumerate(stage.territories):
            mine = where[start:end][:, outsourced] == place
            if not mine.any():
                continue
            net, units = (
                agencies.net[start:end, place].sum(),
                agencies.units[start:end, place].sum(),
            )
            claimed = max(round(net * stretch[place] / 100.0, 2), 0.0)
            done = {
                name: float(
                    round((force.touches[name][start:end][:, outsourced] * mine).sum() * 1.2)
                )
                for name in ("call", "visit", "meeting")
            }
            report = f"{AGENCY}-{territory.territory_id}-{first:%Y%m}"
            days = {"starts_on": _day(stage.first_day, first), "ends_on": min(last, stage.last_day)}
            rows.append({
                "report_id": report, "agency_id": AGENCY, "territory_id": territory.territory_id,
                **days, "calls": done["call"], "visits": done["visit"],
                "meetings": done["meeting"],
                "units_claimed": float(max(round(units * stretch[place]), 0)),
                "revenue_claimed": claimed, "fee": round(RETAINER + FEE_SHARE * claimed, 2),
                "currency_code": territory.currency_code,
            })  # fmt: skip
            answers.append({
                "report_id": report, "agency_id": AGENCY, "territory_id": territory.territory_id,
                **days, "booked_local": net / 100.0, "claimed_local": claimed,
                "overstated_by": round(float(stretch[place]), 6),
                "true_contribution_eur": round(float(brought_eur[start:end, place].sum()), 2),
            })  # fmt: skip
    truth = ["report_id", "agency_id", "territory_id", "starts_on", "ends_on", "booked_local",
             "claimed_local", "overstated_by", "true_contribution_eur"]  # fmt: skip
    return (
        pd.DataFrame(rows, columns=list(COLUMNS["agency_reports"])),
        pd.DataFrame(answers, columns=truth),
    )


def _day(first_day: date, day: date) -> date:
    return max(first_day, day)
