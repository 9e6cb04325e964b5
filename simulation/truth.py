"""What really brought the sales: every cause settled in whole cents, and the answer sheet."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from simulation.effects import EVERYWHERE, Effect, Trade
from simulation.markets import Stage, to_local_cents
from simulation.response import Array, Whole

Key = tuple[str, str]
NOISE: Key = ("noise", "noise")


class Parameter(NamedTuple):
    """One true number; `territory_id` is empty where it holds everywhere."""

    kind: str
    driver: str
    territory_id: str
    parameter: str
    value: float


@dataclass(frozen=True)
class DriverTruth:
    """What a driver cost and brought over the window, EUR; `roi` is None without spend."""

    kind: str
    driver: str
    spend_eur: float
    contribution_eur: float
    roi: float | None


@dataclass(frozen=True)
class Detail:
    """One named cause in whole cents of EUR and of the ledger, days x territories x products."""

    kind: str
    name: str
    territory: int
    first: int
    eur: Whole
    local: Whole


@dataclass
class Accounts:
    """All causes settled. Arrays are days x territories x products.

    `own` and `sell_in` are what the ledger must come to, in its cents; `sold_on` is what dealers
    sell on, likewise. `eur` and `local` are contributions by (kind, driver) in whole cents, without
    the noise; `own_eur` what media bring through the company's own shops, EUR by channel.
    """

    own: Whole
    sell_in: Whole
    sold_on: Whole
    eur: dict[Key, Whole] = field(default_factory=dict)
    local: dict[Key, Whole] = field(default_factory=dict)
    details: list[Detail] = field(default_factory=list)
    own_eur: dict[str, Array] = field(default_factory=dict)

    @property
    def explained_eur(self) -> Whole:
        """Cents of EUR that have a cause."""
        whole: Whole = np.sum(list(self.eur.values()), axis=0)
        return whole


def settle(
    stage: Stage, trade: Trade, effects: list[Effect], lost: tuple[int, int, float]
) -> Accounts:
    """Book every effect in whole cents, each on its own, so that sums of parts are exact.

    `lost` is the territory, the day and the part of the trade that a lost distributor had.
    """
    products = effects[0].demand.shape[2]
    shape = (stage.days, stage.width, products)
    none = np.zeros(shape, dtype=np.int64)
    accounts = Accounts(none, none.copy(), none.copy())
    demand = np.zeros(shape)
    for effect in effects:
        own, sell_in = trade.booked(stage, effect)
        days = slice(effect.first, effect.first + len(own))
        at = slice(None)
        if effect.territory != EVERYWHERE:
            at = slice(effect.territory, effect.territory + 1)
        rates = stage.rate_micros[days, at, None]
        own_cents, sell_in_cents = to_local_cents(own, rates), to_local_cents(sell_in, rates)
        accounts.own[days, at] += own_cents
        accounts.sell_in[days, at] += sell_in_cents
        demand[effect.first : effect.first + len(effect.demand), at] += effect.demand
        key = (effect.kind, effect.driver)
        if key == NOISE:
            continue
        eur = whole_cents(own) + whole_cents(sell_in)
        for ledger, cents in ((accounts.eur, eur), (accounts.local, own_cents + sell_in_cents)):
            ledger.setdefault(key, np.zeros(shape, dtype=np.int64))[days, at] += cents
        if effect.kind == "media":
            through = accounts.own_eur.setdefault(effect.driver, np.zeros(shape[:2]))
            through[days, at] += own.sum(axis=2)
        if effect.name:
            accounts.details.append(
                Detail(effect.kind, effect.name, effect.territory, effect.first, eur,
                       own_cents + sell_in_cents)
            )  # fmt: skip
    place, since, part = lost
    sold_on = trade.sold_on(demand)
    sold_on[since:, place] *= 1.0 - part
    accounts.sold_on[:] = np.maximum(to_local_cents(sold_on, stage.rate_micros[:, :, None]), 0)
    return accounts


def whole_cents(eur: Array) -> Whole:
    """EUR amounts as whole cents, rounded as `to_local_cents` does at par."""
    return np.rint(eur * 1e8 / 1_000_000).astype(np.int64)


def contribution_table(
    stage: Stage, eur: dict[Key, Whole], local: dict[Key, Whole]
) -> pd.DataFrame:
    """One row per day, territory, kind and driver, also where nothing was brought.

    `contribution_eur` sums to the ledger converted line by line; `contribution_local` to the
    ledger in its own currency.
    """
    keys = list(eur)
    days, width, each = stage.days, stage.width, len(keys)
    frame = {
        "date_day": np.repeat(stage.dates[:days], width * each),
        "territory_id": np.tile(np.repeat(stage.names, each), days),
        "kind": np.tile([kind for kind, _ in keys], days * width),
        "driver": np.tile([driver for _, driver in keys], days * width),
    }
    for name, cents in (("contribution_eur", eur), ("contribution_local", local)):
        frame[name] = np.stack([cents[key].sum(axis=2) for key in keys], axis=2).ravel() / 100.0
    return pd.DataFrame(frame)


def product_table(stage: Stage, products: list[str], eur: dict[Key, Whole]) -> pd.DataFrame:
    """One row per day, territory, product, kind and driver that brought or cost a cent."""
    frames = []
    for (kind, driver), cents in eur.items():
        day, place, product = np.nonzero(cents)
        frames.append(
            pd.DataFrame(
                {
                    "date_day": stage.dates[day],
                    "territory_id": np.array(stage.names)[place],
                    "product_id": np.array(products)[product],
                    "kind": kind,
                    "driver": driver,
                    "contribution_eur": cents[day, place, product] / 100.0,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def detail_table(stage: Stage, details: list[Detail], kind: str, column: str) -> pd.DataFrame:
    """Contribution of each named cause of a kind by day and territory; `column` holds its name."""
    ours = [detail for detail in details if detail.kind == kind]
    days, places, causes, eur, local = [], [], [], [], []
    for number, detail in enumerate(ours):
        in_eur, in_local = detail.eur.sum(axis=2), detail.local.sum(axis=2)
        day, place = np.nonzero(in_eur | in_local)
        days.append(detail.first + day)
        places.append(place + max(detail.territory, 0))
        causes.append(np.full(len(day), number))
        eur.append(in_eur[day, place])
        local.append(in_local[day, place])
    if not ours:
        columns = ["date_day", "territory_id", column, "contribution_eur", "contribution_local"]
        return pd.DataFrame(columns=columns)
    return pd.DataFrame(
        {
            "date_day": stage.dates[np.concatenate(days)],
            "territory_id": np.array(stage.names)[np.concatenate(places)],
            column: np.array([detail.name for detail in ours])[np.concatenate(causes)],
            "contribution_eur": np.concatenate(eur) / 100.0,
            "contribution_local": np.concatenate(local) / 100.0,
        }
    )


def summary(eur: dict[Key, Whole], spend_eur: dict[Key, float]) -> list[DriverTruth]:
    """One entry per kind and driver over the whole window; no ROI where nothing was spent."""
    entries = []
    for (kind, driver), cents in eur.items():
        spend = spend_eur.get((kind, driver), 0.0)
        total = int(cents.sum()) / 100.0
        roi = round(total / spend, 6) if spend > 0 else None
        entries.append(DriverTruth(kind, driver, round(spend, 2), total, roi))
    return entries
