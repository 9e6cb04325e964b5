"""Markov attribution: what fewer conversions there would be if a channel led nowhere.

Source: Anderl, Becker, von Wangenheim, Schumann (2016), Mapping the customer journey, International
Journal of Research in Marketing 33; absorbing chains: Kemeny & Snell (1960), Finite Markov Chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from models.errors import ModelInputError
from models.journeys.paths import Floats, Paths, Places, sums

#: More states times channels than this are refused: they would take minutes.
MOST_CELLS = 4_000_000
#: Up to here LAPACK on the full matrix is quickest; for order 1, where each channel is one state
#: and needs no system of its own, always.
_DENSE_STATES = 300
#: Above this a sparse factorisation would not fit an ordinary machine.
_FACTOR_STATES = 8_000
#: Journeys that are not over after so many steps are solved by factorisation.
_MOST_STEPS = 2_000
_TOLERANCE = 1e-12
_BLOCK = 128
#: Numbers of one block of channels: 32 MB.
_CELLS = 4 * 2**20


@dataclass(frozen=True)
class Graph:
    """Where paths go: states are the last `order` touches, fewer at the beginning of a path.

    Attributes:
        order: touches a state remembers.
        last: channel of a state's last touch, shape (S,).
        source, target: the state each distinct move leaves and enters, shape (M,); the start of a
            path is the source S.
        move: the move that leads to every touch, shape of the paths' codes.
        exit: the state every path ends in, shape (n,).
    """

    order: int
    last: Places
    source: Places
    target: Places
    move: Places
    exit: Places


def graph(paths: Paths, order: int = 1) -> Graph:
    """The states and moves of paths, without counts.

    Raises:
        ModelInputError: the order is below 1, or makes more states times channels than
            `MOST_CELLS`.
    """
    if order < 1:
        raise ModelInputError(f"The order is {order}; expected 1 or more touches to remember.")
    states, last = _states(paths, order)
    if len(last) * len(paths.channels) > MOST_CELLS:
        raise ModelInputError(
            f"Order {order} makes {len(last):,} states of {len(paths.channels):,} channels; "
            f"expected at most {MOST_CELLS:,} of one times the other: take a lower order, or put "
            "channels together."
        )
    came_from = np.r_[len(last), states[:-1]]
    came_from[paths.offsets[:-1]] = len(last)
    move, distinct = pd.factorize(came_from * len(last) + states)
    return Graph(
        order=order,
        last=last,
        source=distinct // len(last),
        target=distinct % len(last),
        move=np.asarray(move, dtype=np.int64),
        exit=states[paths.offsets[1:] - 1],
    )


def _states(paths: Paths, order: int) -> tuple[Places, Places]:
    """State of every touch, and the channel of every state's last touch."""
    if order == 1:
        return paths.codes, np.arange(len(paths.channels))
    keys = paths.codes
    begin = paths.offsets[:-1][paths.rows]
    touches = np.arange(len(keys))
    for back in range(1, min(order, int(paths.lengths.max()))):
        place = touches - back
        before = np.where(place >= begin, paths.codes[np.maximum(place, 0)] + 1, 0)
        keys, _ = pd.factorize(keys * (len(paths.channels) + 1) + before)
    states, distinct = pd.factorize(keys)
    last = np.empty(len(distinct), dtype=np.int64)
    last[states] = paths.codes
    return np.asarray(states, dtype=np.int64), last


def removal_effects(paths: Paths, order: int | Graph = 1) -> Floats:
    """Share of conversions lost when a channel leads nowhere, by channel, shape (C,), in [0, 1].

    A journey is a chain whose states are the last `order` touches; start, conversion and null
    frame it. Removing channel c sends every journey that touches c to null, so the effect is the
    probability to touch c and convert, over the probability to convert. Exact; for
    order 1, and up to 300 states, from one factorisation: with N = (I - Q)^-1, h the probability
    to convert from each state, s the start and C the states whose last touch is c,

        effect(c) = N[s, C] N[C, C]^-1 h(C) / h(s),

    which for order 1 is (N[s, c] / N[c, c]) h(c) / h(s). With more states journeys are followed
    step by step without each channel until at most 1e-12 of conversions is open; should they go
    round for too long, they are factorised too. Zero where nothing converts.

    Args:
        order: touches a state remembers, or the `graph` of these paths.

    Raises:
        ModelInputError: as `graph`.
    """
    shape = order if isinstance(order, Graph) else graph(paths, order)
    people = paths.conversions + paths.nulls
    return effects(
        shape,
        sums(people[paths.rows], shape.move, len(shape.source)),
        sums(people, shape.exit, len(shape.last)),
        sums(paths.conversions, shape.exit, len(shape.last)),
        len(paths.channels),
    )


def effects(shape: Graph, moves: Floats, ended: Floats, converted: Floats, channels: int) -> Floats:
    """Removal effects, shape (C,), of counted moves.

    Args:
        moves: people by move, shape (M,).
        ended: people whose path ends in a state, shape (S,).
        converted: of these, conversions, shape (S,).
        channels: number of channels C.
    """
    total = float(converted.sum())
    if total <= 0:
        return np.zeros(channels)
    size = len(shape.last)
    inner = shape.source < size
    source, target, counts = shape.source[inner], shape.target[inner], moves[inner]
    leaving = sums(counts, source, size) + ended
    # Counts instead of probabilities: with D the people leaving each state and T the moves between
    # states, I - Q = D^-1 (D - T), and D - T loses no digit to division. Whoever enters a state
    # leaves it, as every path ends: so from every state that is walked absorption is reached and
    # D - T is not singular; a state nobody walks has no move in or out and gets a one. For the same
    # reason N[s, C] is the count of visits over people, h(s) is conversions over people, and with
    # G = (D - T)^-1 the effect becomes sum(G[C, C]^-1 h(C)) / conversions.
    diagonal = np.where(leaving > 0, leaving, 1.0)
    every = np.arange(size)
    matrix = csc_array(
        (np.r_[-counts, diagonal], (np.r_[source, every], np.r_[target, every])),
        shape=(size, size),
    )
    if shape.order == 1 or size <= _DENSE_STATES:
        lost = _dense(shape, matrix, converted, channels)
    else:
        chances = csr_array((counts / diagonal[source], (source, target)), shape=(size, size))
        begun = np.zeros(size)
        begun[shape.target[~inner]] = moves[~inner]
        found = _stepwise(
            shape,
            chances,
            begun=begun,
            leaving=diagonal,
            converted=converted,
            channels=channels,
        )
        lost = _sparse(shape, matrix, converted, channels) if found is None else found
    return np.asarray(np.clip(lost / total, 0.0, 1.0), dtype=np.float64)


def _dense(shape: Graph, matrix: Any, converted: Floats, channels: int) -> Floats:
    inverse = np.linalg.inv(matrix.toarray())
    reach = inverse @ converted
    if shape.order == 1:
        return np.asarray(reach / np.diag(inverse), dtype=np.float64)
    lost = np.zeros(channels)
    for channel in range(channels):
        block = np.flatnonzero(shape.last == channel)
        lost[channel] = np.linalg.solve(inverse[np.ix_(block, block)], reach[block]).sum()
    return lost


def _stepwise(
    shape: Graph,
    chances: Any,
    *,
    begun: Floats,
    leaving: Floats,
    converted: Floats,
    channels: int,
) -> Floats | None:
    """Conversions lost by channel, by following journeys step by step; None if they do not end.

    With many states a factorisation fills up while a step costs no more than the moves there are.
    Let h hold, by state and removed channel, the probability to convert in a number of steps. What
    the next step adds is r; what all later ones add to conversions is begun (I - Q')^-1 r, at most
    begun (I - Q)^-1 r = leaving r, as visits are counted. So the error is known before it is
    small enough to stop: at most `_TOLERANCE` of all conversions.
    """
    total = float(converted.sum())
    now = (converted / leaving)[:, None]
    lost = np.empty(channels)
    width = max(1, _CELLS // len(leaving))
    for start in range(0, channels, width):
        some = np.arange(start, min(start + width, channels))
        alive = shape.last[:, None] != some
        reach = now * alive
        for _ in range(_MOST_STEPS):
            after = (now + chances @ reach) * alive
            error = float((leaving @ np.abs(after - reach)).max())
            reach = after
            if error <= _TOLERANCE * total:
                break
        else:
            return None
        lost[some] = total - begun @ reach
    return lost


def _sparse(shape: Graph, matrix: Any, converted: Floats, channels: int) -> Floats:
    if len(converted) > _FACTOR_STATES:
        raise ModelInputError(
            f"Journeys among {len(converted):,} states go round for more than {_MOST_STEPS:,} "
            f"steps; expected at most {_FACTOR_STATES:,} states then: take a lower order, or keep "
            "only the last touches of long paths."
        )
    factor = splu(matrix)
    reach = factor.solve(converted)
    lost = np.zeros(channels)
    for channel in range(channels):
        block = np.flatnonzero(shape.last == channel)
        inverse = np.empty((len(block), len(block)))
        for start in range(0, len(block), _BLOCK):  # a few columns at once: memory stays small
            some = block[start : start + _BLOCK]
            unit = np.zeros((len(converted), len(some)))
            unit[some, np.arange(len(some))] = 1.0
            inverse[:, start : start + len(some)] = factor.solve(unit)[block]
        lost[channel] = np.linalg.solve(inverse, reach[block]).sum()
    return lost


def shared(removal: Floats, total: Floats | float) -> Floats:
    """A total credited in proportion to removal effects, shape (C,); nothing where all are 0.

    Effects overlap (a journey may need two channels), so they sum to more than 1 and only their
    proportions are used, as Anderl et al. do. Works on stacked effects too, channels last.
    """
    whole = removal.sum(axis=-1, keepdims=True)
    part = np.divide(removal, whole, out=np.zeros_like(removal), where=whole > 0)
    return np.asarray(part * np.asarray(total)[..., None], dtype=np.float64)
