"""The posterior of the nonlinear parameters, with everything linear integrated out."""

from __future__ import annotations

import numpy as np

from models.mix.design.baseline import WIDTH_PRIORS, Column, Design
from models.mix.design.linear import fix
from models.mix.design.response import Response
from models.mix.engine.collapsed import Found
from models.mix.engine.density import Memory, Problem, Scales, at_point, density, prior_sds
from models.mix.engine.effects import State
from models.mix.engine.noise import Noise
from models.mix.experiments import ReadOut, as_tests
from models.mix.frames import Floats, Places
from models.mix.panel import Panel
from models.mix.spec import MixSpec, Prior


class Posterior:
    """log p(theta | outcome) up to a constant, and its gradient.

    theta is standardised: each entry has a N(0, 1) prior and maps to an unbounded parameter of a
    driver, log sigma or the log of a pooled prior width. With r the outcome less signed drivers and
    Z the linear part with prior covariance S, r ~ N(0, Z S Z' + sigma^2 Omega); Omega is `noise`.
    """

    def __init__(
        self,
        panel: Panel,
        response: Response,
        design: Design,
        *,
        noise: Noise,
        spec: MixSpec,
        experiments: tuple[ReadOut, ...] = (),
    ) -> None:
        self.panel, self.response, self.design = panel, response, design
        self.noise, self.spec, self.experiments = noise, spec, experiments
        self.columns = (*design.columns, *(d.column for d in response.shared))
        self.own_columns = (*design.own_columns, *(d.column for d in response.own))
        groups = dict(WIDTH_PRIORS)
        groups["effect"] = Prior(centre=float(np.log(spec.territory_spread)), spread=0.5)
        used = {column.group for column in (*self.columns, *self.own_columns)}
        self.groups = tuple(group for group in groups if group in used)
        priors = [*response.priors, Prior(centre=float(np.log(0.1)), spread=1.0)]
        priors += [groups[group] for group in self.groups]
        self.names = [
            *response.names,
            ("residual", "residual", "sigma"),
            *[("baseline", group, "prior_width") for group in self.groups],
        ]
        self.problem = Problem(
            centres=np.array([p.centre for p in priors], dtype=np.float64),
            spreads=np.array([p.spread for p in priors], dtype=np.float64),
            outcome=np.ascontiguousarray(panel.relative),
            drivers=response.drivers,
            shared=response.shared_parts,
            own=response.own_parts,
            memory=Memory(noise.rho, noise.rho * noise.white, noise.first, noise.width),
            fixed=fix(design, noise),
            scales=Scales(
                widths=np.array([c.width for c in self.columns], dtype=np.float64),
                group=self._group(self.columns),
                own_widths=np.array([c.width for c in self.own_columns], dtype=np.float64),
                own_group=self._group(self.own_columns),
                sigma_at=len(response.priors),
            ),
            tests=as_tests(experiments, response),
        )

    def _group(self, columns: tuple[Column, ...]) -> Places:
        at = {group: i for i, group in enumerate(self.groups)}
        return np.array([at[c.group] if c.group else -1 for c in columns], dtype=np.int64)

    @property
    def size(self) -> int:
        """Number of nonlinear parameters."""
        return len(self.problem.centres)

    @property
    def numbers(self) -> int:
        """How many numbers a gradient goes over: drivers x series x dates."""
        return int(self.problem.outcome.size * (1 + len(self.response.entries)))

    def with_noise(self, noise: Noise) -> Posterior:
        """The same posterior with another structure of the residual."""
        return Posterior(
            self.panel,
            self.response,
            self.design,
            noise=noise,
            spec=self.spec,
            experiments=self.experiments,
        )

    def raw(self, theta: Floats) -> Floats:
        """Unbounded parameters (logs and logits) of standardised ones."""
        out: Floats = self.problem.centres + self.problem.spreads * theta
        return out

    def prior_sds(self, theta: Floats) -> tuple[Floats, Floats, float]:
        """Prior sds of shared (P,) and own (K,) columns, and sigma, at theta."""
        raw, scales = self.raw(theta), self.problem.scales
        return (
            prior_sds(raw, scales.widths, scales.group, scales.sigma_at),
            prior_sds(raw, scales.own_widths, scales.own_group, scales.sigma_at),
            float(np.exp(raw[scales.sigma_at])),
        )

    def at(self, theta: Floats) -> tuple[State, Found]:
        """Drivers and linear part at theta."""
        found: tuple[State, Found] = at_point(theta, self.problem)
        return found

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """log posterior and its exact gradient; (-inf, ...) where it overflows."""
        found: tuple[float, Floats] = density(theta, self.problem)
        return found
