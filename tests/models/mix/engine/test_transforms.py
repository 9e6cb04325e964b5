"""Carry-over and saturation against their definitions, by hand."""

import numpy as np
import pytest

from models.mix.engine.transforms import CARRY, FILL, carry_over, expit, fill_up, lag_weights

LAGS = 13


def carried(form: str, exposure, first=0.0, second=0.0, *, start=0.0, dates=None) -> np.ndarray:
    out = np.empty(dates or len(exposure))
    row = np.array(exposure, dtype=np.float64)
    carry_over(CARRY[form], first, second, LAGS, row, start, out)
    return out


def filled(form: str, levels, half=0.0, shape=0.0) -> np.ndarray:
    level = np.array(levels, dtype=np.float64)
    out = np.empty_like(level)
    fill_up(FILL[form], half, shape, level, out)
    return out


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def test_geometric_carry_over_of_one_pulse_halves_with_alpha_one_half():
    pulse = [0.0, 1.0, 0.0, 0.0, 0.0]
    assert carried("geometric", pulse, 0.0) == pytest.approx([0, 0.5, 0.25, 0.125, 0.0625])


def test_delayed_carry_over_peaks_where_it_is_told():
    # alpha 1/2, peak at lag 2: weights are 0.5^((lag - 2)^2) over their sum.
    peak = logit(2 / (0.5 * LAGS))
    pulse = np.zeros(LAGS)
    pulse[0] = 1.0
    by_hand = 0.5 ** ((np.arange(LAGS) - 2.0) ** 2)
    assert carried("delayed", pulse, 0.0, peak) == pytest.approx(by_hand / by_hand.sum())


def test_weibull_carry_over_is_the_difference_of_its_survival():
    scale, shape = 2.0, 1.7
    survival = np.exp(-((np.arange(LAGS + 1) / scale) ** shape))
    weight = lag_weights(CARRY["weibull"], np.log(scale), np.log(shape), LAGS)[0]
    assert weight == pytest.approx((survival[:-1] - survival[1:]) / (1 - survival[-1]))


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.8])
def test_weibull_of_shape_one_is_geometric(alpha):
    scale = -1.0 / np.log(alpha)
    weibull = lag_weights(CARRY["weibull"], np.log(scale), 0.0, LAGS)[0]
    geometric = lag_weights(CARRY["geometric"], logit(alpha), 0.0, LAGS)[0]
    assert weibull == pytest.approx(geometric, rel=1e-9)


@pytest.mark.parametrize("form", ["geometric", "delayed", "weibull", "none"])
def test_carry_over_keeps_a_constant_level_and_zero_stays_zero(form):
    assert carried(form, np.full(40, 3.0), 0.4, 0.3, start=3.0) == pytest.approx(3.0)
    assert (carried(form, np.zeros(40), 0.4, 0.3) == 0).all()


@pytest.mark.parametrize("form", ["delayed", "weibull"])
def test_weights_sum_to_one_and_their_slopes_to_zero(form):
    weight, by_first, by_second = lag_weights(CARRY[form], 0.7, -0.4, LAGS)
    assert weight.sum() == pytest.approx(1.0)
    assert by_first.sum() == pytest.approx(0.0, abs=1e-12)
    assert by_second.sum() == pytest.approx(0.0, abs=1e-12)
    step = 1e-6
    ahead, behind = (lag_weights(CARRY[form], 0.7 + h, -0.4, LAGS)[0] for h in (step, -step))
    assert by_first == pytest.approx((ahead - behind) / (2 * step), abs=1e-8)
    ahead, behind = (lag_weights(CARRY[form], 0.7, -0.4 + h, LAGS)[0] for h in (step, -step))
    assert by_second == pytest.approx((ahead - behind) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("form", ["geometric", "delayed", "weibull", "none"])
def test_exposure_before_the_window_carries_into_it(form):
    exposure = np.random.default_rng(0).gamma(2, 1, 30)
    whole = carried(form, exposure, 0.4, 0.3, start=1.0)
    assert carried(form, exposure, 0.4, 0.3, start=1.0, dates=20) == pytest.approx(whole[10:])


def test_a_date_without_exposure_adds_only_what_is_carried_over():
    exposure = np.array([4.0, 2.0, 0.0, 0.0])
    found = carried("geometric", exposure, logit(0.3))
    assert found[2] == pytest.approx(0.3 * found[1])
    assert found[3] == pytest.approx(0.3 * found[2])
    assert carried("none", exposure)[2:] == pytest.approx(0.0)


@pytest.mark.parametrize("form", ["hill", "michaelis_menten", "logistic"])
def test_saturation_is_zero_at_zero_half_at_half_saturation_and_below_one(form):
    half = np.log(2.0)
    found = filled(form, [0.0, 2.0, 1e9], half, shape=np.log(1.7))
    assert found == pytest.approx([0.0, 0.5, 1.0], abs=1e-6)
    curve = filled(form, np.linspace(0, 9, 50), half, shape=0.0)
    assert (np.diff(curve) > 0).all() and (curve < 1).all()


def test_saturation_by_hand():
    assert filled("hill", [1.0], np.log(2.0), np.log(3.0)) == pytest.approx([1 / 9])
    assert filled("hill", [0.5], np.log(2.0), 0.0) == pytest.approx([0.2])
    assert filled("michaelis_menten", [6.0], np.log(2.0)) == pytest.approx([0.75])
    assert filled("logistic", [4.0], np.log(2.0)) == pytest.approx([np.tanh(np.log(3.0))])
    assert filled("none", [-1.0, 4.0]) == pytest.approx([-1.0, 4.0])


def test_hill_of_shape_one_is_michaelis_menten():
    levels = np.linspace(0, 5, 30)
    assert filled("hill", levels, 0.3, 0.0) == pytest.approx(
        filled("michaelis_menten", levels, 0.3)
    )


def test_extreme_parameters_stay_finite():
    for form in ("hill", "michaelis_menten", "logistic"):
        for half in (-300.0, 300.0):
            found = filled(form, [0.0, 1e-12, 1.0, 1e12], half, shape=3.0)
            assert np.isfinite(found).all() and (found >= 0).all() and (found <= 1).all()
    assert 0 < expit(-1e4) < expit(0.0) < expit(1e4) < 1
    # Beyond these, four prior sds, the density is out of reach.
    for first in (-3.0, 4.8):
        for second in (-1.2, 1.2):
            assert np.isfinite(lag_weights(CARRY["weibull"], first, second, LAGS)[0]).all()
