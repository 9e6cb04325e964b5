"""What dirty histories do: each stated behaviour of docs/reference/forecast.md."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates import Window
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.cleaning import cleaned
from forecasting.framed import forecast_frame
from forecasting.grid import Grid
from forecasting.kinds import kinds_of
from forecasting.longframe import lay_out

H = 14
QUICK = (SeasonalNaive(), RecentMean(), LogOls())


def chain(days=420, series=6, seed=4, noise=0.1):
    """Logs of sales of a chain with a weekly season and a common shock a day."""
    rng = np.random.default_rng(seed)
    weekday = 0.3 * np.sin(2 * np.pi * np.arange(days) / 7)
    common = 0.05 * rng.standard_normal(days)
    own = noise * rng.standard_normal((series, days))
    return 5 + 0.2 * np.arange(series)[:, None] + weekday + common + own


def grid_of(y, freq="D", start="2023-01-02", *, season=7, year=365, ahead=H):
    dates = pd.date_range(start, periods=y.shape[1] + ahead, freq=freq)
    ids = tuple(f"s{n}" for n in range(len(y)))
    return Grid(ids, dates, y, np.zeros((0, len(y), len(dates))), (), freq, season, year)


def window_of(log, **shape):
    return Window(grid_of(np.exp(log), **shape), 0)


def found_in(window, kind):
    return [f for f in window.cleaned.found if f.kind == kind]


def test_a_lost_distributor_is_found_and_history_is_brought_to_the_level_after_it():
    log = chain()
    log[2, 330:] -= 0.8
    window = window_of(log)
    (shift,) = found_in(window, "level_shift")
    assert shift.row == 2
    assert abs(shift.first - 330) <= 7
    assert shift.size == pytest.approx(-0.8, abs=0.1)
    before, after = (
        np.nanmean(np.log(window.cleaned.y[2, part])) for part in (np.s_[:320], np.s_[340:])
    )
    assert before == pytest.approx(after, abs=0.1)
    np.testing.assert_array_equal(window.cleaned.y[3], np.exp(log[3]))
    told = LogOls().forecast(window)[2].mean()
    assert told == pytest.approx(np.exp(log[2, 330:]).mean(), rel=0.08)


def test_a_history_that_was_moved_says_by_how_much():
    log = chain()
    log[2, 330:] -= 0.8
    window = window_of(log)
    moved = np.log(window.cleaned.y) - log
    np.testing.assert_allclose(window.cleaned.moved, moved, atol=1e-9)
    assert np.ptp(moved[2]) > 0.7


def test_a_shift_is_found_where_there_is_none_in_one_series_of_a_hundred_at_most():
    """Weeks that go together (AR 0.5) and a deviation of 15 %: what the test states it holds."""
    rng = np.random.default_rng(12)
    series, weeks = 600, 120
    shocks = rng.standard_normal((series, weeks))
    course = np.zeros((series, weeks))
    for week in range(weeks):
        before = course[:, week - 1] if week else 0.0
        course[:, week] = 0.5 * before + np.sqrt(0.75) * 0.15 * shocks[:, week]
    grid = grid_of(np.exp(5 + course), "W-MON", season=1, year=52)
    closed = np.zeros((series, weeks + H), dtype=bool)
    found = cleaned(grid, closed, course).found
    assert sum(f.kind == "level_shift" for f in found) <= 6


def test_a_slope_is_no_shift():
    log = chain(noise=0.05)
    log[1] += np.linspace(0, 1.2, log.shape[1])
    assert found_in(window_of(log), "level_shift") == []


def test_a_stock_out_of_zeros_or_lows_is_not_learned_from_and_no_closure():
    log = chain()
    y = np.exp(log)
    y[0, 300:312] = 0.0
    y[4, 402:418] *= 0.2
    window = Window(grid_of(y), 0)
    zeros, lows = found_in(window, "stock_out")
    assert (zeros.row, zeros.first, zeros.last) == (0, 300, 311)
    assert (lows.row, lows.first, lows.last) == (4, 402, 417)
    assert np.isnan(window.cleaned.y[0, 300:312]).all()
    assert np.isnan(window.cleaned.y[4, 402:418]).all()
    assert not window.closed.any()
    usual = np.exp(log[4]).mean()
    for one in QUICK:
        assert one.forecast(window)[4].mean() == pytest.approx(usual, rel=0.15), one.name


def test_a_day_that_is_bad_for_everybody_is_no_stock_out():
    log = chain()
    log[:, 200:206] -= 1.5
    assert window_of(log).cleaned.found == ()


def test_zeros_of_a_slow_seller_are_chance():
    rng = np.random.default_rng(1)
    y = rng.poisson(1.2, (6, 420)).astype(float)
    assert found_in(Window(grid_of(y), 0), "stock_out") == []


def test_an_outlier_is_not_learned_from_unless_it_came_at_the_same_time_of_another_year():
    log = chain(days=800)
    log[1, 500] += 2.0
    carnival = pd.to_datetime(["2023-02-20", "2024-02-12"])  # 48 days before Easter
    dates = pd.date_range("2023-01-02", periods=800)
    log[3, dates.isin(carnival)] -= 1.5
    birthday = pd.to_datetime(["2023-06-14", "2024-06-14"])
    log[5, dates.isin(birthday)] += 1.5
    window = window_of(log)
    (outlier,) = window.cleaned.found
    assert (outlier.kind, outlier.row, outlier.first) == ("outlier", 1, 500)
    assert np.isnan(window.cleaned.y[1, 500])


def test_a_busy_series_without_a_sale_for_eight_weeks_has_stopped_and_for_two_has_not():
    y = np.exp(chain())
    y[0, -56:] = 0.0
    y[1, -14:] = 0.0
    window = Window(grid_of(y), 0)
    assert [(f.kind, f.row) for f in window.cleaned.found] == [("stopped", 0), ("stock_out", 1)]
    kinds = kinds_of(window)
    assert list(kinds[:3]) == ["zero", "regular", "regular"]
    assert LogOls().forecast(window)[1].mean() == pytest.approx(y[1, :-14].mean(), rel=0.15)


def test_what_was_found_before_an_origin_knows_nothing_after_it():
    log = chain()
    log[2, 330:] -= 0.8
    grid = grid_of(np.exp(log))
    early = Window(grid.at(100), 0)  # ends before the shift
    assert early.cleaned.found == ()
    late = dataclasses.replace(grid, y=np.c_[grid.y[:, :320], grid.y[:, 320:] * 9])
    np.testing.assert_array_equal(Window(late.at(100), 0).cleaned.y, early.cleaned.y)


def test_what_was_found_is_named_in_the_facts():
    log = chain(days=300)
    log[2, 200:] -= 0.8
    y = np.exp(log)
    y[0, 150:160] = 0.0
    dates = pd.date_range("2023-01-02", periods=300)
    frame = pd.DataFrame(
        {"shop": np.repeat([f"s{n}" for n in range(6)], 300), "day": np.tile(dates, 6),
         "units": np.round(y.ravel())}
    )  # fmt: skip
    laid = lay_out(frame, None, series=["shop"], date="day", target="units", horizon=H)
    told = forecast_frame(laid, candidates=QUICK).facts["found"]
    assert {(one["kind"], one["series"]) for one in told} == {
        ("stock_out", "s0"), ("level_shift", "s2")
    }  # fmt: skip
    stock_out = next(one for one in told if one["kind"] == "stock_out")
    assert (stock_out["first"], stock_out["last"]) == ("2023-06-01", "2023-06-10")


def test_years_of_53_weeks_and_leap_years_keep_the_season():
    """Ten years of weeks: counted by 52, the season of the last year would come 12 days early."""
    dates = pd.date_range("2014-01-06", periods=520 + 26, freq="W-MON")
    angle = 2 * np.pi * dates.dayofyear.to_numpy() / 365.25
    sales = np.exp(6 + 0.8 * np.sin(angle))
    y = np.tile(sales[:520], (3, 1))
    window = Window(grid_of(y, "W-MON", "2014-01-06", season=1, year=52, ahead=26), 0)
    told = LogOls().forecast(window)[0]
    assert np.abs(told - sales[520:]).sum() / sales[520:].sum() < 0.02


def test_easter_moves_and_its_effect_moves_with_it():
    dates = pd.date_range("2021-01-04", periods=1200)
    easter = pd.to_datetime(["2021-04-04", "2022-04-17", "2023-04-09", "2024-03-31"])
    before = np.zeros(len(dates))
    for day in easter:
        before[(dates >= day - pd.Timedelta(days=3)) & (dates < day)] = 0.7
    known = int(np.flatnonzero(dates == "2024-03-25")[0])
    rng = np.random.default_rng(3)
    log = 5 + before + 0.05 * rng.standard_normal((4, len(dates)))
    y = np.exp(log)
    grid = grid_of(y[:, :known], start="2021-01-04")
    told = LogOls().forecast(Window(grid, 0))
    actual = y[:, known : known + H]
    days = dates[known : known + H]
    there = (days >= "2024-03-28") & (days < "2024-03-31")
    assert told[:, there].mean() == pytest.approx(actual[:, there].mean(), rel=0.1)
    assert told[:, ~there].mean() == pytest.approx(actual[:, ~there].mean(), rel=0.06)


@pytest.mark.parametrize("written", ["zoned", "text", "mixed objects"])
def test_days_across_a_change_of_the_clock_are_days(written):
    zoned = pd.Series(pd.date_range("2024-03-01", "2024-04-15", tz="Europe/Berlin"))
    texts = zoned.map(lambda day: day.isoformat())  # +01:00, then +02:00
    days = {
        "zoned": zoned,
        "text": texts,
        "mixed objects": zoned.astype(object),
    }[written]
    frame = pd.DataFrame({"s": "a", "day": days, "y": 5.0})
    laid = lay_out(frame, None, series=["s"], date="day", target="y", horizon=7)
    assert laid.grid.freq == "D"
    assert np.isfinite(laid.grid.y).all()
    assert laid.grid.dates[30] == pd.Timestamp("2024-03-31")
