"""Rules of thumb: how a path's conversion is shared among its touches by their place alone."""

from __future__ import annotations

import numpy as np

from models.errors import ModelInputError
from models.journeys.paths import Floats, Paths, sums

#: Shares of first touch, all touches between, last touch.
POSITION = (0.4, 0.2, 0.4)
#: Touches after which a touch counts half.
HALF_LIFE = 2.0
#: Share of first touch, lead and opportunity each in the W.
_CORNER = 0.3


def first(paths: Paths) -> Floats:
    """All to the first touch. Returns, as every rule here, shares by touch, summing to 1 a path."""
    shares = np.zeros(len(paths.codes))
    shares[paths.offsets[:-1]] = 1.0
    return shares


def last(paths: Paths) -> Floats:
    """All to the last touch."""
    shares = np.zeros(len(paths.codes))
    shares[paths.offsets[1:] - 1] = 1.0
    return shares


def last_non_direct(paths: Paths, direct: str) -> Floats:
    """All to the last touch that is not `direct`; to the last one where there is no other."""
    place = paths.place_of(direct)
    touches = np.arange(len(paths.codes))
    other = np.where(paths.codes != place, touches, -1) if place is not None else touches
    chosen = np.maximum.reduceat(other, paths.offsets[:-1])
    chosen = np.where(chosen < 0, paths.offsets[1:] - 1, chosen)
    shares = np.zeros(len(paths.codes))
    shares[chosen] = 1.0
    return shares


def linear(paths: Paths) -> Floats:
    """The same to every touch; a channel touched twice gets two parts."""
    return _normalised(paths, np.ones(len(paths.codes)))


def position(paths: Paths, weights: tuple[float, float, float] = POSITION) -> Floats:
    """`weights` to first touch, all middle touches together, and last touch.

    A single touch gets everything; of two touches each gets its end's weight over the sum of both
    (half each where both are 0).

    Raises:
        ModelInputError: weights are not three numbers of 0 or more with a sum above 0.
    """
    start, middle, end = weights
    if not all(np.isfinite(w) and w >= 0 for w in weights) or sum(weights) <= 0:
        raise ModelInputError(
            f"Position weights are {weights}; expected first, middle, last, each 0 or more, "
            "not all 0."
        )
    lengths = paths.lengths
    spread = middle / np.maximum(lengths - 2, 1)
    shares = spread[paths.rows]
    ends = (start, end) if start + end > 0 else (0.5, 0.5)
    two = lengths == 2
    shares[paths.offsets[:-1]] = np.where(two, ends[0], start)
    shares[paths.offsets[1:] - 1] = np.where(two, ends[1], end)
    shares[paths.offsets[:-1][lengths == 1]] = 1.0
    return _normalised(paths, shares)


def w_shaped(paths: Paths) -> Floats:
    """30 % to first touch, last touch before the lead, last before the opportunity; 10 % to others.

    A touch that is several of these gets the sum. Parts of stages that lack, or of others where
    there are none, are spread over what is there in proportion; without any stage: `position`.

    Raises:
        ModelInputError: paths were read without stages.
    """
    if paths.stages is None:
        raise ModelInputError(
            "The rule w_shaped does not know where lead and opportunity were; read paths with "
            "their stages."
        )
    start = paths.offsets[:-1]
    shares = np.zeros(len(paths.codes))
    named = np.zeros(len(paths.codes), dtype=bool)
    for place in (np.ones(len(paths), dtype=np.int64), *paths.stages):
        there = place > 0
        at = (start + place - 1)[there]
        shares[at] += _CORNER
        named[at] = True
    others = paths.lengths - sums(named.astype(float), paths.rows, len(paths))
    rest = (1 - 3 * _CORNER) / np.maximum(others, 1)
    shares[~named] = rest[paths.rows][~named]
    staged = paths.stages.max(axis=0) > 0
    return np.where(staged[paths.rows], _normalised(paths, shares), position(paths))


def time_decay(paths: Paths, half_life: float = HALF_LIFE, times: Floats | None = None) -> Floats:
    """Shares that halve with every `half_life` before the last touch.

    Args:
        half_life: in touches; with `times` in their unit.
        times: time of every touch, shape of `paths.codes`, not falling within a path.

    Raises:
        ModelInputError: the half-life is not above 0, or times do not fit the touches.
    """
    if not (np.isfinite(half_life) and half_life > 0):
        raise ModelInputError(f"The half-life is {half_life}; expected a number above 0.")
    if times is None:
        times = np.arange(len(paths.codes), dtype=np.float64)
    elif times.shape != paths.codes.shape or not np.isfinite(times).all():
        raise ModelInputError(
            f"Times have the shape {times.shape}; expected a finite time for each of the "
            f"{len(paths.codes):,} touches."
        )
    before = times[paths.offsets[1:] - 1][paths.rows] - times
    if (before < 0).any():
        raise ModelInputError(
            f"A touch of path {int(paths.rows[np.argmin(before)])} is later than the path's last; "
            "sort touches by time."
        )
    return _normalised(paths, np.exp2(-before / half_life))


def credit(paths: Paths, shares: Floats, outcome: Floats) -> Floats:
    """An outcome by path, shape (n,), credited to channels, shape (C,), by shares of touches."""
    return sums(shares * outcome[paths.rows], paths.codes, len(paths.channels))


def _normalised(paths: Paths, weights: Floats) -> Floats:
    whole = np.add.reduceat(weights, paths.offsets[:-1])
    return np.asarray(weights / whole[paths.rows], dtype=np.float64)
