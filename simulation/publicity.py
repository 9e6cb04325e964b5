"""Press coverage nobody paid for and public relations events somebody did."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulation.effects import Effect, over_products
from simulation.markets import Stage, to_eur_cents, to_local_cents
from simulation.products import Catalogue
from simulation.response import Array, hill
from simulation.streams import Streams
from simulation.tables import COLUMNS

RETENTION = {"publicity": 0.6, "public_relations": 0.75}
HALF_SATURATION = 6.0
PARTS = {"publicity": 0.45, "public_relations": 0.55}
RELATIONS_ROI = 2.0
LASTS = 42
OUTLETS = ("national_press", "trade_press", "broadcast", "online")
EVENTS = ("press_day", "sponsorship", "charity", "shop_opening")


@dataclass(frozen=True)
class Coverage:
    """Events of one kind with their raw rows, what they cost and what each brings, in EUR."""

    kind: str
    rows: pd.DataFrame
    cost_eur: Array
    effects: tuple[Effect, ...]
    parameters: dict[str, float]
    territory_effect: Array


def cover(
    streams: Streams, stage: Stage, catalogue: Catalogue, target_eur: float
) -> list[Coverage]:
    """Coverage (with bursts nobody planned) and events, together bringing `target_eur`.

    The reach of each event has diminishing returns, relative to the mean over all events of the
    territory, and fades day by day. Tone is reported but does not act.
    """
    found = []
    for kind, part in PARTS.items():
        events = _events(streams, stage, kind, catalogue.launch_day)
        effect = streams("publicity", kind, "territory").lognormal(0.0, 0.1, stage.width)
        place = events["territory"].to_numpy()
        people = np.array([t.population for t in stage.territories])[place]
        reach = events["reach"].to_numpy() / people
        answer = hill(reach, HALF_SATURATION * reach.mean(), 1.0) * (effect * stage.size)[place]
        retention = RETENTION[kind]
        left = stage.days - events["day"].to_numpy()
        felt = answer * (1.0 - retention ** np.minimum(left, LASTS))
        strength = part * target_eur / felt.sum()
        names = _names(stage, kind, events)
        effects = []
        for name, day, territory, one in zip(names, events["day"], place, answer, strict=True):
            fade = (1.0 - retention) * retention ** np.arange(min(LASTS, stage.days - day))
            demand = over_products((strength * one * fade)[:, None], catalogue.share[day:])
            effects.append(Effect("publicity", kind, name, int(territory), int(day), demand))
        cost = _cost(streams, stage, kind, events, part * target_eur)
        rows, cost_eur = _publicity_rows(stage, kind, events, names, cost)
        parameters = {
            "retention": retention,
            "half_saturation": HALF_SATURATION,
            "slope": 1.0,
            "ceiling": strength,
        }
        found.append(Coverage(kind, rows, cost_eur, tuple(effects), parameters, effect))
    return found


def _names(stage: Stage, kind: str, events: pd.DataFrame) -> list[str]:
    numbers = events.groupby("territory").cumcount() + 1
    return [
        f"{kind}-{stage.names[t]}-{n:04d}"
        for t, n in zip(events["territory"], numbers, strict=True)
    ]


def _events(streams: Streams, stage: Stage, kind: str, launch_day: int) -> pd.DataFrame:
    found = []
    for place, territory in enumerate(stage.territories):
        rng = streams("publicity", kind, "events", territory.territory_id)
        if kind == "publicity":
            days = np.flatnonzero(rng.random(stage.days) < 0.06)
            starts = rng.integers(10, stage.days - 10, max(1, stage.days // 240))
            bursts = [
                start + rng.geometric(0.3, rng.integers(6, 14)).clip(max=10) - 1 for start in starts
            ]
            days = np.sort(np.concatenate([days, *bursts]))
            reach = territory.population * rng.lognormal(-4.6, 0.8, len(days))
        else:
            days = np.arange(rng.integers(8, 40), stage.days, rng.integers(38, 52))
            days = days + rng.integers(-5, 6, len(days))
            days = np.append(days[(days >= 0) & (days < stage.days)], launch_day)
            days = np.unique(days)
            reach = territory.population * rng.lognormal(-3.2, 0.5, len(days))
        found.append(
            pd.DataFrame(
                {
                    "day": days,
                    "territory": place,
                    "reach": np.rint(reach),
                    "mentions": 1 + rng.poisson(reach / territory.population * 400),
                    "tone": np.round(rng.uniform(-0.3, 0.9, len(days)), 2),
                    "label": rng.integers(0, 4, len(days)),
                    "dearness": rng.lognormal(0.0, 0.2, len(days)),
                }
            )
        )
    return pd.concat(found, ignore_index=True)


def _cost(
    streams: Streams, stage: Stage, kind: str, events: pd.DataFrame, brings_eur: float
) -> Array:
    """EUR by event; coverage is free."""
    if kind == "publicity":
        return np.zeros(len(events))
    roi = RELATIONS_ROI * streams("publicity", kind, "cost").lognormal(0.0, 0.1)
    weight = stage.size[events["territory"]] * events["dearness"].to_numpy()
    cost: Array = brings_eur / roi * weight / weight.sum()
    return cost


def _publicity_rows(
    stage: Stage, kind: str, events: pd.DataFrame, names: list[str], cost_eur: Array
) -> tuple[pd.DataFrame, Array]:
    place = events["territory"].to_numpy()
    rates = stage.rate_micros[events["day"], place]
    cents = to_local_cents(cost_eur, rates)
    territory = np.array([t.territory_id for t in stage.territories])[place]
    labels = events["label"].to_numpy()
    is_event = kind == "public_relations"
    table = pd.DataFrame(
        {
            "event_id": names,
            "date_day": stage.dates[events["day"]],
            "grain": "day",
            "kind": kind,
            "event_name": np.array(EVENTS)[labels] if is_event else None,
            "outlet": None if is_event else np.array(OUTLETS)[labels],
            "territory_id": territory,
            "mentions": events["mentions"].astype(float),
            "reach": events["reach"],
            "tone": events["tone"],
            "cost": cents / 100.0,
            "currency_code": np.array([t.currency_code for t in stage.territories])[place],
        },
        columns=COLUMNS["publicity"],
    )
    spent: Array = to_eur_cents(cents, rates) / 100.0
    return table, spent
