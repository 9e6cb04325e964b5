"""Finding the best split of spend: a worth to climb, and the climbing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, minimize

from models.mix.frames import Floats
from models.mix.planning.outlook import Outlook

#: Steps a driver's spend is cut into for the rough solution that climbing starts from.
_STEPS = 16
_MOST_STARTS = 6


@dataclass(frozen=True)
class Worth:
    """What a plan is worth in money against the current one: revenue less `price` times spend.

    `value` money a unit of the outcome brings. `worst` None: the mean over draws; else the mean of
    that share of draws that are worst (expected shortfall; Rockafellar and Uryasev, 2000), draw by
    draw against the current plan.
    """

    outlook: Outlook
    value: float
    price: float
    worst: float | None

    def gains(self, spend: Floats) -> tuple[Floats, Floats]:
        """Gain of every draw (R,) at spend (C, G), and its slope by spend (R, C, G)."""
        now = self.outlook.spend
        scale = np.where(now > 0, spend / np.where(now > 0, now, 1.0), 0.0)
        value, slope = self.outlook.brought(scale)
        by_spend = np.where(now > 0, slope / np.where(now > 0, now, 1.0), 0.0)
        revenue = self.value * value.sum(axis=(1, 2))
        return revenue - self.price * spend.sum(), self.value * by_spend - self.price

    def of(self, spend: Floats, against: Floats) -> tuple[float, Floats]:
        """Worth of a plan over `against` (R,), the worth of another by draw; and its slope."""
        gains, slope = self.gains(spend)
        gains = gains - against
        rows = tail(gains, self.worst)
        return float(gains[rows].mean()), slope[rows].mean(axis=0)


def tail(values: Floats, worst: float | None) -> np.ndarray:
    """Places of the worst share of values; of all where that is None."""
    if worst is None:
        return np.arange(len(values))
    count = max(1, round(worst * len(values)))
    return np.argpartition(values, count - 1)[:count]


@dataclass(frozen=True)
class Limits:
    """Bounds (C, G) in money, and on the sum: exactly, at most, or none."""

    lower: Floats
    upper: Floats
    total: float | None = None
    exactly: bool = False

    def holds(self, spend: Floats) -> bool:
        """Whether a plan is allowed."""
        slack = 1e-6 * max(float(self.upper.sum()), 1.0)
        inside = (spend >= self.lower - slack).all() and (spend <= self.upper + slack).all()
        if self.total is None or not inside:
            return bool(inside)
        over = float(spend.sum()) - self.total
        return abs(over) <= slack if self.exactly else over <= slack


def climb(
    worth: Worth,
    limits: Limits,
    at_least: Callable[[Floats], tuple[float, Floats]] | None = None,
) -> Floats:
    """The allowed plan (C, G) of greatest worth found from several starts, the current among them.

    Args:
        at_least: a further condition, value >= 0, with its slope.
    """
    now = worth.outlook.spend
    against = worth.gains(now)[0]
    unit = max(float(now.sum()), 1e-9)
    free = limits.upper > limits.lower
    size = max(float(np.abs(against).mean()), unit)

    def plan(x: Floats) -> Floats:
        spend = limits.lower.copy()
        spend[free] = x * unit
        return spend

    def loss(x: Floats) -> tuple[float, Floats]:
        value, slope = worth.of(plan(x), against)
        return -value / size, -slope[free] * unit / size

    conditions = []
    if limits.total is not None:
        fixed = float(limits.lower[~free].sum())
        ones = np.ones(int(free.sum()))
        room = (limits.total - fixed) / unit
        conditions.append(
            {
                "type": "eq" if limits.exactly else "ineq",
                "fun": lambda x: room - x.sum(),
                "jac": lambda x: -ones,
            }
        )
    if at_least is not None:
        further = at_least
        conditions.append(
            {
                "type": "ineq",
                "fun": lambda x: further(plan(x))[0] / size,
                "jac": lambda x: further(plan(x))[1][free] * unit / size,
            }
        )
    best, most = None, -np.inf
    for start in starts(worth, limits):
        found = start
        if free.any():
            bounds = list(zip(limits.lower[free] / unit, limits.upper[free] / unit, strict=True))
            out = minimize(
                loss, start[free] / unit, jac=True, bounds=bounds, constraints=conditions,
                method="SLSQP", options={"maxiter": 200, "ftol": 1e-10},
            )  # fmt: skip
            found = np.clip(plan(out.x), limits.lower, limits.upper)
        for candidate in (found, start):
            if not limits.holds(candidate):
                continue
            if at_least is not None and at_least(candidate)[0] < -1e-6 * size:
                continue
            value = worth.of(candidate, against)[0]
            if value > most:
                best, most = candidate, value
    return fitting(now, limits) if best is None else best


def starts(worth: Worth, limits: Limits) -> list[Floats]:
    """Plans to climb from: the current one, the rough best, and every driver favoured in turn."""
    now = worth.outlook.spend
    out = [fitting(now, limits), rough(worth, limits)]
    out.append(fitting(0.5 * (limits.lower + limits.upper), limits))
    order = np.argsort(-now.sum(axis=1))[: _MOST_STARTS - len(out)]
    for c in order:
        tilted = limits.lower.copy()
        tilted[c] = limits.upper[c]
        out.append(fitting(0.5 * tilted + 0.5 * out[0], limits))
    return out


def fitting(plan: Floats, limits: Limits) -> Floats:
    """The plan moved into its limits: bounds first, then all by the same part of their room."""
    out = np.clip(plan, limits.lower, limits.upper)
    if limits.total is None:
        return out
    over = float(out.sum()) - limits.total
    if over > 0:
        room = out - limits.lower
        out = out - room * min(1.0, over / max(float(room.sum()), 1e-300))
    elif over < 0 and limits.exactly:
        room = limits.upper - out
        out = out + room * min(1.0, -over / max(float(room.sum()), 1e-300))
    return out


def rough(worth: Worth, limits: Limits) -> Floats:
    """The best plan on a coarse grid, by linear programming over each driver's concave hull.

    Where a response is S-shaped its hull leaps the valley that climbing from the current plan
    would not cross.
    """
    outlook, now = worth.outlook, worth.outlook.spend
    grid = np.linspace(0.0, 1.0, _STEPS + 1)
    width = limits.upper - limits.lower
    table = np.empty((len(grid), *now.shape))
    positive = np.where(now > 0, now, 1.0)
    for i, part in enumerate(grid):
        spend = limits.lower + part * width
        scale = np.where(now > 0, spend / positive, 0.0)
        table[i] = outlook.brought(scale)[0].mean(axis=0)
    gain = worth.value * np.diff(table, axis=0) - worth.price * width / _STEPS
    step = np.repeat(width[None] / _STEPS, _STEPS, axis=0)
    hull = _hull(gain)
    flat, cost = hull.ravel(), step.ravel()
    rows = {}
    if limits.total is not None:
        left = max(limits.total - float(limits.lower.sum()), 0.0)
        key = ("A_eq", "b_eq") if limits.exactly else ("A_ub", "b_ub")
        rows = {key[0]: cost[None], key[1]: [min(left, float(cost.sum()))]}
    found = linprog(-flat, bounds=(0, 1), **rows)
    if found.x is None:
        return fitting(now, limits)
    return fitting(limits.lower + (found.x * cost).reshape(step.shape).sum(axis=0), limits)


def _hull(gain: Floats) -> Floats:
    """Slopes (steps, C, G) of the least concave curve above each cell's, by pooling neighbours."""
    out = gain.copy()
    for cell in np.ndindex(gain.shape[1:]):
        blocks: list[list[float]] = []
        for one in gain[(slice(None), *cell)]:
            blocks.append([float(one), 1.0])
            while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] < blocks[-1][0] / blocks[-1][1]:
                last = blocks.pop()
                blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
        out[(slice(None), *cell)] = np.concatenate([[s / n] * int(n) for s, n in blocks])
    return out
