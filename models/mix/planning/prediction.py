"""What future dates will bring, driver by driver, with carry-over from the fitted window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.mix.attribution import BAND, Share, drawn_shares
from models.mix.design.baseline import LEVEL_DAYS, YEAR_DAYS
from models.mix.engine.compiling import compiled
from models.mix.engine.noise import filter_dates
from models.mix.frames import Floats
from models.mix.panel import MixInputs, Panel
from models.mix.planning.horizon import Horizon, read_horizon
from models.mix.result import Estimate


@dataclass(frozen=True)
class Prediction:
    """Outcome and contributions over future dates, in the outcome's unit.

    `paths` (R, S, H) are joint draws of the outcome, residual noise included; `notes` say what a
    reader must know (exposure never seen before, rows left out).
    """

    panel: Panel
    shares: tuple[Share, ...]
    paths: npt.NDArray[np.float32]
    notes: tuple[str, ...]

    def contributions(self) -> pd.DataFrame:
        """date_day, territory_id[, product_id], kind, driver, mean, p05, p50, p95.

        Means of a date and series sum to the outcome's mean. `residual` is what the last residual
        of the window carries on, its interval the noise of future dates.
        """
        frames = [
            self._laid(s.mean, (s.p05, s.p50, s.p95)).assign(kind=s.kind, driver=s.driver)
            for s in self.shares
        ]
        out = pd.concat(frames)
        key = [c for c in ("date_day", "territory_id", "product_id") if c in out]
        bounds = ["mean", "p05", "p50", "p95"]
        out = out[[*key, "kind", "driver", *bounds]]
        return out.sort_values([*key, "kind", "driver"], ignore_index=True)

    def outcome(self) -> pd.DataFrame:
        """date_day, territory_id[, product_id], mean, p05, p50, p95."""
        return self._laid(self.mean, np.quantile(self.paths, BAND, axis=0))

    def totals(self) -> pd.DataFrame:
        """date_day, mean, p05, p50, p95 over all territories and products together."""
        low, middle, high = np.quantile(self.paths.sum(axis=1, dtype=np.float64), BAND, axis=0)
        return pd.DataFrame(
            {
                "date_day": self.panel.dates,
                "mean": self.mean.sum(axis=0),
                "p05": low,
                "p50": middle,
                "p95": high,
            }
        )

    @property
    def mean(self) -> Floats:
        """Expected outcome, (S, H)."""
        out: Floats = np.sum([share.mean for share in self.shares], axis=0)
        return out

    def _laid(self, mean: Floats, bounds: npt.ArrayLike) -> pd.DataFrame:
        panel, count = self.panel, len(self.panel.territories)
        low, middle, high = np.asarray(bounds)
        frame = pd.DataFrame(
            {
                "date_day": np.repeat(panel.dates.to_numpy(), count),
                "territory_id": np.tile(np.array(panel.territories, object), len(panel.dates)),
                "product_id": np.tile(np.array(panel.products, object), len(panel.dates)),
                "mean": mean.T.ravel(),
                "p05": low.T.ravel(),
                "p50": middle.T.ravel(),
                "p95": high.T.ravel(),
            }
        )
        return frame if panel.has_products else frame.drop(columns="product_id")


def predict(estimate: Estimate, release: MixInputs, *, align: bool = False) -> Prediction:
    """Outcome and contributions over the release's dates after the fitted window.

    Exposure carries over from the window, saturation is kept, the trend goes on by its last slope
    and may bend as often and as far as it did before, seasons and holidays are those of the new
    dates. Intervals hold parameters, future bends and residual noise with its memory.

    Args:
        release: drivers and controls of the future; its outcome is not looked at.
        align: count weeks that start on another weekday as the window's week they begin in.

    Raises:
        ModelInputError: see `read_horizon`.
    """
    return over(estimate, read_horizon(estimate, release, align=align))


def over(estimate: Estimate, horizon: Horizon) -> Prediction:
    """The prediction over a horizon that has been read."""
    panel = horizon.panel
    count, dates = len(panel.territories), len(panel.dates)
    rng = np.random.default_rng([estimate.seed, 3])
    drawn = replace(estimate.drawn, states=horizon.states(estimate))
    paths = np.zeros((len(drawn.theta), count, dates), dtype=np.float32)
    shares = []
    for share, cells in drawn_shares(horizon.posterior, drawn):
        moved = cells
        if share.kind == "baseline":
            bends = _bends(estimate, panel, rng)[:, None, :] * panel.money[:, None]
            moved = cells + bends.astype(np.float32)
        paths += moved
        low, middle, high = np.quantile(moved, BAND, axis=0)
        totals = moved.sum(axis=2, dtype=np.float64)
        shares.append(
            replace(
                share, p05=low, p50=middle, p95=high, totals=totals.sum(axis=1), by_series=totals
            )
        )
    zero, none = np.zeros((count, dates)), np.zeros((len(paths), count))
    shares += [
        Share(d.kind, d.name, zero, zero, zero, zero, none[:, 0], none) for d in estimate.idle
    ]
    carried, noisy = _residual(estimate, panel, rng)
    low, middle, high = np.quantile(noisy, BAND, axis=0)
    totals = noisy.sum(axis=2, dtype=np.float64)
    mean = carried.mean(axis=0)
    shares.append(
        Share("residual", "residual", mean, low, middle, high, totals.sum(axis=1), totals)
    )
    paths += noisy
    return Prediction(panel, tuple(shares), paths, horizon.notes)


def _bends(estimate: Estimate, panel: Panel, rng: np.random.Generator) -> Floats:
    """Bends of the trend that the future may have, (R, H) in relative units.

    The window's knots go on at their spacing; every one is drawn from the prior whose width the
    window has told, as the trend of the fitted window was (Taylor and Letham, 2018).
    """
    posterior, theta = estimate.posterior, estimate.drawn.theta
    ahead = (panel.dates - estimate.panel.dates[-1]).days.to_numpy(dtype=np.float64)
    out = np.zeros((len(theta), len(ahead)))
    knots = sum(c.kind == "baseline" and c.group == "trend" for c in posterior.design.columns)
    if "trend" not in posterior.groups or not knots:
        return out
    place = posterior.problem.scales.sigma_at + 1 + posterior.groups.index("trend")
    widths = np.exp([posterior.raw(row)[place] for row in theta])
    span = float((estimate.panel.dates[-1] - estimate.panel.dates[0]).days)
    spacing = span / (knots + 1)
    for at in np.arange(0.0, ahead[-1], spacing):
        if estimate.spec.baseline.trend == "local_level":
            shape = np.clip((ahead - at) / LEVEL_DAYS, 0.0, 1.0) * np.sqrt(LEVEL_DAYS / YEAR_DAYS)
        else:
            shape = np.maximum(ahead - at, 0.0) / YEAR_DAYS
        out += (widths * rng.standard_normal(len(theta)))[:, None] * shape
    return out


def _residual(estimate: Estimate, panel: Panel, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """What the last residual carries on, and the same with fresh noise; (R, S, H) each."""
    posterior, drawn = estimate.posterior, estimate.drawn
    noise = posterior.noise
    left = fitted_residuals(estimate)
    average = noise.rho * noise.white
    shocks = filter_dates(left, noise.rho, average, noise.first, noise.width)
    if left.shape[2] == 1:
        shocks = shocks / noise.first
    sigma = np.array([posterior.prior_sds(row)[2] for row in drawn.theta])
    shape = (len(sigma), len(panel.territories), len(panel.dates))
    common = noise.common if shape[1] > 1 else 0.0
    fresh = np.sqrt(1 - common) * rng.standard_normal(shape)
    fresh += np.sqrt(common) * rng.standard_normal((shape[0], 1, shape[2]))
    fresh *= sigma[:, None, None]
    last = np.ascontiguousarray(left[:, :, -1] / noise.width)
    still = _go_on(last, shocks[:, :, -1].copy(), np.zeros(shape), noise.rho, average)
    moving = _go_on(last, shocks[:, :, -1].copy(), fresh, noise.rho, average)
    worth = (noise.width * panel.money)[:, None]
    return still * worth, (moving * worth).astype(np.float32)


def fitted_residuals(estimate: Estimate) -> Floats:
    """Residuals of the fitted window at every joint draw, (R, S, T) in relative units."""
    posterior, drawn = estimate.posterior, estimate.drawn
    response, design = posterior.response, posterior.design
    out = np.empty((len(drawn.theta), *estimate.panel.ticks.shape))
    for r, theta in enumerate(drawn.theta):
        state = response.forward(posterior.raw(theta))
        told = response.signed_sum(state)
        columns = np.concatenate([design.shared, response.shared_columns(state)])
        told += np.tensordot(drawn.shared[r], columns, axes=1)
        own = np.concatenate([design.own, response.own_columns(state)])
        told += np.einsum("sk,kst->st", drawn.own[r], own)
        out[r] = estimate.panel.relative - told
    return out


@compiled
def _go_on(last: Floats, shock: Floats, fresh: Floats, rho: float, average: float) -> Floats:
    """An ARMA(1, 1) continued from its last value and shock (R, S) by fresh shocks (R, S, H)."""
    out = np.empty_like(fresh)
    for r in range(fresh.shape[0]):
        for s in range(fresh.shape[1]):
            value, before = last[r, s], shock[r, s]
            for t in range(fresh.shape[2]):
                value = rho * value + fresh[r, s, t] - average * before
                before = fresh[r, s, t]
                out[r, s, t] = value
    return out
