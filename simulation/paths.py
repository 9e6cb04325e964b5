"""Touches of people: those that made them buy, those that happened anyway, and those of bots."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulation.desk import NOT_TRACKED, TRACKED, Desk
from simulation.ledger import Lines, Orders
from simulation.media import Media
from simulation.response import Array, Chosen, Whole
from simulation.streams import Streams

LOOKBACK = 28
DAY = 86_400
# How many people a thousand impressions touch in person, relative to one another.
TOUCH_RATE = {"search": 1.6, "social": 1.0, "video": 0.5, "display": 0.35}
CLICK_SHARE = {"search": 1.0, "social": 0.25, "video": 0.06, "display": 0.04}
CHANNELS = (*TRACKED, "direct", "email", "store", "field_sales")
DIRECT, EMAIL, STORE, FIELD = range(len(TRACKED), len(CHANNELS))
KINDS = ("ad_view", "ad_click", "visit", "email", "store_visit", "call", "meeting")
VIEW, CLICK, VISIT, MAIL, STORE_VISIT, CALL, MEETING = range(len(KINDS))
# Whose touch it is: a customer, the same customer on another device, a passer-by, a bot.
CUSTOMER, DEVICE, PASSER_BY, BOT, ACCOUNT = range(5)
PERSON_LETTERS = ("c", "d", "v", "x")
BOT_TOUCHES = (150, 400)
SECOND_DEVICE = 5  # every fifth customer has one


@dataclass
class Touches:
    """Touches as codes and whole numbers, one array a column; `moment` is seconds from the start.

    `person` counts within its `who`; for an account it is the dealer. `campaign` and `seller` are
    -1 where there is none.
    """

    moment: Whole
    place: Whole
    who: Whole
    person: Whole
    kind: Whole
    channel: Whole
    campaign: Whole
    seller: Whole

    def __len__(self) -> int:
        return len(self.moment)

    def take(self, chosen: Chosen) -> "Touches":
        """Touches at positions, or where a mask is true."""
        return Touches(**{name: values[chosen] for name, values in vars(self).items()})


def joined(parts: list[Touches]) -> Touches:
    """Touches one after another."""
    return Touches(
        **{name: np.concatenate([vars(p)[name] for p in parts]) for name in vars(parts[0])}
    )


@dataclass(frozen=True)
class Attention:
    """Where touches can come from, as running sums to draw from.

    `causal` is, by tracked channel, over lags for each day and territory: exposure that day times
    what is still felt of it. `chance` is the same over channel and lag, without fading. `today` is
    over channels for each day and territory. Each row is scaled to end at its own number plus one,
    so that one search over all rows finds a row's entry.
    """

    causal: tuple[Array, ...]
    chance: Array
    today: Array
    weight: Array


def pay_attention(desk: Desk, media: Media, factors: Mapping[str, Array]) -> Attention:
    """Running sums of exposure as bought, experiments (`factors`) taken in; once for the window."""
    stage = desk.stage
    by_name = {one.channel.channel: one for one in media.bought}
    lags = np.arange(LOOKBACK)
    causal, pressure = [], []
    for name in TRACKED:
        one = by_name[name]
        seen = one.relative.mean(axis=2) * factors.get(name, 1.0)
        back = np.zeros((stage.days, stage.width, LOOKBACK))
        for lag in lags:
            back[lag:, :, lag] = seen[: stage.days - lag]
        causal.append(_rows(back * one.channel.retention**lags))
        pressure.append(TOUCH_RATE[name] * back)
    every = np.stack(pressure, axis=2)  # days x territories x channels x lags
    today = every[:, :, :, 0]
    weight = today.sum(axis=2) * desk.share_of_size()
    return Attention(
        causal=tuple(causal),
        chance=_rows(every.reshape(stage.days, stage.width, -1)),
        today=_rows(today),
        weight=weight,
    )


def _rows(weights: Array) -> Array:
    """Running share along the last axis plus the row's number, flattened."""
    flat = weights.reshape(-1, weights.shape[-1]) + 1e-12
    share = np.cumsum(flat, axis=1)
    share /= share[:, -1:]
    share[:, -1] = 1.0
    running: Array = (share + np.arange(len(flat))[:, None]).ravel()
    return running


def _draw(rows: Array, width: int, row: Whole, uniform: Array) -> Whole:
    """Entry of each row that a uniform draw falls on."""
    found = np.searchsorted(rows, row + np.minimum(uniform, 1.0 - 1e-9), side="right")
    return np.clip(found - row * width, 0, width - 1)


def paths_of_orders(
    streams: Streams, desk: Desk, attention: Attention, month: str, orders: Orders
) -> Touches:
    """What tracked customers met on the way to their orders.

    An order due to a channel has a touch of it within the lookback, on a day when it was seen.
    Whatever else happened is chance, a visit of one's own, a newsletter, or a search for the brand
    minutes before an order that was coming anyway.
    """
    rng = streams("paths", "orders", month)
    known = np.flatnonzero(orders.tracked)
    day, place, person = orders.day[known], orders.place[known], orders.customer[known]
    cause, at = orders.cause[known], orders.day[known] * DAY + orders.second[known]
    row = day * desk.stage.width + place
    parts = []

    for index in range(len(TRACKED)):
        due = np.flatnonzero(cause == index)
        lag = _draw(attention.causal[index], LOOKBACK, row[due], rng.random(len(due)))
        lag = np.minimum(lag, day[due])
        before = lag * DAY + rng.integers(300, 18_000, len(due))
        channel = np.full(len(due), index)
        parts.append(
            _ads(rng, desk, (at[due] - before, place[due]), (CUSTOMER, person[due]), channel)
        )

    count = rng.geometric(0.42, len(known)) - 1
    of = np.repeat(np.arange(len(known)), count)
    entry = _draw(attention.chance, LOOKBACK * len(TRACKED), row[of], rng.random(len(of)))
    lag = np.minimum(entry % LOOKBACK, day[of])
    before = lag * DAY + rng.integers(60, 20_000, len(of))
    channel = entry // LOOKBACK
    other = _ads(rng, desk, (at[of] - before, place[of]), (CUSTOMER, person[of]), channel)
    # A second device keeps its own key, and nobody tells that it is the same person.
    other.who = np.where(
        (other.person % SECOND_DEVICE == 0) & (rng.random(len(of)) < 0.5), DEVICE, CUSTOMER
    )
    parts.append(other)

    habit = rng.random((4, len(known)))
    back = rng.integers(60, 3_600, (4, len(known)))
    brand = np.flatnonzero((habit[0] < 0.22) & (cause == NOT_TRACKED))
    parts.append(
        _ads(rng, desk, (at[brand] - back[0, brand], place[brand]), (CUSTOMER, person[brand]),
             np.zeros(len(brand), dtype=np.int64))
    )  # fmt: skip
    for number, (share, medium, kind, stretch) in enumerate(
        ((0.55, DIRECT, VISIT, 3), (0.15, EMAIL, MAIL, 36), (0.12, STORE, STORE_VISIT, 18)), start=1
    ):
        some = np.flatnonzero(habit[number] < share)
        moment = at[some] - back[number, some] * stretch
        parts.append(_plain(moment, place[some], (CUSTOMER, kind, medium), person[some]))
    found = joined(parts)
    return found.take(found.moment >= 0)


def passers_by(
    streams: Streams,
    desk: Desk,
    attention: Attention,
    *,
    month: str,
    span: tuple[int, int],
    count: int,
) -> Touches:
    """About `count` touches of people who buy nothing, where and when advertising is seen."""
    rng = streams("paths", "passers_by", month)
    first, end = span
    width = desk.stage.width
    weight = np.cumsum(attention.weight[first:end].ravel())
    people = int(count / 2.5)
    start = np.searchsorted(weight, rng.random(people) * weight[-1], side="right")
    start = np.minimum(start, len(weight) - 1)
    day, place = first + start // width, start % width
    touches = rng.geometric(0.4, people)
    of = np.repeat(np.arange(people), touches)
    is_first = np.append(True, of[1:] != of[:-1])[: len(of)]
    later = np.where(is_first, 0, rng.integers(0, 12, len(of)))
    when = np.minimum(day[of] + later, end - 1)
    row = when * width + place[of]
    channel = _draw(attention.today, len(TRACKED), row, rng.random(len(of)))
    moment = when * DAY + rng.integers(0, DAY, len(of))
    person = np.int64(first) * 10_000_000 + of
    found = _ads(rng, desk, (moment, place[of]), (PASSER_BY, person), channel)
    own = rng.random(len(of)) < 0.2
    found.kind = np.where(own, VISIT, found.kind)
    found.channel = np.where(own, DIRECT, found.channel)
    found.campaign = np.where(own, -1, found.campaign)
    return found


def bots(streams: Streams, desk: Desk, month: str, span: tuple[int, int], number: int) -> Touches:
    """A few keys with hundreds of clicks within an hour."""
    rng = streams("paths", "bots", month)
    first, end = span
    each = rng.integers(*BOT_TOUCHES, number)
    of = np.repeat(np.arange(number), each)
    place = rng.integers(0, desk.stage.width, number)
    start = rng.integers(first * DAY, end * DAY - 7_200, number)
    moment = start[of] + rng.integers(0, 3_600, len(of))
    channel = np.where(rng.random(len(of)) < 0.7, TRACKED.index("display"), 0)
    person = np.int64(first) * 1_000 + of
    found = _ads(rng, desk, (moment, place[of]), (BOT, person), channel)
    found.kind = np.full(len(of), CLICK)
    return found


def field_touches(streams: Streams, desk: Desk, month: str, span: tuple[int, int]) -> Touches:
    """Calls, visits and meetings of sellers with the dealers of their territory."""
    rng = streams("paths", "field", month)
    first, end = span
    where = desk.force.place(desk.stage.days)[first:end]
    parts = []
    for name, kind in (("call", CALL), ("visit", VISIT), ("meeting", MEETING)):
        counts = desk.force.touches[name][first:end].astype(np.int64)
        of = np.repeat(np.arange(counts.size), counts.ravel())
        day, seller = of // counts.shape[1], of % counts.shape[1]
        second = rng.integers(7 * 3_600, 16 * 3_600, len(of))
        dealer = rng.integers(0, desk.volume.dealers, len(of))
        place = where[day, seller]
        found = _plain((first + day) * DAY + second, place, (ACCOUNT, kind, FIELD), dealer)
        found.seller = seller
        parts.append(found.take(place >= 0))
    return joined(parts)


def meetings_before(rng: np.random.Generator, order: Lines, moment: Whole) -> Touches:
    """One to three calls and meetings of a seller with a dealer in the weeks before an order."""
    of = np.repeat(np.arange(len(order)), rng.integers(1, 4, len(order)))
    when = moment[of] - rng.integers(1, LOOKBACK - 1, len(of)) * DAY
    kind = np.where(rng.random(len(of)) < 0.6, MEETING, CALL)
    found = _plain(when, order.place[of], (ACCOUNT, CALL, FIELD), order.customer[of])
    found.kind, found.seller = kind, order.rep[of]
    return found.take((when >= 0) & (found.seller >= 0))


def without_marketing(desk: Desk, touches: Touches, without: frozenset[tuple[str, str]]) -> Touches:
    """Touches without those of campaigns and sellers that are switched off."""
    if not without:
        return touches
    campaigns = [
        index
        for index, label in enumerate(desk.campaigns)
        if {("campaign", label), ("media", label.split("-")[1])} & without
    ]
    sellers = [
        index
        for index, seller in enumerate(desk.force.sellers)
        if {("seller", seller.seller_id), ("seller", seller.kind), ("agency", seller.agency_id)}
        & without
    ]
    off = np.isin(touches.campaign, campaigns) | np.isin(touches.seller, sellers)
    return touches.take(~off)


def _ads(
    rng: np.random.Generator,
    desk: Desk,
    at: tuple[Whole, Whole],
    whose: tuple[int, Whole],
    channel: Whole,
) -> Touches:
    """Touches of advertising at moments and places; the campaign is one of the channel's then."""
    moment, place = at
    count = len(moment)
    click = np.array([CLICK_SHARE[name] for name in TRACKED])
    lines = np.array(desk.lines)
    line = (rng.random(count) * lines[channel]).astype(np.int64)
    day = np.clip(moment // DAY, 0, desk.stage.days - 1)
    campaign = desk.campaign_at[channel, place, desk.year[day]] + line
    who, person = whose
    return Touches(
        moment=moment, place=place, who=np.full(count, who), person=person,
        kind=np.where(rng.random(count) < click[channel], CLICK, VIEW), channel=channel,
        campaign=campaign, seller=np.full(count, -1),
    )  # fmt: skip


def _plain(moment: Whole, place: Whole, what: tuple[int, int, int], person: Whole) -> Touches:
    """Touches without a campaign; `what` is whose they are, their kind and their channel."""
    count = len(moment)
    who, kind, channel = what
    return Touches(
        moment=moment, place=place, who=np.full(count, who), person=person,
        kind=np.full(count, kind), channel=np.full(count, channel),
        campaign=np.full(count, -1), seller=np.full(count, -1),
    )  # fmt: skip
