"""Where and when the company sells: territories, currencies, days."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
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
    region: str
    country_code: str
    currency_code: str
    population: float
    time_zone: str
    daily_sales_eur: float


# The second one keeps its ledger in pounds, so that even two territories need conversion; the
# fourth keeps it in francs.
MARKETS = (
    Territory("de", "Germany", "central", "DE", "EUR", 83.5e6, "Europe/Berlin", 16_000.0),
    Territory("gb", "Great Britain", "west", "GB", "GBP", 68.3e6, "Europe/London", 11_000.0),
    Territory("fr", "France", "west", "FR", "EUR", 68.4e6, "Europe/Paris", 9_500.0),
    Territory("ch", "Switzerland", "central", "CH", "CHF", 9.0e6, "Europe/Zurich", 6_000.0),
    Territory("it", "Italy", "south", "IT", "EUR", 59.0e6, "Europe/Rome", 7_000.0),
    Territory("es", "Spain", "south", "ES", "EUR", 48.6e6, "Europe/Madrid", 5_500.0),
    Territory("nl", "Netherlands", "west", "NL", "EUR", 17.9e6, "Europe/Amsterdam", 4_500.0),
    Territory("be", "Belgium", "west", "BE", "EUR", 11.8e6, "Europe/Brussels", 3_000.0),
)
REGIONS = {"central": "Central Europe", "west": "Western Europe", "south": "Southern Europe"}
# Until a day in the window this territory belongs to another region.
MOVED, MOVED_FROM = "ch", "west"
RATES = {"GBP": 1.17, "CHF": 1.05}


@dataclass(frozen=True)
class Stage:
    """The fixed scene every component plays on: days, territories, exchange rates.

    `rates` are EUR per unit of a foreign currency by day of history; `scale` multiplies what the
    territories sell.
    """

    first_day: date
    days: int
    territories: tuple[Territory, ...]
    rates: dict[str, Array]
    moved_on: int
    scale: float = 1.0

    @property
    def width(self) -> int:
        """How many leaf territories there are."""
        return len(self.territories)

    @property
    def last_day(self) -> date:
        """The last day with sales."""
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def horizon(self) -> int:
        """Days of history and plan together."""
        return self.days + PLAN_DAYS

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """Every day of history and plan."""
        return pd.date_range(self.first_day, periods=self.horizon, freq="D")

    @cached_property
    def size(self) -> Array:
        """Plain-day sales by territory, EUR."""
        return self.scale * np.array([t.daily_sales_eur for t in self.territories])

    @cached_property
    def names(self) -> list[str]:
        """Ids of the leaf territories."""
        return [t.territory_id for t in self.territories]

    @cached_property
    def rate_micros(self) -> NDArray[np.int64]:
        """EUR per unit of ledger currency in millionths, days x territories."""
        whole = {code: np.rint(rate * 1e6).astype(np.int64) for code, rate in self.rates.items()}
        par = np.full(self.days, 1_000_000, dtype=np.int64)
        return np.column_stack([whole.get(t.currency_code, par) for t in self.territories])


def set_stage(
    streams: Streams, first_day: date, days: int, territories: int, scale: float = 1.0
) -> Stage:
    """Draw the exchange rates and fix the scene."""
    markets = MARKETS[:territories]
    rates = {}
    for code in sorted({t.currency_code for t in markets} - {REPORTING_CURRENCY}):
        drift = np.zeros(days)
        for day, step in enumerate(streams("fx", code).normal(0.0, 0.003, days)):
            drift[day] = 0.98 * drift[day - 1] + step if day else step
        rates[code] = np.round(RATES[code] * np.exp(drift), 5)
    return Stage(first_day, days, markets, rates, moved_on=int(days * 0.6), scale=scale)


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
    """Raw `territories`: `europe`, where television is bought, its regions, and the leaves.

    One leaf belongs to another region until `stage.moved_on`, and has a row for each time.
    """
    start, leaves = date(2015, 1, 1), stage.territories
    people = sum(t.population for t in leaves)
    rows: list[tuple[object, ...]] = [
        (PARENT, "Europe", None, None, REPORTING_CURRENCY, people, "Europe/Brussels", start, None)
    ]
    regions = {t.region for t in leaves}
    if MOVED in stage.names:
        regions.add(MOVED_FROM)
    for region in sorted(regions):
        members = sum(t.population for t in leaves if t.region == region)
        members = members or sum(t.population for t in leaves if t.territory_id == MOVED)
        rows.append(
            (region, REGIONS[region], PARENT, None, REPORTING_CURRENCY, members,
             "Europe/Brussels", start, None)
        )  # fmt: skip
    for t in leaves:
        rest = (t.country_code, t.currency_code, t.population, t.time_zone)
        since = start
        if t.territory_id == MOVED:
            since = stage.first_day + timedelta(days=stage.moved_on)
            until = since - timedelta(days=1)
            rows.append((t.territory_id, t.territory_name, MOVED_FROM, *rest, start, until))
        rows.append((t.territory_id, t.territory_name, t.region, *rest, since, None))
    return pd.DataFrame(rows, columns=list(COLUMNS["territories"]))


def rate_table(stage: Stage) -> pd.DataFrame:
    """Raw `fx_rates`: average and closing rate of each day, the budget's rate of each year."""
    # A first rate of a year before: leads older than the books have amounts, too.
    dates = stage.dates[: stage.days].insert(0, stage.dates[0] - pd.Timedelta(days=365))
    frames = []
    for code, known in stage.rates.items():
        rate = np.insert(known, 0, known[0])
        closing = np.round(0.5 * (rate + np.append(rate[1:], rate[-1])), 5)
        year_starts = (dates.month == 1) & (dates.day == 1)
        year_starts[0] = True
        frames += [
            pd.DataFrame({"date_day": days, "from_currency": code, "kind": kind, "rate": values})
            for kind, days, values in (
                ("average", dates, rate),
                ("closing", dates, closing),
                ("budget", dates[year_starts], np.round(rate[year_starts], 2)),
            )
        ]
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS["fx_rates"]))
    table = pd.concat(frames, ignore_index=True).assign(to_currency=REPORTING_CURRENCY)
    return table[list(COLUMNS["fx_rates"])]
