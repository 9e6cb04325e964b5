"""The classical estimate: least squares on the same columns, profile likelihood for the curves.

Every effect is free in sign and has no prior: what comes out negative is shown, not hidden.
Carry-over has no prior either (its logit is kept within 4 of 0); half-saturation and the curve's
shape keep theirs, since least squares alone cannot tell them from the effect's size. Standard
errors of coefficients are those of Newey and West (1987) with the lags of Newey and West (1994),
after Cochrane and Orcutt's (1949) filter where there is one series; the curves' parameters are
drawn from the normal approximation of their profile likelihood, and coefficients given them
(Krinsky and Robb, 1986).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from statsmodels.regression.linear_model import GLSAR, OLS
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

from models.mix.attribution import Drawn, attribute
from models.mix.design.priors import settings_of
from models.mix.engine.effects import State, backward
from models.mix.engine.noise import Noise, residual_noise
from models.mix.engine.sampler import Draws, Mode
from models.mix.frames import Floats
from models.mix.gates.gate import gates_frame, row
from models.mix.panel import Panel
from models.mix.posterior import Posterior
from models.mix.problem import Problem, pose
from models.mix.result import Estimate, MixResult
from models.mix.spec import MixSpec

_DRAWS = 500
_STARTS = 3
_WIDEST_LOGIT = 4.0
#: Curvature of the profile below this (per prior variance) is not believed.
_LEAST_CURVATURE = 0.05


@dataclass(frozen=True)
class Fit:
    """Least squares at one set of curves: `shared` (P,), `own` (S, K), residual (S, T)."""

    shared: Floats
    own: Floats
    residual: Floats
    squares: float


def open_spec(panel: Panel, spec: MixSpec) -> MixSpec:
    """The settings with every effect free in sign and without a prior on its size."""
    drivers = {
        driver.name: settings_of(driver, spec).model_copy(update={"sign": "either", "effect": None})
        for driver in panel.drivers
    }
    return spec.model_copy(update={"drivers": {**spec.drivers, **drivers}})


def classical_problem(panel: Panel, spec: MixSpec) -> Problem:
    """The problem the classical engine estimates; raises what `pose` raises."""
    pose(panel, spec)  # a driver the settings name and the data lack is told of here
    return pose(panel, open_spec(panel, spec))


class Profile:
    """The concentrated log likelihood of the curves' parameters, in units of their priors."""

    def __init__(self, posterior: Posterior) -> None:
        self.posterior, self.response = posterior, posterior.response
        self.size = len(self.response.priors)
        outcome = posterior.problem.outcome
        self.outcome = outcome
        self.count, self.dates = outcome.shape
        own = posterior.design.own_of("baseline")
        # Series' own levels and slopes are projected out (Frisch and Waugh, 1933).
        self.own_places = own
        self.own = np.ascontiguousarray(np.moveaxis(posterior.design.own[own], 0, 2))
        self.bases = np.linalg.qr(self.own)[0] if len(own) else None
        self.fixed = self._project(posterior.design.shared)
        self.target = self._project(outcome[None])[0]
        places = self.response.drivers.table
        self.carry = np.zeros(self.size, dtype=bool)
        self.carry[places[:, 0][places[:, 0] >= 0]] = True
        self.centres = posterior.problem.centres[: self.size]
        self.spreads = posterior.problem.spreads[: self.size]
        limits = (_WIDEST_LOGIT - np.array([self.centres, -self.centres])) / self.spreads
        self.bounds = [
            (-float(low), float(high)) if carry else (-4.0, 4.0)
            for carry, high, low in zip(self.carry, limits[0], limits[1], strict=True)
        ]
        self.steps = 0

    def _project(self, x: Floats) -> Floats:
        if self.bases is None:
            return x
        inner = np.einsum("stk,pst->psk", self.bases, x)
        out: Floats = x - np.einsum("stk,psk->pst", self.bases, inner)
        return out

    def raw(self, theta: Floats) -> Floats:
        """The whole raw vector of the posterior; what is not of a curve at its prior's centre."""
        out = self.posterior.problem.centres.copy()
        out[: self.size] = self.centres + self.spreads * theta
        return out

    def columns(self, theta: Floats) -> tuple[State, Floats]:
        """Drivers, and all shared columns projected, (P, S, T)."""
        state = self.response.forward(self.raw(theta))
        moving = self._project(self.response.shared_columns(state))
        return state, np.concatenate([self.fixed, moving])

    def fit(self, theta: Floats) -> tuple[State, Fit]:
        """Least squares at theta; of least norm where columns are collinear."""
        state, columns = self.columns(theta)
        shared = np.linalg.lstsq(
            columns.reshape(len(columns), -1).T, self.target.ravel(), rcond=1e-9
        )[0]
        residual = self.target - np.tensordot(shared, columns, axes=1)
        return state, Fit(shared, self.levels(state, shared), residual, float((residual**2).sum()))

    def levels(self, state: State, shared: Floats) -> Floats:
        """Own coefficients (S, K) given the shared ones."""
        width = len(self.posterior.own_columns)
        own = np.zeros((self.count, width))
        if self.bases is None:
            return own
        columns = np.concatenate(
            [self.posterior.design.shared, self.response.shared_columns(state)]
        )
        left = self.outcome - np.tensordot(shared, columns, axes=1)
        for s in range(self.count):
            own[s, self.own_places] = np.linalg.lstsq(self.own[s], left[s], rcond=None)[0]
        return own

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """Concentrated log likelihood, and the prior of half-saturation and shape."""
        self.steps += 1
        state, fit = self.fit(theta)
        count = self.target.size
        squares = max(fit.squares, 1e-300)
        still = len(self.posterior.design.columns)
        by_shared = fit.shared[still:, None, None] * fit.residual * (count / squares)
        slope = np.zeros(self.posterior.size)
        nothing = np.zeros((0, self.count, self.dates))
        own = self.response.own_parts._replace(
            first=self.response.own_parts.first[:0],
            second=self.response.own_parts.second[:0],
            modulator=self.response.own_parts.modulator[:0],
        )
        # By the envelope theorem coefficients may stand still while the columns move.
        backward(
            self.raw(theta), self.response.drivers, state, np.zeros_like(state.filled),
            np.zeros(len(self.response.entries)), self.response.shared_parts,
            np.ascontiguousarray(by_shared), own, nothing, slope,
        )  # fmt: skip
        told = np.where(self.carry, 0.0, theta)
        value = -0.5 * count * np.log(squares) - 0.5 * float(told @ told)
        return value, slope[: self.size] * self.spreads - told


def fit_classical(
    panel: Panel, spec: MixSpec, seed: int, *, experiments: bool = False
) -> MixResult:
    """The classical estimate of a panel; its contributions sum to the outcome exactly.

    Args:
        experiments: whether read-outs were given: this engine cannot use them and says so.
    """
    problem = classical_problem(panel, spec)
    profile = Profile(problem.posterior())
    rng = np.random.default_rng(seed)
    theta = _best(profile, rng)
    curvature = _curvature(profile, theta)
    values, vectors = np.linalg.eigh(curvature)
    axes = vectors / np.sqrt(np.maximum(values, _LEAST_CURVATURE))
    _, fit = profile.fit(theta)
    noise, covariance, sigma = _errors(profile, theta, fit)
    posterior = problem.posterior(noise)
    whole = np.zeros((_DRAWS, posterior.size))
    steps = rng.standard_normal((_DRAWS, profile.size)) @ axes.T
    low, high = np.array(profile.bounds).reshape(-1, 2).T
    whole[:, : profile.size] = np.clip(theta + steps, low, high)
    at = posterior.problem.scales.sigma_at
    whole[:, at] = (np.log(sigma) - posterior.problem.centres[at]) / posterior.problem.spreads[at]
    drawn = _draw(profile, whole, noise, covariance, rng)
    shares = tuple(attribute(posterior, drawn, problem.idle))
    centre = np.zeros(posterior.size)
    centre[: profile.size] = theta
    centre[at] = whole[0, at]
    wide = np.eye(posterior.size)
    wide[: profile.size, : profile.size] = axes
    value = profile.value_and_gradient(theta)[0]
    mode = Mode(centre, value, 0.0, wide)
    ones = np.ones(posterior.size)
    draws = Draws(whole.reshape(2, -1, posterior.size), 0, ones, ones * _DRAWS, profile.steps)
    estimate = Estimate(panel, spec, posterior, mode, draws, drawn, shares, problem.idle, seed)
    rows, figures = _judged(estimate, fit, noise, experiments)
    settings = {
        "model": "mix",
        "grain": panel.grain,
        "currency": panel.currency,
        "seed": seed,
        **spec.model_dump(mode="json"),
    }
    return MixResult(estimate, gates_frame(rows), figures, settings)


def _best(profile: Profile, rng: np.random.Generator) -> Floats:
    if not profile.size:
        return np.zeros(0)

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, slope = profile.value_and_gradient(theta)
        return -value, -slope

    starts = [np.zeros(profile.size)]
    starts += [0.7 * rng.standard_normal(profile.size) for _ in range(_STARTS - 1)]
    found = [
        minimize(loss, x, jac=True, method="L-BFGS-B", bounds=profile.bounds,
                 options={"maxiter": 200})
        for x in starts
    ]  # fmt: skip
    best: Floats = min(found, key=lambda one: float(one.fun)).x
    return best


def _curvature(profile: Profile, theta: Floats) -> Floats:
    """Minus the Hessian of the profile by differences of its gradient."""
    step = 1e-4
    out = np.empty((profile.size, profile.size))
    for i in range(profile.size):
        shift = np.zeros(profile.size)
        shift[i] = step
        ahead = profile.value_and_gradient(theta + shift)[1]
        behind = profile.value_and_gradient(theta - shift)[1]
        out[i] = (behind - ahead) / (2 * step)
    return 0.5 * (out + out.T)


def _errors(profile: Profile, theta: Floats, fit: Fit) -> tuple[Noise, Floats, float]:
    """The residual's memory, covariance (P, P) of shared coefficients, sd of a shock."""
    _, columns = profile.columns(theta)
    x, y = columns.reshape(len(columns), -1).T, profile.target.ravel()
    noise = residual_noise(fit.residual)
    lags = int(4 * (profile.dates / 100) ** (2 / 9))
    with warnings.catch_warnings():
        # Collinear columns (two holidays in one week) share their credit; the gate tells.
        warnings.simplefilter("ignore", SingularMatrixWarning)
        if profile.count == 1:
            model = GLSAR(y, x, rho=1)
            found = model.iterative_fit(maxiter=10)
            noise = replace(noise, rho=float(np.clip(model.rho[0], -0.5, 0.95)))
            robust = found.get_robustcov_results("HAC", maxlags=lags, use_correction=True)
        else:
            groups = np.repeat(np.arange(profile.count), profile.dates)
            robust = (
                OLS(y, x)
                .fit()
                .get_robustcov_results(
                    "hac-panel", groups=groups, maxlags=lags, use_correction="hac"
                )
            )
    covariance: Any = np.asarray(robust.cov_params())
    freedom = max(profile.target.size - np.linalg.matrix_rank(x), 1)
    unit = fit.residual / noise.width[:, None]
    shocks = unit[:, 1:] - noise.rho * unit[:, :-1]
    sigma = float(np.sqrt((shocks**2).sum() / max(freedom - profile.count, 1)))
    return noise, np.nan_to_num(covariance), max(sigma, 1e-9)


def _draw(
    profile: Profile, whole: Floats, noise: Noise, covariance: Floats, rng: np.random.Generator
) -> Drawn:
    """Curves and, given them, coefficients: their least squares and a draw of their error."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    shared, own, shared_mean, own_mean, states = [], [], [], [], []
    for theta in whole:
        state, columns = profile.columns(theta[: profile.size])
        mean = _filtered(columns, profile.target, noise.rho if profile.count == 1 else 0.0)
        fresh = mean + root @ rng.standard_normal(len(root))
        shared_mean.append(mean)
        shared.append(fresh)
        own_mean.append(profile.levels(state, mean))
        own.append(profile.levels(state, fresh))
        half: Any = state.filled.astype(np.float32)
        states.append(State(state.carried[:0], half, state.scale, state.mean))
    return Drawn(
        whole, np.array(shared), np.array(own), np.array(shared_mean), np.array(own_mean),
        tuple(states),
    )  # fmt: skip


def _filtered(columns: Floats, target: Floats, rho: float) -> Floats:
    """Least squares after the filter of an AR(1)."""
    x, y = columns.reshape(len(columns), -1).T, target.ravel()
    if rho:
        x, y = x[1:] - rho * x[:-1], y[1:] - rho * y[:-1]
    return np.asarray(np.linalg.lstsq(x, y, rcond=1e-9)[0], dtype=np.float64)


def _judged(
    estimate: Estimate, fit: Fit, noise: Noise, experiments: bool
) -> tuple[list[Any], dict[str, Any]]:
    """Gates and figures of a classical estimate."""
    panel = estimate.panel
    rows = []
    for share in estimate.shares:
        if share.kind not in ("media", "organic", "seller", "agency"):
            continue
        total = float(share.mean.sum())
        rows.append(
            row(
                "effect_not_negative",
                f"{share.kind} {share.driver}",
                "warn",
                total >= 0,
                total,
                0.0,
                f"Least squares gives {share.kind} {share.driver} {total:,.0f} in all. A negative "
                "contribution of what is meant to sell says that the data do not identify it: "
                "another driver or the baseline moves with it.",
            )
        )
    if experiments:
        rows.append(
            row(
                "experiments_used", "model", "warn", False, 0.0, 1.0,
                "The classical engine cannot use read-outs of experiments: they were left aside. "
                "The bayes engine calibrates by them.",
            )
        )  # fmt: skip
    outcome = panel.relative
    movement = float(((outcome - outcome.mean(axis=1, keepdims=True)) ** 2).sum())
    r2 = 1.0 - fit.squares / movement if movement > 0 else 1.0
    rows.append(
        row(
            "fit_r2", "model", "warn", r2 >= 0.5, r2, 0.5,
            f"The model explains {r2:.0%} of the movement of the outcome within territories.",
        )
    )  # fmt: skip
    figures = {
        "engine": "statsmodels",
        "observations": int(panel.ticks.size),
        "parameters": len(fit.shared) + len(estimate.posterior.response.priors),
        "log_likelihood": estimate.mode.value,
        "residual_memory": noise.rho,
        "r2": r2,
        "gradients": estimate.draws.steps,
    }
    return rows, figures
