"""Paid media: flights, spend, impressions, platform claims, and what they really brought."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulation.effects import EVERYWHERE, Effect, over_products
from simulation.markets import PARENT, REPORTING_CURRENCY, Stage, to_eur_cents, to_local_cents
from simulation.products import Catalogue
from simulation.response import Array, carry_over, delayed, exponential, hill, logarithmic
from simulation.streams import Streams
from simulation.tables import COLUMNS


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
    peak: float = 0.0


# Bought for the parent of all territories; the others are bought by territory.
NATIONAL = "tv"
CHANNELS = (
    Channel("tv", "broadcast", 0.34, 1.5, 0.85, "hill", 2.0, 1.6, 9.0, ("flight",), frequency=4.0),
    # Posters are bought by the fortnight and counted by nobody: no impressions, only spend.
    # They are noticed late, too: the effect is greatest after two days.
    Channel("out_of_home", "posters", 0.10, 1.0, 0.75, "hill", 2.0, 1.3, None, ("fortnight",),
            peak=2.0),
    Channel("search", "adwords", 0.16, 3.0, 0.15, "hill", 1.2, 1.0, 22.0, ("brand", "generic"),
            click_rate=0.03, claimed_roi=6.0),
    Channel("social", "social_ads", 0.17, 2.2, 0.5, "hill", 1.3, 1.2, 6.0, ("always_on", "pulse"),
            click_rate=0.011, claimed_roi=3.5, frequency=2.5),
    Channel("video", "video_ads", 0.13, 1.7, 0.7, "exponential", 1.8, 1.0, 11.0, ("flight",),
            click_rate=0.004, claimed_roi=1.2, frequency=3.0),
    Channel("display", "ad_exchange", 0.10, 0.55, 0.3, "logarithmic", 1.0, 1.0, 2.5,
            ("prospecting",), click_rate=0.001, claimed_roi=2.8, frequency=6.0),
)  # fmt: skip


def television_calendar(streams: Streams, stage: Stage) -> Array:
    """Weight of national television by day of history and plan; zero between flights.

    Promotions and online video are timed by it, whether television is on air or not.
    """
    return _flights(streams("media", "tv", "calendar"), stage.horizon, (21, 35), (24, 45))


@dataclass(frozen=True)
class Bought:
    """A channel as bought: impressions (thousands of EUR where nobody counts) and spend in cents.

    `seen` and `cents` are days x places x campaign lines; `relative` is exposure over its mean as
    planned, of the same shape. `places` are territories by position, EVERYWHERE for national.
    """

    channel: Channel
    places: tuple[int, ...]
    split: Array
    cents: NDArray[np.int64]
    seen: Array
    relative: Array
    plan: pd.DataFrame
    spend_eur: float


@dataclass(frozen=True)
class Media:
    """All channels as bought, and the strength and territory effect of each."""

    bought: tuple[Bought, ...]
    strength: dict[str, float]
    territory_effect: dict[str, Array]


def plan_media(
    streams: Streams,
    stage: Stage,
    demand_index: Array,
    television: Array,
    *,
    target_eur: float,
    variety: int = 1,
) -> Media:
    """Buy the six media so that together they bring `target_eur` over the window.

    Channel returns, carry-over and saturation vary by seed around the habits of each `Channel`;
    budgets follow from the target, effects from budgets and returns. `variety` multiplies the
    campaigns of a channel.
    """
    habits = [_this_seed(streams("media", c.channel, "habits"), c) for c in CHANNELS]
    budget = target_eur / sum(c.budget_share * c.roi for c in habits)
    bought, strength, effects = [], {}, {}
    for habit in habits:
        channel = habit._replace(
            campaigns=tuple(
                f"{name}-{n + 1}" if n else name for n in range(variety) for name in habit.campaigns
            )
        )
        name = channel.channel
        shape = _shape(streams, stage, name, demand_index, television)
        one = _buy(streams, stage, channel, shape, budget * channel.budget_share)
        effects[name] = streams("media", name, "territory").lognormal(0.0, 0.1, stage.width)
        answer = sum(
            float(eur.sum()) for eur in _answers(stage, one, one.relative, effects[name]).values()
        )
        strength[name] = channel.roi * one.spend_eur / answer
        bought.append(one)
    return Media(tuple(bought), strength, effects)


def media_effects(
    stage: Stage,
    media: Media,
    catalogue: Catalogue,
    factors: Mapping[str, Array] | None = None,
    only: str | None = None,
) -> list[Effect]:
    """What each campaign brings: one campaign a channel, place, line and year.

    Every campaign is felt and saturates on its own, so that what campaigns bring adds up and each
    one's part is what would be missing without it. `factors` by channel, days x territories,
    multiply what was bought (experiments); `only` one channel is asked for.
    """
    found = []
    for one in media.bought:
        name = one.channel.channel
        if only not in (None, name):
            continue
        relative = one.relative
        if factors is not None and name in factors:
            relative = relative * _of_places(factors[name], one.places)[:, :, None]
        answers = _answers(stage, one, relative, media.territory_effect[name])
        for (place, line, first, year), eur in answers.items():
            found.append(
                Effect(
                    "media", name, campaign_id(stage, one, place, line, year), one.places[place],
                    first,
                    media.strength[name] * over_products(eur, catalogue.share[first:]),
                )
            )  # fmt: skip
    return found


def campaign_id(stage: Stage, one: Bought, place: int, line: int, year: int) -> str:
    """Id of a campaign: place, channel, line, year."""
    return (
        f"{_place_name(stage, one.places[place])}-{one.channel.channel}-"
        f"{one.channel.campaigns[line]}-{year}"
    )


def _place_name(stage: Stage, place: int) -> str:
    return PARENT if place == EVERYWHERE else stage.names[place]


def _of_places(by_territory: Array, places: tuple[int, ...]) -> Array:
    return by_territory[:, :1] if places == (EVERYWHERE,) else by_territory


def _answers(
    stage: Stage, one: Bought, relative: Array, territory_effect: Array
) -> dict[tuple[int, int, int, int], Array]:
    """(place, line, first day, year): EUR before strength, days from the first x territories."""
    channel = one.channel
    years = stage.dates[: stage.days].year.to_numpy()
    found = {}
    for year in np.unique(years):
        first = int(np.argmax(years == year))
        pressure = np.where((years == year)[first:, None, None], relative[first:], 0.0)
        if channel.peak:
            felt = delayed(pressure, channel.retention, channel.peak)
        else:
            felt = carry_over(pressure, channel.retention)
        if channel.saturation == "hill":
            answer = hill(felt, channel.half_saturation, channel.slope)
        elif channel.saturation == "exponential":
            answer = exponential(felt, channel.half_saturation)
        else:
            answer = logarithmic(felt, channel.half_saturation)
        for place, territory in enumerate(one.places):
            at = slice(None) if territory == EVERYWHERE else slice(territory, territory + 1)
            weight = (stage.size * territory_effect)[at]
            for line, part in enumerate(one.split):
                found[place, line, first, int(year)] = part * answer[:, place, [line]] * weight
    return found


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
) -> Bought:
    """Spend and impressions of history, plan rows of the future."""
    rng = streams("media", channel.channel, "buying")
    days, national = stage.days, channel.channel == NATIONAL
    places = [PARENT] if national else stage.names
    rates = np.full((days, 1), 1_000_000) if national else stage.rate_micros
    if national:
        share = np.ones(1)
    else:
        share = stage.size * rng.lognormal(0.0, 0.15, stage.width)
        share = share / share.sum()
    daily_mean = budget_eur * share / days
    eur = daily_mean * shape / shape[:days].mean(axis=0)
    eur[:days] *= rng.lognormal(0.0, 0.1, (days, len(places)))

    split = rng.uniform(0.35, 0.65, len(channel.campaigns))
    split = split / split.sum()
    spend_cents = to_local_cents(eur[:days, :, None] * split, rates[:, :, None])
    price = channel.cost_per_mille_eur
    if price is None:
        seen = eur[:days, :, None] * split / 1000.0
        relative = seen / (daily_mean[:, None] * split / 1000.0)
        hoped: Array | float = np.nan
    else:
        mille = _mille_by_eur(rng, stage, price, len(places))
        seen = np.rint(1000.0 * eur[:days, :, None] * split * mille[:days, :, None])
        relative = seen / (1000.0 * daily_mean[:, None] * split / price)
        hoped = np.rint(1000.0 * eur[days:] * mille[days:]).ravel()
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
    return Bought(
        channel=channel,
        places=(EVERYWHERE,) if national else tuple(range(stage.width)),
        split=split,
        cents=spend_cents,
        seen=seen,
        relative=relative,
        plan=plan[plan["spend"] > 0],
        spend_eur=to_eur_cents(spend_cents, rates[:, :, None]).sum() / 100.0,
    )


def _mille_by_eur(rng: np.random.Generator, stage: Stage, usual_price: float, width: int) -> Array:
    """Thousands of impressions a EUR buys; dearer in the fourth quarter, noisy in history."""
    dear = np.where(stage.dates.month >= 10, 1.12, 0.96)[:, None] * np.ones((1, width))
    price = usual_price * dear
    price[: stage.days] *= rng.lognormal(0.0, 0.08, (stage.days, width))
    return 1.0 / price


def ad_spend_rows(
    streams: Streams,
    stage: Stage,
    one: Bought,
    without: frozenset[tuple[str, str]],
    factor: Array | None = None,
) -> tuple[pd.DataFrame, float]:
    """Raw `ad_spend` of a channel, one row a day, place and campaign with spend; and EUR spent.

    What platforms claim to have sold is drawn from their spend, not from the truth. Every draw is
    made for the whole grid, so that a campaign switched off moves no other.
    """
    channel = one.channel
    rng = streams("media", channel.channel, "reports")
    noise = rng.lognormal(0.0, 1.0, (2, *one.cents.shape))
    cents, seen = one.cents, one.seen
    if factor is not None:
        by_place = _of_places(factor, one.places)[:, :, None]
        cents, seen = np.rint(cents * by_place).astype(np.int64), np.rint(seen * by_place)
    years = stage.dates[: stage.days].year.to_numpy()
    ids = {
        (place, line, int(year)): campaign_id(stage, one, place, line, int(year))
        for place in range(len(one.places))
        for line in range(len(channel.campaigns))
        for year in np.unique(years)
    }
    is_kept = np.ones(cents.shape, dtype=bool)
    for (p, c, year), name in ids.items():
        if ("campaign", name) in without:
            is_kept[years == year, p, c] = False
    day, place, line = np.nonzero(cents * is_kept)
    count = len(day)
    money = cents[day, place, line] / 100.0
    empty = np.full(count, np.nan)
    impressions = empty if channel.cost_per_mille_eur is None else seen[day, place, line]
    campaign = [
        ids[int(p), int(c), int(y)] for p, c, y in zip(place, line, years[day], strict=True)
    ]
    territory = np.array([_place_name(stage, p) for p in one.places])[place]
    national = one.places == (EVERYWHERE,)
    paid_in = [REPORTING_CURRENCY] if national else [t.currency_code for t in stage.territories]
    clicks = conversions = value = reach = empty
    if channel.click_rate is not None:
        clicks = np.rint(impressions * channel.click_rate * noise[0, day, place, line] ** 0.1)
    if channel.claimed_roi is not None:
        value = np.round(money * channel.claimed_roi * noise[1, day, place, line] ** 0.2, 2)
        conversions = np.rint(value / 60.0)
    if channel.frequency is not None:
        reach = np.rint(impressions / channel.frequency)
    table = pd.DataFrame(
        {
            "date_day": stage.dates[day],
            "grain": "day",
            "platform": channel.platform,
            "account_id": [f"{channel.platform}-{t}" for t in territory],
            "campaign_id": campaign,
            "campaign_name": [name[:-5] for name in campaign],
            "ad_group_id": [f"{name}-1" for name in campaign] if channel.click_rate else None,
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
    rates = np.ones(count) * 1_000_000 if national else stage.rate_micros[day, place]
    spent = to_eur_cents(cents[day, place, line], rates.astype(np.int64)).sum() / 100.0
    return table, float(spent)
