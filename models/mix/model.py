"""The mix model: what every driver brought."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.errors import TooFewRowsError
from models.mix import attribution, checks
from models.mix.baseline import Design, build_design
from models.mix.noise import Noise, likeliest_noise, plain_noise, residual_noise
from models.mix.panel import Driver, Floats, Panel, read_panel
from models.mix.posterior import Posterior
from models.mix.sampler import Draws, Mode, climb, find_mode, sample
from models.mix.spec import SATURATING, MixInputs, MixResult, MixSpec

_NOISE_ROUNDS = 2
_HOLDOUT_DAYS = 91
_YEAR = {"day": 364, "week": 52}


@dataclass(frozen=True)
class MixModel:
    """Marketing mix model: adstock, saturation, and a baseline integrated out.

    docs/reference/mix.md has the formulas, priors and limits. Sources: Jin, Wang, Sun, Chan and
    Koehler (2017) for the response; Rasmussen and Williams (2006), ch. 2.7, for integrating the
    linear part out; Prais and Winsten (1954) for the residual's autocorrelation.
    """

    spec: MixSpec = field(default_factory=MixSpec)

    def fit(
        self,
        release: MixInputs,
        seed: int = 0,
        progress: Callable[[str], None] | None = None,
    ) -> MixResult:
        """Estimate contributions with 90 % intervals on one release.

        Args:
            release: the frames of one release (docs/architecture.md).
            seed: of the starts and the draws; the same seed gives the same result.
            progress: told in words what is being done.

        Returns:
            MixResult; contributions of all kinds sum to `outcome.net_revenue` in every date and
            territory to the cent.

        Raises:
            ModelInputError: a frame lacks a column, has gaps, duplicates or numbers that are not
                finite, or there are fewer observations than parameters; before any fitting.
        """
        panel = read_panel(release)
        problem = _Problem.of(panel, self.spec)
        say = progress or (lambda _: None)
        say(f"looking for the mode of {problem.parameters} parameters")
        rng = np.random.default_rng(seed)
        posterior, mode = _estimate(problem, rng)
        draws = sample(
            posterior,
            mode,
            chains=self.spec.chains,
            warmup=self.spec.warmup,
            draws=self.spec.draws,
            seed=seed,
            progress=say,
        )
        say("adding up contributions and checking them")
        return _report(problem, posterior, mode, draws, seed)


@dataclass(frozen=True)
class _Problem:
    """A panel split by how each driver enters the model."""

    panel: Panel
    spec: MixSpec
    saturating: tuple[Driver, ...]
    publicity: tuple[Driver, ...]
    excluded: tuple[Driver, ...]
    design: Design

    @staticmethod
    def of(panel: Panel, spec: MixSpec) -> _Problem:
        moving = [d for d in panel.drivers if d.varies]
        promotions = tuple(d for d in moving if d.kind == "promotion")
        problem = _Problem(
            panel,
            spec,
            saturating=tuple(d for d in moving if d.kind in SATURATING),
            publicity=tuple(d for d in moving if d.kind == "publicity"),
            excluded=tuple(d for d in panel.drivers if not d.varies),
            design=build_design(panel, promotions, spec),
        )
        rows, needed = panel.outcome_cents.size, problem.parameters
        if rows <= needed:
            raise TooFewRowsError(
                f"The release has {rows} observations ({len(panel.dates)} dates in "
                f"{len(panel.territories)} territories) for {needed} parameters "
                f"({len(panel.drivers)} drivers, {len(panel.controls)} controls, baseline); land a "
                "longer window or fewer drivers and controls."
            )
        return problem

    @property
    def parameters(self) -> int:
        """Linear and nonlinear parameters, and sigma with the pooled widths."""
        return (
            len(self.design.columns) + self.posterior(plain_noise(len(self.panel.territories))).size
        )

    def posterior(self, noise: Noise, dates: int | None = None) -> Posterior:
        return Posterior(
            self.panel,
            self.saturating,
            self.publicity,
            self.design,
            noise=noise,
            spec=self.spec,
            dates=dates,
        )


def _estimate(problem: _Problem, rng: np.random.Generator) -> tuple[Posterior, Mode]:
    """Alternate between the mode and the residual's structure until both have settled."""
    posterior = problem.posterior(plain_noise(len(problem.panel.territories)))
    starts = [np.zeros(posterior.size)]
    starts += [
        0.7 * rng.standard_normal(posterior.size) for _ in range(max(problem.spec.starts - 1, 0))
    ]
    theta = climb(posterior, starts)
    for _ in range(_NOISE_ROUNDS):
        beta = posterior.terms(theta).coefficients
        residual = posterior.residual(theta) - problem.design.matrix @ beta
        noise = dataclasses.replace(residual_noise(residual), white=posterior.noise.white)
        noise = likeliest_noise(noise, functools.partial(posterior.with_noise, theta=theta))
        posterior = problem.posterior(noise)
        theta = climb(posterior, [theta])
    return posterior, find_mode(posterior, theta)


def _holdout(problem: _Problem, noise: Noise, theta: Floats) -> tuple[float, float, int] | None:
    """Weighted absolute percentage error of total revenue on the last dates, model and naive."""
    panel = problem.panel
    dates = len(panel.dates)
    held = min(_HOLDOUT_DAYS // panel.days, dates // 5)
    train = dates - held
    if held < 4 or train * len(panel.territories) <= problem.parameters:
        return None
    drivers = (*problem.saturating, *problem.publicity)
    if not all((driver.per_head[:, :train] > 0).any() for driver in drivers):
        return None  # a driver that first runs in the held-out dates cannot be learned before
    posterior = problem.posterior(noise, train)
    fitted = climb(posterior, [theta])
    terms = posterior.terms(fitted)
    whole = problem.posterior(noise)
    expected = problem.design.matrix @ terms.coefficients
    for driver in range(len(whole.exposures)):
        # Shares are of the training window's outcome: carry its coefficient over, not its share.
        response = posterior.response(fitted, driver)[0]
        full = whole.response(fitted, driver)[0]
        expected += full * (response.sum() / full[:, :train].sum())
    money = panel.size[:, None] * panel.scale
    actual = (panel.outcome_cents / 100.0).sum(axis=0)
    predicted = (expected * money).sum(axis=0)
    lag = next((n for n in (_YEAR[panel.grain], 7 if panel.grain == "day" else 1) if n <= train), 1)
    back = np.arange(train, dates)
    while (back >= train).any():
        back = np.where(back >= train, back - lag, back)
    reach = float(np.abs(actual[train:]).sum())
    if reach <= 0:
        return None
    error = float(np.abs(actual[train:] - predicted[train:]).sum()) / reach
    naive = float(np.abs(actual[train:] - actual[back]).sum()) / reach
    return error, naive, held


def _report(
    problem: _Problem, posterior: Posterior, mode: Mode, draws: Draws, seed: int
) -> MixResult:
    panel = problem.panel
    theta = draws.flat
    linear = attribution.fit_linear_part(posterior, theta, seed)
    shares = attribution.attribute(panel, posterior, theta, linear, problem.excluded)
    contributions = attribution.contributions_frame(panel, shares)
    summary = attribution.summary_frame(panel, shares, contributions)
    curves = attribution.curves_frame(shares)
    rows = checks.input_checks(panel, problem.parameters)
    rows += checks.demand_checks(posterior)
    rows += checks.estimate_checks(panel, posterior, mode, draws, shares)
    rows += checks.result_checks(panel, contributions, summary, curves)
    residual_rows, residual_figures = checks.residual_checks(linear.whitened_residual)
    holdout = _holdout(problem, posterior.noise, mode.theta)
    fit_rows, fit_figures = checks.fit_checks(panel, shares[-1].mean, holdout)
    diagnostics = {
        "observations": int(panel.outcome_cents.size),
        "parameters": problem.parameters,
        "log_posterior": mode.value,
        "mode_distance": mode.distance,
        "acceptance": draws.acceptance,
        "r_hat_max": float(draws.r_hat.max()),
        "effective_draws_min": float(draws.effective.min()),
        "sigma": linear.sigma,
        "residual_rho": posterior.noise.rho,
        "residual_white": posterior.noise.white,
        "residual_common": posterior.noise.common,
        "people_source": panel.people_source,
        **residual_figures,
        **fit_figures,
    }
    settings = {
        "model": "mix",
        "grain": panel.grain,
        "currency": panel.currency,
        "seed": seed,
        **dataclasses.asdict(problem.spec),
    }
    return MixResult(
        contributions=contributions,
        summary=summary,
        curves=curves,
        parameters=attribution.parameters_frame(posterior, theta, linear),
        checks=checks.checks_frame(rows + residual_rows + fit_rows),
        diagnostics=diagnostics,
        settings=settings,
    )
