import numpy as np
import pandas as pd
import pytest

from forecasting.backtest import MAX_WIDTH, Origin, OriginScore, origins, seasonal_naive, width_of
from forecasting.proof import backtest_checks
from forecasting.series import Calendar


def laid(weeks, ahead=13, grain="week"):
    step, unit = ("7D", 1) if grain == "week" else ("D", 7)
    days = pd.date_range("2021-01-04", periods=(weeks + ahead) * unit, freq=step)
    return Calendar(grain, days[: weeks * unit], days[weeks * unit :])


def scored(mean_square=1.0, wape=0.1, naive=0.2, inside=(0.8, 0.95)):
    return OriginScore(Origin(13, 13), 4, wape, naive, 0.0, mean_square, *inside)


def test_origins_are_one_horizon_apart_newest_first():
    assert [(o.cut, o.ahead) for o in origins(laid(156))] == [(13, 13), (26, 13), (39, 13)]
    assert [o.cut for o in origins(laid(156, grain="day"))] == [91, 182, 273]


def test_origins_that_would_judge_another_model_are_left_out():
    # 104 weeks: 91 and 78.2 weeks still have slope and season, 65 would lose the slope.
    assert [o.cut for o in origins(laid(105))] == [13, 26]


def test_a_window_is_at_most_a_third_of_history():
    (origin, *_) = origins(laid(60, ahead=104))
    assert origin.ahead == 20
    assert origins(laid(31, ahead=13)) == []


def test_the_seasonal_naive_is_a_year_ago_else_the_last_week():
    year = np.arange(60.0)
    assert seasonal_naive(year, 3, laid(60)).tolist() == [8, 9, 10]
    assert seasonal_naive(np.arange(20.0), 3, laid(20)).tolist() == [19, 19, 19]
    days = seasonal_naive(np.arange(21.0), 9, laid(3, grain="day"))
    assert days.tolist() == [14, 15, 16, 17, 18, 19, 20, 14, 15]


@pytest.mark.parametrize(
    ("squares", "width"),
    [([], 1.0), ([0.2, 0.3], 1.0), ([4.0], 1.732), ([1e9], MAX_WIDTH), ([float("nan")], 1.0)],
)
def test_width_is_the_root_mean_square_with_half_an_origin_of_trust(squares, width):
    # ([4.0]): sqrt((0.5 + 4) / 1.5) = 1.732
    assert width_of([scored(s) for s in squares]) == pytest.approx(width, abs=5e-4)


def states(scores):
    return {c.check_name: c.status for c in backtest_checks(scores, laid(60))}


def test_a_record_worse_than_the_naive_or_outside_its_intervals_is_warned_about():
    assert set(states([scored()]).values()) == {"pass"}
    worse = states([scored(wape=0.3, inside=(0.4, 0.7), mean_square=1e9)])
    assert set(worse.values()) == {"warn"}
    assert len(worse) == 4


def test_no_backtest_is_said_and_not_passed_over():
    assert states([]) == {"backtest_wape": "warn"}
