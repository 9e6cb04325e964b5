"""Poisson bootstrap over people: how far credit would move with other people of the same kind.

Source: Hanley & MacGibbon (2006), Creating non-parametric bootstrap samples using Poisson
frequencies, Computer Methods and Programs in Biomedicine 83.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import pdtr

from models.errors import ModelInputError
from models.journeys import chains, markov
from models.journeys.paths import Floats, Paths, Places
from models.journeys.shapley import Coalitions, coalitions, rate

#: Sums of one block of replicates: 64 MB.
_CELLS = 8 * 2**20
#: Whole counts below this are drawn from a table of cumulative probabilities.
_SMALL = 64


@dataclass(frozen=True)
class Replicates:
    """What resampled people bring.

    Attributes:
        conversions, value: credited, by rule, shape (draws, C) each; value 0 if paths have none.
        effects: removal effects, shape (draws, C); None without a graph.
    """

    conversions: dict[str, Floats]
    value: dict[str, Floats]
    effects: Floats | None


def replicates(
    paths: Paths,
    shares: Mapping[str, Floats],
    shape: markov.Graph | None,
    *,
    with_rate: bool,
    draws: int,
    seed: int,
) -> Replicates:
    """Credit by rule in resampled counts.

    In a Poisson bootstrap each person counts Poisson(1) times; people that walked the same path to
    the same end are exchangeable, so a count n becomes Poisson(n), also where it is fractional. Of
    persons who are known to have walked several (`Paths.persons`) all count together.
    Credit by shares and counts of moves are linear in these counts, and so summed for all
    replicates in one pass over paths; only the chain itself is solved again in each. A path's value
    is resampled with its conversions, each worth the path's mean.

    Args:
        shares: rules by name, shares by touch.
        shape: graph of "markov", if that is wished.
        with_rate: whether "shapley_rate" is wished.
        draws: replicates; 1 or more.
        seed: replicate d depends on (seed, d) alone, so the same seed gives the same bytes.

    Raises:
        ModelInputError: fewer than one draw.
    """
    if draws < 1:
        raise ModelInputError(f"draws is {draws}; expected 1 or more.")
    channels = len(paths.channels)
    sets = coalitions(paths) if with_rate else None
    names = [*shares, *(["markov"] if shape else []), *(["shapley_rate"] if sets else [])]
    conversions = {name: np.empty((draws, channels)) for name in names}
    value = {name: np.empty((draws, channels)) for name in names}
    effects = None if shape is None else np.empty((draws, channels))
    step = _block(paths, len(shares), shape, sets)
    for start in range(0, draws, step):
        count = min(step, draws - start)
        at = slice(start, start + count)
        found = resampled(
            paths, list(shares.values()), shape, sets, draws=range(start, start + count), seed=seed
        )
        for place, name in enumerate(shares):
            conversions[name][at] = found.given[place].T
            value[name][at] = found.gained[place].T
        if shape is not None and effects is not None:
            effects[at] = markov.replicated(
                paths, shape, found.walked, found.ended, found.converted
            )
            conversions["markov"][at] = markov.shared(effects[at], found.totals[0])
            value["markov"][at] = markov.shared(effects[at], found.totals[1])
        if sets is not None:
            for d in range(count):
                credit, _ = rate(sets, found.outcome[:, d], found.people[:, d], channels)
                conversions["shapley_rate"][start + d] = credit
                sold, earned = found.totals[:, d]
                value["shapley_rate"][start + d] = credit * (earned / sold if sold > 0 else 0.0)
    return Replicates(conversions, value, effects)


@dataclass(frozen=True)
class Sums:
    """Sums over resampled people, replicates in the last axis.

    Attributes:
        given, gained: credited conversions and value, by rule and channel.
        walked: people by move of the graph.
        ended, converted: people and conversions by the state paths end in.
        people, outcome: people and conversions by set of channels.
        totals: all conversions, all value.
    """

    given: Floats
    gained: Floats
    walked: Floats
    ended: Floats
    converted: Floats
    people: Floats
    outcome: Floats
    totals: Floats


def resampled(
    paths: Paths,
    shares: Sequence[Floats],
    shape: markov.Graph | None,
    sets: Coalitions | None,
    *,
    draws: range,
    seed: int,
) -> Sums:
    """Sums of some replicates; those of a graph or of sets are empty where there is none."""
    nothing = np.empty(0, dtype=np.int64)
    channels, count = len(paths.channels), len(draws)
    states, moves = (0, 0) if shape is None else (len(shape.last), len(shape.source))
    groups = 0 if sets is None else len(sets.offsets) - 1
    worth = np.zeros(len(paths))
    if paths.value is not None:
        np.divide(paths.value, paths.conversions, out=worth, where=paths.conversions > 0)
    given, gained = np.zeros((2, len(shares), channels, count))
    ended, converted = np.zeros((2, states, count))
    people, outcome = np.zeros((2, groups, count))
    walked, totals = np.zeros((moves, count)), np.zeros((2, count))
    persons = paths.persons
    if persons is None:
        persons = np.full(len(paths), -1, dtype=np.int64)
    sold_row, lost_row, others = _others(paths)
    chains.resample(  # type: ignore[no-untyped-call]
        paths.offsets, paths.codes, paths.conversions, paths.nulls, worth, persons,
        sold_row, lost_row, _drawn(others, seed, draws), _cumulative(),
        np.random.SeedSequence(seed).generate_state(1, np.uint64)[0], draws.start,
        np.stack(shares) if shares else np.empty((0, len(paths.codes))),
        shape.move if shape else nothing, shape.exit if shape else nothing,
        sets.of_path if sets else nothing, given, gained, walked, converted, ended,
        outcome, people, totals,
    )  # fmt: skip
    return Sums(given, gained, walked, ended, converted, people, outcome, totals)


def _block(paths: Paths, rules: int, shape: markov.Graph | None, sets: Coalitions | None) -> int:
    """Replicates of one pass over paths."""
    rows = 2 * rules * len(paths.channels) + len(_others(paths)[2]) + 4
    if shape is not None:
        rows += len(shape.source) + 2 * len(shape.last)
    if sets is not None:
        rows += 2 * len(sets.offsets)
    return max(1, _CELLS // rows)


def _cumulative() -> npt.NDArray[np.uint64]:
    """Probability of at most 0, 1, ... where n are expected, times 2^64: shape (n, 160)."""
    chance = pdtr(np.arange(160)[None, :], np.arange(_SMALL)[:, None].astype(np.float64))
    whole = 2.0**64
    out = np.full(chance.shape, np.iinfo(np.uint64).max, dtype=np.uint64)
    scaled = chance * whole
    inside = scaled < whole
    out[inside] = scaled[inside].astype(np.uint64)
    return out


def _others(paths: Paths) -> tuple[Places, Places, Floats]:
    """Rows of counts that are no small whole numbers, -1 for the rest; these counts."""
    counts = np.concatenate([paths.conversions, paths.nulls])
    other = (counts != np.floor(counts)) | (counts >= _SMALL)
    rows = np.where(other, np.cumsum(other) - 1, -1)
    return rows[: len(paths)], rows[len(paths) :], counts[other]


def _drawn(counts: Floats, seed: int, draws: range) -> Floats:
    """A Poisson number for each count and replicate, shape (counts, draws)."""
    out = np.empty((len(counts), len(draws)))
    for column, draw in enumerate(draws if len(counts) else ()):
        out[:, column] = np.random.default_rng([seed, draw]).poisson(counts)
    return out
