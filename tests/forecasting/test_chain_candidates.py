"""The chain's own days, and trees that know what was sold a horizon ago."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.boosting import Trees
from forecasting.candidates.chain_days import ChainDays
from forecasting.candidates.lagged import LAGGED, LaggedTrees
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.protocol import Window
from forecasting.grid import Grid, PlanColumn
from forecasting.race import Race

H, SERIES = 14, 10
FEW = Trees(trees=20, least_rows=20)
LAGS = replace(LAGGED, trees=60, rate=0.2, leaves=15)


def chain(shocks, seed=4, start="2023-01-01", known_until="2024-09-20"):
    """Series of one chain with a promotion every other week; `shocks`: day -> log."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(start, pd.Timestamp(known_until) + pd.Timedelta(days=H))
    N = len(dates)
    promo = ((np.arange(N) // 7) % 2 == 0) * 1.0
    common = pd.Series(0.0, index=dates)
    for day, size in shocks.items():
        common[pd.Timestamp(day)] = size
    log = (
        4 + 0.3 * np.arange(SERIES)[:, None] / SERIES + 0.3 * promo + common.to_numpy()
        + 0.01 * rng.standard_normal(N) + 0.05 * rng.standard_normal((SERIES, N))
    )  # fmt: skip
    plan = np.broadcast_to(promo, (1, SERIES, N)).copy()
    names = tuple(f"s{n}" for n in range(SERIES))
    grid = Grid(names, dates, np.exp(log)[:, : N - H], plan, (PlanColumn("promo"),), "D", 7, 365)
    return grid, np.exp(log)[:, N - H :]


def lift_of(day, grid):
    told = ChainDays(PooledTrees(settings=FEW)).forecast(Window(grid, 0)).sum(axis=0)
    here = int(np.flatnonzero(grid.dates[grid.known :] == pd.Timestamp(day))[0])
    return told[here] / told[[here - 1, here + 1]].mean()


def test_a_date_that_came_again_is_told_of_the_chain_and_one_that_did_not_is_not():
    """Both histories had the day of the horizon once, as high; only the first has other dates
    that were high in both years."""
    days = ("03-07", "05-23", "07-11", "08-22")
    again = {f"{year}-{day}": 0.5 for year in (2023, 2024) for day in days}
    once = {f"2023-{day}": 0.5 for day in days} | {
        f"2024-{day}": 0.5 for day in ("02-15", "04-18", "06-13", "09-05")
    }
    day = {"2023-10-02": 0.5}
    assert lift_of("2024-10-02", chain(again | day)[0]) > 1.12
    assert 0.94 < lift_of("2024-10-02", chain(once | day)[0]) < 1.03


def test_the_chain_is_told_of_days_many_series_and_a_year_only_and_never_with_signs():
    grid, _ = chain({})
    short, _ = chain({}, start="2023-09-01")
    signed = replace(grid, columns=(PlanColumn("promo", sign=1),))
    for other in (short, signed, grid.only(np.arange(3))):
        told = ChainDays(PooledTrees(settings=FEW)).forecast(Window(other, 0))
        assert np.isnan(told).all()


def test_trees_with_lags_learn_each_series_own_answer_to_the_plan():
    """Half of the chain answers to a promotion, half does not; nothing else tells them apart."""
    grid, actual = chain({}, start="2023-09-01")
    answers = np.arange(SERIES) % 2 == 0
    y = np.where(answers[:, None], grid.y, grid.y / np.exp(0.3 * grid.plan[0, :, : grid.known]))
    told = LaggedTrees(settings=LAGS).forecast(Window(replace(grid, y=y), 0))
    promo = grid.plan[0, 0, grid.known :] > 0
    lift = told[:, promo].mean(axis=1) / told[:, ~promo].mean(axis=1)
    assert (lift[answers] > 1.25).all()
    assert (lift[~answers] < 1.05).all()
    assert np.abs(told - actual)[answers].sum() / actual[answers].sum() < 0.06


@pytest.mark.parametrize("name", ["chain_days", "lightgbm_lags"])
def test_sales_after_the_origin_change_nothing(name):
    grid, _ = chain({"2024-08-30": 0.6})
    trees = PooledTrees(settings=FEW)
    field = (trees, ChainDays(trees), LaggedTrees(settings=LAGS))
    rng = np.random.default_rng(1)
    y, plan = grid.y.copy(), grid.plan.copy()
    y[:, -H:] *= np.exp(rng.standard_normal(y[:, -H:].shape))
    plan[:, :, -H:] = 1 - plan[:, :, -H:]
    told = [
        Race(one, candidates=field).at(H).forecasts[name]
        for one in (grid, replace(grid, y=y, plan=plan))
    ]
    assert np.isfinite(told[0]).all()
    np.testing.assert_array_equal(*told)


def test_too_little_history_for_a_horizon_ago_is_no_forecast():
    grid, _ = chain({}, start="2024-09-01")
    assert np.isnan(LaggedTrees(settings=LAGS).forecast(Window(grid, 0))).all()
