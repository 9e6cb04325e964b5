"""Where and when the company sells: territories, currencies, days."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulation.response import Array
from simulation.streams import Streams
from simulation.tables import COLUMNS

REPORTING_CURRENCY = "EUR"
PARENT = "europe"
PLAN_DAYS = 91


class Territory(NamedTuple):
    """A leaf territory; `daily_sales_eur` is what it would sell on a plain day, unadvertised."""

    territory_id: str
    territory_name: str
    country_code: str
    currency_code: str
    population: float
    time_zone: str
    daily_sales_eur: float


# The second one keeps its ledger in pounds, so that even two territories need conversion.
MARKETS = (
    Territory("de", "Germany", "DE", "EUR", 83.5e6, "Europe/Berlin", 16_000.0),
    Territory("gb", "Great Britain", "GB", "GBP", 68.3e6, "Europe/London", 11_000.0),
    Territory("fr", "France", "FR", "EUR", 68.4e6, "Europe/Paris", 9_500.0),
    Territory("nl", "Netherlands", "NL", "EUR", 17.9e6, "Europe/Amsterdam", 6_000.0),
    Territory("it", "Italy", "IT", "EUR", 59.0e6, "Europe/Rome", 7_000.0),
    Territory("es", "Spain", "ES", "EUR", 48.6e6, "Europe/Madrid", 5_500.0),
    Territory("be", "Belgium", "BE", "EUR", 11.8e6, "Europe/Brussels", 3_000.0),
    Territory("ie", "Ireland", "IE", "EUR", 5.3e6, "Europe/Dublin", 2_500.0),
)


@dataclass(frozen=True)
class Stage:
    """The fixed scene every component plays on: days, territories, exchange rates."""

    first_day: date
    days: int
    territories: tuple[Territory, ...]
    gbp_in_eur: Array

    @property
    def last_day(self) -> date:
        """The last day with sales."""
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def horizon(self) -> int:
        """Days of history and plan together."""
        return self.days + PLAN_DAYS

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Every day of history and plan."""
        return pd.date_range(self.first_day, periods=self.horizon, freq="D")

    @property
    def size(self) -> Array:
        """Plain-day sales by territory, EUR."""
        return np.array([t.daily_sales_eur for t in self.territories])

    @property
    def rate_micros(self) -> NDArray[np.int64]:
        """EUR per unit of ledger currency in millionths, days x territories."""
        pounds = np.rint(self.gbp_in_eur * 1e6).astype(np.int64)
        in_pounds = np.array([t.currency_code == "GBP" for t in self.territories])
        return np.where(in_pounds[None, :], pounds[:, None], np.int64(1_000_000))


def set_stage(streams: Streams, first_day: date, days: int, territories: int) -> Stage:
    """Draw the exchange rate and fix the scene."""
    rng = streams("fx")
    drift = np.zeros(days)
    for day, step in enumerate(rng.normal(0.0, 0.003, days)):
        drift[day] = 0.98 * drift[day - 1] + step if day else step
    return Stage(first_day, days, MARKETS[:territories], np.round(1.17 * np.exp(drift), 5))


def to_eur_cents(
    local_cents: NDArray[np.int64], rate_micros: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Convert whole cents at a rate in millionths; halves are rounded away from zero.

    Whole numbers throughout, so that the result is what a decimal ledger gets, to the cent.
    """
    product = np.abs(local_cents) * rate_micros
    return np.sign(local_cents) * ((product + 500_000) // 1_000_000)


def to_local_cents(eur: Array, rate_micros: NDArray[np.int64]) -> NDArray[np.int64]:
    """EUR amounts as whole cents of the ledger currency."""
    return np.rint(eur * 1e8 / rate_micros).astype(np.int64)


def territory_table(stage: Stage) -> pd.DataFrame:
    """Raw `territories`: the parent where television is bought, then the leaves."""
    leaves = pd.DataFrame(stage.territories).drop(columns="daily_sales_eur")
    leaves["parent_id"] = PARENT
    parent = pd.DataFrame(
        [[PARENT, "Europe", REPORTING_CURRENCY, leaves["population"].sum(), "Europe/Brussels"]],
        columns=["territory_id", "territory_name", "currency_code", "population", "time_zone"],
    )
    table = pd.concat([parent, leaves], ignore_index=True)
    table["valid_from"] = date(2015, 1, 1)
    table["valid_to"] = None
    return table[list(COLUMNS["territories"])]


def rate_table(stage: Stage) -> pd.DataFrame:
    """Raw `fx_rates`: the average rate of each day of history."""
    return pd.DataFrame(
        {
            "date_day": stage.dates[: stage.days],
            "from_currency": "GBP",
            "to_currency": REPORTING_CURRENCY,
            "kind": "average",
            "rate": stage.gbp_in_eur,
        }
    )
