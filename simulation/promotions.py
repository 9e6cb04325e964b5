"""Sales promotion: price cuts, coupons, features and displays, each a stretch of days."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from simulation.markets import Stage, to_eur_cents, to_local_cents
from simulation.response import Array
from simulation.streams import Streams
from simulation.tables import COLUMNS, stacked
from simulation.truth import Component, Driver, Key


class PromotionKind(NamedTuple):
    """A kind of promotion: its part of what promotions bring, its depth and its return."""

    kind: str
    part: float
    depth: tuple[float, float]
    is_discount: bool
    for_one_product: bool
    days_between: tuple[int, int]
    roi: float


KINDS = (
    PromotionKind("price_cut", 0.45, (0.10, 0.30), True, True, (28, 60), 2.2),
    PromotionKind("coupon", 0.25, (0.05, 0.15), True, False, (35, 80), 1.8),
    PromotionKind("feature", 0.17, (0.5, 1.5), False, True, (30, 70), 1.5),
    # The same word as the medium `display`: only kind and driver together name a driver.
    PromotionKind("display", 0.13, (0.5, 1.5), False, True, (30, 70), 1.2),
)


class Promotion(NamedTuple):
    """One promotion; territory and product by position, product -1 for all; days inclusive."""

    kind: PromotionKind
    territory: int
    product: int
    first: int
    last: int
    depth: float
    dearness: float

    @property
    def run(self) -> int:
        """Days it runs."""
        return self.last - self.first + 1


def build_promotions(
    streams: Streams,
    stage: Stage,
    television: Array,
    products: list[tuple[str, int]],
    *,
    target_eur: float,
    without: frozenset[Key],
) -> tuple[Component, list[Promotion]]:
    """Schedule the four kinds so that together they bring `target_eur` over the window.

    `products` are (product_id, first day on sale). A promotion's effect is linear in its depth and
    ends with it. Also returns the promotions of history; the ledger prices by them.
    """
    rows, plans, drivers = [], [], []
    history: list[Promotion] = []
    for kind in KINDS:
        if ("promotion", kind.kind) in without:
            continue
        schedule = _schedule(streams, stage, kind, television, products)
        past = [promotion for promotion in schedule if promotion.first < stage.days]
        effect = streams("promotion", kind.kind, "territory").lognormal(
            0.0, 0.1, len(stage.territories)
        )
        answer = _depth_by_day(stage, past) * effect * stage.size
        strength = target_eur * kind.part / float(answer.sum())
        roi = kind.roi * streams("promotion", kind.kind, "cost").lognormal(0.0, 0.1)
        # A day's cost at depth one in a territory of size one: what is hoped for, over the ROI.
        day_cost = strength / roi
        table, spend = _promotion_rows(stage, products, past, day_cost)
        rows.append(table)
        plans.append(_plan_rows(stage, products, schedule[len(past) :], day_cost))
        history += past
        drivers.append(
            Driver(
                "promotion",
                kind.kind,
                strength * answer,
                spend,
                {"roi": target_eur * kind.part / spend, "lift_per_depth": strength},
                effect,
            )
        )
    component = Component(stacked("promotions", rows), stacked("plans", plans), tuple(drivers))
    return component, history


def _schedule(
    streams: Streams,
    stage: Stage,
    kind: PromotionKind,
    television: Array,
    products: list[tuple[str, int]],
) -> list[Promotion]:
    """Promotions of history, then of the plan; none crosses the border between them."""
    flight_starts = np.flatnonzero((television[1:] > 0) & (television[:-1] == 0)) + 1
    found = []
    for place, territory in enumerate(stage.territories):
        rng = streams("promotion", kind.kind, "schedule", territory.territory_id)
        day = int(rng.integers(5, 25))
        while day < stage.horizon:
            first, length = day, int(rng.integers(6, 15))
            if rng.random() < 0.4 and len(flight_starts):
                nearest = int(flight_starts[np.abs(flight_starts - day).argmin()])
                first = nearest if abs(nearest - day) <= 14 else day
            border = stage.days if first < stage.days else stage.horizon
            last = min(first + length, border) - 1
            on_sale = [i for i, (_, since) in enumerate(products) if since <= first]
            product = int(rng.choice(on_sale)) if kind.for_one_product else -1
            depth = round(float(rng.uniform(*kind.depth)), 2)
            dearness = float(rng.lognormal(0.0, 0.2))
            found.append(Promotion(kind, place, product, first, last, depth, dearness))
            day = max(day, first) + length + int(rng.integers(*kind.days_between))
    return sorted(found, key=lambda promotion: promotion.first >= stage.days)


def _depth_by_day(stage: Stage, promotions: list[Promotion]) -> Array:
    """Depths that run, summed, days x territories."""
    depth = np.zeros((stage.days, len(stage.territories)))
    for promotion in promotions:
        depth[promotion.first : promotion.last + 1, promotion.territory] += promotion.depth
    return depth


def _cost_eur(stage: Stage, promotions: list[Promotion], day_cost: float) -> Array:
    """Whole cost of each promotion."""
    return day_cost * np.array(
        [p.depth * p.run * stage.size[p.territory] * p.dearness for p in promotions]
    )


def _product_id(products: list[tuple[str, int]], promotion: Promotion) -> str | None:
    return products[promotion.product][0] if promotion.product >= 0 else None


def _promotion_rows(
    stage: Stage, products: list[tuple[str, int]], promotions: list[Promotion], day_cost: float
) -> tuple[pd.DataFrame, float]:
    """Raw `promotions` in the territory's currency, and their cost in EUR."""
    cost_eur = _cost_eur(stage, promotions, day_cost)
    rates = np.array([stage.rate_micros[p.first, p.territory] for p in promotions])
    fixed, variable = to_local_cents(0.6 * cost_eur, rates), to_local_cents(0.4 * cost_eur, rates)
    rows = []
    for promotion, fixed_cents, variable_cents in zip(promotions, fixed, variable, strict=True):
        kind, territory = promotion.kind, stage.territories[promotion.territory]
        start = stage.dates[promotion.first]
        rows.append(
            {
                "promotion_id": f"{kind.kind}-{territory.territory_id}-{start:%Y%m%d}",
                "promotion_name": f"{kind.kind.replace('_', ' ')} {start:%Y-%m}",
                "kind": kind.kind,
                "product_id": _product_id(products, promotion),
                "territory_id": territory.territory_id,
                "sales_level": "shop",
                "starts_on": start,
                "ends_on": stage.dates[promotion.last],
                "discount_pct": promotion.depth if kind.is_discount else None,
                "intensity": None if kind.is_discount else promotion.depth,
                "fixed_cost": fixed_cents / 100.0,
                "variable_cost": variable_cents / 100.0,
                "currency_code": territory.currency_code,
                "vendor_share": 0.0 if kind.is_discount else 0.25,
            }
        )
    spend = (to_eur_cents(fixed, rates) + to_eur_cents(variable, rates)).sum() / 100.0
    return pd.DataFrame(rows, columns=COLUMNS["promotions"]), float(spend)


def _plan_rows(
    stage: Stage, products: list[tuple[str, int]], promotions: list[Promotion], day_cost: float
) -> pd.DataFrame:
    """One row per planned promotion day, cost spread evenly, EUR."""
    rows = [
        {
            "date_day": stage.dates[day],
            "kind": "promotion",
            "driver": promotion.kind.kind,
            "territory_id": stage.territories[promotion.territory].territory_id,
            "product_id": _product_id(products, promotion),
            "exposure": promotion.depth,
            "spend": round(cost / promotion.run, 2),
        }
        for promotion, cost in zip(
            promotions, _cost_eur(stage, promotions, day_cost).tolist(), strict=True
        )
        for day in range(promotion.first, promotion.last + 1)
    ]
    return pd.DataFrame(rows)
