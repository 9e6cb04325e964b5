"""Every gate of an estimate, and its figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from models.mix.experiments import Reading
from models.mix.gates.agreement import experiment_gates
from models.mix.gates.gate import gates_frame
from models.mix.gates.holdout import hold_out
from models.mix.gates.of_data import data_gates, demand_gates
from models.mix.gates.of_fit import estimate_gates, fit_gates, residual_gates
from models.mix.gates.placebo import placebo_gate, run_placebo
from models.mix.gates.stability import control_gates, seed_gate, window_gates
from models.mix.problem import Problem
from models.mix.result import Estimate


def judge(
    problem: Problem, estimate: Estimate, readings: tuple[Reading, ...] = ()
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The gates table (models.mix.gates.gate) and the figures of diagnostics.

    Args:
        readings: what became of the experiments given.
    """
    panel, posterior, draws = estimate.panel, estimate.posterior, estimate.draws
    centre = draws.flat.mean(axis=0)
    found, sigma = posterior.at(centre)[1], posterior.prior_sds(centre)[2]
    residual_rows, residual_figures = residual_gates(found.residual / sigma)
    holdout = hold_out(problem, posterior, estimate.mode.theta, estimate.seed)
    fit_rows, fit_figures = fit_gates(panel, estimate.shares[-1].mean, holdout)
    rows = [
        *data_gates(panel, problem.parameters),
        *demand_gates(posterior),
        *estimate_gates(estimate),
        *residual_rows,
        *fit_rows,
        *seed_gate(estimate),
        *window_gates(estimate, holdout),
        *control_gates(problem, estimate),
        *placebo_gate(run_placebo(problem, posterior, estimate.mode.theta)),
        *experiment_gates(estimate, readings),
    ]
    figures = {
        "observations": int(panel.ticks.size),
        "parameters": problem.parameters,
        "log_posterior": estimate.mode.value,
        "mode_distance": estimate.mode.distance,
        "draws": int(draws.theta.shape[0] * draws.theta.shape[1]),
        "divergences": draws.divergences,
        "r_hat_max": float(draws.r_hat.max()),
        "ess_min": float(draws.effective.min()),
        "gradients": draws.steps,
        "sigma": sigma * panel.scale,
        "residual_rho": posterior.noise.rho,
        "residual_white": posterior.noise.white,
        "residual_common": posterior.noise.common,
        "people_source": panel.people_source,
        **residual_figures,
        **fit_figures,
    }
    return gates_frame(rows), figures
