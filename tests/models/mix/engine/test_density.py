"""The posterior density: its gradient by finite differences, its value by brute force."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from models.mix.engine.noise import Noise
from models.mix.experiments import ReadOut
from models.mix.panel import read_panel
from models.mix.posterior import Posterior
from models.mix.problem import Problem, pose
from models.mix.spec import Baseline, DriverSpec, EffectPrior, MixSpec
from tests.models.mix.companies import company

CARRY = ("geometric", "delayed", "weibull", "none")
FILL = ("hill", "logistic", "michaelis_menten", "none")
RICH = MixSpec(
    drivers={
        "c0": DriverSpec(drifts=True, adstock="weibull", saturation="logistic"),
        "c1": DriverSpec(adstock="delayed", effect=EffectPrior(on="roi", median=2.0)),
        "c2": DriverSpec(effect=EffectPrior(on="coefficient", median=3.0)),
        "temperature": DriverSpec(sign="negative"),
        "press": DriverSpec(sign="either", drifts=True),
    },
    interactions=(("c0", "coupon"), ("c1", "c2")),
)
PLAIN = MixSpec()
LEVEL = MixSpec(baseline=Baseline(trend="local_level"))


def read_outs(problem: Problem) -> tuple[ReadOut, ...]:
    """Of all that a driver brought, of money added and of money withheld."""
    panel = problem.panel
    worth = np.zeros(panel.ticks.shape)
    worth[:, 20:30] = panel.money[:, None]
    entry = next(e for e in problem.entries if e.driver.name == "c0")
    at = problem.entries.index(entry)
    other = entry.exposure[:1].copy()
    other[:, -30:-20] *= np.random.default_rng(3).uniform(0.2, 2.0, 10)
    one = np.zeros_like(worth)
    one[0, 22:40] = panel.money[0]
    whole = next(i for i, e in enumerate(problem.entries) if e.driver.name == "c1")
    return (
        ReadOut("all", whole, worth, 100.0, 20.0),
        ReadOut("added", at, one, 100.0, 20.0, 1.0, (0,), other),
        ReadOut("withheld", at, one, 30.0, 20.0, -1.0, (0,), 1.3 * other),
    )


def posterior(spec: MixSpec, noise: Noise, *, tested: bool = False, **size) -> Posterior:
    problem = pose(read_panel(company(len(noise.width), **size)), spec)
    return problem.posterior(noise, read_outs(problem) if tested else ())


def point(of: Posterior, seed: int = 1) -> np.ndarray:
    return 0.5 * np.random.default_rng(seed).standard_normal(of.size)


def assert_gradient_is_the_difference_quotient(of: Posterior) -> None:
    theta, step = point(of), 1e-5
    gradient = of.value_and_gradient(theta)[1]
    numeric = [
        (of.value_and_gradient(theta + h)[0] - of.value_and_gradient(theta - h)[0]) / (2 * step)
        for h in step * np.eye(of.size)
    ]
    assert gradient == pytest.approx(numeric, rel=1e-6, abs=1e-6)


def brute_force(of: Posterior, theta: np.ndarray) -> float:
    """log posterior from the dense covariance of all cells, which nothing in the engine builds."""
    raw, state = of.raw(theta), of.response.forward(of.raw(theta))
    left = of.panel.relative - of.response.signed_sum(state)
    series, dates = left.shape
    noise = of.noise
    shared_sd, own_sd, sigma = of.prior_sds(theta)
    # Residuals: an ARMA(1, 1) filter times exchangeable shocks; the filter column by column.
    filters = np.stack(
        [noise.whiten(np.broadcast_to(unit, (series, dates)).copy()) for unit in np.eye(dates)], 2
    )
    colour = np.zeros((series * dates, series * dates))
    for s in range(series):
        block = slice(s * dates, (s + 1) * dates)
        colour[block, block] = np.linalg.inv(filters[s])
    common = np.full((series, series), noise.common if series > 1 else 0.0)
    np.fill_diagonal(common, 1.0)
    covariance = sigma**2 * colour @ np.kron(common, np.eye(dates)) @ colour.T
    columns = np.concatenate([of.design.shared, of.response.shared_columns(state)])
    flat = columns.reshape(-1, series * dates)
    covariance += flat.T @ np.diag(shared_sd**2) @ flat
    own = np.concatenate([of.design.own, of.response.own_columns(state)])
    for s in range(series):
        block = slice(s * dates, (s + 1) * dates)
        covariance[block, block] += own[:, s].T @ np.diag(own_sd**2) @ own[:, s]
    value = multivariate_normal(np.zeros(series * dates), covariance).logpdf(left.ravel())
    for test in of.experiments:
        value += multivariate_normal(test.effect, test.error**2).logpdf(lift_by_hand(of, raw, test))
        value += 0.5 * np.log(2 * np.pi)
    return float(value - 0.5 * theta @ theta)


def lift_by_hand(of: Posterior, raw: np.ndarray, test: ReadOut) -> float:
    """The driver as it was less the driver with its other exposure put into the panel."""
    drivers, dates = of.response.drivers, of.response.dates
    state = of.response.forward(raw)
    brought = (test.worth * state.scale[test.at] * state.filled[test.at]).sum()
    if not test.series:
        return float(brought)
    exposure = drivers.exposure.copy()
    for i, s in enumerate(test.series):
        exposure[test.at, s] = test.other[i]
    from models.mix.engine.effects import forward

    moved = forward(raw, drivers._replace(exposure=exposure), dates)
    # Its size per unit of filled exposure is that of the panel as it was.
    instead = np.zeros_like(test.worth)
    for s in test.series:
        instead[s] = state.scale[test.at] * moved.filled[test.at, s]
    there = np.zeros_like(test.worth)
    there[list(test.series)] = 1.0
    kept = (test.worth * there * state.scale[test.at] * state.filled[test.at]).sum()
    return float(test.toward * (kept - (test.worth * instead).sum()))


@pytest.mark.parametrize(("carry", "fill"), list(product(CARRY, FILL)))
def test_gradient_of_every_carry_over_and_saturation(carry, fill):
    spec = MixSpec(drivers={"c0": DriverSpec(adstock=carry, saturation=fill)})
    of = posterior(spec, Noise(0.3, 0.4, 0.0, np.ones(1)), tested=True)
    assert_gradient_is_the_difference_quotient(of)


CASES = {
    "national": (PLAIN, Noise(0.3, 0.4, 0.0, np.ones(1)), False, {}),
    "national_rich": (RICH, Noise(0.3, 0.4, 0.0, np.ones(1)), True, {}),
    "begun_before": (RICH, Noise(0.5, 0.0, 0.0, np.ones(1)), True, {"ahead": 9}),
    "local_level": (LEVEL, Noise(-0.2, 0.0, 0.0, np.ones(1)), False, {}),
    "territories": (PLAIN, Noise(0.3, 0.4, 0.3, np.array([1.0, 0.8, 1.2])), False, {}),
    "territories_rich": (RICH, Noise(0.3, 0.4, 0.3, np.array([1.0, 0.8, 1.2])), True, {}),
    "no_common_shock": (RICH, Noise(0.3, 0.4, 0.0, np.array([1.0, 0.8, 1.2])), True, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_gradient_equals_finite_differences(case):
    spec, noise, tested, size = CASES[case]
    assert_gradient_is_the_difference_quotient(posterior(spec, noise, tested=tested, **size))


@pytest.mark.parametrize("case", CASES)
def test_collapsed_likelihood_equals_the_brute_force_multivariate_normal(case):
    spec, noise, tested, size = CASES[case]
    of = posterior(spec, noise, tested=tested, **size)
    for seed in (1, 2):
        theta = point(of, seed)
        # A value near zero is the difference of terms in the hundreds.
        expected = pytest.approx(brute_force(of, theta), rel=1e-9, abs=1e-7)
        assert of.value_and_gradient(theta)[0] == expected


def test_products_in_territories_have_gradients_too():
    problem = pose(read_panel(company(2, products=("pen", "ink"))), RICH)
    noise = Noise(0.2, 0.1, 0.2, np.array([1.0, 0.9, 1.1, 1.0]))
    assert_gradient_is_the_difference_quotient(problem.posterior(noise, read_outs(problem)))


def test_out_of_reach_is_minus_infinity_and_not_an_error():
    of = posterior(PLAIN, Noise(0.0, 0.0, 0.0, np.ones(1)))
    value, gradient = of.value_and_gradient(np.full(of.size, 2000.0))
    assert value == -np.inf
    assert len(gradient) == of.size
