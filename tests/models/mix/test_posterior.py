"""The collapsed posterior against brute force, its gradient, and the linear fit."""

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from models.mix import MixInputs, MixSpec
from models.mix.baseline import build_design, fit_linear, holiday_calendar
from models.mix.noise import Noise, likeliest_noise, plain_noise, residual_noise
from models.mix.panel import read_panel
from models.mix.posterior import Posterior, prior_shares
from models.mix.sampler import climb, find_mode, sample


def tiny_posterior(noise: Noise | None = None, dates: int = 40) -> Posterior:
    rng = np.random.default_rng(8)
    days = pd.date_range("2024-01-01", periods=dates, freq="7D")
    cells = pd.MultiIndex.from_product([["a", "b"], days], names=["territory_id", "date_day"])
    frame = cells.to_frame(index=False)
    count = len(frame)

    def driver(kind, name, exposure):
        return frame.assign(
            kind=kind, driver=name, exposure=exposure, exposure_unit="clicks", spend=1.0
        )

    release = MixInputs(
        outcome=frame.assign(net_revenue=rng.uniform(50, 150, count).round(2)),
        drivers=pd.concat(
            [
                driver("media", "search", rng.gamma(2.0, 1.0, count)),
                driver("media", "tv", rng.gamma(1.0, 1.0, count) * (rng.uniform(size=count) < 0.4)),
                driver("publicity", "publicity", rng.gamma(1.0, 1.0, count)),
                driver("promotion", "coupon", (rng.uniform(size=count) < 0.3) * 0.2),
            ]
        ),
        controls=frame.assign(control="rain", value=rng.normal(size=count)),
        territories=pd.DataFrame(
            {"territory_id": ["a", "b"], "population": [2.0, 1.0], "country_code": ["DE", "FR"]}
        ),
        grain="week",
        currency="EUR",
    )
    panel = read_panel(release)
    by_kind = {
        kind: tuple(d for d in panel.drivers if d.kind == kind)
        for kind in ("media", "publicity", "promotion")
    }
    design = build_design(panel, by_kind["promotion"], MixSpec())
    noise = noise or Noise(rho=0.4, white=0.0, common=0.3, width=np.array([0.8, 1.3]))
    media, publicity = by_kind["media"], by_kind["publicity"]
    return Posterior(panel, media, publicity, design, noise=noise, spec=MixSpec())


def test_collapsed_likelihood_equals_the_brute_force_multivariate_normal():
    posterior = tiny_posterior()
    noise = posterior.noise
    theta = 0.5 * np.random.default_rng(1).standard_normal(posterior.size)
    terms = posterior.terms(theta)
    dates = posterior.outcome.shape[1]
    time = noise.rho ** np.abs(np.subtract.outer(np.arange(dates), np.arange(dates)))
    # Innovations have unit variance, so the AR(1) process has variance 1 / (1 - rho^2).
    time = time / (1 - noise.rho**2)
    place = np.full((2, 2), noise.common) + (1 - noise.common) * np.eye(2)
    place = place * np.outer(noise.width, noise.width)
    z = posterior.design.matrix.reshape(-1, len(terms.prior_sd))
    covariance = z @ np.diag(terms.prior_sd**2) @ z.T + terms.sigma**2 * np.kron(place, time)
    expected = multivariate_normal(cov=covariance).logpdf(posterior.residual(theta).ravel())
    value, _ = posterior.value_and_gradient(theta)
    assert value == pytest.approx(expected - 0.5 * theta @ theta, rel=1e-8)


def test_gradient_equals_finite_differences():
    posterior = tiny_posterior()
    theta = 0.5 * np.random.default_rng(2).standard_normal(posterior.size)
    _, gradient = posterior.value_and_gradient(theta)
    step = 1e-5
    numeric = [
        (
            posterior.value_and_gradient(theta + step * unit)[0]
            - posterior.value_and_gradient(theta - step * unit)[0]
        )
        / (2 * step)
        for unit in np.eye(posterior.size)
    ]
    assert gradient == pytest.approx(numeric, rel=1e-5, abs=1e-5)


def test_share_parameter_is_the_share_of_net_revenue():
    posterior = tiny_posterior()
    theta = 0.3 * np.random.default_rng(3).standard_normal(posterior.size)
    panel = posterior.panel
    money = posterior.response(theta, 0)[0] * panel.size[:, None] * panel.scale
    share = money.sum() / (panel.outcome_cents.sum() / 100)
    assert share == pytest.approx(posterior.curve(theta, 0).share)


def test_statsmodels_fit_equals_the_conditional_mean_and_covariance():
    posterior = tiny_posterior()
    theta = np.zeros(posterior.size)
    terms = posterior.terms(theta)
    target = posterior.noise.whiten(posterior.residual(theta)).ravel()
    fitted = fit_linear(posterior.whitened, target, terms.prior_sd, terms.sigma)
    assert fitted.params == pytest.approx(terms.coefficients, abs=1e-8)
    covariance = np.linalg.inv(terms.root @ terms.root.T)
    assert fitted.cov_params() == pytest.approx(covariance, abs=1e-8)


def test_draws_of_the_linear_part_have_its_mean_and_spread():
    posterior = tiny_posterior()
    theta = np.zeros(posterior.size)
    terms = posterior.terms(theta)
    rng = np.random.default_rng(4)
    draws = np.stack([posterior.draw_linear(theta, rng) for _ in range(4000)])
    sd = np.sqrt(np.diag(np.linalg.inv(terms.root @ terms.root.T)))
    assert np.abs(draws.mean(axis=0) - terms.coefficients).max() < 0.1 * sd.max()
    assert draws.std(axis=0) == pytest.approx(sd, rel=0.06)


def test_whitening_and_its_transpose_are_adjoint():
    noise = Noise(rho=0.5, white=0.6, common=0.4, width=np.array([0.7, 1.0, 1.4]))
    rng = np.random.default_rng(5)
    x, e = rng.normal(size=(3, 20)), rng.normal(size=(3, 20))
    assert (noise.whiten(x) * e).sum() == pytest.approx((x * noise.transpose(e)).sum())


def test_residual_structure_is_recovered_from_a_long_series():
    rng = np.random.default_rng(6)
    shocks = np.sqrt(0.4) * rng.normal(size=(1, 8000)) + np.sqrt(0.6) * rng.normal(size=(4, 8000))
    series = np.zeros_like(shocks)
    for t in range(1, 8000):
        series[:, t] = 0.6 * series[:, t - 1] + shocks[:, t]
    noise = residual_noise(series * np.array([[1.0], [1.0], [2.0], [2.0]]))
    assert noise.rho == pytest.approx(0.6, abs=0.03)
    assert noise.common == pytest.approx(0.4, abs=0.05)
    assert noise.width[2] / noise.width[0] == pytest.approx(2.0, rel=0.05)


def test_a_slow_swing_under_white_noise_is_told_from_both():
    rng = np.random.default_rng(7)
    dates = 3000
    swing = np.zeros((2, dates))
    for t in range(1, dates):
        swing[:, t] = 0.9 * swing[:, t - 1] + rng.normal(size=2)
    series = swing + 2.0 * rng.normal(size=swing.shape)

    def log_likelihood(noise: Noise) -> float:
        white = noise.whiten(series)
        variance = float((white**2).mean())
        return noise.log_root(dates) - 0.5 * white.size * np.log(variance)

    noise = likeliest_noise(residual_noise(series), log_likelihood)
    assert noise.rho == pytest.approx(0.9, abs=0.03)
    white = noise.whiten(series)[:, 50:]
    lagged = [np.corrcoef(row[lag:], row[:-lag])[0, 1] for row in white for lag in (1, 2, 5, 10)]
    assert np.abs(lagged).max() < 0.06


def test_sampler_reproduces_the_moments_it_should():
    posterior = tiny_posterior(plain_noise(2))
    mode = find_mode(posterior, climb(posterior, [np.zeros(posterior.size)]))
    assert mode.distance < 1e-2
    said: list[str] = []
    one = sample(posterior, mode, chains=4, warmup=120, draws=200, seed=1, progress=said.append)
    two = sample(posterior, mode, chains=4, warmup=120, draws=200, seed=2, progress=said.append)
    assert one.r_hat.max() < 1.06
    assert np.abs(one.flat.mean(axis=0) - two.flat.mean(axis=0)).max() < 0.35
    again = sample(posterior, mode, chains=4, warmup=120, draws=200, seed=1, progress=said.append)
    assert (one.theta == again.theta).all()
    assert said[:4] == [f"sampling chain {chain} of 4" for chain in (1, 2, 3, 4)]


def test_prior_shares_follow_spend_by_half_and_leave_organic_its_part():
    posterior = tiny_posterior()
    search, tv = posterior.saturating
    assert prior_shares((search, tv), 0.2) == pytest.approx([0.1, 0.1])


def test_holidays_of_each_country_fall_on_its_own_territories():
    posterior = tiny_posterior()
    calendar = holiday_calendar(posterior.panel)
    assert set(calendar["country_code"]) == {"DE", "FR"}
    names = [c.driver for c in posterior.design.columns if c.kind == "holiday"]
    bastille = posterior.design.of("holiday", next(n for n in names if n == "National Day"))
    column = posterior.design.matrix[:, :, bastille[0]]
    assert column[0].sum() == 0 and column[1].sum() == 1
    at = int(np.argmax(column[1]))
    week = posterior.panel.dates[at].date()
    assert week <= datetime.date(2024, 7, 14) < week + datetime.timedelta(days=7)
