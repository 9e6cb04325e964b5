"""What became of every experiment, and whether the model agrees with it."""

from __future__ import annotations

import numpy as np

from models.mix.engine.lift import lifts
from models.mix.experiments import Reading, ReadOut, as_tests
from models.mix.frames import Floats
from models.mix.gates.gate import Row, row
from models.mix.result import Estimate

#: Distance of a read-out from the model's in joint standard errors.
AGREEMENT = 2.0
_DRAWS = 200


def lift_draws(estimate: Estimate, read_out: ReadOut) -> Floats:
    """What the model says an experiment should have read, by draw, in the outcome's unit."""
    posterior, drawn = estimate.posterior, estimate.drawn
    rows = np.linspace(0, len(drawn.theta) - 1, min(_DRAWS, len(drawn.theta))).astype(np.int64)
    entries = posterior.response.entries
    if read_out.at < 0:
        linear: Floats = drawn.shared[rows][:, read_out.columns] @ np.array(read_out.slopes)
        return linear
    tests = as_tests((read_out,), posterior.response)
    out = np.empty(len(rows))
    for i, r in enumerate(rows):
        raw = posterior.raw(drawn.theta[r])
        state = posterior.response.forward(raw)
        out[i] = lifts(raw, posterior.response.drivers, state, tests)[0]
    if not entries[read_out.at].sign:
        out *= drawn.shared[rows, _column(estimate, read_out)]
    return out


def _column(estimate: Estimate, read_out: ReadOut) -> int:
    """Place of the linear coefficient of a transformed driver of either sign."""
    posterior = estimate.posterior
    return len(posterior.design.columns) + next(
        k
        for k, part in enumerate(posterior.response.shared)
        if part.part == "effect" and part.first == read_out.at
    )


def experiment_gates(estimate: Estimate, readings: tuple[Reading, ...]) -> list[Row]:
    """A row on the use of each experiment, and one on its distance from the model."""
    rows = []
    for reading in readings:
        name = f"{reading.kind} {reading.driver}: {reading.experiment}"
        used = {
            "calibrate": "It calibrates the driver.",
            "compare": "It is compared with the estimate and does not calibrate it.",
            "skipped": "It is not used.",
            "expired": "It is not used: repeat it, or leave it out.",
            "conflicting": "It is not used.",
        }[reading.use]
        held = reading.use in ("conflicting", "expired") or "either sign" in reading.text
        rows.append(
            row(
                "experiment_used",
                name,
                "warn",
                not held,
                np.nan,
                np.nan,
                f"Experiment {reading.experiment} of {reading.driver} {reading.text}. {used}",
            )
        )
        if reading.read_out is None:
            continue
        test = reading.read_out
        drawn = lift_draws(estimate, test)
        mean, spread = float(drawn.mean()), float(drawn.std())
        away = (test.effect - mean) / float(np.hypot(test.error, spread))
        after = " after calibration" if reading.use == "calibrate" else ""
        rows.append(
            row(
                "experiment_agreement",
                name,
                "warn",
                abs(away) <= AGREEMENT,
                away,
                AGREEMENT,
                f"Experiment {reading.experiment} read {test.effect:,.0f} ({test.error:,.0f} "
                f"standard error, differences between territories in it), the model says "
                f"{mean:,.0f} ({spread:,.0f}){after}. Beyond {AGREEMENT:.0f} joint standard errors "
                "one of them is wrong: look at the test's arms, then at what the driver follows.",
            )
        )
    return rows
