"""Poisson bootstrap over people: how far credit would move with other people of the same kind.

Source: Hanley & MacGibbon (2006), Creating non-parametric bootstrap samples using Poisson
frequencies, Computer Methods and Programs in Biomedicine 83.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array, hstack

from models.errors import ModelInputError
from models.journeys import markov
from models.journeys.paths import Floats, Paths, Places
from models.journeys.shapley import coalitions, rate

#: Cells of one block of resampled counts: 64 MB.
_CELLS = 8 * 2**20


def replicates(
    paths: Paths,
    shares: Mapping[str, Floats],
    shape: markov.Graph | None,
    *,
    with_rate: bool,
    draws: int,
    seed: int,
) -> dict[str, Floats]:
    """Credited conversions by rule in resampled counts, each of shape (draws, C).

    In a Poisson bootstrap each person counts Poisson(1) times; people that walked the same path to
    the same end are exchangeable, so a count n becomes Poisson(n), also where it is fractional.
    Credit by shares and counts of moves are linear in these counts: sparse products give them for
    all replicates, and only the Markov graph's factorisation is repeated.

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
    sold, lost = _once_first(paths.conversions), _once_first(paths.nulls)
    # Rules need converting paths only, which are few beside the others.
    by_rule = [
        csr_array((share, paths.codes, paths.offsets), shape=(len(paths), channels))[sold]
        for share in shares.values()
    ]
    credited = hstack(by_rule, format="csr").T if by_rule else None
    out = {rule: np.empty((draws, channels)) for rule in shares}
    if shape is not None:
        out["markov"] = np.empty((draws, channels))
        ends = _ends(paths, shape.exit, len(shape.last))
        moves = csr_array(
            (np.ones(len(shape.move)), shape.move, paths.offsets),
            shape=(len(paths), len(shape.source)),
        )
        sold_moves, lost_moves = moves[sold].T, moves[lost].T
        sold_ends, lost_ends = ends[sold].T, ends[lost].T
    if with_rate:
        out["shapley_rate"] = np.empty((draws, channels))
        sets = coalitions(paths)
        within = _ends(paths, sets.of_path, len(sets.offsets) - 1)
        sold_sets, lost_sets = within[sold].T, within[lost].T
    step = max(1, _CELLS // max(len(sold) + len(lost), 1))
    for start in range(0, draws, step):
        block = range(start, min(start + step, draws))
        at = slice(block.start, block.stop)
        conversions, nulls = _resampled(
            paths.conversions[sold], paths.nulls[lost], block, seed, shape is not None or with_rate
        )
        if credited is not None:
            given = (credited @ conversions).T.reshape(len(block), len(shares), channels)
            for place, rule in enumerate(shares):
                out[rule][at] = given[:, place]
        if shape is not None:
            converted = sold_ends @ conversions
            ended = converted + lost_ends @ nulls
            walked = sold_moves @ conversions + lost_moves @ nulls
            removal = np.stack(
                [
                    markov.effects(shape, walked[:, d], ended[:, d], converted[:, d], channels)
                    for d in range(len(block))
                ]
            )
            out["markov"][at] = markov.shared(removal, conversions.sum(axis=0))
        if with_rate:
            outcome = sold_sets @ conversions
            people = outcome + lost_sets @ nulls
            for d in range(len(block)):
                value, _ = rate(sets, outcome[:, d], people[:, d], channels)
                out["shapley_rate"][start + d] = value
    return out


def _once_first(counts: Floats) -> Places:
    """Places of counts above 0, those of one before the others."""
    once = counts == 1
    return np.concatenate([np.flatnonzero(once), np.flatnonzero((counts > 0) & ~once)])


def _ends(paths: Paths, group: Places, groups: int) -> csr_array:
    """A one for each path, in the column of its group."""
    rows = np.arange(len(paths))
    return csr_array((np.ones(len(paths)), (rows, group)), shape=(len(paths), groups))


def _resampled(
    sold: Floats, lost: Floats, block: range, seed: int, with_nulls: bool
) -> tuple[Floats, Floats]:
    """Resampled conversions and nulls, shape (paths, draws of the block) each."""
    conversions = np.empty((len(sold), len(block)))
    nulls = np.empty((len(lost), len(block)))
    for column, draw in enumerate(block):
        rng = np.random.default_rng([seed, draw])
        conversions[:, column] = _poisson(sold, rng)
        if with_nulls:
            nulls[:, column] = _poisson(lost, rng)
    return conversions, nulls


def _poisson(counts: Floats, rng: np.random.Generator) -> Floats:
    """A Poisson number for each count, counts of one first.

    Most paths of a large table were walked once. Dealing a Poisson(m) number of people to m such
    paths at random gives each an independent Poisson(1) number, four times as fast.
    """
    once = int((counts == 1).sum())
    dealt = np.bincount(rng.integers(0, max(once, 1), rng.poisson(once)), minlength=once)
    return np.concatenate([dealt, rng.poisson(counts[once:])]).astype(np.float64)
