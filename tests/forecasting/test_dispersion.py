"""Intervals of histories too short for earlier origins, on series whose future is known."""

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.framed import forecast_at
from forecasting.grid import Grid
from forecasting.race import Race, cuts_before

FIELD = (SeasonalNaive(), RecentMean(), LogOls(), Intermittent("tsb"), AnalogLaunch())


def grid(y, ahead):
    series, known = y.shape
    dates = pd.date_range("2024-01-01", periods=known + ahead)
    plan = np.empty((0, series, known + ahead))
    names = tuple(f"s{n}" for n in range(series))
    return Grid(names, dates, y, plan, (), "D", 7, 364)


def sold(size, periods, seed, series=12):
    """Counts: a week, a level of each series that wanders, Poisson about it."""
    rng = np.random.default_rng([seed, periods])
    week = 1 + 0.25 * np.sin(2 * np.pi * np.arange(periods) / 7)
    wander = np.exp(rng.normal(0, 0.006, (series, periods)).cumsum(axis=1))
    level = size * rng.lognormal(0, 0.5, (series, 1)) * week * wander
    return rng.poisson(level * rng.gamma(8, 1 / 8, level.shape)).astype(float)


def forecast(y, ahead, seed=0):
    return forecast_at(Race(grid(y, ahead), seed, candidates=FIELD), 0, {})


@pytest.mark.parametrize(("size", "most"), [(300.0, 0.88), (8.0, 0.88), (1.5, 0.98), (0.2, 0.96)])
def test_intervals_of_98_days_hold_what_comes_in_91_days(size, most):
    """Most of a small count is one or two numbers: an interval of them holds more than it says."""
    inside = {"80": [], "95": []}
    for seed in range(500, 503):
        y = sold(size, 189, seed)
        at = forecast(y[:, :98], 91, seed)
        assert at.calibration.dispersion is not None
        for name, (low, high) in {"80": ("p10", "p90"), "95": ("p025", "p975")}.items():
            bounds = at.quantiles[low] - 0.005, at.quantiles[high] + 0.005
            inside[name].append(((y[:, 98:] >= bounds[0]) & (y[:, 98:] <= bounds[1])).mean())
    assert 0.72 <= np.mean(inside["80"]) <= most
    assert np.mean(inside["95"]) >= 0.90


def test_intervals_of_a_level_widen_with_the_horizon():
    at = forecast(sold(300.0, 98, 1), 91)
    for level in (at.calibration.dispersion.common, at.calibration.dispersion.own):
        assert np.all(np.diff(level) >= 0) and level[-1] > 1.3 * level[0]


def test_what_comes_after_the_origin_changes_no_interval_before_it():
    y = sold(8.0, 150, 2)
    other = y.copy()
    other[:, 60:] *= 5
    cut = 90
    one, two = (
        forecast_at(Race(grid(history, 91), 0, candidates=FIELD), cut, {}) for history in (y, other)
    )
    assert one.calibration.dispersion is not None
    for name in one.quantiles:
        np.testing.assert_array_equal(one.quantiles[name], two.quantiles[name])


@pytest.mark.parametrize("periods", [1, 6, 20])
def test_a_handful_of_days_has_intervals_that_hold_zero_where_counts_are_small(periods):
    y = np.maximum(sold(1.0, periods, 3, series=3), 0)
    y[:, 0] = 1.0
    at = forecast(y, 14)
    assert all(np.isfinite(values).all() for values in at.quantiles.values())
    assert np.all(at.quantiles["p10"] == 0) and np.all(at.quantiles["p90"] >= at.mean)


def test_with_two_origins_errors_of_whole_horizons_are_used():
    y = sold(8.0, 98, 4)
    assert len(cuts_before(grid(y, 28), 0)) >= 2
    assert forecast(y, 28).calibration.dispersion is None
