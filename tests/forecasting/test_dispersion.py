"""Intervals of small counts and of histories too short for earlier origins, on series whose future
is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.calibrating import PATHS, calibrate, draw
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.dispersion import Windows, dispersion_of_some
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
    y = sold(300.0, 98, 4)
    assert len(cuts_before(grid(y, 28), 0)) >= 2
    assert forecast(y, 28).calibration.dispersion is None


def shares_inside(came, at):
    """Of days within 80 and 95 %, rounding apart."""
    bounds = [at.quantiles[name] for name in ("p025", "p10", "p90", "p975")]
    low, least, most, high = (bound - 0.005 * np.sign(2.5 - n) for n, bound in enumerate(bounds, 1))
    return ((came >= least) & (came <= most)).mean(), ((came >= low) & (came <= high)).mean()


@pytest.mark.parametrize(("size", "most"), [(8.0, 0.85), (3.0, 0.90), (1.5, 0.95), (0.2, 0.90)])
def test_small_counts_with_origins_enough_hold_what_they_say(size, most):
    """Where zero is more than a tenth of the days, the least interval from there holds 0.9."""
    found, days, sums = [], [], []
    for seed in range(600, 604):
        y = sold(size, 308, seed, series=20)
        at = forecast(y[:, :280], 28, seed)
        assert at.calibration.origins >= 3
        found.append(shares_inside(y[:, 280:], at))
        paths = at.sums["total", ""]
        low, high = np.quantile(paths, [0.1, 0.9], axis=0)
        days.append(((y[:, 280:].sum(axis=0) >= low) & (y[:, 280:].sum(axis=0) <= high)).mean())
        sums.append(paths.sum() / PATHS / at.mean.sum())
        bounds = np.stack(list(at.quantiles.values()))
        assert np.all(np.diff(bounds, axis=0) >= 0) and np.all(bounds >= 0)
    inside_80, inside_95 = np.mean(found, axis=0)
    assert 0.77 <= inside_80 <= most
    assert 0.93 <= inside_95 <= 0.99
    assert 0.75 <= np.mean(days) <= 0.99
    # In logs, paths of counts sum to a fifth more than the mean, of rare ones to three times it.
    assert np.mean(sums) == pytest.approx(1.0, abs=0.05)


def test_money_with_days_without_a_sale_holds_what_it_says():
    rng = np.random.default_rng(7)
    y = np.round(sold(1.5, 308, 7) * rng.uniform(15, 25, (12, 308)), 2)
    inside_80, inside_95 = shares_inside(y[:, 280:], forecast(y[:, :280], 28))
    assert inside_80 >= 0.80 and inside_95 >= 0.93


def test_a_large_series_beside_small_counts_keeps_its_intervals():
    y = np.concatenate([sold(300.0, 200, 8), sold(1.5, 200, 9)])
    at = forecast(y, 28)
    own = at.calibration.dispersion.group
    assert np.all(own[:12] == -1) and np.all(own[12:] >= 0)
    race = Race(grid(y, 28), 0, candidates=FIELD)
    told = replace(at.told, sparse=np.zeros(24, dtype=bool))
    logs = calibrate(race, cuts_before(race.grid, 0), at.weights, told)
    assert logs.dispersion is None
    both = [draw(at.mean, at.told, one, np.arange(24), 0) for one in (at.calibration, logs)]
    np.testing.assert_array_equal(both[0][:12], both[1][:12])
    # The other half is moved by the same shocks, and holds days without a sale.
    assert (both[0][12:] == 0).mean() > 0.1 and not (both[1][12:] == 0).any()


def test_small_counts_at_an_origin_know_nothing_of_what_comes_after():
    y = sold(1.5, 250, 10)
    other = y.copy()
    other[:, 200:] = 40
    one, two = (
        forecast_at(Race(grid(history, 28), 0, candidates=FIELD), 50, {}) for history in (y, other)
    )
    assert np.all(one.calibration.dispersion.group >= 0)
    for name in one.quantiles:
        np.testing.assert_array_equal(one.quantiles[name], two.quantiles[name])


def test_small_counts_that_no_origin_tells_of_scatter_as_they_did_in_a_year():
    y = np.concatenate([sold(300.0, 400, 11, series=3), sold(3.0, 400, 12, series=1)])
    y[3, 5::7] = 0
    nothing = np.full((3, 4, 28), np.nan)
    found = dispersion_of_some(Windows(nothing, nothing), np.array([3]), grid(y, 28), 28)
    function = found.functions[found.group[3]]
    opened = np.delete(y[3, -364:], np.s_[(5 - 400 + 364) % 7 :: 7])
    assert (function == 0).mean() == pytest.approx((opened == 0).mean(), abs=0.02)
    assert function.mean() == pytest.approx(1.0)
