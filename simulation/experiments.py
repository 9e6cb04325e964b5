"""Tests the company ran: advertising withheld or doubled in one territory, and what it learned."""

from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from simulation.effects import Effect, Trade
from simulation.markets import Stage, to_local_cents
from simulation.media import Media, media_effects
from simulation.products import Catalogue
from simulation.response import Array
from simulation.streams import Streams
from simulation.tables import COLUMNS
from simulation.truth import whole_cents

READ_AFTER_DAYS = 14


class Experiment(NamedTuple):
    """One territory in which a channel's buying is multiplied for a while; days inclusive."""

    experiment_id: str
    name: str
    channel: str
    territory: int
    first: int
    last: int
    factor: float

    def status(self, days: int) -> str:
        """Where it stands at the end of the window."""
        if self.first >= days:
            return "planned"
        return "done" if self.last + READ_AFTER_DAYS < days else "running"


def design(stage: Stage) -> list[Experiment]:
    """Two done, one that runs at the end of the window, one planned."""
    days, width = stage.days, stage.width
    length = min(28, days // 8)
    plans = (
        ("Video holdout", "video", 1 % width, int(days * 0.40), 0.0),
        ("Twice the social", "social", 0, int(days * 0.72), 2.0),
        ("Display holdout", "display", 2 % width, days - length // 2, 0.0),
        ("Search holdout", "search", width - 1, days + 21, 0.0),
    )
    return [
        Experiment(f"exp-{number}", name, channel, place, first, first + length - 1, factor)
        for number, (name, channel, place, first, factor) in enumerate(plans, start=1)
    ]


def factors(stage: Stage, experiments: list[Experiment]) -> dict[str, Array]:
    """What experiments multiply buying by, days x territories by channel."""
    found: dict[str, Array] = {}
    for e in experiments:
        if e.first < stage.days:
            factor = found.setdefault(e.channel, np.ones((stage.days, stage.width)))
            factor[e.first : e.last + 1, e.territory] *= e.factor
    return found


class Lift(NamedTuple):
    """True lift of an experiment: what the money in question brought, in whole cents."""

    experiment_id: str
    in_window_eur: int
    in_window_local: int
    in_all_eur: int
    spend_local: int


def lifts(
    stage: Stage,
    catalogue: Catalogue,
    trade: Trade,
    media: Media,
    *,
    experiments: list[Experiment],
    without: frozenset[tuple[str, str]],
) -> list[Lift]:
    """Sales with the money less sales without it, other experiments as they were.

    For money withheld that is what it would have brought; for money added what it did bring.
    """  # fmt: skip
    found = []
    for e in experiments:
        if e.first >= stage.days:
            continue
        others = [other for other in experiments if other is not e]
        sides = []
        for chosen in (experiments, others):
            effects = media_effects(stage, media, catalogue, factors(stage, chosen), e.channel)
            sides.append(_booked(stage, trade, effects, e, without))
        sign = 1 if e.factor > 1.0 else -1
        window, window_local, whole = (
            sign * (with_it - without_it) for with_it, without_it in zip(*sides, strict=True)
        )
        one = next(b for b in media.bought if b.channel.channel == e.channel)
        cents = one.cents[e.first : e.last + 1, e.territory].sum()
        spend = round(float(cents) * abs(e.factor - 1.0))
        found.append(Lift(e.experiment_id, window, window_local, whole, spend))
    return found


def _booked(
    stage: Stage,
    trade: Trade,
    effects: list[Effect],
    e: Experiment,
    without: frozenset[tuple[str, str]],
) -> tuple[int, int, int]:
    """Cents booked in the territory: in the window in EUR and in the ledger, and in all in EUR."""
    inside = [0, 0, 0]
    for effect in effects:
        if effect.territory != e.territory or effect.keys & without:
            continue
        for part in trade.booked(stage, effect):
            days = slice(effect.first, effect.first + len(part))
            local = to_local_cents(part, stage.rate_micros[days, e.territory, None, None])
            eur = whole_cents(part)
            window = slice(max(e.first - effect.first, 0), max(e.last + 1 - effect.first, 0))
            inside[0] += int(eur[window].sum())
            inside[1] += int(local[window].sum())
            inside[2] += int(eur.sum())
    return inside[0], inside[1], inside[2]


def experiment_tables(
    streams: Streams,
    stage: Stage,
    experiments: list[Experiment],
    lifts: list[Lift],
    noise_share: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raw `experiments`, and the truth of those that have begun.

    The recorded effect is what the territory's noise lets one read: the true lift in the window
    plus an error as large as its standard error says.
    """  # fmt: skip
    true = {lift.experiment_id: lift for lift in lifts}
    rows, answers = [], []
    for e in experiments:
        status = e.status(stage.days)
        days = e.last - e.first + 1
        error = float(streams("experiments", e.experiment_id).normal())
        lift = true.get(e.experiment_id)
        for place, territory in enumerate(stage.territories):
            is_treated = place == e.territory
            row = {
                "experiment_id": e.experiment_id, "experiment_name": e.name,
                "design": "territory_holdout", "kind": "media", "driver": e.channel,
                "territory_id": territory.territory_id,
                "arm": "treated" if is_treated else "control",
                "starts_on": stage.first_day + timedelta(days=e.first),
                "ends_on": stage.first_day + timedelta(days=e.last), "spend": 0.0,
                "currency_code": territory.currency_code, "effect": None, "effect_se": None,
                "status": status,
            }  # fmt: skip
            if is_treated and lift is not None:
                row["spend"] = lift.spend_local / 100.0
            if is_treated and lift is not None and status == "done":
                rate = stage.rate_micros[e.first, place] / 1e6
                se = 1.3 * noise_share * stage.size[place] * np.sqrt(days) / rate
                row["effect_se"] = round(se, 2)
                row["effect"] = round(lift.in_window_local / 100.0 + se * error, 2)
            rows.append(row)
        if lift is not None:
            answers.append({
                "experiment_id": e.experiment_id, "territory_id": stage.names[e.territory],
                "driver": e.channel, "lift_eur": lift.in_window_eur / 100.0,
                "lift_local": lift.in_window_local / 100.0,
                "lift_with_carry_over_eur": lift.in_all_eur / 100.0,
            })  # fmt: skip
    columns = list(COLUMNS["experiments"])
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(answers)
