"""The log posterior density of the nonlinear parameters and its exact gradient, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.mix.engine.algebra import collapse
from models.mix.engine.collapsed import Fixed, Found
from models.mix.engine.compiling import compiled
from models.mix.engine.effects import Drivers, Parts, State, backward, columns, forward, signed_sum
from models.mix.engine.lift import Tests, compare
from models.mix.engine.noise import filter_back, filter_dates
from models.mix.frames import Floats, Places


class Memory(NamedTuple):
    """The residual's structure as numbers: noise.Noise."""

    rho: float
    average: float
    first: float
    width: Floats


class Scales(NamedTuple):
    """Prior sds: `widths` (P,), times the pooled width of `group` (P,) where that is not -1; the
    same for own columns (K,); log sigma is at `sigma_at` of the raw vector, then pooled widths."""

    widths: Floats
    group: Places
    own_widths: Floats
    own_group: Places
    sigma_at: int


class Problem(NamedTuple):
    """Everything the density depends on but theta."""

    centres: Floats
    spreads: Floats
    outcome: Floats
    drivers: Drivers
    shared: Parts
    own: Parts
    memory: Memory
    fixed: Fixed
    scales: Scales
    tests: Tests


@compiled
def prior_sds(raw: Floats, widths: Floats, group: Places, sigma_at: int) -> Floats:
    """Prior sds of columns at raw parameters."""
    out = widths.copy()
    for i in range(len(out)):
        if group[i] >= 0:
            out[i] *= math.exp(raw[sigma_at + 1 + group[i]])
    return out


@compiled
def at_point(theta: Floats, problem: Problem) -> tuple[State, Found]:
    """Drivers and linear part at theta."""
    raw = problem.centres + problem.spreads * theta
    series, dates = problem.outcome.shape
    state = forward(raw, problem.drivers, dates)
    left = np.empty((1, series, dates))
    left[0] = problem.outcome - signed_sum(problem.drivers, state)
    memory, scales = problem.memory, problem.scales
    found = collapse(
        filter_dates(left, memory.rho, memory.average, memory.first, memory.width)[0],
        problem.fixed,
        filter_dates(
            columns(problem.drivers, state, problem.shared),
            memory.rho, memory.average, memory.first, memory.width,
        ),
        filter_dates(
            columns(problem.drivers, state, problem.own),
            memory.rho, memory.average, memory.first, memory.width,
        ),
        prior_sds(raw, scales.widths, scales.group, scales.sigma_at),
        prior_sds(raw, scales.own_widths, scales.own_group, scales.sigma_at),
        math.exp(raw[scales.sigma_at]),
    )  # fmt: skip
    return state, found


@compiled
def density(theta: Floats, problem: Problem) -> tuple[float, Floats]:
    """log posterior (theta has independent standard normal priors) and its gradient."""
    raw = problem.centres + problem.spreads * theta
    state, found = at_point(theta, problem)
    memory, scales = problem.memory, problem.scales
    slope = np.zeros_like(raw)
    value = found.value
    if not np.isfinite(value):
        return -np.inf, slope
    one = np.empty((1, found.pull.shape[0], found.pull.shape[1]))
    one[0] = found.pull
    by_sum = filter_back(one, memory.rho, memory.average, memory.first, memory.width)
    by_shared = filter_back(found.by_shared, memory.rho, memory.average, memory.first, memory.width)
    by_own = filter_back(found.by_own, memory.rho, memory.average, memory.first, memory.width)
    pull = np.zeros_like(state.filled)
    for d in range(len(pull)):
        if problem.drivers.sign[d] != 0.0:
            pull[d] = by_sum[0]
    credits = np.zeros(len(pull))
    value += compare(raw, problem.drivers, state, problem.tests, pull, credits, slope)
    backward(
        raw, problem.drivers, state, pull, credits, problem.shared, by_shared,
        problem.own, by_own, slope,
    )  # fmt: skip
    slope[scales.sigma_at] = found.by_sigma
    for i in range(len(scales.group)):
        if scales.group[i] >= 0:
            slope[scales.sigma_at + 1 + scales.group[i]] += found.by_width[i]
    for i in range(len(scales.own_group)):
        if scales.own_group[i] >= 0:
            slope[scales.sigma_at + 1 + scales.own_group[i]] += found.by_own_width[i]
    for i in range(len(theta)):
        value -= 0.5 * theta[i] * theta[i]
        slope[i] = problem.spreads[i] * slope[i] - theta[i]
        if not np.isfinite(slope[i]):
            value = -np.inf
    return value, slope
