"""What one cause brings: consumer demand, and how it reaches the ledger through the trade."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from simulation.markets import Stage
from simulation.response import Array, lagged
from simulation.streams import Streams

EVERYWHERE = -1
# A dealer orders again what was sold over the last two weeks, most of it after four days.
REPLENISHMENT = np.array([0, 1, 2, 3, 4, 4, 3, 3, 2, 2, 1, 1, 1, 1], dtype=float)


@dataclass(frozen=True)
class Effect:
    """One cause: a part of the baseline, a campaign, a promotion, an event, a seller.

    `demand` is what people spend more because of it, in EUR at the company's prices: days from
    `first` on x territories x products, where territories is one wide unless `territory` is
    EVERYWHERE. `trade` is what the trade orders more on its own account, of the same shape.
    `group` is an agency that the cause belongs to.
    """

    kind: str
    driver: str
    name: str
    territory: int
    first: int
    demand: Array
    trade: Array | None = None
    group: str | None = None

    @property
    def keys(self) -> set[tuple[str, str]]:
        """What `without` may call it."""
        named = "campaign" if self.kind == "media" else self.kind
        keys = {(self.kind, self.driver), (named, self.name)}
        return keys | {("agency", self.group)} if self.group else keys

    def part(self, demand: Array) -> "Effect":
        """The same cause with a part of its demand, and nothing of the trade's own."""
        return replace(self, demand=demand, trade=None)


@dataclass(frozen=True)
class Trade:
    """Dealers: the part of demand they serve by territory, and what they ask for it."""

    share: Array
    wholesale: float

    def booked(self, stage: Stage, effect: Effect) -> tuple[Array, Array]:
        """EUR the company books for an effect, through its own shops and as sell-in.

        Both are days x territories x products, from `effect.first` on, as long as the effect lasts.
        Own shops sell the moment demand is there; dealers pass it on as they replenish. Both are
        linear in demand, so that what causes bring adds up.
        """
        share = self.share if effect.territory == EVERYWHERE else self.share[[effect.territory]]
        left = min(stage.days - effect.first, len(effect.demand) + len(REPLENISHMENT) - 1)
        demand = np.zeros((left, *effect.demand.shape[1:]))
        demand[: len(effect.demand)] = effect.demand[:left]
        own = (1.0 - share)[:, None] * demand
        is_steady = effect.kind in ("baseline", "noise")
        passed = _steady(demand) if is_steady else lagged(demand, REPLENISHMENT)
        sell_in = share[:, None] * passed
        if effect.trade is not None:
            sell_in[: len(effect.trade)] += effect.trade[:left]
        return own, sell_in

    def sold_on(self, effect_demand: Array) -> Array:
        """What dealers take from people for a demand, days x territories x products, EUR."""
        sold: Array = self.share[:, None] * effect_demand / self.wholesale
        return sold


def _steady(demand: Array) -> Array:
    """Replenishment of what was sold before the window too: as on its first day."""
    before = np.repeat(demand[:1], len(REPLENISHMENT), axis=0)
    return lagged(np.concatenate([before, demand]), REPLENISHMENT)[len(before) :]


def open_trade(streams: Streams, stage: Stage) -> Trade:
    """Dealers serve a fifth to a quarter of the demand of a territory."""
    share = streams("trade", "share").uniform(0.19, 0.25, stage.width)
    return Trade(share=share, wholesale=0.72)


def over_products(demand: Array, share: Array) -> Array:
    """Demand (days x territories) divided over products by their share (days x products)."""
    return demand[:, :, None] * share[: len(demand), None, :]


def kept(effects: Iterable[Effect], without: frozenset[tuple[str, str]]) -> list[Effect]:
    """Effects that are not switched off."""
    return [effect for effect in effects if not effect.keys & without]
