"""A mix model by the week beside a history by the day: which days a week's numbers are of.

In history a week's contribution is split between its days by what was sold on them. In the horizon,
and where the end of history cuts a week, days count by what they usually sell: the mix says nothing
of days, and what they sell is not known yet. A whole week's days sum to the week.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.grid import Floats, Grid

DAYS = 7
#: Frequency of a daily grid that is summed to the weeks of a mix; others are "W-MON" and the like.
WEEK = "W"
#: Days of the last year, in whole weeks.
YEAR = 52 * DAYS


@dataclass(frozen=True)
class Weeks:
    """The weeks of a mix that a daily grid lies in.

    Attributes:
        grid: history and horizon by week; a week that history holds some days of is known, and
            filled up by what its other days usually sell.
        past: (T,) the week of `grid` that each day of history is in.
        ahead: (H,) the same of the horizon.
        pace: (C, H) the usual share of a horizon's day in its week, by series of the mix.
    """

    grid: Grid
    past: npt.NDArray[np.int64]
    ahead: npt.NDArray[np.int64]
    pace: Floats


def weeks_of(grid: Grid, begins: pd.Timestamp, cells: npt.NDArray[np.int64], count: int) -> Weeks:
    """A daily grid by weeks.

    Args:
        begins: the first day of any week of the mix.
        cells: (S,) the series of the mix, of `count`, that each series of the grid is part of.
    """
    since = (grid.dates - begins).days.to_numpy()
    offset, week = since % DAYS, since // DAYS
    week = week - week[0]
    usual = _usual(grid, offset[: grid.known], cells, count)
    known = int(week[grid.known - 1]) + 1
    sums = np.zeros((len(grid.ids), known))
    there = np.zeros((len(grid.ids), known))
    np.add.at(sums.T, week[: grid.known], np.nan_to_num(grid.y).T)
    np.add.at(there.T, week[: grid.known], np.isfinite(grid.y).T.astype(float))
    # Only the first and the last week of history can lack days.
    for at in {0, known - 1}:
        days = offset[: grid.known][week[: grid.known] == at]
        part = usual[:, days].sum(axis=1)[cells]
        sums[:, at] = np.where(part > 0, sums[:, at] / np.where(part > 0, part, 1.0), 0.0)
    first = grid.dates[0] - pd.Timedelta(days=int(offset[0]))
    dates = pd.date_range(first, periods=int(week[-1]) + 1, freq=f"{DAYS}D")
    coarse = replace(
        grid, dates=dates, y=np.where(there > 0, sums, np.nan), columns=(),
        plan=np.zeros((0, len(grid.ids), len(dates))), freq=WEEK, season=1, year=52,
    )  # fmt: skip
    return Weeks(coarse, week[: grid.known], week[grid.known :], usual[:, offset[grid.known :]])


def _usual(
    grid: Grid, offset: npt.NDArray[np.int64], cells: npt.NDArray[np.int64], count: int
) -> Floats:
    """(C, 7) shares of a week's days in what was sold in the last year; they sum to 1."""
    sold = np.zeros((count, grid.known))
    np.add.at(sold, cells, np.nan_to_num(grid.y))
    recent = slice(-min(YEAR, grid.known), None)
    mean = np.zeros((count, DAYS))
    for day in range(DAYS):
        own = sold[:, recent][:, offset[recent] == day]
        if own.shape[1]:
            mean[:, day] = np.maximum(own.mean(axis=1), 0.0)
    whole = mean.sum(axis=1, keepdims=True)
    return np.where(whole > 0, mean / np.where(whole > 0, whole, 1.0), 1 / DAYS)
