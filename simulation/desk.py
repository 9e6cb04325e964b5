"""What is fixed before the first order line is written: who buys, who sells, at what rates."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simulation.markets import Stage
from simulation.media import CHANNELS, Media, campaign_id
from simulation.products import Catalogue
from simulation.promotions import Schedule
from simulation.response import Array, Whole
from simulation.sellers import SalesForce
from simulation.truth import Accounts

# Channels that leave a touch of a person; television and posters leave none.
TRACKED = ("search", "social", "video", "display")
DISTRIBUTORS = 3
NOT_TRACKED = len(TRACKED)


@dataclass(frozen=True)
class Volume:
    """How finely the company is written down: lines a day by book, and touches in all.

    A line of each product on sale is written in any case; these come on top, for all territories.
    """

    own_lines: float
    trade_lines: float
    partner_lines: float
    touchpoints: int
    dealers: int
    orders_per_customer: float = 3.0


@dataclass(frozen=True)
class Desk:
    """Everything the ledger and the paths are written from.

    `causes` is the chance, cumulated, that an order of a day and territory is due to each tracked
    channel, (days x territories) x channels. `promotion` is the index of a promotion that is on for
    a product (-1: none), `depth` the discount it gives, days x territories x products. `rep` is
    the seller of each dealer, days x territories x dealers (-1: none). `campaign` holds
    campaign labels; `campaign_at` the index of the first line's, by tracked channel, territory and
    year.
    """

    stage: Stage
    catalogue: Catalogue
    accounts: Accounts
    force: SalesForce
    volume: Volume
    causes: Array
    promotion_ids: list[str]
    promotion: Whole
    depth: Array
    rep: Whole
    dealers: list[str]
    customers: Whole
    lost: tuple[int, int, float]
    campaigns: list[str]
    campaign_at: Whole
    lines: tuple[int, ...]
    year: Whole

    def share_of_size(self) -> Array:
        """Part of the company that each territory is."""
        part: Array = self.stage.size / self.stage.size.sum()
        return part


def set_desk(
    stage: Stage,
    catalogue: Catalogue,
    accounts: Accounts,
    force: SalesForce,
    volume: Volume,
    *,
    media: Media,
    schedule: Schedule,
    without: frozenset[tuple[str, str]],
    lost: tuple[int, int, float],
) -> Desk:
    """Draws nothing: what is on, who is where, and how likely an order is due to each channel."""
    promotion_ids, promotion, depth = _promotions(stage, catalogue, schedule, without)
    campaigns, campaign_at, lines = _campaigns(stage, media)
    share = stage.size / stage.size.sum()
    orders = volume.own_lines * stage.days / 1.6
    pool = np.maximum(orders / volume.orders_per_customer * share, 20).astype(np.int64)
    return Desk(
        stage=stage,
        catalogue=catalogue,
        accounts=accounts,
        force=force,
        volume=volume,
        causes=_causes(stage, accounts),
        promotion_ids=promotion_ids,
        promotion=promotion,
        depth=depth,
        rep=_reps(stage, force, volume.dealers),
        dealers=[f"{name}-d{n:03d}" for name in stage.names for n in range(volume.dealers)],
        customers=np.append(0, np.cumsum(pool)),
        lost=lost,
        campaigns=campaigns,
        campaign_at=campaign_at,
        lines=lines,
        year=np.unique(stage.dates[: stage.days].year, return_inverse=True)[1].astype(np.int64),
    )


def _causes(stage: Stage, accounts: Accounts) -> Array:
    """Contribution through own shops over all that is sold there, cumulated over channels."""
    sold = accounts.own.sum(axis=2) * stage.rate_micros / 1e8
    none = np.zeros_like(sold)
    parts = np.stack([accounts.own_eur.get(name, none) for name in TRACKED], axis=2)
    chance = parts / np.maximum(sold, 1e-9)[:, :, None]
    return np.cumsum(chance, axis=2).reshape(-1, len(TRACKED))


def _promotions(
    stage: Stage, catalogue: Catalogue, schedule: Schedule, without: frozenset[tuple[str, str]]
) -> tuple[list[str], Whole, Array]:
    shape = (stage.days, stage.width, catalogue.size)
    on, depth = np.full(shape, -1, dtype=np.int64), np.zeros(shape)
    ids: list[str] = []
    for promoted in schedule.promoted:
        if promoted.effect.keys & without:
            continue
        p = promoted.promotion
        days = slice(p.first, p.last + 1)
        chosen = slice(p.product, p.product + 1) if p.product >= 0 else slice(None)
        on[days, p.territory, chosen] = len(ids)
        if p.kind.is_discount:
            depth[days, p.territory, chosen] += p.depth
        ids.append(promoted.promotion_id)
    return ids, on, depth


def _campaigns(stage: Stage, media: Media) -> tuple[list[str], Whole, tuple[int, ...]]:
    """Labels, index of the first line by tracked channel x territory x year, lines by channel."""
    years = np.unique(stage.dates[: stage.days].year)
    labels: list[str] = []
    at = np.zeros((len(TRACKED), stage.width, len(years)), dtype=np.int64)
    by_name = {one.channel.channel: one for one in media.bought}
    lines = tuple(len(by_name[name].channel.campaigns) for name in TRACKED)
    for index, name in enumerate(TRACKED):
        one = by_name[name]
        for place in range(stage.width):
            for number, year in enumerate(years):
                at[index, place, number] = len(labels)
                labels += [
                    campaign_id(stage, one, place, line, int(year)) for line in range(lines[index])
                ]
    return labels, at, lines


def _reps(stage: Stage, force: SalesForce, dealers: int) -> Whole:
    where = force.place(stage.days)
    found = np.full((stage.days, stage.width, dealers), -1, dtype=np.int64)
    moves = np.flatnonzero((np.diff(where, axis=0) != 0).any(axis=1)) + 1
    for first, end in pairwise([0, *moves.tolist(), stage.days]):
        for place in range(stage.width):
            sellers = np.flatnonzero(where[first] == place)
            if len(sellers):
                found[first:end, place] = sellers[np.arange(dealers) % len(sellers)]
    return found


PLATFORMS = {channel.channel: channel.platform for channel in CHANNELS}
