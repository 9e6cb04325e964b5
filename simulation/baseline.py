"""What the company sells without any marketing, and the controls that move it."""

from dataclasses import dataclass

import holidays
import numpy as np
import pandas as pd

from simulation.effects import EVERYWHERE, Effect, Trade, over_products
from simulation.markets import Stage
from simulation.products import Catalogue
from simulation.response import Array, lagged
from simulation.streams import Streams

WEEKDAYS = np.array([-0.04, -0.05, -0.03, 0.0, 0.06, 0.10, -0.04])


@dataclass(frozen=True)
class Baseline:
    """Sales without marketing, in EUR, days x territories.

    `parts` sum to the baseline. `demand_index` is demand relative to a plain day over history and
    plan: paid search follows it, in history together with the swings no table shows.
    """

    parts: dict[str, Array]
    noise: Array
    demand_index: Array
    controls: pd.DataFrame
    launch_day: int
    parameters: dict[str, float]

    @property
    def total(self) -> Array:
        """The whole baseline."""
        whole: Array = np.sum(list(self.parts.values()), axis=0)
        return whole


def build_baseline(streams: Streams, stage: Stage) -> Baseline:
    """Level with trend and launch, week, year, holidays, unseen demand, controls; and noise.

    Every part is a share of the territory's plain-day sales, so all parts add up and none scales
    another.
    """
    days, size, rng = stage.days, stage.size, streams("baseline", "shape")
    width = len(size)
    launch_day = int(stage.days * rng.uniform(0.35, 0.5))
    elapsed = np.arange(stage.horizon)
    trend, launch_gain = rng.uniform(0.02, 0.07), rng.uniform(0.02, 0.05)
    ramp = np.clip((elapsed - launch_day) / 120.0, 0.0, 1.0)
    level = np.repeat((1.0 + trend * elapsed / 365.25 + launch_gain * ramp)[:, None], width, 1)

    weekday_strength = rng.normal(1.0, 0.1, width)
    week = WEEKDAYS[stage.dates.dayofweek][:, None] * weekday_strength
    year = _year(rng, stage, width)
    holiday_effect = rng.uniform(-0.22, -0.12)
    holiday = holiday_effect * _public_holidays(stage)
    demand = _persistent(streams("baseline", "demand"), stage.horizon, width, 0.93, 0.03)
    demand[days:] = 0.0  # a plan cannot follow swings that nobody has seen yet

    confidence = np.round(
        100.0 + _persistent(streams("controls", "confidence"), days, width, 0.99, 4.0), 1
    )
    temperature = _temperature(streams("controls", "temperature"), stage)
    per_point, per_degree = rng.uniform(0.002, 0.005), rng.uniform(-0.003, -0.001)

    shares = {
        "level": level[:days],
        "week": week[:days],
        "year": year[:days],
        "holiday": holiday[:days],
        "demand": demand[:days],
        "consumer_confidence": per_point * (confidence - 100.0),
        "temperature": per_degree * (temperature - 11.0),
    }
    parts = {name: share * size for name, share in shares.items()}
    noise_share = rng.uniform(0.03, 0.05)
    noise = streams("noise").normal(0.0, noise_share, (days, width)) * size
    # No day sells less than a quarter of a plain one: a ledger of daily orders is never empty.
    noise = np.maximum(noise, 0.25 * size - np.sum(list(parts.values()), axis=0))
    controls = {"consumer_confidence": confidence, "temperature": temperature}
    return Baseline(
        parts=parts,
        noise=noise,
        demand_index=1.0 + week + year + 2.0 * demand,
        controls=_control_table(stage, controls),
        launch_day=launch_day,
        parameters={
            "trend_per_year": trend,
            "launch_gain": launch_gain,
            "holiday_effect": holiday_effect,
            "consumer_confidence_per_point": per_point,
            "temperature_per_degree": per_degree,
            "noise_sd": noise_share,
        },
    )


def baseline_effects(
    streams: Streams, stage: Stage, baseline: Baseline, catalogue: Catalogue, trade: Trade
) -> list[Effect]:
    """Every part of the baseline over products, then price changes, a lost distributor, noise.

    The distributor takes a third of one territory's trade away, from a day on and for good.
    """
    share = catalogue.share
    found = [
        Effect("baseline", name, "", EVERYWHERE, 0, over_products(part, share))
        for name, part in baseline.parts.items()
    ]
    plain = over_products(np.repeat(stage.size[None], stage.days, axis=0), share)
    found.append(
        Effect("baseline", "price", "", EVERYWHERE, 0, plain * catalogue.price_effect[:, None, :])
    )
    noise = over_products(baseline.noise, share)
    place, since, part = lost_distributor(streams, stage)
    whole = over_products(baseline.total + baseline.noise, share)[:, [place]]
    gone = -part * trade.share[place] * lagged(whole, np.ones(14))
    gone[:since] = 0.0
    found.append(
        Effect("baseline", "lost_distributor", "", place, 0, np.zeros_like(gone), trade=gone)
    )
    found.append(Effect("noise", "noise", "", EVERYWHERE, 0, noise))
    return found


def lost_distributor(streams: Streams, stage: Stage) -> tuple[int, int, float]:
    """Territory, first day without its orders, and the part of the trade it had."""
    rng = streams("trade", "lost")
    place = int(rng.integers(stage.width))
    return place, int(stage.days * rng.uniform(0.5, 0.65)), 0.33


def _year(rng: np.random.Generator, stage: Stage, width: int) -> Array:
    """Two harmonics and a gift season that peaks in mid December."""
    angle = 2.0 * np.pi * stage.dates.dayofyear.to_numpy() / 365.25
    peak, second = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.0, 2.0 * np.pi)
    curve = 0.06 * np.cos(angle - peak) + 0.025 * np.cos(2.0 * angle - second)
    to_peak = (stage.dates.dayofyear.to_numpy() - 347 + 182) % 365 - 182
    gifts = rng.uniform(0.10, 0.16) * np.exp(-0.5 * (to_peak / 14.0) ** 2)
    return (curve + gifts)[:, None] * rng.normal(1.0, 0.1, width)


def _public_holidays(stage: Stage) -> Array:
    years = sorted(set(stage.dates.year))
    return np.column_stack(
        [
            stage.dates.isin(
                pd.to_datetime(list(holidays.country_holidays(t.country_code, years=years)))
            )
            for t in stage.territories
        ]
    ).astype(float)


def _persistent(
    rng: np.random.Generator, days: int, width: int, persistence: float, spread: float
) -> Array:
    """A stationary first-order autoregression with standard deviation `spread`."""
    steps = rng.normal(0.0, 1.0, (days, width))
    path = np.empty_like(steps)
    path[0] = steps[0]
    innovation = np.sqrt(1.0 - persistence**2)
    for day in range(1, days):
        path[day] = persistence * path[day - 1] + innovation * steps[day]
    return spread * path


def _temperature(rng: np.random.Generator, stage: Stage) -> Array:
    """Daily mean in degrees Celsius, coldest in mid January."""
    day_of_year = stage.dates[: stage.days].dayofyear.to_numpy()
    season = 11.0 - 8.0 * np.cos(2.0 * np.pi * (day_of_year - 15) / 365.25)
    weather = _persistent(rng, stage.days, len(stage.territories), 0.8, 3.0)
    return np.round(season[:, None] + weather, 1)


def _control_table(stage: Stage, controls: dict[str, Array]) -> pd.DataFrame:
    names = [t.territory_id for t in stage.territories]
    frames = [
        pd.DataFrame(
            {
                "date_day": np.repeat(stage.dates[: stage.days], len(names)),
                "grain": "day",
                "territory_id": np.tile(names, stage.days),
                "control": control,
                "value": values.ravel(),
            }
        )
        for control, values in controls.items()
    ]
    return pd.concat(frames, ignore_index=True)
