"""Paid media: flights, spend, impressions, platform claims, and what they really brought."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulation.markets import PARENT, REPORTING_CURRENCY, Stage, to_eur_cents, to_local_cents
from simulation.response import Array, carry_over, exponential, hill
from simulation.streams import Streams
from simulation.tables import COLUMNS, stacked
from simulation.truth import Component, Driver, Key


class Channel(NamedTuple):
    """A medium's habits. Half-saturation is in units of its mean daily exposure."""

    channel: str
    platform: str
    budget_share: float
    roi: float
    retention: float
    saturation: str
    half_saturation: float
    slope: float
    cost_per_mille_eur: float | None
    campaigns: tuple[str, ...]
    click_rate: float | None = None
    claimed_roi: float | None = None
    frequency: float | None = None


CHANNELS = (
    Channel("tv", "broadcast", 0.34, 1.5, 0.85, "hill", 2.0, 1.6, 9.0, ("flight",), frequency=4.0),
    # Posters are bought by the fortnight and counted by nobody: no impressions, only spend.
    Channel("out_of_home", "posters", 0.10, 1.0, 0.75, "hill", 2.0, 1.3, None, ("fortnight",)),
    Channel("search", "adwords", 0.16, 3.0, 0.15, "hill", 1.2, 1.0, 22.0, ("brand", "generic"),
            click_rate=0.03, claimed_roi=6.0),
    Channel("social", "social_ads", 0.17, 2.2, 0.5, "hill", 1.3, 1.2, 6.0, ("always_on", "pulse"),
            click_rate=0.011, claimed_roi=3.5, frequency=2.5),
    Channel("video", "video_ads", 0.13, 1.7, 0.7, "exponential", 1.8, 1.0, 11.0, ("flight",),
            click_rate=0.004, claimed_roi=1.2, frequency=3.0),
    Channel("display", "ad_exchange", 0.10, 0.55, 0.3, "hill", 1.0, 1.0, 2.5, ("prospecting",),
            click_rate=0.001, claimed_roi=2.8, frequency=6.0),
)  # fmt: skip


def television_calendar(streams: Streams, stage: Stage) -> Array:
    """Weight of national television by day of history and plan; zero between flights.

    Promotions and online video are timed by it, whether television is on air or not.
    """
    return _flights(streams("media", "tv", "calendar"), stage.horizon, (21, 35), (24, 45))


def build_media(
    streams: Streams,
    stage: Stage,
    demand_index: Array,
    television: Array,
    *,
    target_eur: float,
    without: frozenset[Key],
) -> Component:
    """Buy the six media so that together they bring `target_eur` over the window.

    Channel returns, carry-over and saturation vary by seed around the habits of each `Channel`;
    budgets follow from the target, effects from budgets and returns. A channel in `without` is
    neither bought nor felt, and nothing else changes.
    """
    habits = [_this_seed(streams("media", c.channel, "habits"), c) for c in CHANNELS]
    budget = target_eur / sum(c.budget_share * c.roi for c in habits)
    rows, plans, drivers = [], [], []
    for channel in habits:
        if ("media", channel.channel) in without:
            continue
        shape = _shape(streams, stage, channel.channel, demand_index, television)
        bought, planned, exposure, spend = _buy(
            streams, stage, channel, shape, budget * channel.budget_share
        )
        rows.append(bought)
        plans.append(planned)
        drivers.append(_answer(streams, stage, channel, exposure, spend))
    return Component(stacked("ad_spend", rows), stacked("plans", plans), tuple(drivers))


def _this_seed(rng: np.random.Generator, channel: Channel) -> Channel:
    jitter = rng.lognormal(0.0, 0.1, 5)
    return channel._replace(
        budget_share=channel.budget_share * jitter[0],
        roi=float(np.clip(channel.roi * jitter[1], 0.5, 4.0)),
        retention=float(np.clip(channel.retention * jitter[2], 0.05, 0.92)),
        half_saturation=channel.half_saturation * jitter[3],
        slope=1.0 if channel.slope == 1.0 else channel.slope * jitter[4],
    )


def _shape(
    streams: Streams, stage: Stage, channel: str, demand_index: Array, television: Array
) -> Array:
    """Pressure by day of history and plan x buying territory, in no unit."""
    rng = streams("media", channel, "shape")
    horizon, width = stage.horizon, len(stage.territories)
    weekend = (stage.dates.dayofweek >= 5).astype(float)[:, None]
    if channel == "tv":
        return television[:, None] * (1.0 + 0.3 * weekend)
    if channel == "out_of_home":
        return np.column_stack(
            [_flights(rng, horizon, (14, 14), (14, 42)) for _ in stage.territories]
        )
    if channel == "search":
        return np.maximum(demand_index, 0.3) ** 1.5 * _steps(rng, horizon, width, 14, 0.3)
    if channel == "social":
        # A fifth of the weeks are dark: an always-on channel that never pauses teaches little.
        dark = rng.random((horizon // 7 + 1, width)) < 0.2
        dark[0] = False
        dark = np.repeat(dark, 7, axis=0)[:horizon]
        return _steps(rng, horizon, width, 7, 0.5) * (1.0 + 0.2 * weekend) * np.where(dark, 0, 1)
    if channel == "video":
        own = np.column_stack(
            [_flights(rng, horizon, (14, 28), (30, 70)) for _ in stage.territories]
        )
        return 0.6 * television[:, None] + own
    return _steps(rng, horizon, width, 28, 0.6)


def _flights(
    rng: np.random.Generator, horizon: int, on: tuple[int, int], off: tuple[int, int]
) -> Array:
    """Weights by day: bursts of `on` days, each with its own weight, `off` days apart."""
    weights = np.zeros(horizon)
    day = int(rng.integers(3, 18))
    while day < horizon:
        length = int(rng.integers(on[0], on[1] + 1))
        weights[day : day + length] = rng.lognormal(0.0, 0.25)
        day += length + int(rng.integers(off[0], off[1] + 1))
    return weights


def _steps(rng: np.random.Generator, horizon: int, width: int, every: int, spread: float) -> Array:
    """Levels that a buyer changes every `every` days, independently by territory."""
    levels = rng.lognormal(0.0, spread, (horizon // every + 1, width))
    return np.repeat(levels, every, axis=0)[:horizon]


def _buy(
    streams: Streams, stage: Stage, channel: Channel, shape: Array, budget_eur: float
) -> tuple[pd.DataFrame, pd.DataFrame, Array, float]:
    """Raw rows, plan rows, exposure by leaf relative to its planned mean, and spend in EUR."""
    rng = streams("media", channel.channel, "buying")
    days, national = stage.days, shape.shape[1] == 1
    places = [PARENT] if national else [t.territory_id for t in stage.territories]
    currencies = [REPORTING_CURRENCY] if national else [t.currency_code for t in stage.territories]
    rates = np.full((days, 1), 1_000_000) if national else stage.rate_micros
    if national:
        share = np.ones(1)
    else:
        share = stage.size * rng.lognormal(0.0, 0.15, len(stage.territories))
        share = share / share.sum()
    daily_mean = budget_eur * share / days
    eur = daily_mean * shape / shape[:days].mean(axis=0)
    eur[:days] *= rng.lognormal(0.0, 0.1, (days, len(places)))

    first = rng.uniform(0.35, 0.65)
    split = np.array([first, 1.0 - first]) if len(channel.campaigns) == 2 else np.ones(1)
    spend_cents = to_local_cents(eur[:days, :, None] * split, rates[:, :, None])
    price = channel.cost_per_mille_eur
    if price is None:
        impressions, hoped = None, np.nan
        exposure = eur[:days] / daily_mean
    else:
        mille = _mille_by_eur(rng, stage, price, len(places))
        impressions = np.rint(1000.0 * eur[:days, :, None] * split * mille[:days, :, None])
        exposure = impressions.sum(axis=2) / (1000.0 * daily_mean / price)
        hoped = np.rint(1000.0 * eur[days:] * mille[days:]).ravel()
    bought = _ad_spend_rows(
        rng, stage, channel, spend=spend_cents, seen=impressions, where=places, paid_in=currencies
    )
    plan = pd.DataFrame(
        {
            "date_day": np.repeat(stage.dates[days:], len(places)),
            "kind": "media",
            "driver": channel.channel,
            "territory_id": np.tile(places, stage.horizon - days),
            "exposure": hoped,
            "spend": np.round(eur[days:].ravel(), 2),
        }
    )
    if national:
        # Split by population, every leaf feels the same pressure relative to its own mean.
        exposure = np.repeat(exposure, len(stage.territories), axis=1)
    spent = to_eur_cents(spend_cents, rates[:, :, None]).sum() / 100.0
    return bought, plan[plan["spend"] > 0], exposure, spent


def _mille_by_eur(rng: np.random.Generator, stage: Stage, usual_price: float, width: int) -> Array:
    """Thousands of impressions a EUR buys; dearer in the fourth quarter, noisy in history."""
    dear = np.where(stage.dates.month >= 10, 1.12, 0.96)[:, None] * np.ones((1, width))
    price = usual_price * dear
    price[: stage.days] *= rng.lognormal(0.0, 0.08, (stage.days, width))
    return 1.0 / price


def _ad_spend_rows(
    rng: np.random.Generator,
    stage: Stage,
    channel: Channel,
    *,
    spend: NDArray[np.int64],
    seen: Array | None,
    where: list[str],
    paid_in: list[str],
) -> pd.DataFrame:
    """Raw `ad_spend`: one row per day, place and campaign with spend (days x places x campaigns).

    What platforms claim to have sold is drawn from their spend, not from the truth.
    """
    day, place, campaign = np.nonzero(spend)
    count = len(day)
    dates = stage.dates[day]
    money = spend[day, place, campaign] / 100.0
    empty = np.full(count, np.nan)
    impressions = empty if seen is None else seen[day, place, campaign]
    territory = np.array(where)[place]
    name = [f"{t}-{channel.channel}-{channel.campaigns[c]}"
            for t, c in zip(territory, campaign, strict=True)]  # fmt: skip
    campaign_id = [f"{n}-{year}" for n, year in zip(name, dates.year, strict=True)]
    clicks = conversions = value = reach = empty
    if channel.click_rate is not None:
        clicks = rng.poisson(impressions * channel.click_rate).astype(float)
    if channel.claimed_roi is not None:
        claimed = money * channel.claimed_roi * rng.lognormal(0.0, 0.2, count)
        value, conversions = np.round(claimed, 2), np.rint(claimed / 60.0)
    if channel.frequency is not None:
        reach = np.rint(impressions / channel.frequency)
    return pd.DataFrame(
        {
            "date_day": dates,
            "grain": "day",
            "platform": channel.platform,
            "account_id": [f"{channel.platform}-{t}" for t in territory],
            "campaign_id": campaign_id,
            "campaign_name": name,
            "ad_group_id": [f"{c}-1" for c in campaign_id] if channel.click_rate else None,
            "channel": channel.channel,
            "channel_kind": "paid",
            "territory_id": territory,
            "spend": money,
            "currency_code": np.array(paid_in)[place],
            "impressions": impressions,
            "clicks": clicks,
            "reach": reach,
            "frequency": empty if channel.frequency is None else channel.frequency,
            "conversions": conversions,
            "conversions_value": value,
        },
        columns=COLUMNS["ad_spend"],
    )


def _answer(
    streams: Streams, stage: Stage, channel: Channel, exposure: Array, spend: float
) -> Driver:
    """Carry over, saturate, and scale by territory so that the channel returns its ROI."""
    effect = streams("media", channel.channel, "territory").lognormal(
        0.0, 0.1, len(stage.territories)
    )
    felt = carry_over(exposure, channel.retention)
    if channel.saturation == "hill":
        answer = hill(felt, channel.half_saturation, channel.slope)
    else:
        answer = exponential(felt, channel.half_saturation)
    answer = answer * effect * stage.size
    strength = channel.roi * spend / answer.sum()
    parameters = {
        "roi": channel.roi,
        "retention": channel.retention,
        "half_saturation": channel.half_saturation,
        "ceiling": strength,
    }
    if channel.saturation == "hill":
        parameters["slope"] = channel.slope
    return Driver("media", channel.channel, strength * answer, spend, parameters, effect)
