"""What the priors of a problem expect before the outcome is fitted.

Exact draws from the priors of the engine, added up by the same attribution as posterior draws. The
outcome enters as a unit only: priors are in shares of its total. Source: Gelman, Vehtari and others
(2020), Bayesian workflow, on prior predictive checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.mix.attribution import Drawn, Share, drawn_shares
from models.mix.design.priors import LAGS, Entry
from models.mix.engine.effects import State
from models.mix.engine.transforms import GEOMETRIC, HILL, NONE, expit, fill_up, lag_weights
from models.mix.frames import Floats
from models.mix.posterior import Posterior
from models.mix.problem import Problem

DRAWS = 2000
BAND = (0.05, 0.5, 0.95)
MEDIA = ("media", "organic")
#: Numbers that the draws of one driver may fill at once (4 bytes each).
_ROOM = 4e7
_SPAN = ("p05", "median", "p95")


@dataclass(frozen=True)
class PriorPicture:
    """What priors imply.

    `table`: kind, driver, quantity (share of the outcome, contribution, roi, half_life_dates,
    saturation), p05, median, p95; `media total` last. `too_much`: share of prior draws in which
    media bring more than all that was sold; `draws` how many there were.
    """

    table: pd.DataFrame
    too_much: float
    draws: int


def prior_picture(problem: Problem, draws: int = DRAWS, seed: int = 0) -> PriorPicture:
    """Draw from the priors and add up what every driver would bring.

    Args:
        draws: from the priors. seed: the same seed gives the same table.
    """
    posterior, spec = problem.posterior(), problem.spec
    rng = np.random.default_rng([seed, 3])
    theta = rng.standard_normal((draws, posterior.size))
    totals: dict[tuple[str, str], list[Floats]] = {}
    for part in _batches(posterior, theta):
        for share in _brought(posterior, part, rng):
            totals.setdefault((share.kind, share.driver), []).append(share.totals)
    panel = posterior.panel
    sold = abs(float(panel.outcome.sum()))
    spend = {(d.kind, d.name): d.spend_cents / 100 for d in panel.drivers}
    raw = posterior.raw(theta)
    entries = {(e.driver.kind, e.driver.name): (d, e) for d, e in enumerate(problem.entries)}
    rows: list[tuple[str, str, str, float, float, float]] = []
    media = np.zeros(draws)
    for (kind, name), parts in sorted(totals.items()):
        total = np.concatenate(parts)
        if kind in ("baseline", "residual"):
            continue
        if kind in MEDIA:
            media += total
        rows.append((kind, name, "share", *_span(total / sold)))
        rows.append((kind, name, "contribution", *_span(total)))
        if spend.get((kind, name), 0.0) > 0:
            roi = total * spec.value_per_unit / spend[kind, name]
            rows.append((kind, name, "roi", *_span(roi)))
        if (kind, name) in entries:
            d, entry = entries[kind, name]
            rows += [(kind, name, *row) for row in _shapes(posterior, d, entry, raw)]
    rows.append(("media", "media total", "share", *_span(media / sold)))
    rows.append(("media", "media total", "contribution", *_span(media)))
    return PriorPicture(
        pd.DataFrame(rows, columns=["kind", "driver", "quantity", *_SPAN]),
        float((media > sold).mean()),
        draws,
    )


def _span(values: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, BAND)
    return float(low), float(middle), float(high)


def _batches(posterior: Posterior, theta: Floats) -> Iterator[Floats]:
    parts = len(posterior.response.entries) + 3
    most = max(1, int(_ROOM / (posterior.panel.ticks.size * parts)))
    for begin in range(0, len(theta), most):
        yield theta[begin : begin + most]


def _brought(posterior: Posterior, theta: Floats, rng: np.random.Generator) -> Iterator[Share]:
    """Shares of a batch of prior draws: linear coefficients from their own priors."""
    raw = posterior.raw(theta)
    shared, own, states = [], [], []
    for row, unbounded in zip(theta, raw, strict=True):
        sd, own_sd, _ = posterior.prior_sds(row)
        shared.append(sd * rng.standard_normal(len(sd)))
        own.append(own_sd * rng.standard_normal((posterior.panel.ticks.shape[0], len(own_sd))))
        state = posterior.response.forward(unbounded)
        filled: Floats = state.filled.astype(np.float32)
        states.append(State(state.carried[:0], filled, state.scale, state.mean))
    b, d = np.array(shared), np.array(own)
    for share, _ in drawn_shares(posterior, Drawn(theta, b, d, b, d, tuple(states))):
        yield share


def _shapes(
    posterior: Posterior, d: int, entry: Entry, raw: Floats
) -> Iterator[tuple[str, float, float, float]]:
    """Half-life of carry-over in dates; saturation at the exposure a driver has while it runs."""
    table = posterior.response.drivers.table[d]

    def of(place: int) -> Floats:
        out: Floats = raw[:, table[place]] if table[place] >= 0 else np.zeros(len(raw))
        return out

    if entry.carry != NONE:
        first, second = of(0), of(1)
        lags = LAGS[posterior.panel.grain]
        lives = [half_life(entry.carry, a, b, lags) for a, b in zip(first, second, strict=True)]
        yield ("half_life_dates", *_span(np.array(lives)))
    if entry.fill:
        usual = np.abs(entry.exposure[entry.exposure != 0]).mean()
        # Frequency is in units of its mean.
        form, usual = (HILL, 1.0) if entry.often else (entry.fill, usual)
        out, reached = np.empty(1), np.empty(len(raw))
        for i, (half, shape) in enumerate(zip(of(2), of(3), strict=True)):
            fill_up(form, half, shape, np.array([usual]), out)
            reached[i] = out[0]
        yield ("saturation", *_span(reached))


def half_life(carry: int, first: float, second: float, lags: int) -> float:
    """Dates after which half of what an exposure brings has been brought.

    Geometric: log(1/2) / log(alpha). Others: where the sum of the weights passes one half, each
    date's weight spread evenly over it.
    """
    if carry == GEOMETRIC:
        return float(np.log(0.5) / np.log(expit(first)))
    weight = lag_weights(carry, first, second, lags)[0]
    reached = np.cumsum(weight)
    at = int(np.searchsorted(reached, 0.5))
    before = reached[at - 1] if at else 0.0
    return float(at + (0.5 - before) / weight[at])
