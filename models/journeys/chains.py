"""Compiled loops over chains: journeys followed without a channel, and people resampled.

Nothing compiled here calls another file, so numba's own check of this file's age keeps its cache
true.
"""

from __future__ import annotations

import numpy as np

from models.journeys.kernels import compiled


@compiled
def _step(starts, target, chance, now, leaving, last, first, before, after):  # type: ignore[no-untyped-def]
    """One step of `follow`; by how many conversions the worst channel may still be wrong."""
    states, width = before.shape
    error = np.zeros(width)
    for state in range(states):
        for channel in range(width):
            after[state, channel] = now[state]
        for move in range(starts[state], starts[state + 1]):
            part, entered = chance[move], target[move]
            for channel in range(width):
                after[state, channel] += part * before[entered, channel]
        removed = last[state] - first
        if 0 <= removed < width:
            after[state, removed] = 0.0
        for channel in range(width):
            error[channel] += leaving[state] * abs(after[state, channel] - before[state, channel])
    return error.max()


@compiled
def follow(starts, target, chance, now, leaving, last, first, reach, tolerance, most):  # type: ignore[no-untyped-def]
    """Follow journeys without each of some channels, until what is open is at most `tolerance`.

    Args:
        starts, target, chance: moves between states sorted by the state they leave.
        now: probability to convert at once, by state; leaving: people that leave it.
        last: channel of a state's last touch.
        first: the first removed channel; `reach` has a column for it and each next one.
        reach: the probability to convert by state and removed channel, shape (S, w): where to
            begin; overwritten with the answer.
        most: steps.

    Returns:
        Whether that was reached.
    """
    other = np.empty_like(reach)
    for step in range(most):
        if step % 2 == 0:
            if _step(starts, target, chance, now, leaving, last, first, reach, other) <= tolerance:
                reach[:] = other
                return True
        elif _step(starts, target, chance, now, leaving, last, first, other, reach) <= tolerance:
            return True
    return False


@compiled
def resample(  # type: ignore[no-untyped-def]
    offsets, codes, conversions, nulls, worth, persons, sold_row, lost_row, drawn, small, seed,
    begin, shares, move, exits, sets, given, gained, moves, converted, ended, outcome, people,
    totals,
):  # fmt: skip
    """Sums over people of which each counts Poisson(1) times, for all replicates in one pass.

    A path's count n becomes Poisson(n) for each replicate from `begin` on. Where n is 1 or another
    small whole number, it is read off the cumulative probabilities `small[n]` (of 0, 1, ...; times
    2^64) by a number that hangs on `seed`, replicate and path alone; otherwise it is the row
    `drawn[sold_row[path]]`, `drawn[lost_row[path]]`. Paths of one of `persons` (0 or above) count
    Poisson(1) times all together, by a number of that person.

    Adds, with replicates in the last axis: credited conversions and value, `given` and `gained`
    (rule, channel), by `shares` (rule, touch); people by `moves`; by the state paths end in
    `converted` and `ended`; by set of channels `outcome` and `people`; conversions and value of
    all, `totals`. An empty `move` or `sets` leaves these out. `worth` is value by conversion.
    """
    draws = totals.shape[1]
    rules = len(shares)
    with_moves, with_sets = len(move) > 0, len(sets) > 0
    sold, lost = np.zeros(draws), np.zeros(draws)
    for path in range(len(offsets) - 1):
        for kind in range(2):
            weights = sold if kind == 0 else lost
            count = conversions[path] if kind == 0 else nulls[path]
            row = sold_row[path] if kind == 0 else lost_row[path]
            if count == 0 or (kind == 1 and not (with_moves or with_sets)):
                weights[:] = 0.0
                continue
            person = persons[path]
            if row >= 0 and person < 0:
                weights[:] = drawn[row]
                continue
            who, times = 2 * path + kind, 1.0
            if person >= 0:
                who, times, count = 2 * len(offsets) + person, count, 1.0
            below = small[np.int64(count)]
            base = np.uint64(seed) + np.uint64(who) * np.uint64(0xD1342543DE82EF95)
            for draw in range(draws):
                word = base + np.uint64(begin + draw) * np.uint64(0x9E3779B97F4A7C15)
                word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                word = word ^ (word >> np.uint64(31))
                number = 0
                if count == 1:
                    # All comparisons at once: without a branch they run eight at a time.
                    for k in range(12):
                        number += np.int64(word >= below[k])
                else:
                    while number < len(below) - 1 and word >= below[number]:
                        number += 1
                weights[draw] = number * times
        if conversions[path] > 0:
            rate = worth[path]
            for draw in range(draws):
                totals[0, draw] += sold[draw]
                totals[1, draw] += sold[draw] * rate
            for rule in range(rules):
                for touch in range(offsets[path], offsets[path + 1]):
                    share = shares[rule, touch]
                    if share > 0:
                        credited, earned = given[rule, codes[touch]], gained[rule, codes[touch]]
                        for draw in range(draws):
                            credited[draw] += share * sold[draw]
                            earned[draw] += share * rate * sold[draw]
        if with_moves or with_sets:
            if conversions[path] + nulls[path] == 0:
                continue
            for draw in range(draws):
                lost[draw] += sold[draw]
        if with_moves:
            for touch in range(offsets[path], offsets[path + 1]):
                walked = moves[move[touch]]
                for draw in range(draws):
                    walked[draw] += lost[draw]
            out, won = ended[exits[path]], converted[exits[path]]
            for draw in range(draws):
                out[draw] += lost[draw]
                won[draw] += sold[draw]
        if with_sets:
            among, bought = people[sets[path]], outcome[sets[path]]
            for draw in range(draws):
                among[draw] += lost[draw]
                bought[draw] += sold[draw]
