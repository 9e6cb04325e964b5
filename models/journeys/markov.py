"""Markov attribution: what fewer conversions there would be if a channel led nowhere.

Source: Anderl, Becker, von Wangenheim, Schumann (2016), Mapping the customer journey, International
Journal of Research in Marketing 33; absorbing chains: Kemeny & Snell (1960), Finite Markov Chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from models.errors import ModelInputError
from models.journeys import chains, kernels
from models.journeys.paths import Floats, Paths, Places, sums

#: More states times channels than this are refused above order 1: they would take minutes.
MOST_CELLS = 4_000_000
#: More channels than this are refused at order 1: their matrix would take over 1.2 GB.
MOST_CHANNELS = 12_000
#: Up to here LAPACK on the full matrix is quickest; for order 1, where each channel is one state
#: and needs no system of its own, always.
_DENSE_STATES = 300
#: Above this a sparse factorisation would not fit an ordinary machine.
_FACTOR_STATES = 8_000
#: Journeys that are not over after so many steps are solved by factorisation.
_MOST_STEPS = 2_000
_TOLERANCE = 1e-12
#: The same for replicates, of which quantiles are taken.
_OPEN = 1e-8
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
    move, source, target, last, exits = kernels.walk(
        paths.offsets, paths.codes, len(paths.channels), order
    )
    if order == 1:  # a state is a channel, and named as one
        source = np.where(source < 0, -1, last[source])
        target, exits, last = last[target], last[exits], np.arange(len(paths.channels))
        if len(last) > MOST_CHANNELS:
            raise ModelInputError(
                f"There are {len(last):,} channels; expected at most {MOST_CHANNELS:,}: put the "
                "rarest together."
            )
    elif len(last) * len(paths.channels) > MOST_CELLS:
        raise ModelInputError(
            f"Order {order} makes {len(last):,} states of {len(paths.channels):,} channels; "
            f"expected at most {MOST_CELLS:,} of one times the other: take a lower order, or put "
            "channels together."
        )
    return Graph(
        order=order,
        last=last,
        source=np.where(source < 0, len(last), source),
        target=target,
        move=move,
        exit=exits,
    )


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
    return effects(shape, *_counted(paths, shape), len(paths.channels))


def _counted(paths: Paths, shape: Graph) -> tuple[Floats, Floats, Floats]:
    """People by move, people and conversions by the state their path ends in."""
    people = paths.conversions + paths.nulls
    return (
        sums(people[paths.rows], shape.move, len(shape.source)),
        sums(people, shape.exit, len(shape.last)),
        sums(paths.conversions, shape.exit, len(shape.last)),
    )


def effects(
    shape: Graph,
    moves: Floats,
    ended: Floats,
    converted: Floats,
    channels: int,
    *,
    reach: Floats | None = None,
    tolerance: float = _TOLERANCE,
) -> Floats:
    """Removal effects, shape (C,), of counted moves.

    Args:
        moves: people by move, shape (M,).
        ended: people whose path ends in a state, shape (S,).
        converted: of these, conversions, shape (S,).
        channels: number of channels C.
        reach: with many states, the probability to convert from each state without each channel,
            shape (S, C), as far as it is known; overwritten with what is found.
        tolerance: part of all conversions that may be open where journeys are followed.
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
    if shape.order == 1 or size <= _DENSE_STATES:
        matrix = np.zeros((size, size), order="F")
        matrix[source, target] = -counts
        matrix[np.arange(size), np.arange(size)] += diagonal
        lost = (
            _diagonal(matrix, converted)
            if shape.order == 1
            else _dense(shape, matrix, converted, channels)
        )
    else:
        begun = np.zeros(size)
        begun[shape.target[~inner]] = moves[~inner]
        found = _stepwise(
            shape,
            (source, target, counts / diagonal[source]),
            begun=begun,
            leaving=diagonal,
            converted=converted,
            reach=np.zeros((size, channels)) if reach is None else reach,
            tolerance=tolerance,
        )
        if found is None:
            every = np.arange(size)
            entries = np.r_[-counts, diagonal]
            places = (np.r_[source, every], np.r_[target, every])
            found = _sparse(shape, csc_array((entries, places), (size, size)), converted, channels)
        lost = found
    return np.asarray(np.clip(lost / total, 0.0, 1.0), dtype=np.float64)


def replicated(
    paths: Paths, shape: Graph, moves: Floats, ended: Floats, converted: Floats
) -> Floats:
    """Removal effects of resampled counts, shape (draws, C).

    As `effects` for each replicate, of counts with replicates in the last axis. Where journeys are
    followed, each replicate begins at what `paths` give, and ends with at most 1e-8 of conversions
    open.
    """
    channels = len(paths.channels)
    if shape.order == 1 and channels <= _DENSE_STATES:
        return _at_once(shape, moves, ended, converted)
    usual = np.zeros((len(shape.last), channels))
    effects(shape, *_counted(paths, shape), channels, reach=usual, tolerance=_OPEN)
    return np.stack(
        [
            effects(
                shape, moves[:, d].copy(), ended[:, d].copy(), converted[:, d].copy(), channels,
                reach=usual.copy(), tolerance=_OPEN,
            )
            for d in range(moves.shape[1])
        ]
    )  # fmt: skip


def _at_once(shape: Graph, moves: Floats, ended: Floats, converted: Floats) -> Floats:
    """Effects of order 1 for many replicates in few calls."""
    size, draws = ended.shape
    inner = shape.source < size
    source, target = shape.source[inner], shape.target[inner]
    out = np.zeros((draws, size))
    every = np.arange(size)
    step = max(1, _CELLS // size**2)
    for start in range(0, draws, step):
        at = slice(start, start + step)
        counts, won = moves[inner, at].T, converted[:, at].T
        matrix = np.zeros((len(won), size, size))
        matrix[:, source, target] = -counts
        leaving = ended[:, at].T - matrix.sum(axis=2)
        matrix[:, every, every] += np.where(leaving > 0, leaving, 1.0)
        inverse = np.linalg.inv(matrix)
        lost = (inverse @ won[:, :, None])[:, :, 0] / inverse[:, every, every]
        whole = won.sum(axis=1, keepdims=True)
        np.divide(lost, whole, out=out[at], where=whole > 0)
    return np.clip(out, 0.0, 1.0)


def _diagonal(matrix: Floats, converted: Floats) -> Floats:
    """(G converted) / diag(G) with G the inverse of a matrix, which is overwritten.

    The factors L and U are inverted where they stand, and of their product only the diagonal is
    taken: two thirds of the work of an inverse, and no second matrix. Off the diagonal nothing is
    above 0, so all parts of these inverses are positive and no digit is lost to cancellation.
    """
    size = len(matrix)
    factors, swaps, _ = lapack.dgetrf(matrix, overwrite_a=True)
    reach, _ = lapack.dgetrs(factors, swaps, converted)
    for lower in (False, True):
        factors, _ = lapack.dtrtri(factors, lower=lower, unitdiag=lower, overwrite_c=True)
    column = np.arange(size)
    for row, other in enumerate(swaps):
        column[row], column[other] = column[other], column[row]
    diagonal = np.empty(size)
    for j, c in enumerate(column.tolist()):
        least = max(j, c)
        both = float(factors[c, least:] @ factors[least:, j])
        if least == j:  # the diagonal of L is 1 and not stored
            both += float(factors[c, j] * (1.0 - factors[j, j]))
        diagonal[c] = both
    return np.asarray(reach / diagonal, dtype=np.float64)


def _dense(shape: Graph, matrix: Floats, converted: Floats, channels: int) -> Floats:
    inverse = np.linalg.inv(matrix)
    reach = inverse @ converted
    lost = np.zeros(channels)
    for channel in range(channels):
        block = np.flatnonzero(shape.last == channel)
        lost[channel] = np.linalg.solve(inverse[np.ix_(block, block)], reach[block]).sum()
    return lost


def _stepwise(
    shape: Graph,
    chances: tuple[Places, Places, Floats],
    *,
    begun: Floats,
    leaving: Floats,
    converted: Floats,
    reach: Floats,
    tolerance: float,
) -> Floats | None:
    """Conversions lost by channel, by following journeys step by step; None if they do not end.

    With many states a factorisation fills up while a step costs no more than the moves there are.
    Let h hold, by state and removed channel, the probability to convert in a number of steps. What
    the next step adds is r; what all later ones add to conversions is begun (I - Q')^-1 r, at most
    begun (I - Q)^-1 |r| = leaving |r|, as visits are counted. So the error is known before it is
    small enough to stop: at most `tolerance` of all conversions.
    """
    total = float(converted.sum())
    source, target, chance = chances
    order = np.argsort(source, kind="stable")
    starts = np.searchsorted(source[order], np.arange(len(leaving) + 1))
    now = converted / leaving
    channels = reach.shape[1]
    lost = np.empty(channels)
    width = max(1, _CELLS // len(leaving))
    for start in range(0, channels, width):
        some = slice(start, min(start + width, channels))
        block = np.ascontiguousarray(reach[:, some])
        ended = chains.follow(  # type: ignore[no-untyped-call]
            starts, target[order], chance[order], now, leaving, shape.last, start, block,
            tolerance * total, _MOST_STEPS,
        )  # fmt: skip
        if not ended:
            return None
        reach[:, some] = block
        lost[some] = total - begun @ block
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
