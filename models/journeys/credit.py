"""Credit for every channel by every rule, with intervals: the one call of this room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.errors import ModelInputError
from models.journeys import markov, shapley
from models.journeys import rules as places
from models.journeys.bootstrap import replicates
from models.journeys.order import choose_order
from models.journeys.paths import UNATTRIBUTED, Floats, Paths

#: Every rule there is.
RULES = (
    *("first", "last", "last_non_direct", "linear", "position", "time_decay", "w_shaped"),
    *("markov", "shapley", "shapley_rate"),
)
#: Those that need no further word; `last_non_direct` has to be told the direct channel, and
#: `w_shaped` paths with stages.
DEFAULT_RULES = ("first", "last", "linear", "position", "time_decay", "markov", "shapley")
#: Above this many channels exact values by rate, once a replicate, take too long.
_MOST_RATE_INTERVALS = 12
#: Above so many states times channels a Markov replicate takes more than a fifth of a second;
_MOST_MARKOV_INTERVALS = 100_000
#: and above so many channels at order 1.
_MOST_RESAMPLED = 1_000


@dataclass(frozen=True)
class Attribution:
    """What `attribute` found.

    Attributes:
        paths: what it was estimated on.
        rules: in the order asked for.
        order: touches the Markov graph remembers; None without "markov".
        orders: the table order was chosen by (`choose_order`), if it was.
        conversions, value: by rule and channel, shape (R, C); value NaN if not given.
        low, high, value_low, value_high: the ends of their 90 % intervals, NaN if there are none.
        effects: removal effects, shape (C,); None without "markov".
        effects_low, effects_high: the ends of their 90 % intervals, NaN if there are none.
        notes: what the reader should know, in sentences.
    """

    paths: Paths
    rules: tuple[str, ...]
    order: int | None
    orders: pd.DataFrame | None
    conversions: Floats
    value: Floats
    low: Floats
    high: Floats
    value_low: Floats
    value_high: Floats
    effects: Floats | None
    effects_low: Floats | None
    effects_high: Floats | None
    notes: tuple[str, ...]

    def credit(self) -> pd.DataFrame:
        """Credit, a row a channel and rule.

        channel, rule, conversions, value, p05, p95 (of conversions), value_p05, value_p95.
        Conversions of empty paths stand in a row `(unattributed)` of each rule, if there are any;
        with it every rule sums to all conversions and all value.
        """
        apart = self.paths.unattributed > 0
        names = [*self.paths.channels, UNATTRIBUTED] if apart else list(self.paths.channels)
        lost = np.nan if self.paths.value is None else self.paths.unattributed_value
        columns = {
            "conversions": (self.conversions, self.paths.unattributed),
            "value": (self.value, lost),
            "p05": (self.low, np.nan),
            "p95": (self.high, np.nan),
            "value_p05": (self.value_low, np.nan),
            "value_p95": (self.value_high, np.nan),
        }
        return pd.DataFrame(
            {
                "channel": pd.Series(names * len(self.rules), dtype=object),
                "rule": np.repeat(np.array(self.rules, dtype=object), len(names)),
            }
            | {
                name: np.c_[cells, np.full((len(cells), int(apart)), rest)].ravel()
                for name, (cells, rest) in columns.items()
            }
        )

    def removal(self) -> pd.DataFrame:
        """channel, removal_effect, p05, p95; no row without "markov".

        An effect is the share of conversions lost without the channel. Effects overlap and do not
        sum to one.
        """
        effects = (self.effects, self.effects_low, self.effects_high)
        columns = [np.array([]) if column is None else column for column in effects]
        channels = self.paths.channels if self.effects is not None else ()
        return pd.DataFrame(
            {"channel": pd.Series(channels, dtype=object)}
            | dict(zip(("removal_effect", "p05", "p95"), columns, strict=True))
        )


def attribute(
    paths: Paths,
    rules: Sequence[str] = DEFAULT_RULES,
    order: int | Literal["auto"] = 1,
    draws: int = 200,
    seed: int = 0,
    *,
    direct: str | None = None,
    position: tuple[float, float, float] = places.POSITION,
    half_life: float = places.HALF_LIFE,
) -> Attribution:
    """Conversions and value of paths, credited to channels.

    Args:
        rules: any of `RULES`, each once.
        order: touches the Markov graph remembers; "auto" takes the order of 1 to 4 that predicts
            held-out people best.
        draws: replicates of the Poisson bootstrap the 90 % intervals come from; 0 for none.
        seed: of replicates and folds; the same seed gives the same result.
        direct: the channel `last_non_direct` passes over.
        position: weights of first, middle and last touch.
        half_life: of `time_decay`, in touches.

    Value follows each path's conversions by shares of touches, and by the proportions of credited
    conversions for "markov" and "shapley_rate", which share totals, not paths.

    Raises:
        ModelInputError: an unknown or repeated rule, a setting out of range, too many states.
    """
    _check(rules, direct, draws)
    notes = list(paths.notes)
    if paths.conversions.sum() == 0:
        notes.append("nothing converts: every credit and removal effect is 0")
    if "last_non_direct" in rules and direct not in paths.channels:
        notes.append(f"no path holds {direct!r}: last_non_direct is the last touch")
    shares = _shares(paths, rules, direct, position, half_life)
    depth, orders, shape, effects = None, None, None, None
    if "markov" in rules:
        depth, orders = _depth(paths, order, seed, notes)
        shape = markov.graph(paths, depth)
        effects = markov.removal_effects(paths, shape)
        if paths.nulls.sum() == 0:
            notes.append("no path without conversion is given: removal effects see buyers only")
    credited = [_credited(paths, rule, shares, effects) for rule in rules]
    low, high, value_low, value_high = np.full((4, len(rules), len(paths.channels)), np.nan)
    effects_low, effects_high = None, None
    if effects is not None:
        effects_low, effects_high = np.full((2, len(effects)), np.nan)
    with_rate = "shapley_rate" in rules and len(paths.channels) <= _MOST_RATE_INTERVALS
    if "shapley_rate" in rules and draws and not with_rate:
        notes.append(f"shapley_rate has no interval above {_MOST_RATE_INTERVALS} channels")
    if shape is not None and draws and not _is_resampled(shape, len(paths.channels)):
        shape = None
        notes.append(f"markov has no interval: order {depth} has too many states to resample")
    if draws:
        drawn = replicates(paths, shares, shape, with_rate=with_rate, draws=draws, seed=seed)
        for at, rule in enumerate(rules):
            if rule in drawn.conversions:
                low[at], high[at] = _interval(drawn.conversions[rule])
                if paths.value is not None:
                    value_low[at], value_high[at] = _interval(drawn.value[rule])
        if drawn.effects is not None:
            effects_low, effects_high = _interval(drawn.effects)
    return Attribution(
        paths=paths,
        rules=tuple(rules),
        order=depth,
        orders=orders,
        conversions=np.stack([conversions for conversions, _ in credited]),
        value=np.stack([value for _, value in credited]),
        low=low,
        high=high,
        value_low=value_low,
        value_high=value_high,
        effects=effects,
        effects_low=effects_low,
        effects_high=effects_high,
        notes=tuple(notes),
    )


def _depth(
    paths: Paths, order: int | Literal["auto"], seed: int, notes: list[str]
) -> tuple[int, pd.DataFrame | None]:
    """The order, chosen if that is wished, and the table it was chosen by."""
    if order != "auto":
        return order, None
    orders = choose_order(paths, seed=seed)
    depth = int(orders.loc[orders["is_chosen"], "order"].iloc[0])
    notes.append(f"order {depth} predicts held-out people best")
    return depth, orders


def _interval(drawn: Floats) -> tuple[Floats, Floats]:
    """The ends of 90 % of replicates, by channel."""
    low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
    return low, high


def _is_resampled(shape: markov.Graph, channels: int) -> bool:
    """Whether the chain is small enough to be solved in every replicate."""
    if shape.order == 1:
        return channels <= _MOST_RESAMPLED
    return len(shape.last) * channels <= _MOST_MARKOV_INTERVALS


def _check(rules: Sequence[str], direct: str | None, draws: int) -> None:
    unknown = [rule for rule in rules if rule not in RULES]
    if unknown or not rules or len(set(rules)) < len(rules):
        got = f"{unknown[0]!r}" if unknown else ", ".join(rules) or "none"
        raise ModelInputError(f"The rules are {got}; expected of {', '.join(RULES)}, each once.")
    if "last_non_direct" in rules and direct is None:
        raise ModelInputError(
            "The rule last_non_direct does not know which channel is direct; name it."
        )
    if draws < 0:
        raise ModelInputError(f"draws is {draws}; expected 0 (no intervals) or more.")


def _shares(
    paths: Paths,
    rules: Sequence[str],
    direct: str | None,
    position: tuple[float, float, float],
    half_life: float,
) -> dict[str, Floats]:
    """Shares by touch of the rules that have some, in the order asked for."""
    known: dict[str, Callable[[], Floats]] = {
        "first": lambda: places.first(paths),
        "last": lambda: places.last(paths),
        "last_non_direct": lambda: places.last_non_direct(paths, direct or ""),
        "linear": lambda: places.linear(paths),
        "position": lambda: places.position(paths, position),
        "time_decay": lambda: places.time_decay(paths, half_life),
        "w_shaped": lambda: places.w_shaped(paths),
        "shapley": lambda: shapley.shares(paths),
    }
    return {rule: known[rule]() for rule in rules if rule in known}


def _credited(
    paths: Paths, rule: str, shares: dict[str, Floats], effects: Floats | None
) -> tuple[Floats, Floats]:
    """Conversions and value by channel."""
    nothing = np.full(len(paths.channels), np.nan)
    if rule in shares:
        conversions = places.credit(paths, shares[rule], paths.conversions)
        if paths.value is None:
            return conversions, nothing
        return conversions, places.credit(paths, shares[rule], paths.value)
    total = float(paths.conversions.sum())
    if effects is not None and rule == "markov":
        conversions = markov.shared(effects, total)
    else:
        conversions = shapley.shapley(paths, "rate")["conversions"].to_numpy()
    if paths.value is None:
        return conversions, nothing
    return conversions, conversions * (paths.value.sum() / total if total > 0 else 0.0)
