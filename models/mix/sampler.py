"""Finding the mode, and drawing from the posterior around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from models.mix.panel import Floats
from models.mix.posterior import Posterior

#: Curvature below this fraction of the prior's is not believed when the walk is scaled.
_LEAST_CURVATURE = 0.3
_TARGET_ACCEPTANCE = 0.85
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


def find_mode(posterior: Posterior, starts: list[Floats]) -> Mode:
    """Climb, then finish by Newton steps with the curvature from differenced gradients."""
    theta = climb(posterior, starts)
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
    posterior: Posterior, mode: Mode, chains: int, warmup: int, draws: int, seed: int
) -> Draws:
    """Hamiltonian Monte Carlo in the coordinates of the Laplace approximation.

    There the posterior is nearly standard normal, so a short walk of fixed length with a step
    tuned by dual averaging mixes at once; skewness the approximation misses is corrected by the
    accept step. Sources: Neal (2011), MCMC using Hamiltonian dynamics; Hoffman and Gelman (2014).
    """
    kept, rates = [], []
    for generator in np.random.default_rng(seed).spawn(chains):
        chain, rate = _chain(posterior, mode, warmup, draws, generator)
        kept.append(chain)
        rates.append(rate)
    theta = np.stack(kept)
    halves = np.concatenate(np.array_split(theta[:, : draws - draws % 2], 2, axis=1))
    return Draws(theta, float(np.mean(rates)), _r_hat(halves), _effective(halves))


def _chain(
    posterior: Posterior, mode: Mode, warmup: int, draws: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    def at(q: Floats) -> tuple[float, Floats]:
        value, gradient = posterior.value_and_gradient(mode.theta + mode.axes @ q)
        return value, mode.axes.T @ gradient

    size = len(mode.theta)
    q = 0.7 * rng.standard_normal(size)
    value, gradient = at(q)
    if not np.isfinite(value):
        q = np.zeros(size)
        value, gradient = at(q)
    log_step = log_mean = np.log(0.3)
    drift = 0.0
    kept = np.empty((draws, size))
    accepted = 0.0
    for i in range(warmup + draws):
        step = np.exp(log_step if i < warmup else log_mean) * rng.uniform(0.8, 1.2)
        momentum = rng.standard_normal(size)
        energy = value - 0.5 * momentum @ momentum
        new_q, new_value, new_gradient = q, value, gradient
        for _ in range(min(_MOST_STEPS, int(np.ceil(1.5 / step)))):
            momentum = momentum + 0.5 * step * new_gradient
            new_q = new_q + step * momentum
            new_value, new_gradient = at(new_q)
            if not np.isfinite(new_value):
                break
            momentum = momentum + 0.5 * step * new_gradient
        gain = new_value - 0.5 * momentum @ momentum - energy
        chance = float(np.exp(min(0.0, gain))) if np.isfinite(gain) else 0.0
        if rng.uniform() < chance:
            q, value, gradient = new_q, new_value, new_gradient
        if i < warmup:
            count = i + 1
            drift += (_TARGET_ACCEPTANCE - chance - drift) / (count + 10)
            log_step = np.log(1.0) - np.sqrt(count) / 0.05 * drift
            mix = count**-0.75
            log_mean = mix * log_step + (1 - mix) * log_mean
        else:
            accepted += chance / draws
            kept[i - warmup] = mode.theta + mode.axes @ q
    return kept, accepted


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
    out: Floats = np.minimum(chains * draws / (2 * pairs.sum(axis=0) - 1).clip(1e-3), 4e6)
    return np.minimum(out, chains * draws * np.log10(chains * draws))
