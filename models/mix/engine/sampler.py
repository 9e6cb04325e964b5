"""Finding the mode, and drawing from the posterior around it with nutpie's NUTS."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize

from models.mix.engine.apart import apart
from models.mix.engine.convergence import effective_draws, split_r_hat
from models.mix.frames import Floats
from models.mix.spec import Sampling

#: Curvature below this fraction of the prior's is not believed when the walk is scaled.
_LEAST_CURVATURE = 0.3
# From 0.6 to 0.8 effective draws are the same here; 0.7 takes a fifth fewer steps than 0.8.
_TARGET_ACCEPTANCE = 0.7
_CAREFUL_ACCEPTANCE = 0.9
_MOST_DOUBLINGS = 8
#: Gates of convergence.
MOST_R_HAT, LEAST_EFFECTIVE = 1.01, 400.0
#: Effective draws to have when walking on, relative to the gate.
_SPARE = 1.3
_OTHER_SEED = 2**32
#: R-hat above which chains have not met, and what they saw does not count.
_FAR_APART = 1.05


class Target(Protocol):
    """What is climbed and sampled: a log density of standardised parameters."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    @property
    def numbers(self) -> int:
        """How many numbers a gradient goes over: how dear a step is."""

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """Log density and gradient; (-inf, 0) out of reach."""


@dataclass(frozen=True)
class Mode:
    """A maximum of the posterior; `distance` is the last step left, in posterior sds."""

    theta: Floats
    value: float
    distance: float
    axes: Floats  # (D, D): theta = mode + axes @ standard normal


@dataclass(frozen=True)
class Draws:
    """Posterior draws (chains, draws, D); R-hat and effective draws by parameter.

    `effective` is the least of bulk and tail (Vehtari and others, 2021). `steps`: gradients taken.
    """

    theta: Floats
    divergences: int
    r_hat: Floats
    effective: Floats
    steps: int

    @property
    def converged(self) -> bool:
        """Whether R-hat and effective draws pass their gates."""
        return bool(self.r_hat.max() <= MOST_R_HAT and self.effective.min() >= LEAST_EFFECTIVE)

    @property
    def flat(self) -> Floats:
        """All draws, (chains * draws, D)."""
        return self.theta.reshape(-1, self.theta.shape[-1])


def climb(target: Target, starts: list[Floats]) -> Floats:
    """The best of several L-BFGS ascents."""

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, gradient = target.value_and_gradient(theta)
        return (1e12, np.zeros_like(theta)) if not np.isfinite(value) else (-value, -gradient)

    best, least = starts[0], np.inf
    for start in starts:
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 600, "gtol": 1e-4}
        )
        if found.fun < least:
            best, least = found.x, float(found.fun)
    return best


def find_mode(target: Target, theta: Floats) -> Mode:
    """Finish a climb by Newton steps with the curvature from differenced gradients."""
    value, gradient = target.value_and_gradient(theta)
    for _ in range(4):
        values, vectors = _curvature(target, theta)
        step = vectors @ ((vectors.T @ gradient) / values)
        distance = float(np.sqrt(max(float(gradient @ step), 0.0)))
        if distance < 1e-3:
            break
        better, ahead = target.value_and_gradient(theta + step)
        if better <= value:
            break
        theta, value, gradient = theta + step, better, ahead
    return Mode(theta, value, distance, vectors / np.sqrt(values))


def _curvature(target: Target, theta: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (bounded below) and vectors of minus the Hessian at theta."""
    size, step = len(theta), 1e-4
    hessian = np.empty((size, size))
    for i in range(size):
        shift = np.zeros(size)
        shift[i] = step
        ahead = target.value_and_gradient(theta + shift)[1]
        behind = target.value_and_gradient(theta - shift)[1]
        hessian[i] = (behind - ahead) / (2 * step)
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    return np.maximum(values, _LEAST_CURVATURE), vectors


def sample(
    target: Target,
    mode: Mode,
    settings: Sampling,
    seed: int,
    progress: Callable[[str], None],
    *,
    cores: int | None = None,
) -> Draws:
    """NUTS (nutpie) in the coordinates of the Laplace approximation.

    There the posterior is nearly standard normal, so trees are short and mix at once. Chains start
    spread out by 0.7 standard deviations, and walk on, in the coordinates of what was seen, while
    draws are too few. Where they are far apart they walk once more: longer, in smaller steps.
    Source: Hoffman and Gelman (2014); Seyboldt, Carlson and Carpenter (2024) for the adaptation.
    """
    warmup, steps, times = settings.lengths(target.numbers)
    settings = settings.model_copy(update={"warmup": warmup, "draws": steps})
    progress(f"{settings.chains} chains of {warmup} + {steps} steps")
    draws = _walk(
        target, mode.theta, mode.axes, settings,
        seed=seed, acceptance=_TARGET_ACCEPTANCE, cores=cores,
    )  # fmt: skip
    for turn in range(1, times):
        if draws.converged:
            break
        seen = draws.flat
        covariance = np.cov(seen.T) + 1e-4 * mode.axes @ mode.axes.T
        axes = np.linalg.cholesky(covariance).astype(np.float64)
        apart_yet = bool(draws.r_hat.max() > _FAR_APART)
        again = settings.model_copy(
            update={"warmup": 2 * warmup, "draws": times * steps}
            if apart_yet
            else {"draws": _lacking(draws, steps)}
        )
        progress(f"not converged; {again.chains} chains of {again.warmup} + {again.draws} steps")
        other = _walk(
            target, seen.mean(axis=0), axes, again,
            seed=seed + turn * _OTHER_SEED,
            acceptance=_CAREFUL_ACCEPTANCE if apart_yet else _TARGET_ACCEPTANCE,
            cores=cores,
        )  # fmt: skip
        if apart_yet:
            return other
        draws = _end_to_end(draws, other)
    return draws


def _lacking(draws: Draws, steps: int) -> int:
    """Draws a chain still needs, between half a walk and a whole one."""
    have = draws.theta.shape[1]
    wanted = _SPARE * LEAST_EFFECTIVE / float(draws.effective.min())
    if draws.r_hat.max() > MOST_R_HAT:
        wanted = max(wanted, 2.0)
    more: int = math.ceil((wanted - 1.0) * have)
    return min(steps, max(steps // 2, more))


def _end_to_end(first: Draws, then: Draws) -> Draws:
    """Draws of two walks, each chain's one after the other."""
    theta = np.concatenate([first.theta, then.theta], axis=1)
    return Draws(
        theta,
        first.divergences + then.divergences,
        split_r_hat(theta),
        effective_draws(theta),
        first.steps + then.steps,
    )


def _walk(
    target: Target,
    centre: Floats,
    axes: Floats,
    settings: Sampling,
    *,
    seed: int,
    acceptance: float,
    cores: int | None,
) -> Draws:
    axes = np.ascontiguousarray(axes)
    # Two groups, however many cores there are: the same seed gives the same draws everywhere.
    chains = (settings.chains - settings.chains // 2, settings.chains // 2)

    def run(group: int) -> _Group:
        part = settings.model_copy(update={"chains": chains[group]})
        return _walk_group(target, centre, axes, part, seed=2 * seed + group, acceptance=acceptance)

    groups = apart(run, len(chains), cores)
    theta = centre + np.concatenate([group.positions for group in groups]) @ axes.T
    return Draws(
        theta,
        sum(group.divergences for group in groups),
        split_r_hat(theta),
        effective_draws(theta),
        sum(group.steps for group in groups),
    )


@dataclass(frozen=True)
class _Group:
    """Some chains: positions (chains, draws, D) in walking coordinates."""

    positions: Floats
    divergences: int
    steps: int


def _walk_group(
    target: Target,
    centre: Floats,
    axes: Floats,
    settings: Sampling,
    *,
    seed: int,
    acceptance: float,
) -> _Group:
    nutpie = _nutpie()
    size, draws = target.size, settings.draws or 0

    def make_log_density() -> Callable[..., tuple[float, Floats]]:
        def log_density(position: Floats, **_: Any) -> tuple[float, Floats]:
            value, gradient = target.value_and_gradient(centre + axes @ position)
            if not np.isfinite(value):
                raise _OutOfReachError
            return value, axes.T @ gradient

        return log_density

    def make_expand(*_: int) -> Callable[..., dict[str, Floats]]:
        return lambda position, **__: {"position": np.array(position, dtype=np.float64)}

    compiled = nutpie.compiled_pyfunc.from_pyfunc(
        size,
        make_log_density,
        make_expand,
        [np.dtype(np.float64)],
        [(size,)],
        ["position"],
        make_initial_point_fn=lambda chain_seed: (
            0.7 * np.random.default_rng(chain_seed).standard_normal(size)
        ),
    )
    trace = nutpie.sample(
        compiled,
        draws=draws,
        tune=settings.warmup,
        chains=settings.chains,
        cores=1,
        seed=seed,
        save_warmup=False,
        progress_bar=False,
        return_raw_trace=True,
        target_accept=acceptance,
        maxdepth=_MOST_DOUBLINGS,
    )
    batches, statistics = trace.get_arrow_trace()
    positions, divergences, steps = [], 0, 0
    for batch, figures in zip(batches, statistics, strict=True):
        cells = pa.record_batch(batch).column("position")
        walk = cells.flatten().to_numpy(zero_copy_only=False).reshape(len(cells), -1)
        positions.append(walk[-draws:])
        table = pa.record_batch(figures)
        diverging = table.column("diverging").to_numpy(zero_copy_only=False)
        divergences += int(np.sum(diverging[-draws:]))
        steps += int(np.sum(table.column("n_steps").to_numpy(zero_copy_only=False)))
    return _Group(np.stack(positions), divergences, steps)


class _OutOfReachError(ValueError):
    """The density is zero here: a divergence, not a failure (what nutpie asks for by this name)."""

    is_recoverable = True


def _nutpie() -> ModuleType:
    """nutpie without ArviZ, which it names in annotations only here and takes 3 s to load."""
    if "arviz" in sys.modules:
        return importlib.import_module("nutpie")
    stand_in = ModuleType("arviz")
    stand_in.InferenceData = object  # type: ignore[attr-defined]
    sys.modules["arviz"] = stand_in
    try:
        return importlib.import_module("nutpie")
    finally:
        del sys.modules["arviz"]
