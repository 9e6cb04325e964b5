"""The sales ledger: each day's sales of a territory split into order lines, to the cent."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulation.markets import Stage, to_eur_cents, to_local_cents
from simulation.products import LAUNCHED, PRODUCTS, cost_list, price_list
from simulation.promotions import Promotion
from simulation.response import Array
from simulation.streams import Streams
from simulation.tables import COLUMNS

EUR_PER_ORDER = 1_000.0
RETURN_SHARE = 0.04
BUSINESS_SHARE = 0.2
BUSINESS_WEIGHT = 2.5
CUSTOMERS_PER_TERRITORY = 60

Whole = NDArray[np.int64]


def build_ledger(
    streams: Streams, stage: Stage, sales_eur: Array, launch_day: int, promotions: list[Promotion]
) -> tuple[pd.DataFrame, Whole]:
    """Split `sales_eur` (days x territories) into lines; also returns what the lines come to.

    The day's sales plus that day's returns are shared among the order lines in whole ledger cents;
    units follow from list price and discount rate, and the line's discount takes the rest, so that
    net revenue = units x list price - discount on every line. How many orders and lines there are,
    and what comes back, is drawn without looking at the sales: a driver that is switched off takes
    its money out of the lines and nothing else. The second result is the ledger in EUR cents, each
    line converted and rounded on its own, by day and territory.
    """
    day, place, order, number = _lines(streams, stage)
    lines = len(day)
    rng = streams("ledger", "lines")
    order_rng = streams("ledger", "customers")
    orders = order[-1] + 1
    is_return = (order_rng.random(orders) < RETURN_SHARE)[order]
    is_return &= _order_in_day(day, place, order) > 0  # a day's first order is a sale
    is_business = (order_rng.random(orders) < BUSINESS_SHARE)[order]
    is_web = order_rng.random(orders)[order] < 0.35 + 0.15 * day / stage.days
    customer = order_rng.integers(1, CUSTOMERS_PER_TERRITORY + 1, orders)[order]

    chance, product_discount = _products_by_day(stage, launch_day, promotions)
    product = _pick(chance[day, place], rng.random(lines))
    price = price_list(stage)[day, place, product]
    rate = np.where(is_business, 0.12, 0.02) * rng.uniform(0.5, 1.5, lines)
    rate = np.minimum(rate + product_discount[day, place, product], 0.6)

    units = np.where(is_return, -rng.integers(2, 20, lines), 0)
    net = units * price
    weight = rng.lognormal(0.0, 0.5, lines) * np.where(is_business, BUSINESS_WEIGHT, 1.0)
    cell = day * len(stage.territories) + place
    target = to_local_cents(sales_eur, stage.rate_micros).ravel()
    target = target - np.bincount(cell, weights=net, minlength=len(target)).astype(np.int64)
    sold = ~is_return
    net[sold] = share_out(target, cell[sold], weight[sold])
    units[sold] = np.ceil(net[sold] / (price[sold] * (1.0 - rate[sold])))

    rates = stage.rate_micros[day, place]
    booked = np.bincount(cell, weights=to_eur_cents(net, rates), minlength=len(target))
    territory = np.array([t.territory_id for t in stage.territories])[place]
    sequence = _order_in_day(day, place, order) + 1
    dates = stage.dates[day]
    stamp = dates.strftime("%Y%m%d")
    ledger = pd.DataFrame(
        {
            "order_id": [
                f"{t}-{s}-{n:03d}" for t, s, n in zip(territory, stamp, sequence, strict=True)
            ],
            "line_number": number,
            "date_day": dates,
            "grain": "day",
            "product_id": np.array([p.product_id for p in PRODUCTS])[product],
            "territory_id": territory,
            "sales_channel": np.where(is_web, "web", "retail"),
            "sales_level": np.where(is_business, "distributor", "shop"),
            "customer_kind": np.where(is_business, "B2B", "B2C"),
            "customer_id": [
                f"{t}-c{c:03d}" if b else None
                for t, c, b in zip(territory, customer, is_business, strict=True)
            ],
            "units": units,
            "list_price": price / 100.0,
            "discount": (units * price - net) / 100.0,
            "net_revenue": net / 100.0,
            "unit_cost": cost_list(stage)[day, place, product] / 100.0,
            "currency_code": np.array([t.currency_code for t in stage.territories])[place],
        },
        columns=COLUMNS["sales"],
    )
    return ledger, booked.astype(np.int64).reshape(sales_eur.shape)


def _lines(streams: Streams, stage: Stage) -> tuple[Whole, Whole, Whole, Whole]:
    """Day, territory, order (counted from 0) and line number (from 1) of every line, in order."""
    rng = streams("ledger", "orders")
    width = len(stage.territories)
    by_cell = 1 + rng.poisson(stage.size / EUR_PER_ORDER, (stage.days, width))
    cell_of_order = np.repeat(np.arange(stage.days * width), by_cell.ravel())
    by_order = rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15], size=len(cell_of_order))
    order = np.repeat(np.arange(len(cell_of_order)), by_order)
    number = np.arange(len(order)) - np.repeat(np.cumsum(by_order) - by_order, by_order) + 1
    cell = cell_of_order[order]
    return cell // width, cell % width, order, number


def _order_in_day(day: Whole, place: Whole, order: Whole) -> Whole:
    """Position of each line's order among the orders of its day and territory, from 0."""
    is_new_cell = np.append(True, (np.diff(day) != 0) | (np.diff(place) != 0))
    first_order = np.maximum.accumulate(np.where(is_new_cell, order, 0))
    return order - first_order


def _products_by_day(
    stage: Stage, launch_day: int, promotions: list[Promotion]
) -> tuple[Array, Array]:
    """Chance of a line to be of each product, and discount rate, days x territories x products.

    The launched product gains ground for 120 days; a promoted one sells half as often again.
    """
    width = len(stage.territories)
    popularity = np.array([p.popularity for p in PRODUCTS])
    chance = np.tile(popularity, (stage.days, width, 1))
    ramp = np.clip((np.arange(stage.days) - launch_day + 1) / 120.0, 0.0, 1.0)
    chance[:, :, LAUNCHED] *= ramp[:, None]
    discount = np.zeros_like(chance)
    for promotion in promotions:
        days, one = slice(promotion.first, promotion.last + 1), promotion.product >= 0
        chosen = slice(promotion.product, promotion.product + 1) if one else slice(None)
        if one:
            chance[days, promotion.territory, chosen] *= 1.5
        if promotion.kind.is_discount:
            discount[days, promotion.territory, chosen] += promotion.depth
    return chance / chance.sum(axis=2, keepdims=True), discount


def _pick(chance: Array, draw: Array) -> Whole:
    """Index of the product each draw falls on; one draw a line, whatever the chances."""
    picked: Whole = (draw[:, None] >= np.cumsum(chance, axis=1)[:, :-1]).sum(axis=1)
    return picked


def share_out(target: Whole, cell: Whole, weight: Array) -> Whole:
    """Split each cell's whole cents among its lines by weight; the parts sum exactly.

    Lines are sorted by cell. Rounding the running total, not the parts, loses nothing.
    """
    whole_weight = np.bincount(cell, weights=weight, minlength=len(target))
    running_weight = np.cumsum(weight)
    before_cell = np.cumsum(whole_weight) - whole_weight
    is_last = np.append(cell[1:] != cell[:-1], True)
    upto = (running_weight - before_cell[cell]) / whole_weight[cell]
    running_cents = np.where(is_last, target[cell], np.rint(target[cell] * upto)).astype(np.int64)
    is_first = np.append(True, is_last[:-1])
    return running_cents - np.where(is_first, 0, np.append(0, running_cents[:-1]))
