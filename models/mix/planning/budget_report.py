"""What an allocation is worth, with the probability that it is a gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from models.mix.attribution import BAND
from models.mix.frames import Floats
from models.mix.planning.allocating import tail
from models.mix.planning.bounds import Bounds
from models.mix.planning.outlook import Outlook
from models.mix.result import Estimate

#: Less than half a cent is no gain.
_NO_GAIN = 0.005


@dataclass(frozen=True)
class Allocation:
    """A split of spend, and what it gains against the plan it started from.

    `totals`: spend_now, spend, contribution_now, contribution, contribution_gain and its interval,
    profit_gain (margin times value of the gain, less the change of spend) and its interval,
    `probability_of_gain` (share of joint draws with profit_gain above 0) and `worst_gain` (mean
    profit gain of the worst draws). Contributions are those of spend in the plan.
    """

    table: pd.DataFrame
    totals: Mapping[str, Any]
    notes: tuple[str, ...]

    def allocation(self) -> pd.DataFrame:
        """kind, driver[, territory_id], spend_now, spend, change, multiplier, lower, upper,
        contribution_now, contribution, its interval, roi, mroi, is_beyond_observed."""
        return self.table


def report(  # noqa: PLR0917
    estimate: Estimate,
    outlook: Outlook,
    bounds: Bounds,
    cents: np.ndarray,
    margin: float,
    risk_averse: float | None,
    notes: tuple[str, ...],
    *,
    dates: pd.DatetimeIndex,
) -> Allocation:
    """Figures of an allocation from the draws of `outlook`.

    Args:
        cents: (C, G) spend. margin: share of revenue that is profit.
    """
    value = estimate.spec.value_per_unit
    now = outlook.spend
    spend = cents / 100
    scale = np.where(now > 0, spend / np.where(now > 0, now, 1.0), 0.0)
    scale[cents == np.rint(now * 100)] = 1.0  # what stays brings exactly what it brought
    scale[now <= 0] = 0.0
    none = outlook.brought(np.zeros_like(now))[0]
    before = outlook.brought((now > 0).astype(np.float64))[0] - none
    after, slope = outlook.brought(scale)
    after = after - none
    marginal = value * (slope / np.where(now > 0, now, np.inf)).mean(axis=0)
    rows = []
    beyond = []
    for c, (kind, name) in enumerate(outlook.labels):
        for g, territory in enumerate(outlook.groups):
            if now[c, g] <= 0:
                continue
            low, _, high = np.quantile(after[:, c, g], BAND)
            mean = float(after[:, c, g].mean())
            passed = bool(cents[c, g] > bounds.observed[c, g])
            if passed:
                beyond.append(f"{kind} {name}" + (f" in {territory}" if territory else ""))
            amounts = [int(x[c, g]) for x in (cents, bounds.lower, bounds.upper)]
            was = round(now[c, g] * 100)
            rows.append(
                {
                    "kind": kind,
                    "driver": name,
                    "territory_id": territory,
                    "spend_now": _money(was),
                    "spend": _money(amounts[0]),
                    "change": _money(amounts[0] - was),
                    "multiplier": float(scale[c, g]),
                    "lower": _money(amounts[1]),
                    "upper": _money(amounts[2]),
                    "contribution_now": float(before[:, c, g].mean()),
                    "contribution": mean,
                    "contribution_p05": low,
                    "contribution_p95": high,
                    "roi": mean * value / spend[c, g] if spend[c, g] else np.nan,
                    "mroi": float(marginal[c, g]),
                    "is_beyond_observed": passed,
                }
            )
    table = pd.DataFrame(rows)
    if outlook.groups == ("",):
        table = table.drop(columns="territory_id")
    if beyond:
        notes += (
            f"beyond everything observed, so on an assumed curve: {', '.join(beyond[:5])}"
            + (f" and {len(beyond) - 5} more" if len(beyond) > 5 else ""),
        )
    gain = (after - before).sum(axis=(1, 2))
    spent, was_spent = int(cents.sum()), round(float(now.sum()) * 100)
    profit = margin * value * gain - (spent - was_spent) / 100
    totals = {
        "starts_on": str(dates[0].date()),
        "ends_on": str(dates[-1].date()),
        "currency": estimate.panel.currency,
        "spend_now": _money(was_spent),
        "spend": _money(spent),
        "contribution_now": float(before.sum(axis=(1, 2)).mean()),
        "contribution": float(after.sum(axis=(1, 2)).mean()),
        **_interval("contribution_gain", gain),
        "margin": margin,
        **_interval("profit_gain", profit),
        "probability_of_gain": float((profit > _NO_GAIN).mean()),
        "risk_averse": risk_averse,
        "worst_gain": float(profit[tail(profit, risk_averse or 0.2)].mean()),
        "draws": len(profit),
    }
    return Allocation(table, totals, notes)


def _interval(name: str, values: Floats) -> dict[str, float]:
    low, middle, high = (float(x) for x in np.quantile(values, BAND))
    return {
        name: float(values.mean()),
        f"{name}_p05": low,
        f"{name}_p50": middle,
        f"{name}_p95": high,
    }


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
