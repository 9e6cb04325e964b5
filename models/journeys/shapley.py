"""Shapley attribution: a channel's mean marginal worth over all orders of joining.

Sources: Shapley (1953), A Value for n-Person Games; Zhao, Mahboobi, Bagheri (2018), Shapley Value
Methods for Attribution Modeling in Online Advertising, arXiv:1804.05327.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np
import pandas as pd

from models.errors import ModelInputError
from models.journeys.paths import Floats, Paths, Places, sums

#: Above this many channels the rate's values are sampled: 2^n coalitions are too many.
MOST_EXACT = 20
Worth = Literal["conversions", "rate"]


@dataclass(frozen=True)
class Coalitions:
    """Distinct sets of channels and the paths that touch exactly them.

    Attributes:
        offsets, members: set i holds the channels `members[offsets[i]:offsets[i + 1]]`, rising.
        of_path: the set of every path, shape (n,).
    """

    offsets: Places
    members: Places
    of_path: Places


def shares(paths: Paths) -> Floats:
    """Shares by touch: equal parts to a path's distinct channels, whatever their order and number.

    This is exactly Shapley for the worth "conversions", v(S) = conversions of paths that touch no
    channel outside S: v is a sum of unanimity games, one a path, and the Shapley value of a
    unanimity game is an equal split among its members (Shapley 1953; for paths, Zhao et al. 2018).
    """
    keys = paths.rows * len(paths.channels) + paths.codes
    pair, distinct = pd.factorize(keys)
    times = np.bincount(pair)
    several = np.bincount(distinct // len(paths.channels), minlength=len(paths))
    return np.asarray(1.0 / (several[paths.rows] * times[pair]), dtype=np.float64)


def coalitions(paths: Paths) -> Coalitions:
    """The distinct channel sets of paths."""
    width = len(paths.channels)
    distinct = np.unique(paths.rows * width + paths.codes)
    rows, members = distinct // width, distinct % width
    offsets = np.searchsorted(rows, np.arange(len(paths) + 1))
    lengths = np.diff(offsets)
    key = np.zeros(len(paths), dtype=np.int64)
    for position in range(int(lengths.max())):
        holds = np.flatnonzero(lengths > position)
        member = members[offsets[holds] + position] + 1
        key[holds] = pd.factorize(key[holds] * (width + 1) + member)[0]
    of_path = np.asarray(pd.factorize(key * (int(lengths.max()) + 1) + lengths)[0], dtype=np.int64)
    _, first = np.unique(of_path, return_index=True)
    ends = np.r_[0, np.cumsum(lengths[first])]
    at = np.repeat(offsets[first] - ends[:-1], lengths[first]) + np.arange(ends[-1])
    return Coalitions(ends.astype(np.int64), members[at], of_path)


def shapley(
    paths: Paths, worth: Worth = "conversions", permutations: int = 400, seed: int = 0
) -> pd.DataFrame:
    """Conversions credited to channels by Shapley value.

    Args:
        worth: of a set S of channels. "conversions": conversions of paths that touch no channel
            outside S, in closed form (`shares`). "rate": conversion rate of these paths times all
            people, so that all channels together are worth all conversions; a channel that comes
            with fewer conversions than the rest has negative credit.
        permutations: orders of joining sampled for the rate of more than `MOST_EXACT` channels.
        seed: of this sample.

    Returns:
        channel, conversions, standard_error (of the sampling; 0 where exact). Sums to conversions.

    Raises:
        ModelInputError: an unknown worth, or fewer than two permutations.
    """
    error = np.zeros(len(paths.channels))
    if worth == "conversions":
        given = shares(paths) * paths.conversions[paths.rows]
        credit = sums(given, paths.codes, len(paths.channels))
    elif worth == "rate":
        sets = coalitions(paths)
        credit, error = rate(
            sets,
            sums(paths.conversions, sets.of_path, len(sets.offsets) - 1),
            sums(paths.conversions + paths.nulls, sets.of_path, len(sets.offsets) - 1),
            len(paths.channels),
            permutations=permutations,
            seed=seed,
        )
    else:
        raise ModelInputError(f"The worth is {worth!r}; expected 'conversions' or 'rate'.")
    return pd.DataFrame(
        {"channel": list(paths.channels), "conversions": credit, "standard_error": error}
    )


def rate(
    sets: Coalitions,
    outcome: Floats,
    people: Floats,
    channels: int,
    *,
    permutations: int = 400,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Shapley values of v(S) = all people * outcome(S) / people(S), and their standard errors.

    outcome(S) and people(S) sum over the sets within S; where nobody is, v is 0.

    Args:
        outcome, people: by set of `sets`.
        channels: number of channels.

    Raises:
        ModelInputError: fewer than two permutations, where they are needed.
    """
    if channels <= MOST_EXACT:
        return _exact(sets, outcome, people, channels), np.zeros(channels)
    if permutations < 2:
        raise ModelInputError(f"permutations is {permutations}; expected 2 or more.")
    rng = np.random.default_rng(seed)
    summed, squares = np.zeros(channels), np.zeros(channels)
    for _ in range(permutations):
        joined = rng.permutation(channels)
        rank = np.empty(channels, dtype=np.int64)
        rank[joined] = np.arange(channels)
        # A set is within the coalition from the moment its last member has joined.
        complete = np.maximum.reduceat(rank[sets.members], sets.offsets[:-1])
        worth = _worth(
            np.cumsum(sums(outcome, complete, channels)),
            np.cumsum(sums(people, complete, channels)),
            float(people.sum()),
        )
        gained = np.diff(worth, prepend=0.0)[rank]
        summed += gained
        squares += gained**2
    mean = summed / permutations
    variance = np.maximum(squares / permutations - mean**2, 0.0) / (permutations - 1)
    return mean, np.sqrt(variance)


def _exact(sets: Coalitions, outcome: Floats, people: Floats, channels: int) -> Floats:
    bits = np.add.reduceat(1 << sets.members, sets.offsets[:-1])
    worth = _worth(
        _subset_sums(sums(outcome, bits, 1 << channels), channels),
        _subset_sums(sums(people, bits, 1 << channels), channels),
        float(people.sum()),
    )
    size = _members(channels)
    weight = np.array([1 / (channels * comb(channels - 1, k)) for k in range(channels)])
    credit = np.empty(channels)
    for channel in range(channels):
        pairs = worth.reshape(-1, 2, 1 << channel)
        without = size.reshape(-1, 2, 1 << channel)[:, 0]
        credit[channel] = ((pairs[:, 1] - pairs[:, 0]) * weight[without]).sum()
    return credit


def _subset_sums(values: Floats, channels: int) -> Floats:
    """The fast zeta transform: of every set, by its bits, the sum over all its subsets."""
    whole = values.copy()
    for channel in range(channels):
        pairs = whole.reshape(-1, 2, 1 << channel)
        pairs[:, 1] += pairs[:, 0]
    return whole


def _members(channels: int) -> Places:
    """Members of every set."""
    size = np.zeros(1, dtype=np.int64)
    for _ in range(channels):
        size = np.r_[size, size + 1]
    return size


def _worth(outcome: Floats, people: Floats, everybody: float) -> Floats:
    found = np.divide(outcome, people, out=np.zeros_like(outcome), where=people > 0)
    return np.asarray(everybody * found, dtype=np.float64)
