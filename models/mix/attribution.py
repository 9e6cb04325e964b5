"""From posterior draws to what every driver brought, by date and series, with its intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.mix.design.baseline import Column
from models.mix.design.linear import draw
from models.mix.engine.effects import State
from models.mix.engine.transforms import FREQUENCY, HILL, LINEAR, LOGISTIC
from models.mix.frames import Floats
from models.mix.panel import Driver
from models.mix.posterior import Posterior

MULTIPLIERS = np.round(np.linspace(0.0, 2.0, 21), 1)
BAND = (0.05, 0.5, 0.95)
#: A step of +1 % of exposure and spend together: the margin of mroi.
MARGIN = 1.01
_MOST_DRAWS = 1000
_LEAST_DRAWS = 200
#: Numbers that draws of contributions may fill at once (4 bytes each).
_ROOM = 1.2e8


@dataclass(frozen=True)
class Share:
    """What one driver brought, by cell and in total, in the outcome's unit.

    `mean`, `p05`, `p50`, `p95` are (S, T); `totals` (R,) and `by_series` (R, S) one total a draw;
    `curve` (R, 21) totals at each multiplier of exposure and `margin` (R,) at 1.01; `filled` (R,)
    mean saturation reached, where the driver saturates.
    """

    kind: str
    driver: str
    mean: Floats
    p05: Floats
    p50: Floats
    p95: Floats
    totals: Floats
    by_series: Floats
    curve: Floats | None = None
    margin: Floats | None = None
    filled: Floats | None = None


@dataclass(frozen=True)
class Drawn:
    """Joint draws: `theta` (R, D), `shared` (R, P) and `own` (R, S, K) linear coefficients, and
    their conditional means given theta (`shared_mean`, `own_mean`)."""

    theta: Floats
    shared: Floats
    own: Floats
    shared_mean: Floats
    own_mean: Floats
    states: tuple[State, ...]


def draw_jointly(posterior: Posterior, theta: Floats, seed: int) -> Drawn:
    """Linear coefficients for draws of theta, thinned evenly to what is needed (200 to 1000).

    Args:
        theta: (draws, D) posterior draws.
    """
    cells = posterior.panel.ticks.size
    parts = len(posterior.response.entries) + 3
    room = int(_ROOM / (cells * parts))
    wanted = min(len(theta), max(_LEAST_DRAWS, min(_MOST_DRAWS, room)))
    theta = theta[np.linspace(0, len(theta) - 1, wanted).round().astype(np.int64)]
    rng = np.random.default_rng([seed, 1])
    size = len(posterior.columns)
    shared, own, shared_mean, own_mean, states = [], [], [], [], []
    for row in theta:
        state, found = posterior.at(row)
        b, d = draw(found, size, rng)
        shared.append(b)
        own.append(d)
        shared_mean.append(found.mean[:size])
        own_mean.append(found.own_mean)
        states.append(
            State(state.carried[:0], state.filled.astype(np.float32), state.scale, state.mean)
        )
    return Drawn(
        theta,
        np.array(shared),
        np.array(own),
        np.array(shared_mean),
        np.array(own_mean),
        tuple(states),
    )


def attribute(posterior: Posterior, drawn: Drawn, idle: tuple[Driver, ...]) -> list[Share]:
    """Contribution of every driver, holidays, the baseline and the residual, in that order.

    A driver's contribution in a draw is the outcome with it less the outcome without it; what two
    drivers bring only together is split equally between them (Shapley). `idle` drivers, which never
    moved, are credited with nothing.
    """
    panel = posterior.panel
    outcome = panel.outcome
    left: Floats = np.broadcast_to(
        outcome.astype(np.float32), (len(drawn.theta), *outcome.shape)
    ).copy()  # type: ignore[assignment]
    left_mean = outcome.copy()
    shares = []
    for share, cells in drawn_shares(posterior, drawn):
        left -= cells
        left_mean = left_mean - share.mean
        shares.append(share)
    zero = np.zeros(outcome.shape)
    none = np.zeros((len(drawn.theta), len(outcome)))
    flat = np.zeros((len(drawn.theta), len(MULTIPLIERS)))
    shares += [
        Share(d.kind, d.name, zero, zero, zero, zero, none[:, 0], none, flat, none[:, 0])
        for d in idle
    ]
    shares.append(_share("residual", "residual", left, left_mean))
    return shares


def drawn_shares(posterior: Posterior, drawn: Drawn) -> Iterator[tuple[Share, Floats]]:
    """Every share but the residual's, with its draws (R, S, T), in the outcome's unit."""
    response, design, panel = posterior.response, posterior.design, posterior.panel
    still = len(design.columns)
    own_still = len(design.own_columns)
    for d, entry in enumerate(response.entries):
        factor, factor_mean = effect_factors(posterior, drawn, d, still, own_still)
        brought = np.array([state.scale[d] * state.filled[d] for state in drawn.states])
        cells, mean = brought * factor, (brought * factor_mean).mean(axis=0)
        del brought
        joint, joint_mean = _interactions(posterior, drawn, d, still)
        if joint is not None:
            cells, mean = cells + joint, mean + joint_mean
        cells *= panel.money[:, None]
        mean = mean * panel.money[:, None]
        curve, margin, filled = _curve(posterior, drawn, d, cells)
        share = _share(entry.driver.kind, entry.driver.name, cells, mean)
        yield (
            Share(
                share.kind, share.driver, share.mean, share.p05, share.p50, share.p95,
                share.totals, share.by_series, curve, margin, filled,
            ),
            cells,
        )  # fmt: skip
    named: dict[tuple[str, str], None] = {}
    for column in (*design.columns, *design.own_columns):
        named[_label(column)] = None
    for kind, name in named:
        cells, mean = _linear(posterior, drawn, kind, name)
        share = _share(kind, name, cells, mean)
        if kind in ("baseline", "holiday"):
            yield share, cells
            continue
        totals = share.totals
        yield (
            Share(
                kind, name, share.mean, share.p05, share.p50, share.p95, totals, share.by_series,
                totals[:, None] * MULTIPLIERS, totals * MARGIN,
            ),
            cells,
        )  # fmt: skip


def _label(column: Column) -> tuple[str, str]:
    if column.kind == "baseline":
        return "baseline", "baseline"
    if column.kind == "holiday":
        return "holiday", "holidays"
    return column.kind, column.driver


def effect_factors(
    posterior: Posterior, drawn: Drawn, d: int, still: int, own_still: int
) -> tuple[Floats, Floats]:
    """What multiplies a driver (R, S, T): its coefficient, drift, deviation; draws and mean."""
    response = posterior.response
    signed = response.entries[d].sign != 0
    base = np.full((len(drawn.theta), 1, 1), 1.0 if signed else 0.0)
    out, mean = base, base
    for k, part in enumerate(response.shared):
        if part.first != d or part.second >= 0:
            continue
        shape = 1.0 if part.modulator is None else part.modulator
        out = out + drawn.shared[:, still + k, None, None] * shape
        mean = mean + drawn.shared_mean[:, still + k, None, None] * shape
    for k, part in enumerate(response.own):
        if part.first == d:
            out = out + drawn.own[:, :, own_still + k, None]
            mean = mean + drawn.own_mean[:, :, own_still + k, None]
    return out.astype(np.float32), mean.astype(np.float32)


def _interactions(
    posterior: Posterior, drawn: Drawn, d: int, still: int
) -> tuple[Floats | None, Floats]:
    """Half of what the driver brings only together with others, (R, S, T), and its mean."""
    response = posterior.response
    out: Floats | None = None
    mean = np.zeros(posterior.panel.ticks.shape)
    for k, part in enumerate(response.shared):
        if part.second < 0 or d not in (part.first, part.second):
            continue
        scale = 0.5 / (response.drivers.usual[part.first] * response.drivers.usual[part.second])
        both = np.array([s.filled[part.first] * s.filled[part.second] for s in drawn.states])
        both *= np.float32(scale)
        mean = mean + (both * drawn.shared_mean[:, still + k, None, None]).mean(axis=0)
        both *= drawn.shared[:, still + k, None, None].astype(np.float32)
        out = both if out is None else out + both
    return out, mean


def _linear(posterior: Posterior, drawn: Drawn, kind: str, name: str) -> tuple[Floats, Floats]:
    """What fixed columns of a label brought: (R, S, T) and its mean, in the outcome's unit."""
    design, panel = posterior.design, posterior.panel
    shape = (len(drawn.theta), *panel.ticks.shape)
    cells, mean = np.zeros(shape, np.float32), np.zeros(shape[1:])
    places = [i for i, c in enumerate(design.columns) if _label(c) == (kind, name)]
    if places:
        block = design.shared[places]
        cells += np.tensordot(drawn.shared[:, places], block, axes=1).astype(np.float32)
        mean += np.tensordot(drawn.shared_mean[:, places].mean(axis=0), block, axes=1)
    for i, column in enumerate(design.own_columns):
        if _label(column) == (kind, name):
            cells += (drawn.own[:, :, i, None] * design.own[i]).astype(np.float32)
            mean += drawn.own_mean[:, :, i].mean(axis=0)[:, None] * design.own[i]
    return cells * panel.money[:, None].astype(np.float32), mean * panel.money[:, None]


def _share(kind: str, name: str, cells: Floats, mean: Floats) -> Share:
    low, middle, high = np.quantile(cells, BAND, axis=0, overwrite_input=False)
    by_series = cells.sum(axis=2, dtype=np.float64)
    return Share(kind, name, mean, low, middle, high, by_series.sum(axis=1), by_series)


def _curve(
    posterior: Posterior, drawn: Drawn, d: int, cells: Floats
) -> tuple[Floats, Floats, Floats | None]:
    """Totals at every multiplier of exposure, (R, 21); at 1.01 (R,); mean saturation (R,)."""
    form = int(posterior.response.drivers.fill[d])
    totals = cells.sum(axis=(1, 2), dtype=np.float64)
    if form in (LINEAR, FREQUENCY):  # more reach at the same frequency
        return totals[:, None] * MULTIPLIERS, totals * MARGIN, None
    part = np.array([state.filled[d] for state in drawn.states])
    weight = np.where(part > 0, cells / np.maximum(part, 1e-12), 0.0)
    shape: Floats = np.ones((len(cells), 1, 1))
    if form == HILL:
        place = posterior.response.drivers.table[d, 3]
        shape = np.exp([posterior.raw(theta)[place] for theta in drawn.theta]).reshape(shape.shape)
    grid = np.append(MULTIPLIERS, MARGIN)
    out = np.zeros((len(cells), len(grid)))
    for j, multiplier in enumerate(grid):
        raised = multiplied(form, shape.astype(np.float32), part, float(multiplier))
        out[:, j] = (weight * raised).sum(axis=(1, 2), dtype=np.float64)
    return out[:, :-1], out[:, -1], part.mean(axis=(1, 2), dtype=np.float64)


def multiplied(form: int, shape: float | Floats, filled: Floats, multiplier: float) -> Floats:
    """Saturation at `multiplier` times the exposure that fills to `filled`."""
    if multiplier == 0:
        return np.zeros_like(filled)
    if form in (LINEAR, FREQUENCY):
        return filled * multiplier
    if form == LOGISTIC:
        raised: Floats = np.tanh(multiplier * np.arctanh(np.minimum(filled, 1.0 - 1e-6)))
        return raised
    # With odds (a / k)^s a multiplier only multiplies them by m^s.
    force = multiplier**shape * filled
    out: Floats = force / (1.0 - filled + force)
    return out
