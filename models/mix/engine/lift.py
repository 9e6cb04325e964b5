"""What experiments say a driver brought, as a likelihood term with its exact gradient, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.mix.engine.compiling import compiled
from models.mix.engine.effects import Drivers, State
from models.mix.engine.rows import dot
from models.mix.engine.transforms import carry_over, fill_up, pull_back
from models.mix.frames import Floats, Places


class Tests(NamedTuple):
    """E experiments, and R series whose exposure they changed.

    `at` (E,) the driver; `worth` (E, S, T) money of a relative unit in the cells read out, else 0;
    `effect`, `error` (E,); `toward` (E,) 1: the driver as it was less without the money, -1: with
    the money less as it was. `test`, `series` (R,) whose exposure it is; `other` (R, 1, B + T) and
    `start` (R, 1) exposure had the experiment not been, in units of the driver. An experiment
    without rows reads out all that the driver brought.
    """

    at: Places
    worth: Floats
    effect: Floats
    error: Floats
    toward: Floats
    test: Places
    series: Places
    other: Floats
    start: Floats


@compiled
def _other_response(
    raw: Floats, drivers: Drivers, tests: Tests, dates: int
) -> tuple[Floats, Floats]:
    """Carried-over and saturated exposure had the experiments not been, both (R, 1, T)."""
    carried = np.empty((len(tests.test), 1, dates))
    filled = np.empty_like(carried)
    for r in range(len(tests.test)):
        d = tests.at[tests.test[r]]
        place = drivers.table[d]
        first = raw[place[0]] if place[0] >= 0 else 0.0
        second = raw[place[1]] if place[1] >= 0 else 0.0
        half = raw[place[2]] if place[2] >= 0 else 0.0
        shape = raw[place[3]] if place[3] >= 0 else 0.0
        carry_over(
            drivers.carry[d], first, second, drivers.lags,
            tests.other[r, 0], tests.start[r, 0], carried[r, 0],
        )  # fmt: skip
        fill_up(drivers.fill[d], half, shape, carried[r, 0], filled[r, 0])
    return carried, filled


@compiled
def _lifts(drivers: Drivers, state: State, tests: Tests, other: Floats) -> Floats:
    out = np.zeros(len(tests.at))
    for e in range(len(tests.at)):
        for s in range(tests.worth.shape[1]):
            out[e] += dot(tests.worth[e, s], state.filled[tests.at[e], s])
    for r in range(len(tests.test)):
        e = tests.test[r]
        out[e] -= dot(tests.worth[e, tests.series[r]], other[r, 0])
    for e in range(len(tests.at)):
        out[e] *= tests.toward[e] * state.scale[tests.at[e]]
    return out


@compiled
def lifts(raw: Floats, drivers: Drivers, state: State, tests: Tests) -> Floats:
    """What the model says each experiment should have read, (E,), in the outcome's unit."""
    other = _other_response(raw, drivers, tests, state.filled.shape[2])[1]
    return _lifts(drivers, state, tests, other)


@compiled
def compare(
    raw: Floats,
    drivers: Drivers,
    state: State,
    tests: Tests,
    pull: Floats,
    credit: Floats,
    slope: Floats,
) -> float:
    """Log likelihood of the read-outs; adds its gradient.

    Args:
        pull: (D, S, T) gradient by what each driver brings; credit (D,) gradient by its scale
            that is not in pull; slope like raw: all are added to.
    """
    value = 0.0
    carried, filled = _other_response(raw, drivers, tests, state.filled.shape[2])
    found = _lifts(drivers, state, tests, filled)
    by_lift = np.empty(len(tests.at))
    for e in range(len(tests.at)):
        away = (tests.effect[e] - found[e]) / tests.error[e]
        value -= 0.5 * away * away + math.log(tests.error[e])
        by_lift[e] = tests.toward[e] * away / tests.error[e]
        d = tests.at[e]
        for s in range(tests.worth.shape[1]):
            for t in range(tests.worth.shape[2]):
                pull[d, s, t] += tests.worth[e, s, t] * by_lift[e]
    back = np.empty_like(filled)
    for r in range(len(tests.test)):
        e = tests.test[r]
        d = tests.at[e]
        for t in range(filled.shape[2]):
            by_brought = -tests.worth[e, tests.series[r], t] * by_lift[e]
            credit[d] += by_brought * filled[r, 0, t]
            back[r, 0, t] = by_brought * state.scale[d]
        pull_back(
            raw, drivers.table[d : d + 1], drivers.carry[d : d + 1], drivers.fill[d : d + 1],
            drivers.lags, tests.other[r : r + 1], tests.start[r : r + 1], drivers.frequency[:0],
            carried[r : r + 1], filled[r : r + 1], back[r : r + 1], slope,
        )  # fmt: skip
    return value
