"""What transformed drivers bring at given parameters, and the gradient of it, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.mix.engine.compiling import compiled
from models.mix.engine.rows import add, dot
from models.mix.engine.transforms import pull_back, respond
from models.mix.frames import Floats, Places

_NO_SHARE = 1e-12


class Drivers(NamedTuple):
    """Transformed drivers as arrays: D drivers, S series, B dates before T dates.

    `table` (D, 5) places of their parameters; `carry`, `fill` (D,) forms; `exposure` (D, S, B + T)
    and `start` (D, S) in units of each driver; `sign` (D,) 1, -1 or 0 (open: its coefficient is
    linear); `normalised` (D,) 1 where the size is a share of the outcome; `usual` (D,) f at the
    prior's centre; `weight` (S, T) sums to 1; `pooled` (D,) 1 where the common level of media, at
    `level_at` of the parameters, adds to the log of the size; `frequency` like exposure, where
    exposure is reach (no dates where no driver has one).
    """

    table: Places
    carry: Places
    fill: Places
    lags: int
    exposure: Floats
    start: Floats
    sign: Floats
    normalised: Floats
    usual: Floats
    weight: Floats
    pooled: Floats
    level_at: int
    frequency: Floats


class Parts(NamedTuple):
    """Dynamic columns: each what driver `first` brings, times row `modulator` of `modulators`
    (M, T), or f / usual of `first` times that of `second`; -1 where there is none."""

    first: Places
    second: Places
    modulator: Places
    modulators: Floats


class State(NamedTuple):
    """Drivers at one parameter vector: (D, S, T) but `scale` and `mean` (D,).

    What a driver brings is `scale * filled`; `mean` is the weighted mean of filled.
    """

    carried: Floats
    filled: Floats
    scale: Floats
    mean: Floats


@compiled
def forward(raw: Floats, drivers: Drivers, dates: int) -> State:
    """Carry-over, saturation and size of every driver."""
    count = drivers.exposure.shape[0]
    carried = np.empty((count, drivers.exposure.shape[1], dates))
    filled = np.empty_like(carried)
    respond(
        raw, drivers.table, drivers.carry, drivers.fill, drivers.lags,
        drivers.exposure, drivers.start, drivers.frequency, carried, filled,
    )  # fmt: skip
    scale, mean = np.empty(count), np.zeros(count)
    for d in range(count):
        for s in range(filled.shape[1]):
            mean[d] += dot(drivers.weight[s], filled[d, s])
        if drivers.sign[d] == 0.0:
            scale[d] = 1.0 / drivers.usual[d]
        else:
            size = raw[drivers.table[d, 4]]
            if drivers.pooled[d] > 0.0:
                size += raw[drivers.level_at]
            scale[d] = drivers.sign[d] * math.exp(size)
            if drivers.normalised[d] > 0.0:
                scale[d] /= max(mean[d], _NO_SHARE)
    return State(carried, filled, scale, mean)


@compiled
def signed_sum(drivers: Drivers, state: State) -> Floats:
    """What all drivers of a known sign bring, (S, T)."""
    out = np.zeros((state.filled.shape[1], state.filled.shape[2]))
    for d in range(len(drivers.sign)):
        if drivers.sign[d] != 0.0:
            for s in range(out.shape[0]):
                add(out[s], state.scale[d], state.filled[d, s])
    return out


@compiled
def columns(drivers: Drivers, state: State, parts: Parts) -> Floats:
    """Dynamic columns, (number of parts, S, T)."""
    out = np.empty((len(parts.first), state.filled.shape[1], state.filled.shape[2]))
    for k in range(len(parts.first)):
        a, b, m = parts.first[k], parts.second[k], parts.modulator[k]
        for s in range(out.shape[1]):
            if b >= 0:
                scale = 1.0 / (drivers.usual[a] * drivers.usual[b])
                for t in range(out.shape[2]):
                    out[k, s, t] = scale * state.filled[a, s, t] * state.filled[b, s, t]
            elif m >= 0:
                for t in range(out.shape[2]):
                    out[k, s, t] = state.scale[a] * state.filled[a, s, t] * parts.modulators[m, t]
            else:
                for t in range(out.shape[2]):
                    out[k, s, t] = state.scale[a] * state.filled[a, s, t]
    return out


@compiled
def backward(
    raw: Floats,
    drivers: Drivers,
    state: State,
    pull: Floats,
    credits: Floats,
    shared: Parts,
    by_shared: Floats,
    own: Parts,
    by_own: Floats,
    slope: Floats,
) -> None:
    """Add to `slope` (like raw) the gradient through all drivers.

    Args:
        pull: (D, S, T) gradient by what each driver brings, overwritten; credits (D,) by its scale,
            beyond that; by_shared, by_own: gradients by the dynamic columns.
    """
    count, series, dates = state.filled.shape
    for k in range(len(own.first)):
        for s in range(series):
            add(pull[own.first[k], s], 1.0, by_own[k, s])
    for k in range(len(shared.first)):
        a, m = shared.first[k], shared.modulator[k]
        if shared.second[k] >= 0:
            continue
        for s in range(series):
            if m >= 0:
                for t in range(dates):
                    pull[a, s, t] += by_shared[k, s, t] * shared.modulators[m, t]
            else:
                add(pull[a, s], 1.0, by_shared[k, s])
    for d in range(count):
        credit = credits[d]
        for s in range(series):
            credit += dot(pull[d, s], state.filled[d, s])
        if drivers.sign[d] != 0.0:
            slope[drivers.table[d, 4]] += credit * state.scale[d]
            if drivers.pooled[d] > 0.0:
                slope[drivers.level_at] += credit * state.scale[d]
        share = 0.0
        if drivers.normalised[d] > 0.0:
            share = credit / max(state.mean[d], _NO_SHARE)
        for s in range(series):
            for t in range(dates):
                pull[d, s, t] = state.scale[d] * (pull[d, s, t] - share * drivers.weight[s, t])
    for k in range(len(shared.first)):
        a, b = shared.first[k], shared.second[k]
        if b < 0:
            continue
        scale = 1.0 / (drivers.usual[a] * drivers.usual[b])
        for s in range(series):
            for t in range(dates):
                by = by_shared[k, s, t] * scale
                pull[a, s, t] += by * state.filled[b, s, t]
                pull[b, s, t] += by * state.filled[a, s, t]
    pull_back(
        raw, drivers.table, drivers.carry, drivers.fill, drivers.lags,
        drivers.exposure, drivers.start, drivers.frequency,
        state.carried, state.filled, pull, slope,
    )  # fmt: skip
