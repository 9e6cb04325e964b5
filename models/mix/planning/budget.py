"""Where money should go: the best split of a budget over a plan's calendar, and what it gains."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd

from models.errors import UnknownKindError
from models.mix.frames import GRAIN_DAYS, Floats
from models.mix.panel import MixInputs, Panel
from models.mix.planning.allocating import Limits, Worth, climb, fitting, tail
from models.mix.planning.bounds import Bounds, BudgetError, read_bounds
from models.mix.planning.budget_report import Allocation, report
from models.mix.planning.horizon import read_horizon
from models.mix.planning.outlook import Outlook, look_out
from models.mix.posterior import Posterior
from models.mix.result import Estimate

Goal = Literal["fixed", "roi", "mroi", "flexible"]
_YEAR_DAYS = 364
#: Beyond this many amounts to decide, climbing would take hours.
_MOST_AMOUNTS = 400


def optimise(
    estimate: Estimate,
    *,
    budget: Decimal | float | None = None,
    goal: Goal = "fixed",
    target: float | None = None,
    plan: MixInputs | None = None,
    bounds: pd.DataFrame | None = None,
    drivers: tuple[str, ...] | None = None,
    by_territory: bool = False,
    margin: float | None = None,
    risk_averse: float | None = None,
    beyond_observed: bool = False,
    align: bool = False,
) -> Allocation:
    """The best allocation of spend between drivers (and territories) over a plan's calendar.

    Each driver's planned exposure is scaled as a whole, at the plan's cost per exposure; what it
    carries over past the plan's last date counts. Half of the draws choose the plan, the other half
    say what it gains: the gain is not flattered by the choice.

    Args:
        budget: money for all scaled drivers together; None: what the plan spends. For goals other
            than `fixed` the most that may be spent; None: no limit but the bounds.
        goal: `fixed` spends the budget; `roi` brings the most at a return of at least `target` on
            all its spend; `mroi` spends on each driver until one more unit of money brings
            `target`; `flexible` maximises profit: margin times revenue less spend.
        target: return, outcome times value per unit per money spent; for `roi` and `mroi`.
        plan: drivers and controls of future dates; None: the last year of the window again.
        bounds: see `read_bounds`; default: from nothing to the most exposure observed.
        drivers: names of those to scale; None: all media with spend in the plan.
        margin: share of revenue that is profit, 0 to 1.
        risk_averse: share q: maximises the mean gain of the worst q of draws (0.2: a fifth).
        beyond_observed: let exposure go beyond what was ever observed; the result is labelled.
        align: as in `predict`.

    Raises:
        BudgetError: a budget, goal, target or bound that no plan can meet.
        ModelInputError: the plan cannot be read (`read_horizon`).
    """
    _check(goal, target, margin, risk_averse, budget)
    posterior, dates, notes = _calendar(estimate, plan, align)
    chosen = _chosen(estimate, posterior.panel, dates, drivers)
    outlook = look_out(estimate, posterior, dates, chosen, by_territory=by_territory)
    if int((outlook.spend > 0).sum()) > _MOST_AMOUNTS:
        raise BudgetError(
            f"There are {int((outlook.spend > 0).sum())} amounts to decide (drivers times "
            f"territories); at most {_MOST_AMOUNTS} can be. Name fewer drivers, or split the "
            "budget by driver only."
        )
    limits = read_bounds(outlook, bounds, beyond_observed=beyond_observed)
    value = estimate.spec.value_per_unit
    price = {"fixed": 0.0, "roi": 0.0, "mroi": target, "flexible": 1.0}[goal] or 0.0
    worth = Worth(
        outlook.thinned(0, 2),
        value * (margin or 1.0) if goal == "flexible" else value,
        price,
        risk_averse,
    )
    total = _total(budget, goal, limits, outlook)
    allowed = Limits(limits.lower / 100, limits.upper / 100, total, exactly=goal == "fixed")
    if goal == "roi":
        spend = _at_return(worth, allowed, float(target or 0.0))
    else:
        spend = climb(worth, allowed)
    cents = in_cents(spend, limits, total if goal == "fixed" else None)
    cents, kept = _not_worse(cents, limits, allowed, worth, outlook, goal)
    if kept:
        notes += ("no allowed plan was found to be better than the current one, which stays",)
    if margin is None:
        notes += ("margin not given: all revenue counts as profit in the gain",)
    return report(
        estimate, outlook.thinned(1, 2), limits, cents, margin or 1.0, risk_averse, notes,
        dates=posterior.panel.dates[-dates:],
    )  # fmt: skip


def _check(
    goal: str,
    target: float | None,
    margin: float | None,
    risk_averse: float | None,
    budget: Decimal | float | None,
) -> None:
    if goal not in ("fixed", "roi", "mroi", "flexible"):
        raise BudgetError(f"The goal is {goal!r}; expected fixed, roi, mroi or flexible.")
    if (goal in ("roi", "mroi")) != (target is not None):
        raise BudgetError(
            f"The goal {goal} needs {'a target' if target is None else 'no target'}: the return, "
            "as in 2.5 for 2.5 of revenue per unit of money, belongs to roi and mroi."
        )
    for name, found in (("target", target), ("budget", budget)):
        if found is not None and not (np.isfinite(float(found)) and float(found) > 0):
            raise BudgetError(f"The {name} is {found}; expected a number above 0.")
    if margin is not None and not 0 < margin <= 1:
        raise BudgetError(
            f"The margin is {margin}; expected the share of revenue that is profit, as in 0.35."
        )
    if goal == "flexible" and margin is None:
        raise BudgetError(
            "The goal flexible maximises profit and needs the margin: the share of revenue left "
            "after the cost of what is sold, as in margin=0.35 (--margin 0.35)."
        )
    if risk_averse is not None and not 0 < risk_averse <= 1:
        raise BudgetError(
            f"risk_averse is {risk_averse}; expected the share of worst draws, as in 0.2."
        )


def _calendar(
    estimate: Estimate, plan: MixInputs | None, align: bool
) -> tuple[Posterior, int, tuple[str, ...]]:
    """The posterior that holds the plan's dates at its end, how many they are, and notes."""
    if plan is None:
        panel = estimate.panel
        year = round(_YEAR_DAYS / GRAIN_DAYS[panel.grain])
        return estimate.posterior, min(len(panel.dates), year), ()
    horizon = read_horizon(estimate, plan, align=align)
    return horizon.posterior, len(horizon.panel.dates), horizon.notes


def _chosen(
    estimate: Estimate, panel: Panel, dates: int, names: tuple[str, ...] | None
) -> list[tuple[str, str]]:
    idle = {(driver.kind, driver.name) for driver in estimate.idle}
    known = {driver.name for driver in panel.drivers}
    unknown = sorted(set(names or ()) - known)
    if unknown:
        raise UnknownKindError(
            f"The model has no driver {unknown[0]!r} (it has: {', '.join(sorted(known))})."
        )
    out = []
    for driver in panel.drivers:
        key = (driver.kind, driver.name)
        wanted = driver.kind == "media" if names is None else driver.name in names
        if not wanted:
            continue
        why = None
        if key in idle:
            why = "never moved in the fitted window, so what it brings is unknown"
        elif float(driver.spend[:, driver.spend.shape[1] - dates :].sum()) <= 0:
            why = "has no spend in the plan, so it cannot be scaled"
        elif estimate.spec.of(*key).reference == "median":
            why = "is counted against its median and has no zero to scale from"
        if why and names is not None:
            raise BudgetError(f"The driver {driver.kind} {driver.name} {why}; leave it out.")
        if not why:
            out.append(key)
    if not out:
        raise BudgetError(
            "No driver of the plan has spend that could be moved; media with spend are scaled "
            "unless drivers are named."
        )
    return out


def _total(
    budget: Decimal | float | None, goal: str, limits: Bounds, outlook: Outlook
) -> float | None:
    least, most = int(limits.lower.sum()), int(limits.upper.sum())
    if budget is None:
        if goal != "fixed":
            return None
        cents = round(float(outlook.spend.sum()) * 100)
        cents = min(max(cents, least), most)
    else:
        cents = round(Decimal(str(budget)) * 100)
    if cents < least or (goal == "fixed" and cents > most):
        raise BudgetError(
            f"The budget is {cents / 100:,.2f}, but the bounds allow {least / 100:,.2f} to "
            f"{most / 100:,.2f}. Change the budget or the bounds; the default upper bound is the "
            "most exposure ever observed, beyond which beyond_observed=True (--beyond-observed) "
            "goes."
        )
    return cents / 100


def _at_return(worth: Worth, allowed: Limits, target: float) -> Floats:
    """The plan that brings the most while all its spend returns at least the target."""
    nothing = worth.gains(np.zeros_like(worth.outlook.spend))[0]

    def slack(spend: Floats) -> tuple[float, Floats]:
        gains, slope = worth.gains(spend)
        gains = gains - nothing
        rows = tail(gains, worth.worst)
        return float(gains[rows].mean()) - target * float(spend.sum()), (
            slope[rows].mean(axis=0) - target
        )

    # The plan of greatest slack is where the return is surely met, if anywhere.
    safest = climb(replace(worth, price=target), allowed)
    unit = float(worth.outlook.spend.sum())
    if slack(safest)[0] < 0 or float(safest.sum()) < 1e-3 * unit:
        # The first thousandth of the current plan is about the best a return can be.
        near = safest if float(safest.sum()) >= 1e-3 * unit else 1e-3 * worth.outlook.spend
        got = (slack(near)[0] + target * float(near.sum())) / float(near.sum())
        raise BudgetError(
            f"No plan within the bounds returns {target:g} on its spend; the nearest returns "
            f"{got:.3g}. Lower the target or the lower bounds."
        )
    found = climb(worth, allowed, at_least=slack)
    if slack(found)[0] >= 0:
        return found
    # Between the safest plan and the one found, the last point where the return is still met.
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        if slack(safest + middle * (found - safest))[0] >= 0:
            low = middle
        else:
            high = middle
    return safest + low * (found - safest)


def in_cents(spend: Floats, bounds: Bounds, total: float | None) -> np.ndarray:
    """Whole cents within bounds, their sum the total exactly: the largest remainders round up."""
    exact = np.clip(spend * 100, bounds.lower, bounds.upper)
    cents = np.floor(exact + 1e-9).astype(np.int64)
    if total is None:
        return cents
    left = round(total * 100) - int(cents.sum())
    order = np.argsort(-(exact - cents).ravel(), kind="stable")
    flat, low, high = cents.ravel(), bounds.lower.ravel(), bounds.upper.ravel()
    while left:
        step = 1 if left > 0 else -1
        moved = False
        for i in order if step > 0 else order[::-1]:
            if left and low[i] <= flat[i] + step <= high[i]:
                flat[i] += step
                left -= step
                moved = True
        if not moved:
            raise BudgetError("The bounds leave no way to spend the budget to the cent.")
    return flat.reshape(cents.shape)


def _not_worse(  # noqa: PLR0917
    cents: np.ndarray, bounds: Bounds, allowed: Limits, worth: Worth, outlook: Outlook, goal: str
) -> tuple[np.ndarray, bool]:
    """The current plan instead, where it is allowed and the new one is no better after rounding."""
    now = np.rint(outlook.spend * 100).astype(np.int64)
    inside = (now >= bounds.lower).all() and (now <= bounds.upper).all()
    if goal == "roi" or not inside or not allowed.holds(now / 100):
        return cents, False
    if goal == "fixed" and int(now.sum()) != int(cents.sum()):
        return cents, False
    # Nor by the draws that did not choose it.
    for half in (worth, replace(worth, outlook=outlook.thinned(1, 2))):
        against = half.gains(now / 100)[0]
        if half.of(cents / 100, against)[0] <= 0:
            break
    else:
        return cents, False
    return now, bool((now != cents).any())


__all__ = ["Allocation", "BudgetError", "Goal", "fitting", "optimise"]
