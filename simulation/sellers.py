"""Who sells to the trade: sellers and their territories, what they do, and what it brings."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from simulation.effects import EVERYWHERE, Effect, over_products
from simulation.markets import Stage
from simulation.products import Catalogue
from simulation.response import Array, carry_over, exponential
from simulation.streams import Streams
from simulation.tables import COLUMNS

SELLERS_PER_TERRITORY = 2
AGENCY = "agency-1"
# Touches a working day, and what each counts for.
ACTIVITIES = {"call": (1.6, 0.25), "visit": (0.6, 1.0), "meeting": (0.3, 1.5)}
RETENTION, HALF_SATURATION = 0.92, 1.2
COMMISSION = {"employee": 0.01, "manufacturers_representative": 0.05, "agency": 0.08}


class Assignment(NamedTuple):
    """A seller in a territory (by position) from `first` to `last` day of the window, inclusive."""

    seller: int
    territory: int
    first: int
    last: int


class Seller(NamedTuple):
    """A person who sells; `agency_id` where an outsourced agency employs them."""

    seller_id: str
    kind: str
    agency_id: str | None


@dataclass(frozen=True)
class SalesForce:
    """Sellers, their assignments in the window, and touches by kind, days x sellers."""

    sellers: tuple[Seller, ...]
    assignments: tuple[Assignment, ...]
    touches: dict[str, Array]

    def place(self, days: int) -> Array:
        """Territory of each seller on each day, days x sellers; -1 where there is none."""
        where = np.full((days, len(self.sellers)), -1)
        for a in self.assignments:
            where[a.first : a.last + 1, a.seller] = a.territory
        return where


def hire(streams: Streams, stage: Stage, per_territory: int = SELLERS_PER_TERRITORY) -> SalesForce:
    """Sellers of each territory; who moves, moves in the middle of a quarter.

    The second territory is worked by manufacturers' representatives as well, the third (or the
    last) by an agency.
    """
    sellers: list[Seller] = []
    assignments: list[Assignment] = []
    last = stage.days - 1
    outsourced = min(2, stage.width - 1)
    for place in range(stage.width):
        for number in range(per_territory):
            kind = "employee"
            if number % 2 and place == 1:
                kind = "manufacturers_representative"
            if place == outsourced and (number % 2 or stage.width > 2):
                kind = "agency"
            index = len(sellers)
            agency_id = AGENCY if kind == "agency" else None
            sellers.append(Seller(f"s{index + 1:03d}", kind, agency_id))
            assignments.append(Assignment(index, place, 0, last))
    if stage.width > 1:
        moved = _middle_of_a_quarter(stage)
        assignments[0] = assignments[0]._replace(last=moved - 1)
        assignments.append(Assignment(0, stage.width - 1, moved, last))
    rng = streams("sellers", "activity")
    working = (stage.dates[: stage.days].dayofweek < 5)[:, None]
    # A seller's diligence differs by quarter, so that there is something to learn from.
    quarters = stage.days // 91 + 1
    diligence = np.repeat(rng.lognormal(0.0, 0.5, (quarters, len(sellers))), 91, axis=0)
    touches = {
        kind: rng.poisson(rate * diligence[: stage.days]).astype(float) * working
        for kind, (rate, _) in ACTIVITIES.items()
    }
    return SalesForce(tuple(sellers), tuple(assignments), touches)


def _middle_of_a_quarter(stage: Stage) -> int:
    """A day about two thirds through the window, in the second month of a quarter."""
    day = int(stage.days * 0.62)
    while day < stage.days - 2 and not (
        stage.dates[day].month % 3 == 2 and stage.dates[day].day == 14
    ):
        day += 1
    return day


def seller_effects(
    streams: Streams, stage: Stage, force: SalesForce, catalogue: Catalogue, target_eur: float
) -> list[Effect]:
    """Sell-in that each seller's touches bring, together `target_eur` over the window.

    Touches weigh by kind, are carried over, and bring less and less; what a seller brings falls
    where the seller works that day. The driver is the kind of seller.
    """
    weighed = np.sum(
        [weight * force.touches[kind] for kind, (_, weight) in ACTIVITIES.items()], axis=0
    )
    answer = exponential(carry_over(weighed, RETENTION), HALF_SATURATION)
    skill = streams("sellers", "skill").lognormal(0.0, 0.3, len(force.sellers))
    where = force.place(stage.days)
    brought = []
    for index in range(len(force.sellers)):
        eur = np.zeros((stage.days, stage.width))
        days = np.flatnonzero(where[:, index] >= 0)
        places = where[days, index]
        eur[days, places] = skill[index] * answer[days, index] * stage.size[places]
        brought.append(eur)
    strength = target_eur / max(float(np.sum(brought)), 1e-9)
    share = trade_share(catalogue)
    found = []
    for seller, eur in zip(force.sellers, brought, strict=True):
        trade = over_products(strength * eur, share)
        found.append(
            Effect("seller", seller.kind, seller.seller_id, EVERYWHERE, 0, np.zeros_like(trade),
                   trade=trade, group=seller.agency_id)
        )  # fmt: skip
    return found


def trade_share(catalogue: Catalogue) -> Array:
    """What sellers sell: nothing of a product in its first days, when no dealer has it yet."""
    share = catalogue.share.copy()
    for index, start in enumerate(catalogue.starts):
        share[start : start + 3 if start else 0, index] = 0.0
    return share / share.sum(axis=1, keepdims=True)


def seller_table(stage: Stage, force: SalesForce) -> pd.DataFrame:
    """Raw `sellers`: one row an assignment; the agency and the managers have rows of their own."""
    before = stage.first_day - timedelta(days=400)
    rows: list[dict[str, object]] = []
    for place, territory in enumerate(stage.territories):
        rows.append({
            "seller_id": f"m-{territory.territory_id}", "kind": "employee",
            "seller_name": f"Manager {territory.territory_name}",
            "territory_id": stage.names[place],
            "valid_from": before, "commission_plan": "management", "commission_pct": 0.0,
        })  # fmt: skip
    if any(seller.agency_id for seller in force.sellers):
        rows.append({
            "seller_id": AGENCY, "seller_name": "Agency 1", "kind": "agency", "agency_id": AGENCY,
            "valid_from": before, "commission_plan": "agency",
            "commission_pct": COMMISSION["agency"],
        })  # fmt: skip
    for a in force.assignments:
        seller = force.sellers[a.seller]
        end = None if a.last == stage.days - 1 else stage.first_day + timedelta(days=a.last)
        rows.append({
            "seller_id": seller.seller_id, "seller_name": f"Seller {seller.seller_id[1:]}",
            "kind": seller.kind, "agency_id": seller.agency_id,
            "manager_id": f"m-{stage.names[a.territory]}", "territory_id": stage.names[a.territory],
            "valid_from": before if a.first == 0 else stage.first_day + timedelta(days=a.first),
            "valid_to": end, "commission_plan": seller.kind,
            "commission_pct": COMMISSION[seller.kind],
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS["sellers"]))
