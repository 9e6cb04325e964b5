"""From posterior draws to contributions in cents, totals, response curves and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from models.mix.baseline import fit_linear
from models.mix.panel import Cents, Driver, Floats, Panel
from models.mix.posterior import Posterior
from models.mix.spec import SATURATING

MULTIPLIERS = np.round(np.linspace(0.0, 2.0, 21), 1)
_BAND = (0.05, 0.95)
#: A step of +1 % of exposure and spend together: the margin of mroi.
_MARGIN = 1.01


@dataclass(frozen=True)
class Share:
    """What one driver brought, by cell and in total; money in currency units.

    `mean`, `p05`, `p95` are (G, T); `totals` (R,) one total a draw; `curve` (R, 21) totals at each
    multiplier of exposure and `margin` (R,) at 1.01, for drivers that have spend or exposure.
    """

    kind: str
    driver: str
    spend_cents: int
    mean: Floats
    p05: Floats
    p95: Floats
    totals: Floats
    curve: Floats | None = None
    margin: Floats | None = None


@dataclass(frozen=True)
class Linear:
    """The linear part: `draws` (R, P) and statsmodels' fit at the posterior mean, (P,)."""

    draws: Floats
    point: Floats
    sigma: float
    whitened_residual: Floats  # (G, T), in units of sigma


def fit_linear_part(posterior: Posterior, theta: Floats, seed: int) -> Linear:
    """Draw the linear coefficients for each draw of theta, and fit them once by statsmodels.

    Args:
        theta: (R, D) posterior draws.
    """
    rng = np.random.default_rng([seed, 1])
    draws = np.stack([posterior.draw_linear(row, rng) for row in theta])
    left = np.mean([posterior.residual(row) for row in theta], axis=0)
    terms = posterior.terms(theta.mean(axis=0))
    target = posterior.noise.whiten(left)
    fitted = fit_linear(posterior.whitened, target.ravel(), terms.prior_sd, terms.sigma)
    left_over = fitted.resid[: target.size].reshape(target.shape)
    return Linear(draws, np.asarray(fitted.params), terms.sigma, left_over)


def attribute(
    panel: Panel, posterior: Posterior, theta: Floats, linear: Linear, excluded: tuple[Driver, ...]
) -> list[Share]:
    """Contribution of every driver, control, holiday calendar, the baseline and the residual.

    A driver's contribution in a draw is the model's outcome with it less the outcome without it.
    """
    money = (panel.size[:, None] * panel.scale) * np.ones((1, len(panel.dates)))
    left_draws = np.broadcast_to(panel.outcome_cents / 100.0, (len(theta), *money.shape)).copy()
    left_mean = panel.outcome_cents / 100.0
    shares: list[Share] = []
    for share, draws in _shares(panel, posterior, theta, linear, money):
        left_draws -= draws
        left_mean = left_mean - share.mean
        shares.append(share)
    zero = np.zeros(money.shape)
    none = np.zeros(len(theta))
    flat = np.zeros((len(theta), len(MULTIPLIERS)))
    shares += [
        Share(d.kind, d.name, d.spend_cents, zero, zero, zero, none, flat, none) for d in excluded
    ]
    low, high = np.quantile(left_draws, _BAND, axis=0)
    totals = left_draws.sum(axis=(1, 2))
    shares.append(Share("residual", "residual", 0, left_mean, low, high, totals))
    return shares


def _shares(
    panel: Panel, posterior: Posterior, theta: Floats, linear: Linear, money: Floats
) -> Iterator[tuple[Share, Floats]]:
    for at, driver in enumerate((*posterior.saturating, *posterior.publicity)):
        responses = [posterior.response(row, at) for row in theta]
        draws = np.stack([cells for cells, _ in responses]) * money
        ceilings = np.stack([ceiling for _, ceiling in responses]) * money[:, 0]
        shapes = [posterior.curve(row, at).shape for row in theta]
        curve, margin = _curve(draws, ceilings, shapes)
        yield (
            _share(driver.kind, driver.name, driver.spend_cents, draws, curve=curve, margin=margin),
            draws,
        )
    design = posterior.design
    spends = {d.name: d.spend_cents for d in panel.drivers if d.kind == "promotion"}
    groups = [("holiday", "holidays", design.of("holiday"))] if design.of("holiday").size else []
    groups += [("baseline", "baseline", design.of("baseline"))]
    for kind in ("promotion", "control"):
        names = dict.fromkeys(c.driver for c in design.columns if c.kind == kind)
        groups += [(kind, name, design.of(kind, name)) for name in names]
    for kind, name, columns in groups:
        block = design.matrix[:, :, columns]
        draws = np.moveaxis(block @ linear.draws[:, columns].T, -1, 0) * money
        point = (block @ linear.point[columns]) * money
        if kind == "promotion":
            curve, margin = _proportional(draws)
            yield (
                _share(kind, name, spends[name], draws, point=point, curve=curve, margin=margin),
                draws,
            )
        else:
            yield _share(kind, name, 0, draws, point=point), draws


def _share(
    kind: str,
    name: str,
    spend_cents: int,
    draws: Floats,
    *,
    point: Floats | None = None,
    curve: Floats | None = None,
    margin: Floats | None = None,
) -> Share:
    low, high = np.quantile(draws, _BAND, axis=0)
    mean = draws.mean(axis=0) if point is None else point
    return Share(kind, name, spend_cents, mean, low, high, draws.sum(axis=(1, 2)), curve, margin)


def _proportional(draws: Floats) -> tuple[Floats, Floats]:
    totals = draws.sum(axis=(1, 2))
    return totals[:, None] * MULTIPLIERS, totals * _MARGIN


def _curve(draws: Floats, ceilings: Floats, shapes: list[float]) -> tuple[Floats, Floats]:
    """Totals at every multiplier: with odds = (k/a)^s a multiplier only divides them by m^s.

    Args:
        draws: (R, G, T) contributions; ceilings: (R, G) at full saturation; shapes: (R,).
    """
    grid = np.append(MULTIPLIERS, _MARGIN)
    out = np.zeros((len(draws), len(grid)))
    for r, shape in enumerate(shapes):
        top = ceilings[r][:, None]
        filled = draws[r] / top
        open_ = np.maximum(1.0 - filled, 0.0)
        for j, multiplier in enumerate(grid):
            if multiplier > 0:
                force = multiplier**shape * filled
                out[r, j] = float((top * force / (open_ + force)).sum())
    return out[:, :-1], out[:, -1]


def contributions_frame(panel: Panel, shares: list[Share]) -> pd.DataFrame:
    """Contributions in cents: the residual takes the rounding, so every cell sums exactly."""
    cents = [_to_cents(share.mean) for share in shares[:-1]]
    cents.append(panel.outcome_cents - np.sum(cents, axis=0))
    count, dates = panel.outcome_cents.shape
    order = sorted(range(len(shares)), key=lambda i: (shares[i].kind, shares[i].driver))

    def laid(values: list[np.ndarray]) -> np.ndarray:
        return np.stack([values[i].T for i in order], axis=-1).ravel()

    return pd.DataFrame(
        {
            "date_day": np.repeat(panel.dates.to_numpy(), count * len(order)),
            "territory_id": np.tile(
                np.repeat(np.array(panel.territories, object), len(order)), dates
            ),
            "kind": np.tile([shares[i].kind for i in order], dates * count).astype(object),
            "driver": np.tile([shares[i].driver for i in order], dates * count).astype(object),
            "contribution": _decimals(laid(cents)),
            "p05": laid([share.p05 for share in shares]),
            "p95": laid([share.p95 for share in shares]),
        }
    )


def summary_frame(panel: Panel, shares: list[Share], contributions: pd.DataFrame) -> pd.DataFrame:
    """One row a driver; contribution is the exact sum of its cells, intervals are of the total."""
    exact = contributions.groupby(["kind", "driver"])["contribution"].sum()
    revenue = float(panel.outcome_cents.sum()) / 100
    rows = []
    for share in sorted(shares, key=lambda s: (s.kind, s.driver)):
        low, high = np.quantile(share.totals, _BAND)
        total = exact[(share.kind, share.driver)]
        spend = share.spend_cents / 100
        per = spend if spend > 0 else np.nan
        marginal = np.nan
        if share.margin is not None:
            marginal = float((share.margin - share.totals).mean()) / ((_MARGIN - 1) * per)
        rows.append(
            {
                "kind": share.kind,
                "driver": share.driver,
                "spend": Decimal(share.spend_cents).scaleb(-2),
                "contribution": total,
                "contribution_p05": low,
                "contribution_p95": high,
                "share": float(total) / revenue if revenue else np.nan,
                "share_p05": low / revenue if revenue else np.nan,
                "share_p95": high / revenue if revenue else np.nan,
                "roi": float(total) / per,
                "roi_p05": low / per,
                "roi_p95": high / per,
                "mroi": marginal,
            }
        )
    return pd.DataFrame(rows)


def curves_frame(shares: list[Share]) -> pd.DataFrame:
    """Total contribution over the window at 0 to 2 times the exposure that was."""
    frames = []
    for share in sorted(shares, key=lambda s: (s.kind, s.driver)):
        if share.curve is None:
            continue
        low, high = np.quantile(share.curve, _BAND, axis=0)
        frames.append(
            pd.DataFrame(
                {
                    "kind": share.kind,
                    "driver": share.driver,
                    "multiplier": MULTIPLIERS,
                    "spend": share.spend_cents / 100 * MULTIPLIERS,
                    "contribution": share.curve.mean(axis=0),
                    "p05": low,
                    "p95": high,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def parameters_frame(posterior: Posterior, theta: Floats, linear: Linear) -> pd.DataFrame:
    """Mean and 90 % interval of every parameter, in the units docs/reference/mix.md names."""
    rows: list[tuple[str, str, str, Floats]] = []
    for at, driver in enumerate((*posterior.saturating, *posterior.publicity)):
        curves = [posterior.curve(row, at) for row in theta]
        parts = {
            "alpha": [c.alpha for c in curves],
            "half_saturation": [c.half for c in curves],
            "share": [c.share for c in curves],
        }
        if driver.kind in SATURATING:
            parts["shape"] = [c.shape for c in curves]
        if posterior.pooled:
            for g, territory in enumerate(posterior.panel.territories):
                parts[f"territory_effect {territory}"] = [c.effects[g] for c in curves]
        rows += [
            (driver.kind, driver.name, name, np.array(values, dtype=np.float64))
            for name, values in parts.items()
        ]
    for i, column in enumerate(posterior.design.columns):
        if column.kind in ("promotion", "control", "holiday") and not column.territory:
            money = linear.draws[:, i] * posterior.panel.scale / column.unit
            rows.append((column.kind, column.driver, "coefficient", money))
    for i, (kind, name, part) in enumerate(posterior.names):
        if kind in ("residual", "baseline"):
            raw = np.exp(posterior.centres[i] + posterior.spreads[i] * theta[:, i])
            rows.append((kind, name, part, raw * posterior.panel.scale))
    return pd.DataFrame(
        [
            (kind, name, part, values.mean(), *np.quantile(values, _BAND))
            for kind, name, part, values in sorted(rows, key=lambda row: row[:3])
        ],
        columns=["kind", "driver", "parameter", "mean", "p05", "p95"],
    )


def _to_cents(money: Floats) -> Cents:
    return np.rint(money * 100).astype(np.int64)


def _decimals(cents: Cents) -> list[Decimal]:
    return [Decimal(int(value)).scaleb(-2) for value in cents]
