"""Carry-over and saturation of exposure, forward and backward, compiled.

A driver's five parameters, on unbounded scales, have the columns of `Table` as places in the
parameter vector (-1: it has none):

| column | geometric | delayed | weibull |
| --- | --- | --- | --- |
| 0 | logit alpha | logit alpha | log scale |
| 1 | - | logit of peak / (lags / 2) | log shape |
| 2 | log half-saturation | | |
| 3 | log shape of the Hill curve | | |
| 4 | log size of the effect | | |

Sources: Broadbent (1979), One way TV advertisements work (geometric); Jin, Wang, Sun, Chan and
Koehler (2017), Bayesian methods for media mix modeling with carryover and shape effects (delayed,
Hill); Weibull survival differences hold geometric carry-over as the case of shape 1.
"""

from __future__ import annotations

import math

import numpy as np

from models.mix.engine.compiling import compiled
from models.mix.engine.elementary import exp_row, log_row
from models.mix.engine.rows import add, dot
from models.mix.frames import Floats, Places

#: Exposure below this (in units of its mean) counts as none: its logarithm is not taken.
NO_EXPOSURE = 1e-9
NONE, GEOMETRIC, DELAYED, WEIBULL = 0, 1, 2, 3
LINEAR, HILL, LOGISTIC, MICHAELIS, FREQUENCY = 0, 1, 2, 3, 4
CARRY = {"none": NONE, "geometric": GEOMETRIC, "delayed": DELAYED, "weibull": WEIBULL}
FILL = {
    "none": LINEAR,
    "hill": HILL,
    "logistic": LOGISTIC,
    "michaelis_menten": MICHAELIS,
    "frequency": FREQUENCY,
}
_TINY = 1e-6
_LOG3 = math.log(3.0)


@compiled
def expit(value: float) -> float:
    """Logistic function, kept off 0 and 1."""
    if value >= 0:
        out = 1.0 / (1.0 + math.exp(-value))
    else:
        grown = math.exp(value)
        out = grown / (1.0 + grown)
    return min(max(out, _TINY), 1.0 - _TINY)


@compiled
def lag_weights(form: int, first: float, second: float, lags: int) -> tuple[Floats, Floats, Floats]:
    """Weights (lags,) that sum to 1, and their derivatives by the two raw parameters."""
    weight, by_first, by_second = np.zeros(lags), np.zeros(lags), np.zeros(lags)
    if form == DELAYED:
        alpha = expit(first)
        share = expit(second)
        peak = share * 0.5 * lags
        for lag in range(lags):
            away = lag - peak
            weight[lag] = math.exp(away * away * math.log(alpha))
            by_first[lag] = away * away * (1.0 - alpha)
            by_second[lag] = -2.0 * away * math.log(alpha) * peak * (1.0 - share)
        total = weight.sum()
        weight /= total
        by_first = weight * (by_first - (weight * by_first).sum())
        by_second = weight * (by_second - (weight * by_second).sum())
    elif form == GEOMETRIC:
        alpha = expit(first)
        for lag in range(lags):
            weight[lag] = math.exp(lag * math.log(alpha))
            by_first[lag] = lag * (1.0 - alpha)
        total = weight.sum()
        weight /= total
        by_first = weight * (by_first - (weight * by_first).sum())
    elif form == WEIBULL:
        scale = math.exp(min(max(first, -10.0), 10.0))
        shape = math.exp(min(max(second, -5.0), 3.0))
        survival, by_scale, by_shape = np.zeros(lags + 1), np.zeros(lags + 1), np.zeros(lags + 1)
        survival[0] = 1.0
        for lag in range(1, lags + 1):
            power = shape * math.log(lag / scale)
            force = math.exp(min(power, 700.0))
            survival[lag] = math.exp(-force)
            by_scale[lag] = survival[lag] * shape * force
            by_shape[lag] = -survival[lag] * force * power
        total = 1.0 - survival[lags]
        for lag in range(lags):
            weight[lag] = (survival[lag] - survival[lag + 1]) / total
            by_first[lag] = (
                by_scale[lag] - by_scale[lag + 1] + weight[lag] * by_scale[lags]
            ) / total
            by_second[lag] = (
                by_shape[lag] - by_shape[lag + 1] + weight[lag] * by_shape[lags]
            ) / total
    else:
        weight[0] = 1.0
    return weight, by_first, by_second


@compiled
def carry_over(
    form: int, first: float, second: float, lags: int, exposure: Floats, start: float, out: Floats
) -> None:
    """Adstock of one series into `out`, the last len(out) dates of `exposure`.

    Weights sum to 1; geometric reaches back without end, others `lags` dates. Before the first
    date the exposure was `start` throughout.
    """
    carry_on(form, first, lag_weights(form, first, second, lags)[0], exposure, start, out)


@compiled
def carry_on(
    form: int, first: float, weight: Floats, exposure: Floats, start: float, out: Floats
) -> None:
    """`carry_over` by weights (lags,) that are known."""
    ahead = len(exposure) - len(out)
    if form == NONE:
        out[:] = exposure[ahead:]
    elif form == GEOMETRIC:
        alpha = expit(first)
        carried = start
        for t in range(len(exposure)):
            carried = (1.0 - alpha) * exposure[t] + alpha * carried
            if t >= ahead:
                out[t - ahead] = carried
    else:
        out[:] = 0.0
        for lag in range(len(weight)):
            before = max(lag - ahead, 0)
            begun = max(ahead - lag, 0)
            for t in range(min(before, len(out))):
                out[t] += weight[lag] * start
            if before < len(out):
                add(out[before:], weight[lag], exposure[begun : begun + len(out) - before])


@compiled
def carry_back(form: int, first: float, weight: Floats, back: Floats, out: Floats) -> None:
    """The transpose of `carry_over`: gradient by exposure (B + T,) from that by its result (T,)."""
    days, ahead = len(back), len(out) - len(back)
    out[:] = 0.0
    if form == NONE:
        out[ahead:] = back
    elif form == GEOMETRIC:
        alpha = expit(first)
        kept = 0.0
        for t in range(len(out) - 1, -1, -1):
            kept = (back[t - ahead] if t >= ahead else 0.0) + alpha * kept
            out[t] = (1.0 - alpha) * kept
    else:
        for lag in range(len(weight)):
            before = max(lag - ahead, 0)
            begun = max(ahead - lag, 0)
            if before < days:
                add(out[begun : begun + days - before], weight[lag], back[before:])


@compiled
def fill_up(form: int, log_half: float, log_shape: float, carried: Floats, out: Floats) -> None:
    """Saturation of carried-over exposure into `out`: 0 without exposure, 1/2 at half-saturation.

    LINEAR leaves it as it is. LOGISTIC is tanh(log(3) / 2 * a / k).
    """
    if form == HILL:
        shape = math.exp(log_shape)
        level = np.maximum(carried, NO_EXPOSURE)
        log_row(level, out)
        for t in range(len(carried)):
            level[t] = shape * (log_half - out[t])
        exp_row(level, out)
        for t in range(len(carried)):
            out[t] = 1.0 / (1.0 + out[t]) if carried[t] > NO_EXPOSURE else 0.0
    elif form == MICHAELIS:
        half = math.exp(log_half)
        for t in range(len(carried)):
            out[t] = carried[t] / (carried[t] + half)
    elif form == LOGISTIC:
        rate = 0.5 * _LOG3 / math.exp(log_half)
        for t in range(len(carried)):
            out[t] = math.tanh(rate * carried[t])
    else:
        out[:] = carried


@compiled
def respond(
    raw: Floats,
    table: Places,
    carry: Places,
    fill: Places,
    lags: int,
    exposure: Floats,
    start: Floats,
    frequency: Floats,
    carried: Floats,
    filled: Floats,
) -> None:
    """Carry-over and saturation of every driver and series.

    Args:
        raw: parameters; table (D, 5): their places; carry, fill (D,): forms.
        exposure: (D, S, B + T), B dates before the window; start (D, S): exposure before those.
        frequency: like exposure, of drivers of form FREQUENCY: their exposure is reach, which
            brings by the Hill curve of how often it was met, before it is carried over.
        carried, filled: (D, S, T), written to; the same for form FREQUENCY.
    """
    met = np.empty(exposure.shape[2])
    for d in range(exposure.shape[0]):
        first = raw[table[d, 0]] if table[d, 0] >= 0 else 0.0
        second = raw[table[d, 1]] if table[d, 1] >= 0 else 0.0
        half = raw[table[d, 2]] if table[d, 2] >= 0 else 0.0
        shape = raw[table[d, 3]] if table[d, 3] >= 0 else 0.0
        weight = lag_weights(carry[d], first, second, lags)[0]
        for s in range(exposure.shape[1]):
            if fill[d] == FREQUENCY:
                fill_up(HILL, half, shape, frequency[d, s], met)
                met *= exposure[d, s]
                carry_on(carry[d], first, weight, met, start[d, s], carried[d, s])
                filled[d, s] = carried[d, s]
                continue
            carry_on(carry[d], first, weight, exposure[d, s], start[d, s], carried[d, s])
            fill_up(fill[d], half, shape, carried[d, s], filled[d, s])


@compiled
def pull_back(
    raw: Floats,
    table: Places,
    carry: Places,
    fill: Places,
    lags: int,
    exposure: Floats,
    start: Floats,
    frequency: Floats,
    carried: Floats,
    filled: Floats,
    pull: Floats,
    slope: Floats,
) -> None:
    """Add to `slope` (like raw) the gradient by every parameter but sizes; pull is d / d filled."""
    days = carried.shape[2]
    ahead = exposure.shape[2] - days
    back, log_level = np.empty(days), np.empty(days)
    met, part_met, by_met = np.empty(ahead + days), np.empty(ahead + days), np.empty(ahead + days)
    for d in range(exposure.shape[0]):
        first = raw[table[d, 0]] if table[d, 0] >= 0 else 0.0
        second = raw[table[d, 1]] if table[d, 1] >= 0 else 0.0
        log_half = raw[table[d, 2]] if table[d, 2] >= 0 else 0.0
        half = math.exp(log_half)
        shape = math.exp(raw[table[d, 3]]) if table[d, 3] >= 0 else 1.0
        rate = 0.5 * _LOG3 / half
        form = carry[d]
        by_half, by_shape, by_first, by_second = 0.0, 0.0, 0.0, 0.0
        weight, turn_first, turn_second = lag_weights(form, first, second, lags)
        for s in range(exposure.shape[1]):
            source = exposure[d, s]
            if fill[d] == FREQUENCY:
                fill_up(HILL, log_half, math.log(shape), frequency[d, s], part_met)
                met[:] = exposure[d, s] * part_met
                source = met
            if fill[d] == HILL:
                log_row(np.maximum(carried[d, s], NO_EXPOSURE), log_level)
            for t in range(days):
                level, part = carried[d, s, t], filled[d, s, t]
                if fill[d] == HILL:
                    if level > NO_EXPOSURE:
                        bend = pull[d, s, t] * part * (1.0 - part)
                        by_half -= shape * bend
                        by_shape += shape * bend * (log_level[t] - log_half)
                        back[t] = bend * shape / level
                    else:
                        back[t] = 0.0
                elif fill[d] == MICHAELIS:
                    by_half -= pull[d, s, t] * part * (1.0 - part)
                    back[t] = pull[d, s, t] * (1.0 - part) / (level + half)
                elif fill[d] == LOGISTIC:
                    bend = pull[d, s, t] * (1.0 - part * part) * rate
                    by_half -= bend * level
                    back[t] = bend
                else:
                    back[t] = pull[d, s, t]
            if form == GEOMETRIC:
                alpha = expit(first)
                level, turn, total = start[d, s], 0.0, 0.0
                for t in range(ahead + days):
                    turn = level - source[t] + alpha * turn
                    level = (1.0 - alpha) * source[t] + alpha * level
                    if t >= ahead:
                        total += back[t - ahead] * turn
                by_first += total * alpha * (1.0 - alpha)
            elif form != NONE:
                for lag in range(lags):
                    before = max(lag - ahead, 0)
                    begun = max(ahead - lag, 0)
                    total = 0.0
                    for t in range(min(before, days)):
                        total += back[t] * start[d, s]
                    if before < days:
                        total += dot(back[before:], source[begun : begun + days - before])
                    by_first += turn_first[lag] * total
                    by_second += turn_second[lag] * total
            if fill[d] == FREQUENCY:
                carry_back(form, first, weight, back, by_met)
                for t in range(ahead + days):
                    if frequency[d, s, t] > NO_EXPOSURE:
                        part = part_met[t]
                        bend = shape * by_met[t] * exposure[d, s, t] * part * (1.0 - part)
                        by_half -= bend
                        by_shape += bend * (math.log(frequency[d, s, t]) - log_half)
        if table[d, 0] >= 0:
            slope[table[d, 0]] += by_first
        if table[d, 1] >= 0:
            slope[table[d, 1]] += by_second
        if table[d, 2] >= 0:
            slope[table[d, 2]] += by_half
        if table[d, 3] >= 0:
            slope[table[d, 3]] += by_shape
