import logging

import numpy as np
import pandas as pd
import pytest

from forecasting.curve import fit_curve, quiet_libraries
from forecasting.fallback import fallback_reason, simple_curve
from forecasting.regressors import regressors
from forecasting.series import Calendar

KNOWN, AHEAD = 400, 28
DAYS = pd.date_range("2023-01-02", periods=KNOWN + AHEAD, freq="D")
LAID = Calendar("day", DAYS[:KNOWN], DAYS[KNOWN:])
NO_HOLIDAYS = pd.DataFrame({"ds": pd.DatetimeIndex([]), "holiday": []})


def fitted(seed=1, sign=1.0, **given):
    rng = np.random.default_rng(seed)
    raw = np.column_stack(
        [np.abs(rng.normal(size=len(DAYS))), rng.uniform(size=len(DAYS)) < 0.3]
    ).astype(float)
    week = np.where(DAYS.dayofweek == 6, 0.5, 1.0)
    truth = 200 * week * (1 + 0.5 * raw[:, 1])
    y = sign * (truth + rng.normal(size=len(DAYS)) * 5)
    x = regressors(raw, (("media", "tv"), ("promotion", "coupon")), 0, KNOWN, 1)
    with quiet_libraries():
        curve = fit_curve(
            y[:KNOWN], DAYS, x, holiday_dates=given.get("dates", NO_HOLIDAYS), laid=LAID, seed=5
        )
    return curve, sign * truth, raw, y


def test_a_known_promotion_effect_is_found_and_counted_from_no_promotion():
    curve, truth, raw, _ = fitted()
    # Shares of the level add up: on promoted Sundays the fit gives 0.5 - 0.5 where the truth has
    # 1.5 x 0.5, so the error is a few per cent on average and not zero.
    assert np.abs(curve.expected - truth[KNOWN:]).mean() < 0.04 * 200
    promoted = raw[KNOWN:, 1] == 1
    week = np.where(DAYS[KNOWN:].dayofweek == 6, 0.5, 1.0)
    part = curve.components["promotion:coupon"]
    np.testing.assert_allclose(part[~promoted], 0, atol=1e-9)
    # True lift is half of that day's sales; the fit makes it half of the level over the week.
    assert part[promoted].sum() == pytest.approx((100 * week[promoted]).sum(), rel=0.15)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_components_sum_to_the_forecast_in_both_forms(sign):
    curve, *_ = fitted(sign=sign)
    assert curve.model == ("prophet_multiplicative" if sign > 0 else "prophet_additive")
    np.testing.assert_allclose(sum(curve.components.values()), curve.expected, rtol=1e-9)


def test_a_holiday_dip_returns_in_the_forecast():
    marked = DAYS[[40, 120, 200, 280, 360, 410]]
    dates = pd.DataFrame({"ds": marked, "holiday": "Fair <b>"})
    rng = np.random.default_rng(2)
    y = 100 + rng.normal(size=len(DAYS))
    y[np.isin(DAYS, marked)] = 40
    x = regressors(np.zeros((len(DAYS), 0)), (), 0, KNOWN, 1)
    with quiet_libraries():
        curve = fit_curve(y[:KNOWN], DAYS, x, holiday_dates=dates, laid=LAID, seed=5)
    assert curve.components["holiday"][10] == pytest.approx(-60, abs=6)
    assert curve.expected[10] == pytest.approx(40, abs=6)


def test_an_error_of_the_whole_history_moves_the_whole_forecast():
    # A level that is one too high everywhere is a forecast about one too high: the weights of the
    # linearised fit sum to one up to shrinkage.
    curve, *_ = fitted()
    np.testing.assert_allclose(curve.refit.sum(axis=1).mean(), 1.0, atol=0.1)


def test_residuals_are_widened_for_the_parameters_spent():
    curve, _, _, y = fitted()
    plain = (y[:KNOWN] - curve.fitted) / curve.level_known
    ratio = curve.residual.std() / plain.std()
    assert 1.0 < ratio < 1.1


def test_the_libraries_loggers_are_given_back_as_they_were():
    logger = logging.getLogger("cmdstanpy")
    logger.disabled, level = False, logger.level
    with quiet_libraries():
        assert logger.disabled
    assert (logger.disabled, logger.level) == (False, level)


@pytest.mark.parametrize(
    ("y", "reason", "name"),
    [
        ([5.0], "1 observations", "recent_mean"),
        ([0.0] * 50, "every sale is zero", "zero"),
        ([1.0, 2.0] * 10, "20 observations", "weekday_mean"),
        ([0.0] * 20 + [1.0] * 9 + [0.0] * 20, "9 periods with sales", "weekday_mean"),
        ([3.0] * 60, "every observation is the same", "weekday_mean"),
        ([3.0, 4.0] * 60 + [0.0] * 364, "no sale in the last 52 weeks", "zero"),
    ],
)
def test_series_without_a_curve_get_a_named_simple_forecast(y, reason, name):
    y = np.array(y)
    assert reason in fallback_reason(y, LAID)
    curve = simple_curve(y, 14, LAID)
    assert curve.model == name
    assert curve.expected.shape == (14,)
    np.testing.assert_allclose(sum(curve.components.values()), curve.expected, atol=1e-9)


def test_weekday_means_are_of_the_last_four_weeks_of_that_weekday():
    y = np.concatenate([np.full(7, 99.0), np.tile(np.arange(7.0), 3) + np.repeat([0, 1, 2], 7)])
    curve = simple_curve(y[7:], 9, LAID)
    assert curve.expected.tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]


def test_a_weekly_recent_mean_is_of_thirteen_weeks():
    weekly = Calendar("week", LAID.history, LAID.future)
    y = np.concatenate([np.full(5, 100.0), np.arange(13.0)])
    assert simple_curve(y, 2, weekly).expected.tolist() == [6.0, 6.0]
