"""Adstock and saturation against their definitions."""

import numpy as np
import pytest

from models.mix.transforms import adstock, adstock_slope, hill


def test_adstock_of_one_pulse_is_the_normalised_geometric_weights():
    pulse = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
    assert adstock(pulse, 0.5) == pytest.approx([0, 0.5, 0.25, 0.125, 0.0625])


def test_adstock_weights_sum_to_one_and_keep_a_constant_level():
    pulse = np.zeros(400)
    pulse[0] = 1.0
    assert adstock(pulse, 0.9).sum() == pytest.approx(1.0)
    assert adstock(np.ones(400), 0.9)[-1] == pytest.approx(1.0)


def test_adstock_does_not_cross_territories():
    two = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert (adstock(two, 0.7)[1] == 0).all()


def test_adstock_slope_equals_the_difference_quotient():
    x = np.random.default_rng(0).gamma(1.0, 1.0, (2, 30))
    step = 1e-6
    numeric = (adstock(x, 0.6 + step) - adstock(x, 0.6 - step)) / (2 * step)
    assert adstock_slope(x, adstock(x, 0.6), 0.6) == pytest.approx(numeric, abs=1e-8)


def test_hill_is_half_at_half_saturation_zero_at_zero_and_below_one():
    values = hill(np.array([0.0, 0.5, 2.0, 1e9]), half=2.0, shape=1.0)
    assert values == pytest.approx([0.0, 0.2, 0.5, 1.0])
    assert hill(np.array([1.0]), half=2.0, shape=3.0) == pytest.approx([1 / 9])
