"""Finding the mode, and drawing from the posterior around it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from models.mix.panel import Floats
from models.mix.posterior import Posterior

#: Curvature below this fraction of the prior's is not believed when the walk is scaled.
_LEAST_CURVATURE = 0.3
_TARGET_ACCEPTANCE = 0.8
_MOST_STEPS = 12


@dataclass(frozen=True)
class Mode:
    """A maximum of the posterior; `distance` is the last step left, in posterior sds."""

    theta: Floats
    value: float
    distance: float
    axes: Floats  # (D, D): theta = mode + axes @ standard normal


@dataclass(frozen=True)
class Draws:
    """Posterior draws (chains, draws, D), with their acceptance, R-hat and effective number."""

    theta: Floats
    acceptance: float
    r_hat: Floats
    effective: Floats

    @property
    def flat(self) -> Floats:
        """All draws, (chains * draws, D)."""
        return self.theta.reshape(-1, self.theta.shape[-1])


def climb(posterior: Posterior, starts: list[Floats]) -> Floats:
    """The best of several L-BFGS ascents."""

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, gradient = posterior.value_and_gradient(theta)
        return (1e12, np.zeros_like(theta)) if not np.isfinite(value) else (-value, -gradient)

    best, least = starts[0], np.inf
    for start in starts:
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 600, "gtol": 1e-4}
        )
        if found.fun < least:
            best, least = found.x, float(found.fun)
    return best


def find_mode(posterior: Posterior, theta: Floats) -> Mode:
    """Finish a climb by Newton steps with the curvature from differenced gradients."""
    value, gradient = posterior.value_and_gradient(theta)
    for _ in range(4):
        values, vectors = _curvature(posterior, theta)
        step = vectors @ ((vectors.T @ gradient) / values)
        distance = float(np.sqrt(max(float(gradient @ step), 0.0)))
        if distance < 1e-3:
            break
        better, ahead = posterior.value_and_gradient(theta + step)
        if better <= value:
            break
        theta, value, gradient = theta + step, better, ahead
    return Mode(theta, value, distance, vectors / np.sqrt(values))


def _curvature(posterior: Posterior, theta: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (bounded below) and vectors of minus the Hessian at theta."""
    size, step = len(theta), 1e-4
    hessian = np.empty((size, size))
    for i in range(size):
        shift = np.zeros(size)
        shift[i] = step
        ahead = posterior.value_and_gradient(theta + shift)[1]
        behind = posterior.value_and_gradient(theta - shift)[1]
        hessian[i] = (behind - ahead) / (2 * step)
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    return np.maximum(values, _LEAST_CURVATURE), vectors


def sample(
    posterior: Posterior,
    mode: Mode,
    *,
    chains: int,
    warmup: int,
    draws: int,
    seed: int,
    progress: Callable[[str], None],
) -> Draws:
    """Hamiltonian Monte Carlo in the coordinates of the Laplace approximation.

    There the posterior is nearly standard normal, so a short walk with a step tuned by dual
    averaging mixes at once; the accept step corrects the skewness the approximation misses.
    Half-way through the warm-up the coordinates are rescaled by what the chains have seen.
    Sources: Neal (2011), MCMC using Hamiltonian dynamics; Hoffman and Gelman (2014).
    """
    size = len(mode.theta)
    generators = np.random.default_rng(seed).spawn(chains)
    walks = [
        _Walk(posterior, mode.theta, mode.axes, mode.axes @ (0.7 * rng.standard_normal(size)), rng)
        for rng in generators
    ]
    first = warmup // 2
    seen = np.concatenate([walk.tune(first)[first // 2 :] for walk in walks])
    # Shrunk towards the Laplace axes with the weight of one draw a dimension.
    local = np.linalg.solve(mode.axes, (seen - seen.mean(axis=0)).T)
    covariance = (local @ local.T + size * np.eye(size)) / (len(seen) + size)
    axes = mode.axes @ np.linalg.cholesky(covariance)
    theta, rates = np.empty((chains, draws, size)), []
    for chain, walk in enumerate(walks):
        progress(f"sampling chain {chain + 1} of {chains}")
        walk.axes = axes
        walk.tune(warmup - first)
        for i in range(draws):
            rates.append(walk.move(walk.step))
            theta[chain, i] = walk.theta
    halves = np.concatenate([theta[:, : draws // 2], theta[:, draws - draws // 2 :]])
    return Draws(theta, float(np.mean(rates)), _r_hat(halves), _effective(halves))


class _Walk:
    """One chain: where it stands, and how it moves."""

    def __init__(
        self,
        posterior: Posterior,
        centre: Floats,
        axes: Floats,
        offset: Floats,
        rng: np.random.Generator,
    ) -> None:
        self.posterior, self.axes, self.rng = posterior, axes, rng
        self.step = 0.3
        self.theta = centre + offset
        self.value, self.slope = posterior.value_and_gradient(self.theta)
        if not np.isfinite(self.value):
            self.theta = centre
            self.value, self.slope = posterior.value_and_gradient(centre)

    def tune(self, moves: int) -> Floats:
        """Move with dual averaging of the step; returns the positions, (moves, D)."""
        drift, start = 0.0, np.log(2 * self.step)
        steps, seen = np.empty(moves), np.empty((moves, len(self.theta)))
        log_step = np.log(self.step)
        for i in range(moves):
            chance = self.move(float(np.exp(log_step)))
            drift += (_TARGET_ACCEPTANCE - chance - drift) / (i + 11)
            log_step = start - np.sqrt(i + 1) / 0.1 * drift
            steps[i], seen[i] = log_step, self.theta
        self.step = float(np.exp(steps[moves // 2 :].mean())) if moves else self.step
        return seen

    def move(self, step: float) -> float:
        """One walk of about a quarter turn and its accept step; returns its chance."""
        step *= float(self.rng.uniform(0.8, 1.2))
        momentum = self.rng.standard_normal(len(self.theta))
        energy = self.value - 0.5 * momentum @ momentum
        theta, value, slope = self.theta, self.value, self.slope
        for _ in range(min(_MOST_STEPS, math.ceil(1.5 / step))):
            momentum = momentum + 0.5 * step * (self.axes.T @ slope)
            theta = theta + step * (self.axes @ momentum)
            value, slope = self.posterior.value_and_gradient(theta)
            if not np.isfinite(value):
                break
            momentum = momentum + 0.5 * step * (self.axes.T @ slope)
        gain = float(value - 0.5 * momentum @ momentum - energy)
        chance = math.exp(min(0.0, gain)) if math.isfinite(gain) else 0.0
        if self.rng.uniform() < chance:
            self.theta, self.value, self.slope = theta, value, slope
        return chance


def _r_hat(halves: Floats) -> Floats:
    """Split R-hat a parameter (Gelman et al., 2013) of (chains, draws, D)."""
    draws = halves.shape[1]
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    out: Floats = np.sqrt((draws - 1) / draws + between / np.maximum(within, 1e-300))
    return out


def _effective(halves: Floats) -> Floats:
    """Effective number of draws a parameter: Geyer's initial positive sequence, all chains."""
    chains, draws, size = halves.shape
    centred = halves - halves.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, 2 * draws, axis=1)) ** 2
    covariance = np.fft.irfft(power, axis=1)[:, :draws].mean(axis=0) / draws
    within = covariance[0] * draws / (draws - 1)
    total = within * (draws - 1) / draws + halves.mean(axis=1).var(axis=0, ddof=1)
    correlation = 1 - (within - covariance) / np.maximum(total, 1e-300)
    pairs = correlation[: draws - draws % 2].reshape(-1, 2, size).sum(axis=1)
    pairs = np.where(np.cumsum(pairs < 0, axis=0) > 0, 0.0, pairs)
    count = chains * draws
    out: Floats = np.minimum(
        count / (2 * pairs.sum(axis=0) - 1).clip(1e-3), count * np.log10(count)
    )
    return out
