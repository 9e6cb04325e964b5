"""The mix model: what every driver brought."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.mix.attribution import attribute, draw_jointly
from models.mix.engine.compiling import is_cold
from models.mix.engine.noise import Noise, likeliest_noise, residual_noise
from models.mix.engine.sampler import climb, find_mode, sample
from models.mix.experiments import ReadOut, as_readings, calibrating
from models.mix.frames import Floats
from models.mix.gates.verdict import judge
from models.mix.panel import MixInputs, Panel, read_panel
from models.mix.posterior import Posterior
from models.mix.problem import Problem, pose
from models.mix.result import Estimate, MixResult
from models.mix.spec import MixSpec

_NOISE_ROUNDS = 2
_SIGMA_ROUNDS = 4


@dataclass(frozen=True)
class MixModel:
    """Marketing mix model: carry-over, saturation, and everything linear integrated out.

    docs/reference/mix.md has the formulas, priors and limits. Sources: Jin, Wang, Sun, Chan and
    Koehler (2017) for the response; Rasmussen and Williams (2006), ch. 2.7, for integrating the
    linear part out; Prais and Winsten (1954) for the residual's autocorrelation.
    """

    spec: MixSpec = field(default_factory=MixSpec)

    def fit(
        self,
        release: MixInputs | Panel,
        experiments: pd.DataFrame | tuple[ReadOut, ...] | None = None,
        seed: int = 0,
        progress: Callable[[str], None] | None = None,
        start: Mapping[tuple[str, str, str], float] | None = None,
    ) -> MixResult:
        """Estimate contributions with 90 % intervals on one release.

        Args:
            release: the frames of one release (docs/architecture.md).
            experiments: that calibrate drivers: their table (`read_experiments`), or read-outs.
            seed: of the starts and the draws; the same seed gives the same result.
            progress: told in words what is being done.
            start: unbounded parameters by kind, driver and name (an earlier mode): where the climb
                begins.

        Returns:
            MixResult; contributions of all kinds sum to the outcome in every date, territory and
            product exactly.

        Raises:
            ModelInputError: a frame lacks a column, has gaps, duplicates or numbers that are not
                finite, there are fewer observations than parameters, or an experiment does not fit
                the panel; before any fitting.
        """
        panel = release if isinstance(release, Panel) else read_panel(release)
        if self.spec.engine == "statsmodels":
            given = experiments is not None and len(experiments) > 0
            # Its libraries take half a second to load.
            classical = importlib.import_module("models.mix.classical")
            estimated: MixResult = classical.fit_classical(
                panel, self.spec, seed, experiments=given
            )
            return estimated
        say = progress or (lambda _: None)
        if is_cold():
            say("compiling the model for this machine: about a minute, once")
        problem = pose(panel, self.spec)
        say(f"looking for the mode of {problem.parameters} parameters")
        rng = np.random.default_rng(seed)
        readings = as_readings(experiments, problem)
        starts = self.spec.sampling.starts
        posterior, theta = settle(problem, calibrating(readings), starts, rng, start)
        mode = find_mode(posterior, theta)
        draws = sample(posterior, mode, self.spec.sampling, seed, say)
        say("adding up contributions and checking them")
        drawn = draw_jointly(posterior, draws.flat, seed)
        shares = tuple(attribute(posterior, drawn, problem.idle))
        estimate = Estimate(
            panel, self.spec, posterior, mode, draws, drawn, shares, problem.idle, seed
        )
        checks, figures = judge(problem, estimate, readings)
        settings = {
            "model": "mix",
            "grain": panel.grain,
            "currency": panel.currency,
            "seed": seed,
            **self.spec.model_dump(mode="json"),
        }
        return MixResult(estimate, checks, figures, settings)


def settle(
    problem: Problem,
    experiments: tuple[ReadOut, ...],
    starts: int,
    rng: np.random.Generator,
    start: Mapping[tuple[str, str, str], float] | None = None,
) -> tuple[Posterior, Floats]:
    """Alternate between the mode and the residual's structure until both have settled."""
    posterior = problem.posterior(experiments=experiments)
    first = [np.zeros(posterior.size)]
    if start is not None:
        centres, spreads = posterior.problem.centres, posterior.problem.spreads
        known = [start.get(name, centres[i]) for i, name in enumerate(posterior.names)]
        first.insert(0, (np.array(known) - centres) / spreads)
        starts = 1
    first += [0.7 * rng.standard_normal(posterior.size) for _ in range(max(starts - 1, 0))]
    theta = climb(posterior, first)
    for _ in range(_NOISE_ROUNDS):
        found = posterior.at(theta)[1]
        left = undo(posterior, found.residual)
        noise = dataclasses.replace(residual_noise(left), white=posterior.noise.white)

        def likelihood(noise: Noise, at: Floats = theta, base: Posterior = posterior) -> float:
            return with_noise(base, noise, at)[0]

        noise = likeliest_noise(noise, likelihood, posterior.panel.relative.shape[-1])
        posterior = posterior.with_noise(noise)
        theta = climb(posterior, [theta])
    return posterior, theta


def undo(posterior: Posterior, whitened: Floats) -> Floats:
    """Residuals as they were before the filter in time and width, (S, T)."""
    noise = posterior.noise
    out = np.empty_like(whitened)
    average = noise.rho * noise.white
    before = np.zeros(len(whitened))
    last = np.zeros(len(whitened))
    for t in range(whitened.shape[1]):
        now = whitened[:, t] / (noise.first if t == 0 else 1.0)
        before = now - average * last + noise.rho * before
        last = now
        out[:, t] = before * noise.width
    return out


def with_noise(posterior: Posterior, noise: Noise, theta: Floats) -> tuple[float, Floats]:
    """Log likelihood under another structure of the residual, sigma refitted to it.

    Sigma by MacKay's (1992) fixed point: what is left over by its degrees of freedom.
    """
    other = posterior.with_noise(noise)
    at = other.problem.scales.sigma_at
    spread = other.problem.spreads[at]
    theta = theta.copy()
    value = -np.inf
    for _ in range(_SIGMA_ROUNDS):
        found = other.at(theta)[1]
        value = found.value
        if not np.isfinite(value):
            return -np.inf, theta
        sigma = other.prior_sds(theta)[2]
        common = other.problem.fixed.common
        squares = (1.0 - common) * float((found.pull**2).sum())
        squares += common * float((found.pull.sum(axis=0) ** 2).sum())
        squares *= sigma**2
        freedom = max(squares - found.by_sigma, 1.0)
        theta[at] += 0.5 * np.log(max(squares, 1e-300) / freedom) / spread
    return value, theta
