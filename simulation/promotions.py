"""Sales promotion: price cuts, coupons, features and displays, each a stretch of days."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from simulation.effects import Effect
from simulation.markets import Stage, to_eur_cents, to_local_cents
from simulation.products import Catalogue
from simulation.response import Array
from simulation.streams import Streams
from simulation.tables import COLUMNS

# Of what a promotion of one product brings at once: what its neighbours in the category lose, what
# other categories win; and of any promotion: what people and dealers only bought earlier.
CANNIBALISED, HALO, BOUGHT_EARLY, STOCKED_EARLY = 0.15, 0.05, 0.12, 0.5
DAYS_OF_STOCK, DAYS_AHEAD = 14, 7


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
    number: int = 0

    @property
    def run(self) -> int:
        """Days it runs."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Promoted:
    """A promotion with its id and its effect part by part.

    `parts` are gross, halo, cannibalised, pull_forward: EUR of demand, days from `first` x 1 x
    products; `stocking` is what dealers order early and then less, of the same shape.
    """

    promotion: Promotion
    promotion_id: str
    first: int
    parts: dict[str, Array]
    stocking: Array

    @property
    def effect(self) -> Effect:
        """The whole of it."""
        demand: Array = np.sum(list(self.parts.values()), axis=0)
        promotion = self.promotion
        return Effect(
            "promotion", promotion.kind.kind, self.promotion_id, promotion.territory, self.first,
            demand, trade=self.stocking,
        )  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """All promotions of history with what they bring, those of the plan, and what a day costs."""

    promoted: tuple[Promoted, ...]
    planned: tuple[Promotion, ...]
    day_cost: dict[str, float]
    strength: dict[str, float]
    territory_effect: dict[str, Array]


def plan_promotions(
    streams: Streams,
    stage: Stage,
    television: Array,
    *,
    catalogue: Catalogue,
    trade_share: Array,
    target_eur: float,
    variety: int = 1,
) -> Schedule:
    """Schedule the four kinds so that together they bring about `target_eur` over the window.

    A promotion's effect at once is linear in its depth and ends with it. Of that, a part is taken
    from the category, a part carries other categories along, and a part is only bought earlier:
    by people, who buy less in the two weeks after, and by dealers, who stock up in the week before.
    `variety` side by side schedules share the target.
    """
    promoted: list[Promoted] = []
    planned: list[Promotion] = []
    strengths, day_cost, effects = {}, {}, {}
    for kind in KINDS:
        schedule = [
            promotion
            for number in range(variety)
            for promotion in _schedule(
                streams, stage, kind, television, products=catalogue.on_sale, number=number
            )
        ]
        past = [promotion for promotion in schedule if promotion.first < stage.days]
        planned += [promotion for promotion in schedule if promotion.first >= stage.days]
        effect = streams("promotion", kind.kind, "territory").lognormal(0.0, 0.1, stage.width)
        remains = 1.0 - BOUGHT_EARLY - (CANNIBALISED - HALO if kind.for_one_product else 0.0)
        answer = sum(p.depth * p.run * effect[p.territory] * stage.size[p.territory] for p in past)
        strength = target_eur * kind.part / (remains * answer) if past else 0.0
        roi = kind.roi * streams("promotion", kind.kind, "cost").lognormal(0.0, 0.1)
        # A day's cost at depth one in a territory of size one: what is hoped for, over the ROI.
        day_cost[kind.kind] = remains * strength / roi
        strengths[kind.kind], effects[kind.kind] = strength, effect
        for p in past:
            eur = strength * p.depth * effect[p.territory] * stage.size[p.territory]
            promoted.append(_brought(stage, catalogue, p, eur, trade_share[p.territory]))
    return Schedule(tuple(promoted), tuple(planned), day_cost, strengths, effects)


def _brought(
    stage: Stage, catalogue: Catalogue, p: Promotion, eur: float, trade_share: float
) -> Promoted:
    """Effect of one promotion that brings `eur` at once on each of its days."""
    first = max(p.first - DAYS_AHEAD, 0)
    days = min(p.last + 1 + DAYS_OF_STOCK, stage.days) - first
    share = catalogue.share[first : first + days]
    category = np.array([product.category for product in catalogue.products])
    runs = np.zeros((days, 1))
    runs[p.first - first : p.last + 1 - first] = eur
    after = np.zeros((days, 1))
    after[p.last + 1 - first :] = eur * p.run / DAYS_OF_STOCK
    ahead = np.zeros((days, 1))
    ahead[: p.first - first] = eur * p.run / DAYS_AHEAD
    none = np.zeros_like(share)
    if p.product < 0:
        taken, neighbours, others = share, none, none
    else:
        taken = np.zeros_like(share)
        taken[:, p.product] = 1.0
        own = category == category[p.product]
        neighbours = _weights(share * own * (np.arange(len(own)) != p.product))
        others = _weights(share * ~own)
    parts = {
        "gross": runs * taken,
        "halo": HALO * runs * others,
        "cannibalised": -CANNIBALISED * runs * neighbours,
        "pull_forward": -BOUGHT_EARLY * after * taken,
    }
    stocking = STOCKED_EARLY * trade_share * (ahead - after) * taken
    return Promoted(
        p,
        promotion_id(stage, p),
        first,
        {name: part[:, None, :] for name, part in parts.items()},
        stocking[:, None, :],
    )


def _weights(share: Array) -> Array:
    whole = share.sum(axis=1, keepdims=True)
    weights: Array = np.divide(share, whole, out=np.zeros_like(share), where=whole > 0)
    return weights


def promotion_id(stage: Stage, promotion: Promotion) -> str:
    """Id of a promotion: kind, territory, first day."""
    return (
        f"{promotion.kind.kind}-{stage.names[promotion.territory]}-"
        f"{stage.dates[promotion.first]:%Y%m%d}"
        + (f"-{promotion.number}" if promotion.number else "")
    )


def _schedule(
    streams: Streams,
    stage: Stage,
    kind: PromotionKind,
    television: Array,
    *,
    products: list[tuple[str, int]],
    number: int,
) -> list[Promotion]:
    """Promotions of history, then of the plan; none crosses the border between them."""
    flight_starts = np.flatnonzero((television[1:] > 0) & (television[:-1] == 0)) + 1
    found = []
    for place, territory in enumerate(stage.territories):
        rng = streams("promotion", kind.kind, "schedule", territory.territory_id, str(number))
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
            found.append(Promotion(kind, place, product, first, last, depth, dearness, number))
            day = max(day, first) + length + int(rng.integers(*kind.days_between))
    return sorted(found, key=lambda promotion: promotion.first >= stage.days)


def _cost_eur(stage: Stage, promotions: list[Promotion], day_cost: float) -> Array:
    """Whole cost of each promotion."""
    return day_cost * np.array(
        [p.depth * p.run * stage.size[p.territory] * p.dearness for p in promotions]
    )


def _product_id(products: list[tuple[str, int]], promotion: Promotion) -> str | None:
    return products[promotion.product][0] if promotion.product >= 0 else None


def promotion_rows(
    stage: Stage, products: list[tuple[str, int]], promotions: list[Promotion], day_cost: float
) -> tuple[pd.DataFrame, float]:
    """Raw `promotions` in the territory's currency, and their cost in EUR."""
    cost_eur = _cost_eur(stage, promotions, day_cost)
    rates = np.array([stage.rate_micros[p.first, p.territory] for p in promotions], dtype=np.int64)
    fixed, variable = to_local_cents(0.6 * cost_eur, rates), to_local_cents(0.4 * cost_eur, rates)
    rows = []
    for promotion, fixed_cents, variable_cents in zip(promotions, fixed, variable, strict=True):
        kind, territory = promotion.kind, stage.territories[promotion.territory]
        start = stage.dates[promotion.first]
        rows.append(
            {
                "promotion_id": promotion_id(stage, promotion),
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


def plan_rows(
    stage: Stage, products: list[tuple[str, int]], promotions: list[Promotion], day_cost: float
) -> pd.DataFrame:
    """One row per planned day, kind, territory and product; cost spread evenly, EUR."""
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
    # Side by side promotions of one product are one row of the plan.
    key = ["date_day", "kind", "driver", "territory_id", "product_id"]
    table = pd.DataFrame(rows, columns=[*key, "exposure", "spend"])
    return table.groupby(key, sort=False, dropna=False, as_index=False).sum().round(2)
