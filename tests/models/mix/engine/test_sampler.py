"""Finding the mode and walking the posterior, on densities whose answers are known."""

import numpy as np
import pytest

from models.mix.engine.sampler import climb, find_mode, sample
from models.mix.spec import Sampling

SETTINGS = Sampling(starts=1, chains=4, warmup=150, draws=500, longer=1)


class Normal:
    """A correlated normal density in `size` dimensions."""

    numbers = 100  # a gradient is cheap

    def __init__(self, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        root = rng.normal(size=(size, size + 2))
        self.covariance = 0.1 * root @ root.T
        self.precision = np.linalg.inv(self.covariance)
        self.centre = rng.normal(size=size)
        self.size = size

    def value_and_gradient(self, theta):
        away = theta - self.centre
        slope = -self.precision @ away
        return 0.5 * float(away @ slope), slope


class Walled(Normal):
    """The same where no first coordinate is below the centre's minus one."""

    def value_and_gradient(self, theta):
        if theta[0] < self.centre[0] - 1.0:
            return -np.inf, np.zeros(self.size)
        return super().value_and_gradient(theta)


def walk(target, seed: int = 1):
    mode = find_mode(target, climb(target, [np.zeros(target.size)]))
    return mode, sample(target, mode, SETTINGS, seed, lambda _: None)


def test_the_mode_of_a_normal_is_its_centre_and_its_axes_are_the_covariance():
    target = Normal(5, 0)
    mode = find_mode(target, climb(target, [np.zeros(5), np.full(5, 4.0)]))
    assert mode.theta == pytest.approx(target.centre, abs=1e-4)
    assert mode.distance < 1e-3
    wide = np.linalg.eigvalsh(target.covariance)
    if wide.max() < 1 / 0.3:
        assert mode.axes @ mode.axes.T == pytest.approx(target.covariance, rel=1e-3, abs=1e-4)


def test_curvature_flatter_than_the_prior_is_not_believed():
    class Flat(Normal):
        def value_and_gradient(self, theta):
            return 0.0, np.zeros(self.size)

    mode = find_mode(Flat(3, 0), np.zeros(3))
    assert np.linalg.eigvalsh(mode.axes @ mode.axes.T).max() == pytest.approx(1 / 0.3)


def test_draws_of_a_normal_have_its_mean_and_covariance():
    target = Normal(4, 2)
    _, draws = walk(target)
    assert draws.theta.shape == (4, 500, 4)
    assert draws.divergences == 0
    assert draws.r_hat.max() < 1.02
    unit = np.linalg.solve(np.linalg.cholesky(target.covariance), (draws.flat - target.centre).T)
    effective = draws.effective.min()
    assert effective > 400
    assert np.abs(unit.mean(axis=1)).max() < 5 / np.sqrt(effective)
    assert unit @ unit.T / unit.shape[1] == pytest.approx(np.eye(4), abs=6 / np.sqrt(effective))


def test_the_same_seed_walks_the_same_way_and_another_does_not():
    target = Normal(3, 3)
    one, two, other = (walk(target, seed)[1].theta for seed in (7, 7, 8))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_where_the_density_is_zero_the_walk_turns_back():
    target = Walled(3, 4)
    _, draws = walk(target)
    assert np.isfinite(draws.theta).all()
    assert (draws.flat[:, 0] >= target.centre[0] - 1.0).all()
