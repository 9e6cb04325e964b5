"""A release laid out for the race: its series, the plan's drivers, and holidays, on one grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.grid import Floats, Grid, PlanColumn
from forecasting.plan import Driver, Exposures
from forecasting.series import Calendar, Sold

#: Name of the plan's column of holidays, and of a period without one.
HOLIDAY, NO_HOLIDAY = "holiday", "none"
#: Holidays with an effect of their own: those that came most often.
MOST_HOLIDAYS = 40
#: Half of an exposure is gone after half a week: what a forecast without an attribution assumes.
HALF_LIFE_DAYS = 3.5
CARRIED = ("media", "organic", "publicity")
#: Kinds that never sell less by more of them, as in the mix model.
POSITIVE = ("media", "organic")


def carry_over(exposure: Floats, step_days: int) -> Floats:
    """Geometric adstock a_t = (1 - r) x_t + r a_(t-1), r = 0.5 ** (step_days / 3.5).

    >>> carry_over(np.array([4.0, 0.0, 0.0]), step_days=7).round(3).tolist()
    [3.0, 0.75, 0.188]
    """
    kept = 0.5 ** (step_days / HALF_LIFE_DAYS)
    carried = np.empty(len(exposure))
    before = 0.0
    for t, x in enumerate(exposure):
        before = (1 - kept) * x + kept * before
        carried[t] = before
    return carried


def signal(kind: str, exposure: Floats, known: int, step_days: int) -> Floats:
    """What a driver does in a log-linear model: promotions count by depth; the others carry over
    and flatten, z = log(1 + a / mean of positive a in the `known` periods)."""
    if kind not in CARRIED:
        return exposure
    carried = np.maximum(carry_over(exposure, step_days), 0.0)
    positive = carried[:known][carried[:known] > 0]
    return np.log1p(carried / (positive.mean() if len(positive) else 1.0))


def grid_of(
    sold: Sold,
    laid: Calendar,
    drivers: Exposures,
    holidays: Mapping[str, pd.DataFrame],
    credited: frozenset[Driver] = frozenset(),
) -> Grid:
    """The grid of a release.

    Plan columns are the drivers of a territory that move in history (`kind:driver`), but for those
    a mix result answers for (`credited`), and `holiday`: which one a period has.
    """
    territories = list(sold.keys["territory_id"])
    known, dates = len(laid.history), laid.index
    columns, values = [], []
    for number, (kind, driver) in enumerate(drivers.drivers):
        if (kind, driver) in credited:
            continue
        by_place = {
            place: signal(kind, drivers.by_territory[place][:, number], known, laid.step_days)
            for place in dict.fromkeys(territories)
        }
        if any(np.ptp(x[:known]) > 1e-12 * max(np.abs(x).max(), 1.0) for x in by_place.values()):
            columns.append(PlanColumn(f"{kind}:{driver}", sign=int(kind in POSITIVE)))
            values.append(np.stack([by_place[place] for place in territories]))
    levels, codes = _holidays(holidays, laid)
    if len(levels) > 1:
        columns.append(PlanColumn(HOLIDAY, levels))
        values.append(np.stack([codes[place] for place in territories]))
    daily = laid.grain == "day"
    return Grid(
        ids=sold.names,
        dates=dates,
        y=sold.y,
        plan=np.array(values).reshape(len(columns), len(territories), len(dates)),
        columns=tuple(columns),
        freq="D" if daily else f"W-{dates[0].strftime('%a').upper()}",
        season=7 if daily else 1,
        year=365 if daily else 52,
    )


def _holidays(
    holidays: Mapping[str, pd.DataFrame], laid: Calendar
) -> tuple[tuple[str, ...], dict[str, Floats]]:
    """Levels of the column, and its codes by territory; two holidays of a period are one of both
    names. Only those that came in history have an effect to learn."""
    dates = laid.index
    named: dict[str, list[str]] = {}
    for place, frame in holidays.items():
        names = [NO_HOLIDAY] * len(dates)
        for day, group in frame.groupby("ds", sort=True)["holiday"]:
            at = int(dates.get_indexer(pd.DatetimeIndex([day]))[0])
            if at >= 0:
                names[at] = "; ".join(sorted(set(map(str, group))))
        named[place] = names
    counts: dict[str, int] = {}
    for names in named.values():
        for name in names[: len(laid.history)]:
            counts[name] = counts.get(name, 0) + 1
    counts.pop(NO_HOLIDAY, None)
    kept = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_HOLIDAYS]
    levels = (NO_HOLIDAY, *sorted(kept))
    code = {name: float(number) for number, name in enumerate(levels)}
    return levels, {
        place: np.array([code.get(name, 0.0) for name in names]) for place, names in named.items()
    }
