from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from shops import PLAN, planned_closures

from forecasting.grid import Grid, PlanColumn

DAYS, AHEAD = 56, 14


@pytest.fixture
def grid() -> Grid:
    """Two shops, closed on Sundays; both closed on a holiday, the second missing for a month."""
    dates = pd.date_range("2024-01-01", periods=DAYS + AHEAD)
    holiday = np.zeros((2, len(dates)))
    holiday[:, [3, 10]] = holiday[:, DAYS + 2] = 1.0
    holiday[:, [4]] = holiday[:, DAYS + 3] = 2.0
    opened = ((dates.dayofweek != 6) & (holiday != 1)).astype(float)
    opened[1, DAYS + 4] = 0.0  # a refurbishment nobody could plan from history
    plan = np.zeros((len(PLAN), 2, len(dates)))
    plan[PLAN.index("StateHoliday")], plan[PLAN.index("Open")] = holiday, opened
    plan[:, 1, 14:44] = np.nan
    y = 100 * plan[PLAN.index("Open"), :, :DAYS]
    columns = tuple(PlanColumn(name) for name in PLAN)
    return Grid(("1", "2"), dates, y, plan, columns, "D", 7, 365)


def test_closures_are_planned_from_weekdays_and_the_chains_holidays(grid):
    ahead = planned_closures(grid, 0)[PLAN.index("Open"), :, DAYS:]
    sunday = grid.dates[DAYS:].dayofweek == 6
    for row in ahead:  # a shop with a gap keeps its Sundays
        assert (row[sunday] == 0).all()
        assert row[2] == 0  # the chain was closed on that kind of holiday, each shop met it twice
        assert row[3] == 1  # and open on the other
        assert row.sum() == AHEAD - sunday.sum() - 1


def test_history_stays_as_it_was(grid):
    told = planned_closures(grid, 0)
    np.testing.assert_array_equal(told[:, :, :DAYS], grid.plan[:, :, :DAYS])
    assert grid.plan[PLAN.index("Open"), 1, DAYS + 4] == 0
