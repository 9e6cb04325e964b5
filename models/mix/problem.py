"""A panel and settings put together into a posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import TooFewRowsError, UnknownKindError
from models.mix.design.baseline import Design, build_design
from models.mix.design.echo import ECHOES
from models.mix.design.priors import Entry, default_shares, enter, transformed
from models.mix.design.response import Response
from models.mix.engine.noise import Noise, plain_noise
from models.mix.experiments import ReadOut
from models.mix.panel import Driver, Panel
from models.mix.posterior import Posterior
from models.mix.spec import MixSpec

#: Prior median share of a signed driver that is neither paid nor organic media.
_OTHER_SHARE = 0.03


@dataclass(frozen=True)
class Problem:
    """A panel split by how each driver enters the model."""

    panel: Panel
    spec: MixSpec
    entries: tuple[Entry, ...]
    design: Design
    idle: tuple[Driver, ...]

    def posterior(
        self, noise: Noise | None = None, experiments: tuple[ReadOut, ...] = ()
    ) -> Posterior:
        """The posterior under a structure of the residual; none: independent, of one width."""
        return Posterior(
            self.panel,
            Response(self.panel, self.entries, self.spec),
            self.design,
            noise=noise or plain_noise(len(self.panel.territories)),
            spec=self.spec,
            experiments=experiments,
        )

    def cut(self, dates: int) -> Problem:
        """The same problem over the first dates: columns, units and priors kept."""
        panel = self.panel.cut(dates)
        whole = len(self.panel.dates)
        entries = tuple(
            Entry(
                **{
                    **entry.__dict__,
                    "driver": entry.driver.cut(dates, whole),
                    "exposure": np.ascontiguousarray(
                        entry.exposure[:, : entry.exposure.shape[1] - whole + dates]
                    ),
                }
            )
            for entry in self.entries
        )
        design = Design(
            np.ascontiguousarray(self.design.shared[:, :, :dates]),
            self.design.columns,
            np.ascontiguousarray(self.design.own[:, :, :dates]),
            self.design.own_columns,
        )
        return Problem(panel, self.spec, entries, design, self.idle)

    @property
    def parameters(self) -> int:
        """Linear coefficients (own ones once a series) and nonlinear parameters."""
        posterior = self.posterior()
        own = len(posterior.own_columns) * len(self.panel.territories)
        return len(posterior.columns) + own + posterior.size


def pose(panel: Panel, spec: MixSpec) -> Problem:
    """Split drivers by how they enter, with their priors.

    Raises:
        UnknownKindError: the settings name a driver that the panel lacks, or ask for an echo of one
            that cannot have any.
        TooFewRowsError: fewer observations than parameters.
    """
    names = {driver.name for driver in panel.drivers}
    wanted = [*spec.drivers, *(name for pair in spec.interactions for name in pair)]
    for name in wanted:
        if name not in names:
            raise UnknownKindError(
                f"The settings name the driver {name!r}, which the data lack (they have: "
                f"{', '.join(sorted(names))}); correct the name or leave it out."
            )
    moving = [driver for driver in panel.drivers if driver.varies]
    bent = [driver for driver in moving if transformed(driver, spec)]
    bought = [
        driver
        for driver in bent
        if driver.kind in ("media", "organic")
        and spec.of(driver.kind, driver.name).sign == "positive"
    ]
    shares = {
        (driver.kind, driver.name): float(share)
        for driver, share in zip(bought, default_shares(bought, spec), strict=True)
    }
    entries = tuple(
        enter(driver, panel, spec, shares.get((driver.kind, driver.name), _OTHER_SHARE))
        for driver in bent
    )
    plain = tuple(driver for driver in moving if not transformed(driver, spec))
    asked = {name for name, own in spec.drivers.items() if own.echo}
    for driver in bent if ECHOES[panel.grain] else moving:
        if driver.name in asked:
            raise UnknownKindError(
                f"The settings ask for an echo of {driver.name!r} (data by the {panel.grain})."
                " Only a driver by the day or week without adstock, saturation, sign, drift "
                "and pair has echoes; leave `echo` out, or give it none of these."
            )
    idle = tuple(driver for driver in panel.drivers if not driver.varies)
    problem = Problem(panel, spec, entries, build_design(panel, plain, spec), idle)
    rows = panel.ticks.size
    own = len(problem.posterior().own_columns) * len(panel.territories)
    echoes = sum(column.echo is not None for column in problem.design.columns)
    # Own coefficients and echoes are pooled: they cost less than one each.
    needed = problem.parameters - own - echoes
    if rows <= needed:
        raise TooFewRowsError(
            f"There are {rows} observations ({len(panel.dates)} dates in "
            f"{len(panel.territories)} series) for {needed} parameters ({len(panel.drivers)} "
            "drivers and controls, baseline); give a longer window or fewer drivers and controls."
        )
    return problem
