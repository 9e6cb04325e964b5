"""The linear part: conditional moments in closed form, and draws that have them."""

import numpy as np
import pytest

from models.mix.design.linear import draw
from models.mix.engine.collapsed import cholesky, lower_inverse
from models.mix.engine.noise import Noise
from models.mix.panel import read_panel
from models.mix.problem import pose
from models.mix.spec import DriverSpec, MixSpec
from tests.models.mix.companies import company

SPEC = MixSpec(
    drivers={"c0": DriverSpec(drifts=True), "press": DriverSpec(sign="either")},
    interactions=(("c0", "c1"),),
)


def positive_definite(size: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(size, size + 3))
    return root @ root.T


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_cholesky_and_lower_inverse_equal_numpy_s(size):
    matrix = positive_definite(size, size)
    factor = matrix.copy()
    assert cholesky(factor)
    assert factor == pytest.approx(np.linalg.cholesky(matrix))
    assert lower_inverse(factor) == pytest.approx(np.linalg.inv(factor))


def test_a_matrix_without_a_factor_is_said_so():
    matrix = positive_definite(4, 0)
    matrix[2, 2] = -1.0
    assert not cholesky(matrix)


def stacked(territories: int, common: float):
    """The conditional problem written out: one long regression with Gaussian priors.

    Returns the posterior, its Found, and the mean and covariance of (shared, own of series 0, own
    of series 1, ...) by ordinary dense algebra.
    """
    noise = Noise(0.4, 0.3, common, np.linspace(0.8, 1.2, territories))
    of = pose(read_panel(company(territories, 40, 2)), SPEC).posterior(noise)
    theta = 0.4 * np.random.default_rng(5).standard_normal(of.size)
    state, found = of.at(theta)
    shared_sd, own_sd, sigma = of.prior_sds(theta)
    left = noise.whiten(of.panel.relative - of.response.signed_sum(state))
    series, dates = left.shape
    shared = np.concatenate([of.design.shared, of.response.shared_columns(state)])
    own = np.concatenate([of.design.own, of.response.own_columns(state)])
    columns = [noise.whiten(shared).reshape(len(shared), -1)]
    for s in range(series if len(own) else 0):
        block = np.zeros((len(own), series, dates))
        block[:, s] = noise.whiten(own)[:, s]
        columns.append(block.reshape(len(own), -1))
    whole = np.concatenate(columns)
    exchangeable = np.full((series, series), common if series > 1 else 0.0)
    np.fill_diagonal(exchangeable, 1.0)
    weight = np.kron(np.linalg.inv(exchangeable), np.eye(dates)) / sigma**2
    sds = np.concatenate([shared_sd, np.tile(own_sd, series if len(own) else 0)])
    covariance = np.linalg.inv(whole @ weight @ whole.T + np.diag(1 / sds**2))
    mean = covariance @ whole @ weight @ left.ravel()
    return of, found, mean, covariance


@pytest.mark.parametrize(("territories", "common"), [(1, 0.0), (3, 0.0), (3, 0.35)])
def test_conditional_means_are_those_of_the_dense_regression(territories, common):
    of, found, mean, _ = stacked(territories, common)
    size = len(of.columns)
    assert found.mean[:size] == pytest.approx(mean[:size], rel=1e-7, abs=1e-10)
    if territories > 1:
        assert found.own_mean.ravel() == pytest.approx(mean[size:], rel=1e-7, abs=1e-10)


@pytest.mark.parametrize(("territories", "common"), [(1, 0.0), (3, 0.0), (3, 0.35)])
def test_draws_have_the_closed_form_mean_and_covariance(territories, common):
    of, found, mean, covariance = stacked(territories, common)
    size, count = len(of.columns), 6000
    rng = np.random.default_rng(11)
    drawn = np.array(
        [np.concatenate([b, d.ravel()]) for b, d in (draw(found, size, rng) for _ in range(count))]
    )
    # In the coordinates of the closed form draws are standard normal.
    unit = np.linalg.solve(np.linalg.cholesky(covariance), (drawn[:, : len(mean)] - mean).T)
    width = len(mean)
    assert np.abs(unit.mean(axis=1)).max() < 4.5 / np.sqrt(count)
    spread = unit @ unit.T / count
    assert np.abs(np.diag(spread) - 1).max() < 4.5 * np.sqrt(2 / count)
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 5.0 / np.sqrt(count)
    assert width == size + (found.own_mean.size if territories > 1 else 0)
