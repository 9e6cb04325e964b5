"""Errors counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.scoring import coverage, mase, naive_scale


def test_scaled_errors_are_the_mean_of_series_that_have_a_scale():
    history = np.array([[1.0, 3.0, 5.0], [4.0, 4.0, 4.0], [1.0, 2.0, 3.0]])
    scale = naive_scale(history, 1)  # 2, 0 (left out), 1
    actual = np.array([[10.0, np.nan], [1.0, 1.0], [5.0, 5.0]])
    forecast = np.array([[13.0, 99.0], [9.0, 9.0], [6.0, 7.0]])
    seen = np.isfinite(actual)
    # |13 - 10| / 2 of the one day seen, and the mean of 1 and 2 over 1
    assert mase(actual, forecast, seen, scale) == pytest.approx((3 / 2 + 1.5) / 2)
    seen[0] = False  # a series never seen tells nothing, and is no error of nought
    assert mase(actual, forecast, seen, scale) == pytest.approx(1.5)
    assert np.isnan(mase(actual, forecast, np.zeros_like(seen), scale))


def test_coverage_counts_bounds_in_and_only_what_is_judged():
    actual = np.array([[1.0, 2.0, 3.0, np.nan]])
    low, high = np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([[5.0, 2.0, 2.0, 9.0]])
    judged = np.isfinite(actual)
    assert coverage(actual, low, high, judged) == pytest.approx(2 / 3)
    judged[0, 2] = False
    assert coverage(actual, low, high, judged) == 1.0
    assert np.isnan(coverage(actual, low, high, np.zeros_like(judged)))
