"""What a plan's spend brings at every scale of it, draw by draw, with its slope, compiled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.mix.attribution import effect_factors
from models.mix.design.baseline import window_offset
from models.mix.design.priors import LAGS
from models.mix.design.response import Dynamic
from models.mix.engine.compiling import compiled
from models.mix.engine.transforms import HILL, LOGISTIC, MICHAELIS, NO_EXPOSURE, respond
from models.mix.frames import Floats, Places
from models.mix.posterior import Posterior
from models.mix.result import Estimate

_LOG3 = math.log(3.0)
#: Numbers that an outlook may hold in each of its arrays.
_ROOM = 8e6
_LEAST_DRAWS, _MOST_DRAWS = 100, 400


class Curves(NamedTuple):
    """C drivers, R draws, S series, H dates (the plan's and those its carry-over reaches).

    Carried-over exposure is `before` + m `planned` (C, R, S, H) at a multiplier m of the plan; what
    it brings is `weight` (C, R, S, H) times its saturation of form `fill` (C,) with `log_half`,
    `log_shape` (C, R). `first`, `second` (J,) are pairs whose joint effect is `joint` (J, R, S, H)
    times the product of their saturations. `group` (S,): the multiplier a series has.
    """

    before: Floats
    planned: Floats
    weight: Floats
    fill: Places
    log_half: Floats
    log_shape: Floats
    first: Places
    second: Places
    joint: Floats
    group: Places


@dataclass(frozen=True)
class Outlook:
    """A plan whose drivers can be scaled.

    `labels` (kind, name) of the C drivers; `groups` are what is scaled on its own (a territory, or
    everything at once: ""); `spend` (C, G) planned, in currency; `most` (C,) the multiplier at
    which usual planned exposure reaches the most that was ever observed.
    """

    labels: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    spend: Floats
    most: Floats
    curves: Curves
    dates: int

    def brought(self, scale: Floats) -> tuple[Floats, Floats]:
        """What the drivers bring at multipliers (C, G), and its slopes; (R, C, G) each.

        In the outcome's unit, carry-over from before the plan included. A pair's joint effect is
        split equally between the two.
        """
        found: tuple[Floats, Floats] = _brought(np.ascontiguousarray(scale), self.curves)
        return found

    def thinned(self, start: int, step: int) -> Outlook:
        """The same with every `step`-th draw."""
        c, pick = self.curves, slice(start, None, step)
        curves = c._replace(
            before=np.ascontiguousarray(c.before[:, pick]),
            planned=np.ascontiguousarray(c.planned[:, pick]),
            weight=np.ascontiguousarray(c.weight[:, pick]),
            log_half=np.ascontiguousarray(c.log_half[:, pick]),
            log_shape=np.ascontiguousarray(c.log_shape[:, pick]),
            joint=np.ascontiguousarray(c.joint[:, pick]),
        )
        return Outlook(self.labels, self.groups, self.spend, self.most, curves, self.dates)


def look_out(  # noqa: PLR0915 - arrays of one shape, filled together
    estimate: Estimate,
    posterior: Posterior,
    dates: int,
    chosen: list[tuple[str, str]],
    *,
    by_territory: bool,
) -> Outlook:
    """The outlook over the last `dates` of a posterior's panel, which is the plan's calendar.

    Args:
        posterior: the fitted one, or a horizon's.
        chosen: drivers to scale, transformed or linear, none of them idle.
    """
    panel, response = posterior.panel, posterior.response
    at = {(e.driver.kind, e.driver.name): d for d, e in enumerate(response.entries)}
    tail = LAGS[panel.grain]
    series, length = len(panel.territories), dates + tail
    drawn = estimate.drawn
    room = int(_ROOM / max(len(chosen) * series * length, 1))
    wanted = min(len(drawn.theta), max(_LEAST_DRAWS, min(_MOST_DRAWS, room)))
    picks = np.linspace(0, len(drawn.theta) - 1, wanted).round().astype(np.int64)

    d = response.drivers
    after = np.zeros((*d.exposure.shape[:2], tail))
    whole = np.ascontiguousarray(np.concatenate([d.exposure, after], axis=2))
    # Where no driver saturates by frequency the array has no dates.
    often = d.frequency
    if often.shape[2]:
        often = np.ascontiguousarray(np.concatenate([often, after], axis=2))
    without = whole.copy()
    for key in chosen:
        if key in at:
            without[at[key], :, -length:] = 0.0
    shape = (len(chosen), wanted, series, length)
    before, planned, weight = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    log_half, log_shape = np.zeros(shape[:2]), np.zeros(shape[:2])
    fill = np.zeros(len(chosen), dtype=np.int64)
    filled = np.empty((wanted, len(at), series, length))  # at the plan, for partners of pairs
    carried, base, level = (np.empty((len(at), series, length)) for _ in range(3))
    for r, pick in enumerate(picks):
        raw = posterior.raw(drawn.theta[pick])
        respond(raw, d.table, d.carry, d.fill, d.lags, without, d.start, often, base, level)
        respond(raw, d.table, d.carry, d.fill, d.lags, whole, d.start, often, carried, filled[r])
        for c, key in enumerate(chosen):
            if key not in at:
                continue
            k = at[key]
            before[c, r], planned[c, r] = base[k], carried[k] - base[k]
            fill[c] = d.fill[k]
            weight[c, r] = drawn.states[pick].scale[k]
            log_half[c, r] = raw[d.table[k, 2]] if d.table[k, 2] >= 0 else 0.0
            log_shape[c, r] = raw[d.table[k, 3]] if d.table[k, 3] >= 0 else 0.0
    np.maximum(planned, 0.0, out=planned)
    still, own_still = len(posterior.design.columns), len(posterior.design.own_columns)
    for c, key in enumerate(chosen):
        if key in at:
            factor, _ = effect_factors(posterior, drawn, at[key], still, own_still)
            weight[c] *= _to_the_end(factor[picks], dates, length)
        else:
            before[c], planned[c] = _linear(posterior, estimate, key, length, dates, picks)
            weight[c] = 1.0
    weight *= panel.money[:, None]
    first, second, joint = _pairs(posterior, estimate, chosen, picks, filled, weight)
    labels = list(panel.territories) if by_territory else [""] * series
    groups = tuple(dict.fromkeys(labels))
    group = np.array([groups.index(label) for label in labels], dtype=np.int64)
    drivers = {(one.kind, one.name): one for one in panel.drivers}
    spend = np.zeros((len(chosen), len(groups)))
    most = np.full(len(chosen), np.inf)
    for c, key in enumerate(chosen):
        driver = drivers[key]
        paid = driver.spend[:, driver.spend.shape[1] - dates :].sum(axis=1)
        np.add.at(spend[c], group, paid)
        most[c] = _most(estimate, key, driver.per_head[:, -dates:])
    curves = Curves(before, planned, weight, fill, log_half, log_shape, first, second, joint, group)
    return Outlook(tuple(chosen), groups, spend, most, curves, dates)


def _to_the_end(factor: Floats, dates: int, length: int) -> Floats:
    """A factor (R, S or 1, T or 1) over the plan's dates, its last value kept after them."""
    if factor.shape[2] == 1:
        return factor.astype(np.float64)
    part = factor[:, :, -dates:].astype(np.float64)
    rest = np.repeat(part[:, :, -1:], length - dates, axis=2)
    return np.concatenate([part, rest], axis=2)


def _linear(  # noqa: PLR0917
    posterior: Posterior,
    estimate: Estimate,
    key: tuple[str, str],
    length: int,
    dates: int,
    picks: Places,
) -> tuple[Floats, Floats]:
    """What a linear driver brings over the plan and its tail, relative to size, (R, S, H) each:
    the echo of what ran before the plan, and what is planned."""
    design, drawn = posterior.design, estimate.drawn
    fitted = next(d for d in estimate.panel.drivers if (d.kind, d.name) == key)
    driver = next(d for d in posterior.panel.drivers if (d.kind, d.name) == key)
    offset = window_offset(fitted, estimate.panel, estimate.spec)
    tail = np.zeros((len(driver.per_head), length - dates))
    whole = np.hstack([driver.per_head - offset, tail])
    past = whole.copy()
    past[:, -length:] = 0.0
    before = np.zeros((len(picks), len(whole), length))
    planned = np.zeros_like(before)
    for i in design.of(*key):
        column, worth = design.columns[i], drawn.shared[picks, i, None, None]
        early = column.of(past)[:, -length:]
        before += worth * early
        planned += worth * (column.of(whole)[:, -length:] - early)
    for k in design.own_of(*key):
        own = drawn.own[picks][:, :, k, None]
        planned += own * design.own_columns[k].of(whole)[:, -length:]
    return before, planned


def _pairs(  # noqa: PLR0917
    posterior: Posterior,
    estimate: Estimate,
    chosen: list[tuple[str, str]],
    picks: Places,
    filled: Floats,
    weight: Floats,
) -> tuple[Places, Places, Floats]:
    """Pairs of scaled drivers; a pair with one that is not scaled adds to the other's weight."""
    response, panel = posterior.response, posterior.panel
    still = len(posterior.design.columns)
    keys = [(e.driver.kind, e.driver.name) for e in response.entries]
    first, second, joint = [], [], []
    for k, part in enumerate(response.shared):
        if part.second < 0:
            continue
        usual = response.drivers.usual[part.first] * response.drivers.usual[part.second]
        worth = estimate.drawn.shared[picks, still + k, None, None] / usual
        worth = worth * panel.money[:, None]
        places = [chosen.index(keys[d]) if keys[d] in chosen else -1 for d in _both(part)]
        if min(places) >= 0:
            first.append(places[0])
            second.append(places[1])
            joint.append(np.broadcast_to(worth, weight.shape[1:]))
        elif max(places) >= 0:
            mine = places.index(max(places))
            weight[places[mine]] += worth * filled[:, _both(part)[1 - mine]]
    return (
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        np.ascontiguousarray(joint, dtype=np.float64).reshape(len(joint), *weight.shape[1:]),
    )


def _both(part: Dynamic) -> tuple[int, int]:
    return part.first, part.second


def _most(estimate: Estimate, key: tuple[str, str], planned: npt.NDArray[np.float64]) -> float:
    """How often usual planned exposure fits into the most observed in the fitted window."""
    driver = next(d for d in estimate.panel.drivers if (d.kind, d.name) == key)
    running = np.abs(planned[planned != 0])
    if not running.size:
        return np.inf
    return float(np.abs(driver.per_head).max() / running.mean())


@compiled
def _saturated(form: int, level: float, log_half: float, log_shape: float) -> tuple[float, float]:
    """Saturation at a level, and its slope there."""
    if form == HILL:
        shape = math.exp(log_shape)
        near = max(level, NO_EXPOSURE)
        odds = math.exp(min(shape * (log_half - math.log(near)), 700.0))
        part = 1.0 / (1.0 + odds)
        slope = shape * part * (1.0 - part) / near
        return (part if level > NO_EXPOSURE else 0.0), slope
    if form == MICHAELIS:
        half = math.exp(log_half)
        return level / (level + half), half / ((level + half) * (level + half))
    if form == LOGISTIC:
        rate = 0.5 * _LOG3 / math.exp(log_half)
        part = math.tanh(rate * level)
        return part, rate * (1.0 - part * part)
    return level, 1.0


@compiled
def _brought(scale: Floats, curves: Curves) -> tuple[Floats, Floats]:
    count, draws, series, dates = curves.planned.shape
    value = np.zeros((draws, count, scale.shape[1]))
    slope = np.zeros_like(value)
    for r in range(draws):
        for c in range(count):
            half, shape, form = curves.log_half[c, r], curves.log_shape[c, r], curves.fill[c]
            for s in range(series):
                g = curves.group[s]
                total, steep = 0.0, 0.0
                for t in range(dates):
                    plan = curves.planned[c, r, s, t]
                    level = curves.before[c, r, s, t] + scale[c, g] * plan
                    part, turn = _saturated(form, level, half, shape)
                    total += curves.weight[c, r, s, t] * part
                    steep += curves.weight[c, r, s, t] * turn * plan
                value[r, c, g] += total
                slope[r, c, g] += steep
        for j in range(len(curves.first)):
            a, b = curves.first[j], curves.second[j]
            for s in range(series):
                g = curves.group[s]
                for t in range(dates):
                    to_a, to_b = curves.planned[a, r, s, t], curves.planned[b, r, s, t]
                    part_a, turn_a = _saturated(
                        curves.fill[a], curves.before[a, r, s, t] + scale[a, g] * to_a,
                        curves.log_half[a, r], curves.log_shape[a, r],
                    )  # fmt: skip
                    part_b, turn_b = _saturated(
                        curves.fill[b], curves.before[b, r, s, t] + scale[b, g] * to_b,
                        curves.log_half[b, r], curves.log_shape[b, r],
                    )  # fmt: skip
                    worth = curves.joint[j, r, s, t]
                    value[r, a, g] += 0.5 * worth * part_a * part_b
                    value[r, b, g] += 0.5 * worth * part_a * part_b
                    slope[r, a, g] += worth * turn_a * to_a * part_b
                    slope[r, b, g] += worth * part_a * turn_b * to_b
    return value, slope
