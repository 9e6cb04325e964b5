"""A driver that cannot have worked: a copy of a real one, moved in time, must get no credit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.mix.design.priors import Entry
from models.mix.engine.sampler import Target, climb, find_mode
from models.mix.frames import Floats
from models.mix.gates.gate import Row, row
from models.mix.gates.stability import carried_theta
from models.mix.posterior import Posterior
from models.mix.problem import Problem
from models.mix.spec import log_normal

#: Prior median of a placebo's share of the outcome (sd of the log 1): credit above it, with 95 %
#: probability, is given by the data to what cannot have worked.
PLACEBO_SHARE = 0.01
_SPREAD = 1.0
_NAME = "placebo"


@dataclass(frozen=True)
class Placebo:
    """Credit of a copy of `driver` moved by `shift` dates: share of the outcome and 5 % bound."""

    driver: str
    shift: int
    share: float
    lower: float


def run_placebo(problem: Problem, posterior: Posterior, theta: Floats) -> Placebo | None:
    """Add the largest paid driver once more, half a window late, and find its share by Laplace.

    The copy has the pattern and the priors on carry-over and saturation of the driver, but ran when
    nothing of it could work. None where no driver has a share, or the window is short.
    """
    shared = [
        e for e in problem.entries if e.normalised and e.sign > 0 and e.driver.kind == "media"
    ]
    dates = len(problem.panel.dates)
    if not shared or dates < 8:
        return None
    real = max(shared, key=lambda e: e.driver.spend_cents)
    shift = dates // 2
    fake = _moved(real, shift)
    other = replace(problem, entries=(*problem.entries, fake)).posterior(
        posterior.noise, posterior.experiments
    )
    target: Target = other
    mode = find_mode(target, climb(target, [carried_theta(posterior, theta, other)]))
    at = len(problem.entries)
    centre = _log_share(other, mode.theta, at)
    # The log of the share is linear in parameters that are nearly normal.
    slope = [_log_share(other, mode.theta + step, at) - centre for step in np.eye(other.size)]
    spread = float(np.linalg.norm(mode.axes.T @ np.array(slope)))
    return Placebo(
        real.driver.name, shift, float(np.exp(centre)), float(np.exp(centre - 1.645 * spread))
    )


def _log_share(posterior: Posterior, theta: Floats, d: int) -> float:
    state = posterior.response.forward(posterior.raw(theta))
    return float(np.log(state.scale[d] * state.mean[d]))


def _moved(real: Entry, shift: int) -> Entry:
    exposure = np.ascontiguousarray(np.roll(real.exposure, shift, axis=1))
    often = real.driver.frequency
    driver = replace(
        real.driver,
        name=_NAME,
        per_head=np.roll(real.driver.per_head, shift, axis=1),
        frequency=None if often is None else np.roll(often, shift, axis=1),
    )
    priors = list(real.priors)
    priors[real.places[4]] = log_normal(PLACEBO_SHARE, _SPREAD)
    return replace(real, driver=driver, exposure=exposure, priors=tuple(priors), pooled=False)


def placebo_gate(placebo: Placebo | None) -> list[Row]:
    """The placebo's lower bound against the threshold."""
    if placebo is None:
        return []
    return [
        row(
            "placebo_driver",
            f"media {placebo.driver}",
            "warn",
            placebo.lower <= PLACEBO_SHARE,
            placebo.lower,
            PLACEBO_SHARE,
            f"A copy of {placebo.driver} moved by {placebo.shift} dates, which cannot have worked, "
            f"is credited with {placebo.share:.1%} of the outcome, at least {placebo.lower:.1%}. "
            "Where the least is above the threshold, the model finds effects where there are none: "
            "drivers stand in for a trend or season that the baseline lacks.",
        )
    ]
