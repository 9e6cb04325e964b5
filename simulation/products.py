"""What the company sells: kitchen appliances, their launches and their dated prices."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from simulation.markets import REPORTING_CURRENCY, Stage
from simulation.response import Array, Whole
from simulation.streams import Streams
from simulation.tables import COLUMNS

PRICE_RISE_PER_YEAR = 0.03
COST_RISE_PER_YEAR = 0.02
ELASTICITY = -1.6
LAUNCH_RAMP_DAYS = 120
# List prices abroad, in ledger currency for each EUR at home.
PRICE_LEVEL = {"GBP": 0.86, "CHF": 1.04}


class Product(NamedTuple):
    """List price and standard cost are EUR at the beginning of the window."""

    product_id: str
    product_name: str
    category: str
    list_price: float
    standard_cost: float
    popularity: float


PRODUCTS = (
    Product("kettle-1", "Kettle", "breakfast", 39.0, 15.6, 0.45),
    Product("toaster-1", "Toaster", "breakfast", 29.0, 12.2, 0.35),
    Product("grinder-1", "Coffee grinder", "coffee", 89.0, 37.4, 0.35),
    Product("kettle-2", "Kettle, steel", "breakfast", 59.0, 23.0, 0.20),
    Product("toaster-2", "Toaster, four slices", "breakfast", 49.0, 20.5, 0.15),
    Product("brewer-1", "Filter coffee brewer", "coffee", 69.0, 28.0, 0.25),
    Product("espresso-1", "Espresso machine", "coffee", 249.0, 118.0, 0.30),
    Product("frother-1", "Milk frother", "coffee", 25.0, 9.8, 0.12),
    Product("blender-1", "Blender", "preparing", 79.0, 33.0, 0.25),
    Product("mixer-1", "Hand mixer", "preparing", 35.0, 13.5, 0.15),
    Product("scale-1", "Kitchen scale", "preparing", 19.0, 6.9, 0.10),
    Product("oven-1", "Small oven", "cooking", 129.0, 61.0, 0.20),
)
LAUNCHED = 2


@dataclass(frozen=True)
class Catalogue:
    """Products with their prices by day.

    `price` and `cost` are ledger cents, days x territories x products; the others are days x
    products: list price and cost in EUR, `share` of a plain day's sales (nothing before the
    launch), and `price_effect`, the part of a product's plain revenue that its own price changes
    win or lose. The rise of all prices in January is inflation and moves nobody.
    """

    products: tuple[Product, ...]
    launch_day: int
    price: Whole
    cost: Whole
    price_eur: Array
    cost_eur: Array
    share: Array
    price_effect: Array

    @property
    def size(self) -> int:
        """How many products there are."""
        return len(self.products)

    @property
    def ids(self) -> list[str]:
        """Product ids, in order."""
        return [product.product_id for product in self.products]

    @property
    def starts(self) -> list[int]:
        """First day on sale, by product."""
        return [self.launch_day if i == LAUNCHED else 0 for i in range(self.size)]

    @property
    def on_sale(self) -> list[tuple[str, int]]:
        """(product_id, first day on sale)."""
        return list(zip(self.ids, self.starts, strict=True))


def stock_catalogue(streams: Streams, stage: Stage, launch_day: int, count: int) -> Catalogue:
    """The first `count` products. All prices rise every January; two also change on a day of
    their own, one up and one down.
    """
    products = PRODUCTS[:count]
    rng = streams("products", "prices")
    own = np.ones((stage.days, count))
    days = [int(stage.days * rng.uniform(0.40, 0.50)), int(stage.days * rng.uniform(0.60, 0.75))]
    own[days[0] :, 0] = 1.0 + rng.uniform(0.05, 0.10)
    own[days[1] :, 1] = 1.0 - rng.uniform(0.04, 0.08)
    years = (stage.dates[: stage.days].year - stage.dates[0].year).to_numpy()
    euros = np.array([p.list_price for p in products])
    costs = np.array([p.standard_cost for p in products])
    level = np.array([PRICE_LEVEL.get(t.currency_code, 1.0) for t in stage.territories])
    path = own * (1.0 + PRICE_RISE_PER_YEAR) ** years[:, None]
    cost_path = (1.0 + COST_RISE_PER_YEAR) ** years[:, None] * np.ones(count)
    tens = np.rint(10.0 * (euros * path)[:, None, :] * level[:, None]).astype(np.int64)
    cents = np.rint(100.0 * (costs * cost_path)[:, None, :] * level[:, None]).astype(np.int64)
    popularity = np.tile([p.popularity for p in products], (stage.days, 1))
    ramp = np.clip((np.arange(stage.days) - launch_day + 1) / LAUNCH_RAMP_DAYS, 0.0, 1.0)
    popularity[:, LAUNCHED] *= ramp
    return Catalogue(
        products=products,
        launch_day=launch_day,
        price=10 * tens,
        cost=cents,
        price_eur=np.round(euros * path, 1),
        cost_eur=np.round(costs * cost_path, 2),
        share=popularity / popularity.sum(axis=1, keepdims=True),
        price_effect=own ** (1.0 + ELASTICITY) - 1.0,
    )


def product_table(stage: Stage, catalogue: Catalogue) -> pd.DataFrame:
    """Raw `products`: a row for each time a price or cost held."""
    before = (stage.dates[0] - pd.DateOffset(years=4)).date()
    rows = []
    for index, (product, since) in enumerate(
        zip(catalogue.products, catalogue.starts, strict=True)
    ):
        launch = stage.dates[since].date() if since else before
        definition = np.column_stack(
            [catalogue.price_eur[since:, index], catalogue.cost_eur[since:, index]]
        )
        changes = np.flatnonzero((np.diff(definition, axis=0) != 0).any(axis=1)) + 1
        starts = [0, *changes.tolist()]
        for number, start in enumerate(starts):
            is_last = number == len(starts) - 1
            rows.append({
                "product_id": product.product_id, "product_name": product.product_name,
                "brand": "Halden", "category": product.category, "launch_date": launch,
                "list_price": definition[start, 0], "standard_cost": definition[start, 1],
                "currency_code": REPORTING_CURRENCY,
                "valid_from": stage.dates[since + start].date() if start else launch,
                "valid_to": None if is_last else stage.dates[since + starts[number + 1] - 1].date(),
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS["products"]))
