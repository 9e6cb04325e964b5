"""Whether the answer stays when the draws, the window or the controls change."""

from __future__ import annotations

import numpy as np

from models.mix.design.baseline import Design
from models.mix.engine.sampler import Target, climb
from models.mix.frames import Floats
from models.mix.gates.gate import Row, row
from models.mix.gates.holdout import Holdout
from models.mix.gates.of_data import standardise
from models.mix.gates.of_fit import sizes
from models.mix.panel import Driver
from models.mix.posterior import Posterior
from models.mix.problem import Problem
from models.mix.result import Estimate

#: Shift of a driver's size between two halves of the chains, in posterior sds.
SEED_SHIFT = 0.25
#: Shift of a driver's contribution when the last quarter is left out, in posterior sds.
WINDOW_SHIFT = 1.0
#: Change of what media is credited with when a control is left out.
CONTROL_SHIFT = 0.5
#: Controls that are left out one by one: the ones nearest to the outcome.
_MOST_CONTROLS = 5
_FEW_CONTROLS = 2
_LARGE = 2000
_MEDIA = ("media", "organic")


def credited(posterior: Posterior, theta: Floats, dates: int) -> dict[tuple[str, str], float]:
    """What every driver brought in the first dates, at the conditional means given theta."""
    response, design, panel = posterior.response, posterior.design, posterior.panel
    state, found = posterior.at(theta)
    money = panel.money[:, None]
    still, own_still = len(design.columns), len(design.own_columns)
    out: dict[tuple[str, str], float] = {}
    for d, entry in enumerate(response.entries):
        factor = np.full(panel.ticks.shape, 1.0 if entry.sign else 0.0)
        for k, part in enumerate(response.shared):
            if part.first == d and part.second < 0:
                shape = 1.0 if part.modulator is None else part.modulator
                factor = factor + found.mean[still + k] * shape
        for k, part in enumerate(response.own):
            if part.first == d:
                factor = factor + found.own_mean[:, own_still + k, None]
        cells = state.scale[d] * state.filled[d] * factor * money
        out[entry.driver.kind, entry.driver.name] = float(cells[:, :dates].sum())
    for p, column in enumerate(design.columns):
        if column.kind not in ("baseline", "holiday"):
            key = column.kind, column.driver
            cells = found.mean[p] * design.shared[p] * money
            out[key] = out.get(key, 0.0) + float(cells[:, :dates].sum())
    for k, column in enumerate(design.own_columns):
        if column.kind not in ("baseline", "holiday"):
            key = column.kind, column.driver
            cells = found.own_mean[:, k, None] * design.own[k] * money
            out[key] = out.get(key, 0.0) + float(cells[:, :dates].sum())
    return out


def carried_theta(source: Posterior, theta: Floats, target: Posterior) -> Floats:
    """theta of one posterior in another: by name, what is new at its prior's centre."""
    known = dict(zip(source.names, theta, strict=True))
    return np.array([known.get(name, 0.0) for name in target.names])


def seed_gate(estimate: Estimate) -> list[Row]:
    """Two halves of the chains, which had seeds of their own, must tell the same sizes."""
    shifts = {}
    for (kind, name), values in sizes(estimate.posterior, estimate.draws.theta).items():
        half = len(values) // 2
        gap = abs(float(values[:half].mean() - values[half:].mean()))
        shifts[f"{kind} {name}"] = gap / max(float(values.std()), 1e-12)
    if not shifts:
        return []
    name, figure = max(shifts.items(), key=lambda shift: shift[1])
    return [
        row(
            "seed_stability",
            "model",
            "warn",
            figure <= SEED_SHIFT,
            figure,
            SEED_SHIFT,
            f"Between two halves of the chains the size of {name} moves most, by {figure:.2f} "
            "posterior standard deviations. Above the threshold another seed tells another "
            "answer: raise sampling.draws.",
        )
    ]


def window_gates(estimate: Estimate, holdout: Holdout | None) -> list[Row]:
    """Without the last quarter every driver's contribution to the dates before must stay."""
    if holdout is None:
        text = (
            "The window is too short, or a driver too young, to leave the last quarter out: "
            "whether figures hold in another window is not known. A longer window would tell."
        )
        return [row("window_stability", "model", "warn", False, np.nan, WINDOW_SHIFT, text)]
    whole = estimate.panel.ticks.shape[1]
    train = whole - holdout.dates
    before = credited(holdout.fitted, holdout.theta, train)
    after = credited(estimate.posterior, estimate.mode.theta, train)
    spread = {(s.kind, s.driver): float(s.totals.std()) * train / whole for s in estimate.shares}
    rows = []
    for key, value in after.items():
        if key[0] == "control":
            continue
        away = (before[key] - value) / max(spread[key], 1e-9)
        name = " ".join(key)
        rows.append(
            row(
                "window_stability",
                name,
                "warn",
                abs(away) <= WINDOW_SHIFT,
                away,
                WINDOW_SHIFT,
                f"Without the last {holdout.dates} dates the contribution of {name} to the dates "
                f"before is {away:+.2f} posterior standard deviations from what it is with them. "
                "Beyond the threshold its effect has changed or is not identified: let it drift, "
                "or test it.",
            )
        )
    return rows


def control_gates(problem: Problem, estimate: Estimate) -> list[Row]:
    """A control whose removal changes what media is credited with by more than half."""
    panel, posterior, theta = estimate.panel, estimate.posterior, estimate.mode.theta
    dates = len(panel.dates)
    with_all = _media(credited(posterior, theta, dates))
    outcome = standardise(panel.relative).ravel()
    controls = [d for d in panel.drivers if d.kind == "control" and d.varies]
    controls.sort(key=lambda d: -abs(float(np.mean(standardise(d.exposure).ravel() * outcome))))
    most = _MOST_CONTROLS if panel.ticks.size <= _LARGE else _FEW_CONTROLS
    if with_all <= 0:
        return []
    rows = []
    for control in controls[:most]:
        other = _without(problem, control).posterior(posterior.noise, posterior.experiments)
        target: Target = other
        found = climb(target, [carried_theta(posterior, theta, other)])
        figure = _media(credited(other, found, dates)) / with_all - 1.0
        rows.append(
            row(
                "control_moves_media",
                control.name,
                "warn",
                abs(figure) <= CONTROL_SHIFT,
                figure,
                CONTROL_SHIFT,
                f"Without control {control.name} media is credited with {figure:+.0%}. A control "
                "that decides so much must cause sales and not follow from them or from media: "
                "say why it belongs, or leave it out.",
            )
        )
    return rows


def _media(found: dict[tuple[str, str], float]) -> float:
    return sum(value for (kind, _), value in found.items() if kind in _MEDIA)


def _without(problem: Problem, driver: Driver) -> Problem:
    """The problem without one driver's columns; its units and priors kept."""
    design, key = problem.design, (driver.kind, driver.name)
    kept = [i for i, c in enumerate(design.columns) if (c.kind, c.driver) != key]
    own = [i for i, c in enumerate(design.own_columns) if (c.kind, c.driver) != key]
    entries = tuple(e for e in problem.entries if (e.driver.kind, e.driver.name) != key)
    return Problem(
        problem.panel,
        problem.spec,
        entries,
        Design(
            np.ascontiguousarray(design.shared[kept]),
            tuple(design.columns[i] for i in kept),
            np.ascontiguousarray(design.own[own]),
            tuple(design.own_columns[i] for i in own),
        ),
        problem.idle,
    )
