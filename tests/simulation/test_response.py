"""Carry-over and saturation against numbers worked out by hand."""

import numpy as np
import pytest

from simulation.response import carry_over, exponential, hill


def test_a_single_day_of_pressure_fades_by_the_retention() -> None:
    pulse = np.array([[0.0], [8.0], [0.0], [0.0]])
    np.testing.assert_allclose(carry_over(pulse, 0.5).ravel(), [0.0, 4.0, 2.0, 1.0])


def test_steady_pressure_is_felt_in_full_in_the_end() -> None:
    felt = carry_over(np.full((200, 2), 3.0), 0.85)
    np.testing.assert_allclose(felt[-1], 3.0, rtol=1e-12)
    assert (np.diff(felt[:, 0]) >= 0).all()


def test_territories_do_not_feel_each_others_pressure() -> None:
    exposure = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 5.0]])
    felt = carry_over(exposure, 0.3)
    np.testing.assert_allclose(felt[:, 0], carry_over(exposure[:, :1], 0.3).ravel())
    assert felt[1, 1] == 0.0


def test_no_retention_leaves_the_exposure_as_it_is() -> None:
    exposure = np.array([[1.0], [0.0], [4.0]])
    np.testing.assert_array_equal(carry_over(exposure, 0.0), exposure)


@pytest.mark.parametrize("half_saturation", [0.5, 2.0])
def test_both_saturations_are_nothing_at_nothing_and_half_at_half_saturation(
    half_saturation: float,
) -> None:
    points = np.array([0.0, half_saturation])
    np.testing.assert_allclose(hill(points, half_saturation, 1.7), [0.0, 0.5])
    np.testing.assert_allclose(exponential(points, half_saturation), [0.0, 0.5])


def test_saturation_by_hand() -> None:
    # 3^2 / (3^2 + 1^2) = 0.9, and 1 - 2^(-3) = 0.875
    np.testing.assert_allclose(hill(np.array([3.0]), 1.0, 2.0), [0.9])
    np.testing.assert_allclose(exponential(np.array([3.0]), 1.0), [0.875])
