"""Press coverage nobody paid for and public relations events somebody did."""

import numpy as np
import pandas as pd

from simulation.markets import Stage, to_eur_cents, to_local_cents
from simulation.response import Array, carry_over, hill
from simulation.streams import Streams
from simulation.tables import COLUMNS, stacked
from simulation.truth import Component, Driver, Key

RETENTION = {"publicity": 0.6, "public_relations": 0.75}
HALF_SATURATION = 6.0
PARTS = {"publicity": 0.45, "public_relations": 0.55}
RELATIONS_ROI = 2.0
OUTLETS = ("national_press", "trade_press", "broadcast", "online")
EVENTS = ("press_day", "sponsorship", "charity", "shop_opening")


def build_publicity(
    streams: Streams, stage: Stage, launch_day: int, target_eur: float, without: frozenset[Key]
) -> Component:
    """Coverage (with bursts nobody planned) and events, together bringing `target_eur`.

    Reach is felt with carry-over and diminishing returns relative to its mean in the territory.
    Tone is reported but does not act.
    """
    rows, drivers = [], []
    for kind, part in PARTS.items():
        if ("publicity", kind) in without:
            continue
        events = _events(streams, stage, kind, launch_day)
        reach = np.zeros((stage.days, len(stage.territories)))
        np.add.at(reach, (events["day"], events["territory"]), events["reach"])
        effect = streams("publicity", kind, "territory").lognormal(0.0, 0.1, reach.shape[1])
        people = np.array([t.population for t in stage.territories])
        pressure = carry_over(reach / people, RETENTION[kind])
        typical = pressure.mean()
        answer = hill(pressure, HALF_SATURATION * typical, 1.0) * effect * stage.size
        strength = part * target_eur / answer.sum()
        cost = _cost(streams, stage, kind, events, part * target_eur)
        table, spend = _publicity_rows(stage, kind, events, cost)
        rows.append(table)
        parameters = {
            "retention": RETENTION[kind],
            "half_saturation": HALF_SATURATION,
            "slope": 1.0,
            "ceiling": strength,
        }
        drivers.append(Driver("publicity", kind, strength * answer, spend, parameters, effect))
    return Component(stacked("publicity", rows), stacked("plans", []), tuple(drivers))


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
    stage: Stage, kind: str, events: pd.DataFrame, cost_eur: Array
) -> tuple[pd.DataFrame, float]:
    place = events["territory"].to_numpy()
    rates = stage.rate_micros[events["day"], place]
    cents = to_local_cents(cost_eur, rates)
    territory = np.array([t.territory_id for t in stage.territories])[place]
    numbers = events.groupby("territory").cumcount() + 1
    labels = events["label"].to_numpy()
    is_event = kind == "public_relations"
    table = pd.DataFrame(
        {
            "event_id": [f"{kind}-{t}-{n:04d}" for t, n in zip(territory, numbers, strict=True)],
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
    return table, to_eur_cents(cents, rates).sum() / 100.0
