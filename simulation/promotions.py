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


def build_promotions(
    streams: Streams,
    stage: Stage,
    television: Array,
    products: list[tuple[str, int]],
    *,
    target_eur: float,
    without: frozenset[Key],
) -> tuple[Component, pd.DataFrame]:
    """Schedule the four kinds so that together they bring `target_eur` over the window.

    `products` are (product_id, first day on sale). A promotion's effect is linear in its depth and
    ends with it. Also returns the running discounts of history, one row per promotion: position of
    territory and product (-1 for all), first and last day, depth; the ledger prices by them.
    """
    rows, plans, drivers, running = [], [], [], []
    for kind in KINDS:
        if ("promotion", kind.kind) in without:
            continue
        schedule = _schedule(streams, stage, kind, television, products)
        depth = _depth_by_day(stage, schedule)
        effect = streams("promotion", kind.kind, "territory").lognormal(
            0.0, 0.1, len(stage.territories)
        )
        answer = depth[: stage.days] * effect * stage.size
        strength = target_eur * kind.part / answer.sum()
        cost_eur = _cost(streams, stage, kind, schedule, strength)
        past = (schedule["first"] < stage.days).to_numpy()
        table, spend = _promotion_rows(stage, kind, products, schedule[past], cost_eur[past])
        rows.append(table)
        running.append(schedule[past].assign(is_discount=kind.is_discount))
        plans.append(_plan_rows(stage, kind, products, schedule[~past], cost_eur[~past]))
        drivers.append(
            Driver(
                "promotion",
                kind.kind,
                strength * answer,
                spend,
                {"roi": strength * float(answer.sum()) / spend, "lift_per_depth": strength},
                effect,
            )
        )
    component = Component(stacked("promotions", rows), stacked("plans", plans), tuple(drivers))
    return component, pd.concat(running, ignore_index=True) if running else pd.DataFrame()


def _schedule(
    streams: Streams,
    stage: Stage,
    kind: PromotionKind,
    television: Array,
    products: list[tuple[str, int]],
) -> pd.DataFrame:
    """Promotions of history and plan; none crosses the border between them."""
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
            found.append((place, product, first, last, depth, float(rng.lognormal(0.0, 0.2))))
            day = max(day, first) + length + int(rng.integers(*kind.days_between))
    columns = ["territory", "product", "first", "last", "depth", "dearness"]
    return pd.DataFrame(found, columns=columns)


def _depth_by_day(stage: Stage, schedule: pd.DataFrame) -> Array:
    depth = np.zeros((stage.horizon, len(stage.territories)))
    for promotion in schedule.itertuples():
        depth[promotion.first : promotion.last + 1, promotion.territory] += promotion.depth
    return depth


def _cost(
    streams: Streams, stage: Stage, kind: PromotionKind, schedule: pd.DataFrame, strength: float
) -> Array:
    """Whole cost of each promotion, EUR: what it is hoped to bring over the ROI, more or less."""
    roi = kind.roi * streams("promotion", kind.kind, "cost").lognormal(0.0, 0.1)
    run = schedule["last"] - schedule["first"] + 1
    hoped = strength * schedule["depth"] * run * stage.size[schedule["territory"]]
    return (hoped * schedule["dearness"] / roi).to_numpy()


def _promotion_rows(
    stage: Stage,
    kind: PromotionKind,
    products: list[tuple[str, int]],
    schedule: pd.DataFrame,
    cost_eur: Array,
) -> tuple[pd.DataFrame, float]:
    """Raw `promotions` in the territory's currency, and their cost in EUR."""
    place = schedule["territory"].to_numpy()
    starts = stage.dates[schedule["first"]]
    rates = stage.rate_micros[schedule["first"], place]
    fixed, variable = to_local_cents(0.6 * cost_eur, rates), to_local_cents(0.4 * cost_eur, rates)
    territory = np.array([t.territory_id for t in stage.territories])[place]
    day = starts.strftime("%Y%m%d").to_numpy().astype(str)
    depth = schedule["depth"].to_numpy()
    names = [product for product, _ in products]
    table = pd.DataFrame(
        {
            "promotion_id": [f"{kind.kind}-{t}-{d}" for t, d in zip(territory, day, strict=True)],
            "promotion_name": f"{kind.kind.replace('_', ' ')} " + starts.strftime("%B %Y"),
            "kind": kind.kind,
            "product_id": [names[p] if p >= 0 else None for p in schedule["product"]],
            "territory_id": territory,
            "sales_level": "shop",
            "starts_on": starts,
            "ends_on": stage.dates[schedule["last"]],
            "discount_pct": depth if kind.is_discount else np.nan,
            "intensity": np.nan if kind.is_discount else depth,
            "fixed_cost": fixed / 100.0,
            "variable_cost": variable / 100.0,
            "currency_code": np.array([t.currency_code for t in stage.territories])[place],
            "vendor_share": 0.0 if kind.is_discount else 0.25,
        },
        columns=COLUMNS["promotions"],
    )
    spend = (to_eur_cents(fixed, rates) + to_eur_cents(variable, rates)).sum() / 100.0
    return table, spend


def _plan_rows(
    stage: Stage,
    kind: PromotionKind,
    products: list[tuple[str, int]],
    schedule: pd.DataFrame,
    cost_eur: Array,
) -> pd.DataFrame:
    """One row per planned promotion day, cost spread evenly, EUR."""
    run = (schedule["last"] - schedule["first"] + 1).to_numpy()
    row = np.repeat(np.arange(len(schedule)), run)
    day = np.concatenate([np.arange(n) for n in run]) if len(run) else np.zeros(0, int)
    chosen = schedule.iloc[row]
    names = np.array([*(product for product, _ in products), None], dtype=object)
    return pd.DataFrame(
        {
            "date_day": stage.dates[chosen["first"].to_numpy() + day],
            "kind": "promotion",
            "driver": kind.kind,
            "territory_id": np.array([t.territory_id for t in stage.territories])[
                chosen["territory"]
            ],
            "product_id": names[chosen["product"].to_numpy()],
            "exposure": chosen["depth"].to_numpy(),
            "spend": np.round((cost_eur / run)[row], 2),
        }
    )
