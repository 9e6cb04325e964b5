"""What the company sells: three kitchen appliances, one of them launched in the window."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulation.markets import REPORTING_CURRENCY, Stage
from simulation.response import Array

POUND_PRICE_LEVEL = 0.86
PRICE_RISE_PER_YEAR = 0.03
COST_RISE_PER_YEAR = 0.02


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
)
LAUNCHED = len(PRODUCTS) - 1


def product_table(stage: Stage, launch_day: int) -> pd.DataFrame:
    """Raw `products`; the last one is launched on `launch_day`."""
    before = (stage.dates[0] - pd.DateOffset(years=4)).normalize()
    return pd.DataFrame(
        {
            "product_id": [p.product_id for p in PRODUCTS],
            "product_name": [p.product_name for p in PRODUCTS],
            "brand": "Halden",
            "category": [p.category for p in PRODUCTS],
            "launch_date": [
                stage.dates[launch_day] if i == LAUNCHED else before for i in range(len(PRODUCTS))
            ],
            "list_price": [p.list_price for p in PRODUCTS],
            "standard_cost": [p.standard_cost for p in PRODUCTS],
            "currency_code": REPORTING_CURRENCY,
        }
    )


def price_list(stage: Stage) -> NDArray[np.int64]:
    """List price in ledger cents, days x territories x products; raised every January."""
    euros = np.array([p.list_price for p in PRODUCTS])
    tens = np.rint(_in_ledger_currency(stage, euros, PRICE_RISE_PER_YEAR) * 10).astype(np.int64)
    return 10 * tens


def cost_list(stage: Stage) -> NDArray[np.int64]:
    """Unit cost in ledger cents, days x territories x products; raised every January."""
    euros = np.array([p.standard_cost for p in PRODUCTS])
    return np.rint(_in_ledger_currency(stage, euros, COST_RISE_PER_YEAR) * 100).astype(np.int64)


def _in_ledger_currency(stage: Stage, euros: Array, rise: float) -> Array:
    years = stage.dates[: stage.days].year.to_numpy() - stage.dates[0].year
    level: Array = np.array(
        [POUND_PRICE_LEVEL if t.currency_code == "GBP" else 1.0 for t in stage.territories]
    )
    risen: Array = (1.0 + rise) ** years[:, None, None]
    return risen * (level[:, None] * euros)
