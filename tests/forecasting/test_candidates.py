import numpy as np
import pandas as pd
import pytest

from forecasting.candidates import Window
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.prophets import ProphetPlan
from forecasting.candidates.regression import log_effects
from forecasting.candidates.statespace import StateSpace
from forecasting.candidates.yearly import YearlySmoothing
from forecasting.grains import LENGTH
from forecasting.grid import FISCAL, Grid, PlanColumn, closed_periods
from forecasting.kinds import kinds_of
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


def months_of(y, known, plan=None, columns=(), freq="MS"):
    """One series of months (or fiscal periods), of which `known` are history."""
    y = np.asarray(y, dtype=float)
    dates = pd.date_range("2019-01-01", periods=len(y), freq="MS")
    plan = np.zeros((0, 1, len(y))) if plan is None else plan
    return Grid(("s",), dates, y[None, :known], plan, tuple(columns), freq, 1, 12)


def yearly(months, promo=0.0):
    at = np.arange(months)
    noise = 0.02 * np.random.default_rng(2).standard_normal(months)
    return np.exp(5 + 0.01 * at + 0.3 * np.sin(2 * np.pi * at / 12) + noise + promo)


def test_months_are_forecast_with_the_season_and_growth_of_years():
    y = yearly(54)
    told = YearlySmoothing().forecast(Window(months_of(y, 42), 0))[0]
    assert np.abs(told / y[42:] - 1).mean() < 0.04
    last_year = SeasonalNaive().forecast(Window(months_of(y, 42), 0))[0]
    assert last_year.tolist() == y[30:42].tolist()
    # Of a month never seen, the last one known.
    few = SeasonalNaive().forecast(Window(months_of(y, 6), 0))[0]
    assert few[:6].tolist() == [y[5]] * 6
    assert few[6:12].tolist() == y[:6].tolist()


def test_of_months_the_plan_is_as_the_regression_has_it():
    promo = (np.arange(54) % 5 == 0) * 1.0
    y = yearly(54, 0.4 * promo)
    window = Window(months_of(y, 42, promo[None, None], [PlanColumn("promo")]), 0)
    told = YearlySmoothing().forecast(window)[0]
    assert np.abs(told / y[42:] - 1).mean() < 0.08  # without the promotion 0.14
    told_without = YearlySmoothing().forecast(
        Window(months_of(y, 42, promo[None, None] * np.r_[np.ones(42), np.zeros(12)],
                         [PlanColumn("promo")]), 0))[0]  # fmt: skip
    lift = (told / told_without)[promo[42:] == 1]
    assert (lift > 1.25).all() and (lift < 1.6).all()


def test_a_longer_fiscal_period_sells_as_much_a_day():
    weeks = np.array([4, 4, 5] * 14 + [4, 4, 6])
    lengths = np.log(weeks / 4.0)[None, None]
    y = 100.0 * weeks
    window = Window(months_of(y, 39, lengths, [PlanColumn(LENGTH)], FISCAL), 0)
    for candidate in (SeasonalNaive(), RecentMean(), YearlySmoothing()):
        told = candidate.forecast(window)[0]
        np.testing.assert_allclose(told, y[39:], rtol=1e-3, err_msg=candidate.name)


def test_days_and_weeks_have_no_yearly_smoothing():
    y, _ = promoted()
    assert np.isnan(YearlySmoothing().forecast(Window(grid_of(y[:140]), 0))).all()


def test_a_year_of_months_is_no_short_history():
    y = yearly(30)
    assert kinds_of(Window(months_of(y, 11), 0)).tolist() == ["short"]
    assert kinds_of(Window(months_of(y, 12), 0)).tolist() == ["regular"]


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


def launches(shapes, seed=2):
    """Eight launches of equal level and two shapes by turns, and a ninth, ten days old."""
    days, rng = 150, np.random.default_rng(seed)
    rows = [np.full(days, 50.0)]
    for number in range(8):
        row = np.full(days, np.nan)
        start = 40 + 4 * number
        row[start:] = shapes[number % 2][: days - start]
        rows.append(row * np.exp(0.02 * rng.standard_normal(days)))
    new = np.full(days, np.nan)
    new[-10:] = shapes[1][:10]
    return np.stack([*rows, new])


def test_a_launch_is_compared_by_price_and_by_where_it_will_be_sold():
    days = np.arange(150)
    flat = np.full(150, 20.0)
    fading = np.where(days < 10, 20.0, 20.0 * np.exp(-(days - 10) / 8.0))
    y = launches((fading, flat))
    dates = 150 + H
    price = np.full((10, dates), 30.0)
    price[1::2][:4] = 5.0  # the fading ones are cheap; the new one costs what lasting ones do
    price[9] = 31.0
    told = AnalogLaunch().forecast(Window(grid_of(y, price[None], [PlanColumn("price")]), 0))[9]
    np.testing.assert_allclose(told, 20.0, rtol=0.15)
    level_only = AnalogLaunch().forecast(Window(grid_of(y), 0))[9]
    assert level_only[-1] < 13  # the mean of both shapes

    # Doors tell the same only by how they go on after the first ten days.
    doors = np.full((10, dates), 100.0)
    growing = np.where(days < 10, 20.0, 40.0)
    y = launches((flat, growing))
    for number in (1, 3, 5, 7):
        start = 40 + 4 * number
        doors[number + 1, start + 10 :] = 200.0
    doors[9, 150:] = 200.0
    told = AnalogLaunch().forecast(Window(grid_of(y, doors[None], [PlanColumn("doors")]), 0))[9]
    np.testing.assert_allclose(told, 40.0, rtol=0.15)


def test_a_launch_is_compared_by_an_attribute_and_not_by_a_flag_that_comes_and_goes():
    days = np.arange(150)
    flat = np.full(150, 20.0)
    fading = np.where(days < 10, 20.0, 20.0 * np.exp(-(days - 10) / 8.0))
    y = launches((fading, flat))
    tier = np.zeros((10, 150 + H))
    tier[2::2] = 1.0
    tier[9] = 1.0
    column = PlanColumn("tier", ("basic", "premium"))
    told = AnalogLaunch().forecast(Window(grid_of(y, tier[None], [column]), 0))[9]
    plain = AnalogLaunch().forecast(Window(grid_of(y), 0))[9]
    assert told[-1] > plain[-1] + 2.5
    promo = np.random.default_rng(5).integers(0, 2, (10, 150 + H)) * 1.0
    flagged = AnalogLaunch().forecast(Window(grid_of(y, promo[None], [PlanColumn("promo")]), 0))[9]
    np.testing.assert_array_equal(flagged, plain)


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
