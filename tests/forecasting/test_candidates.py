import numpy as np
import pandas as pd
import pytest

from forecasting.candidates import Window
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import SeasonalNaive
from forecasting.candidates.prophets import ProphetPlan
from forecasting.candidates.regression import log_effects
from forecasting.candidates.statespace import StateSpace
from forecasting.grid import Grid, PlanColumn, closed_periods
from forecasting.signals import base_at, plan_signals

H = 14


def grid_of(y, plan=None, columns=(), start="2024-01-01"):
    """Series of known courses; the plan (C, S, T + H) beside."""
    y = np.atleast_2d(np.asarray(y, dtype=float))
    S, T = y.shape
    plan = np.zeros((0, S, T + H)) if plan is None else plan
    dates = pd.date_range(start, periods=T + H)
    names = tuple(f"s{n}" for n in range(S))
    return Grid(names, dates, y, plan, tuple(columns), "D", 7, 365)


def promoted(days=140, lift=0.5, noise=0.05):
    rng = np.random.default_rng(3)
    promo = (np.arange(days + H) % 9 < 3) * 1.0
    weekday = np.arange(days + H) % 7
    y = np.exp(4 + 0.1 * weekday + lift * promo + noise * rng.standard_normal(days + H))
    return y, np.broadcast_to(promo, (1, 1, days + H)).copy()


def test_the_seasonal_naive_repeats_the_last_open_weekday():
    y = np.arange(1.0, 22.0)
    told = SeasonalNaive().forecast(Window(grid_of(y), 0))
    np.testing.assert_array_equal(told[0], np.r_[y[-7:], y[-7:]])


def test_a_value_of_the_plan_without_sales_is_read_as_closed_from_history_alone():
    y, _ = promoted()
    opened = np.ones((1, 1, 154))
    opened[..., ::10] = 0
    history = y[:140] * opened[0, 0, :140]
    closed = closed_periods(grid_of(history, opened, [PlanColumn("open")]))
    np.testing.assert_array_equal(closed[0], opened[0, 0] == 0)


def test_a_weekday_that_never_sells_is_closed_but_a_rare_seller_is_not():
    y = np.full(70, 5.0)
    y[6::7] = 0  # Sundays: 2024-01-01 is a Monday
    rare = np.zeros(70)
    rare[::9] = 3.0
    closed = closed_periods(grid_of(np.stack([y, rare])))
    np.testing.assert_array_equal(closed[0], np.arange(84) % 7 == 6)
    assert not closed[1].any()


def test_statsmodels_and_the_batched_solution_give_the_same_effects():
    rng = np.random.default_rng(8)
    y = np.exp(3 + 0.2 * rng.standard_normal((4, 120)))
    promo = (rng.random((1, 4, 134)) < 0.3) * 1.0
    window = Window(grid_of(y, promo, [PlanColumn("promo")]), 0)
    _, effects = log_effects(window)
    batched = base_at(window.log_sales, window.design, window.grid.known, window.grid)
    # The first column is the level: the one holds it beside the series' mean, the other with it.
    np.testing.assert_allclose(effects[:, 1:], batched[:, 1:], atol=1e-8)


@pytest.mark.parametrize(
    "candidate",
    [ProphetPlan(), StateSpace("unobserved_components"), StateSpace("sarimax")],
    ids=lambda c: c.name,
)
def test_candidates_with_the_plan_forecast_a_planned_promotion(candidate):
    y, promo = promoted()
    window = Window(grid_of(y[:140], promo, [PlanColumn("promo")]), 0)
    told = candidate.forecast(window)[0]
    error = np.abs(told - y[140:]).sum() / y[140:].sum()
    assert error < 0.12  # without the promotion it is above 0.2


def test_ets_follows_level_and_weekday():
    y, _ = promoted(lift=0.0)
    told = StateSpace("ets").forecast(Window(grid_of(y[:140]), 0))[0]
    assert np.abs(told - y[140:]).sum() / y[140:].sum() < 0.08


def test_tsb_forgets_what_stopped_selling_and_sba_does_not():
    y = np.zeros(120)
    y[:60:5] = 10.0
    window = Window(grid_of(y), 0)
    tsb = Intermittent("tsb").forecast(window)[0].mean()
    sba = Intermittent("croston_sba").forecast(window)[0].mean()
    assert tsb < 0.1
    assert sba > 1.0


def test_a_launch_follows_the_courses_of_earlier_launches():
    days = 150
    course = 20 * np.exp(-np.arange(days) / 30.0)
    old = np.full(days, 50.0)
    rows = [old]
    for start in (40, 50, 60, 70):
        row = np.full(days, np.nan)
        row[start:] = 2 * course[: days - start]
        rows.append(row)
    new = np.full(days, np.nan)
    new[-10:] = course[:10]
    told = AnalogLaunch().forecast(Window(grid_of(np.stack([*rows, new])), 0))
    np.testing.assert_allclose(told[-1], course[10 : 10 + H], rtol=0.02)


def test_signals_beside_a_day_are_those_of_the_days_beside():
    values = np.array([[0, 0, 1, 1, 1, 0, 0, 1.0] + [0.0] * H])
    grid = grid_of(np.ones(8), values[None], [PlanColumn("promo")])
    names, signals = plan_signals(grid, np.zeros((1, 8 + H), dtype=bool))
    found = dict(zip(names, signals[:, 0], strict=True))
    np.testing.assert_array_equal(found["p0_before1"][1:5], [0, 0, 1, 1])
    np.testing.assert_array_equal(found["p0_after1"][:5], [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(found["p0_since"][2:8], [0, 1, 2, 0, 1, 0])
    np.testing.assert_array_equal(found["p0_until"][2:8], [2, 1, 0, 1, 0, 0])
    assert np.isnan(found["p0_until"][-1])  # the plan ends before the run does
