"""Rows of logarithms and exponentials against numpy's."""

import numpy as np
import pytest

from models.mix.engine.elementary import exp_row, log_row

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    "x",
    [
        np.exp(RNG.uniform(-700, 700, 20_011)),
        1.0 + RNG.uniform(-0.4, 0.5, 20_011),
        1.0 + RNG.uniform(-1e-8, 1e-8, 1_001),
        np.array([1.0, 2.0, 0.5, np.sqrt(0.5), np.sqrt(2.0), 1e-300, 1e300, 1e-9]),
    ],
)
def test_logarithms_are_right_to_two_units_in_the_last_place(x):
    out = np.empty_like(x)
    log_row(x, out)
    np.testing.assert_array_max_ulp(out, np.log(x), maxulp=2)


@pytest.mark.parametrize(
    "x",
    [
        RNG.uniform(-700, 700, 20_011),
        RNG.uniform(-0.5, 0.5, 20_011),
        np.array([0.0, -0.0, 1.0, -1.0, 709.0, -708.0, 1e-300]),
    ],
)
def test_exponentials_are_right_to_two_units_in_the_last_place(x):
    out = np.empty_like(x)
    exp_row(x, out)
    np.testing.assert_array_max_ulp(out, np.exp(x), maxulp=2)


def test_exponentials_beyond_the_range_stay_finite():
    out = np.empty(2)
    exp_row(np.array([1e6, -1e6]), out)
    assert np.isfinite(out).all()
    assert out[0] > 1e307
    assert out[1] < 1e-307
