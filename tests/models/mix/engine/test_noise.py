"""The residual's filter is the inverse root of an ARMA(1, 1) covariance, its transpose exact."""

import numpy as np
import pytest
from statsmodels.tsa.arima_process import arma_acovf, arma_generate_sample

from models.mix.engine.noise import Noise, likeliest_noise, plain_noise, residual_noise


def filter_matrix(noise: Noise, dates: int) -> np.ndarray:
    """(T, T) matrix of the filter on one series."""
    return noise.whiten(np.eye(dates)[:, None, :])[:, 0, :].T


def test_an_autoregression_is_whitened_exactly():
    # Prais and Winsten: W' W is the inverse of the stationary covariance of an AR(1).
    noise = Noise(0.6, 0.0, 0.0, np.ones(1))
    root = filter_matrix(noise, 8)
    lags = np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    covariance = 0.6**lags / (1 - 0.6**2)
    assert root @ covariance @ root.T == pytest.approx(np.eye(8))


def test_a_swing_in_white_noise_is_whitened_but_for_its_first_dates():
    noise = Noise(0.8, 0.5, 0.0, np.ones(1))
    root = filter_matrix(noise, 80)
    values = arma_acovf([1, -0.8], [1, -0.4], 80)
    covariance = values[np.abs(np.subtract.outer(np.arange(80), np.arange(80)))]
    white = root @ covariance @ root.T
    assert white[0, 0] == pytest.approx(1.0)
    assert white[20:, 20:] == pytest.approx(np.eye(60), abs=1e-6)


def test_transpose_and_log_determinant_are_the_filter_s():
    noise = Noise(0.7, 0.3, 0.2, np.array([1.0, 0.5, 2.0]))
    rng = np.random.default_rng(0)
    x, e = rng.normal(size=(2, 4, 3, 20))
    assert (noise.whiten(x) * e).sum() == pytest.approx((x * noise.transpose(e)).sum())
    determinant = sum(
        np.linalg.slogdet(filter_matrix(Noise(0.7, 0.3, 0.2, noise.width[[s]]), 20))[1]
        for s in range(3)
    )
    assert noise.log_root(20) == pytest.approx(determinant)


def test_plain_noise_leaves_everything_as_it_is():
    x = np.random.default_rng(1).normal(size=(3, 2, 9))
    assert plain_noise(2).whiten(x) == pytest.approx(x)


def test_moments_find_memory_common_shocks_and_widths():
    rng = np.random.default_rng(2)
    width = np.array([1.0, 0.5, 2.0, 1.0])
    own, shared = rng.normal(size=(4, 2000)), rng.normal(size=2000)
    shocks = np.sqrt(0.6) * own + np.sqrt(0.4) * shared
    series = np.zeros_like(shocks)
    for t in range(1, 2000):
        series[:, t] = 0.5 * series[:, t - 1] + shocks[:, t]
    found = residual_noise(series * width[:, None])
    assert found.rho == pytest.approx(0.5, abs=0.05)
    assert found.common == pytest.approx(0.4, abs=0.07)
    assert found.width / found.width[0] == pytest.approx(width, rel=0.1)


def test_the_likeliest_noise_finds_the_swing_that_made_the_series():
    shocks = np.random.default_rng(3).standard_normal
    swing = arma_generate_sample([1, -0.9], [1, -0.45], 3000, distrvs=shocks)

    def likelihood(noise: Noise) -> float:
        white = noise.whiten(swing[None])
        return noise.log_root(3000) - 1500 * float(np.log((white**2).mean()))

    found = likeliest_noise(Noise(0.3, 0.2, 0.0, np.ones(1)), likelihood, 3000)
    assert found.rho == pytest.approx(0.9, abs=0.04)
    assert found.rho * found.white == pytest.approx(0.45, abs=0.08)
    assert found.common == 0.0


def test_silent_series_do_not_break_the_moments():
    found = residual_noise(np.zeros((2, 30)))
    assert np.isfinite([found.rho, found.common, *found.width]).all()
