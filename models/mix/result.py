"""What an estimate returns: frames that tie to the outcome, and the estimate itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.mix.attribution import BAND, MARGIN, MULTIPLIERS, Drawn, Share
from models.mix.engine.sampler import Draws, Mode
from models.mix.frames import Ticks
from models.mix.panel import Driver, MixInputs, Panel
from models.mix.posterior import Posterior
from models.mix.spec import MixSpec

if TYPE_CHECKING:
    from models.mix.planning.budget_report import Allocation
    from models.mix.planning.prediction import Prediction
    from models.mix.refresh import Refresh


@dataclass(frozen=True)
class Estimate:
    """An estimated model: everything a result is made of."""

    panel: Panel
    spec: MixSpec
    posterior: Posterior
    mode: Mode
    draws: Draws
    drawn: Drawn
    shares: tuple[Share, ...]
    idle: tuple[Driver, ...]
    seed: int


@dataclass(frozen=True)
class MixResult:
    """Frames of an estimate (columns: docs/reference/mix.md), diagnostics and settings.

    Contributions of a date, territory and product sum to the outcome exactly: they are Decimals.
    """

    estimate: Estimate
    checks: pd.DataFrame
    figures: Mapping[str, Any]
    settings: Mapping[str, Any]

    def contributions(self) -> pd.DataFrame:
        """date_day, territory_id[, product_id], kind, driver, contribution, mean, p05, p50, p95."""
        return contributions_frame(self.estimate.panel, self.estimate.shares)

    def summary(self) -> pd.DataFrame:
        """A row a driver: spend, contribution, share, roi, mroi, cost per unit, their intervals."""
        return summary_frame(self.estimate)

    def curves(self) -> pd.DataFrame:
        """Total contribution over the window at 0 to 2 times the exposure that was."""
        return curves_frame(self.estimate)

    def parameters(self) -> pd.DataFrame:
        """Mean and 90 % interval of every parameter."""
        return parameters_frame(self.estimate)

    def diagnostics(self) -> Mapping[str, Any]:
        """Convergence, fit and holdout figures."""
        return self.figures

    def gates(self) -> pd.DataFrame:
        """Checks: check_name, subject, severity, status, figure, threshold, text."""
        return self.checks

    # What is done with a result imports results itself: hence the imports inside.

    def predict(self, future: MixInputs, *, align: bool = False) -> Prediction:
        """Outcome and contributions over the dates that follow the window: `prediction.predict`."""
        from models.mix.planning.prediction import predict  # noqa: PLC0415

        return predict(self.estimate, future, align=align)

    def optimise(self, **goal: Any) -> Allocation:
        """The best split of a budget, and what it gains: arguments of `budget.optimise`."""
        from models.mix.planning.budget import optimise  # noqa: PLC0415

        return optimise(self.estimate, **goal)

    def refresh(self, release: MixInputs | Panel, **settings: Any) -> Refresh:
        """A new result from this one's mode, and what moved history: `refresh.refresh`."""
        from models.mix.refresh import refresh  # noqa: PLC0415

        return refresh(self, release, **settings)

    def save(self, file: BinaryIO) -> None:
        """Write everything to a binary file, for `load`: versioned, no pickle."""
        from models.mix.storage import save  # noqa: PLC0415

        save(self, file)

    @staticmethod
    def load(file: BinaryIO) -> MixResult:
        """A saved result; its frames equal the saved one's. Raises StoredResultError."""
        from models.mix.storage import load  # noqa: PLC0415

        return load(file)


def contributions_frame(panel: Panel, shares: tuple[Share, ...]) -> pd.DataFrame:
    """Contributions in ticks: the residual takes the rounding, so every cell sums exactly."""
    tick = 10.0**panel.decimals
    cells: list[Ticks] = [np.rint(s.mean * tick).astype(np.int64) for s in shares[:-1]]
    cells.append(panel.ticks - np.sum(cells, axis=0, dtype=np.int64))
    count, dates = panel.ticks.shape
    order = sorted(range(len(shares)), key=lambda i: (shares[i].kind, shares[i].driver))

    def laid(values: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.stack([values[i].T for i in order], axis=-1).ravel()

    def tiled(values: tuple[str, ...]) -> npt.NDArray[Any]:
        return np.tile(np.repeat(np.array(values, object), len(order)), dates)

    frame = pd.DataFrame(
        {
            "date_day": np.repeat(panel.dates.to_numpy(), count * len(order)),
            "territory_id": tiled(panel.territories),
            "product_id": tiled(panel.products),
            "kind": np.tile(np.array([shares[i].kind for i in order], object), dates * count),
            "driver": np.tile(np.array([shares[i].driver for i in order], object), dates * count),
            "contribution": _decimals(laid(cells), panel.decimals),
            "mean": laid([s.mean for s in shares]),
            "p05": laid([s.p05 for s in shares]),
            "p50": laid([s.p50 for s in shares]),
            "p95": laid([s.p95 for s in shares]),
        }
    )
    return frame if panel.has_products else frame.drop(columns="product_id")


def summary_frame(estimate: Estimate) -> pd.DataFrame:
    """One row a driver; contribution is the exact sum of its cells, intervals are of the total."""
    panel = estimate.panel
    exact = contributions_frame(panel, estimate.shares).groupby(["kind", "driver"])["contribution"]
    sums = exact.sum()
    revenue = float(panel.outcome.sum())
    value = estimate.spec.value_per_unit
    spends = {(d.kind, d.name): d.spend_cents for d in panel.drivers}
    shifts = _shifts(estimate)
    rows = []
    for share in sorted(estimate.shares, key=lambda s: (s.kind, s.driver)):
        key = (share.kind, share.driver)
        total = sums[key]
        cents = spends.get(key, 0)
        per = cents / 100 if cents > 0 else np.nan
        low, middle, high = np.quantile(share.totals, BAND)
        marginal = np.full(3, np.nan)
        if share.margin is not None:
            gain = (share.margin - share.totals) * value / ((MARGIN - 1) * per)
            marginal = np.array([gain.mean(), *np.quantile(gain, (0.05, 0.95))])
        reached = np.nan if share.filled is None else float(share.filled.mean())
        shift, narrowing = shifts.get(key, (np.nan, np.nan))
        rows.append(
            {
                "kind": share.kind,
                "driver": share.driver,
                "spend": Decimal(cents).scaleb(-2),
                "contribution": total,
                "contribution_p05": low,
                "contribution_p50": middle,
                "contribution_p95": high,
                "share": float(total) / revenue if revenue else np.nan,
                "share_p05": low / revenue if revenue else np.nan,
                "share_p95": high / revenue if revenue else np.nan,
                "roi": float(total) * value / per,
                "roi_p05": low * value / per,
                "roi_p95": high * value / per,
                "mroi": marginal[0],
                "mroi_p05": marginal[1],
                "mroi_p95": marginal[2],
                "cost_per_unit": per / float(total) if float(total) > 0 else np.nan,
                "cost_per_unit_p05": per / high if high > 0 else np.nan,
                "cost_per_unit_p95": per / low if low > 0 else np.nan,
                "saturation": reached,
                "prior_shift": shift,
                "prior_narrowing": narrowing,
            }
        )
    return pd.DataFrame(rows)


def _shifts(estimate: Estimate) -> dict[tuple[str, str], tuple[float, float]]:
    """By driver: how many prior sds its size has moved, and posterior over prior sd."""
    theta = estimate.draws.flat
    return {
        (kind, name): (float(theta[:, i].mean()), float(theta[:, i].std()))
        for i, (kind, name, part) in enumerate(estimate.posterior.names)
        if part in ("share", "coefficient")
    }


def curves_frame(estimate: Estimate) -> pd.DataFrame:
    """Response per driver: current point at multiplier 1; beyond the most seen it extrapolates."""
    panel = estimate.panel
    spends = {(d.kind, d.name): d.spend_cents / 100 for d in panel.drivers}
    seen = {(d.kind, d.name): _reach(d) for d in panel.drivers}
    frames = []
    for share in sorted(estimate.shares, key=lambda s: (s.kind, s.driver)):
        if share.curve is None:
            continue
        key = (share.kind, share.driver)
        low, middle, high = np.quantile(share.curve, BAND, axis=0)
        frames.append(
            pd.DataFrame(
                {
                    "kind": share.kind,
                    "driver": share.driver,
                    "multiplier": MULTIPLIERS,
                    "spend": spends[key] * MULTIPLIERS,
                    "contribution": share.curve.mean(axis=0),
                    "p05": low,
                    "p50": middle,
                    "p95": high,
                    "is_current": MULTIPLIERS == 1.0,
                    "is_extrapolated": seen[key] < MULTIPLIERS,
                }
            )
        )
    if not frames:
        return pd.DataFrame(
            columns=[
                *["kind", "driver", "multiplier", "spend", "contribution"],
                *["p05", "p50", "p95", "is_current", "is_extrapolated"],
            ]
        )
    return pd.concat(frames, ignore_index=True)


def _reach(driver: Driver) -> float:
    """Greatest exposure seen, in units of its mean while it ran."""
    running = np.abs(driver.exposure[driver.exposure != 0])
    return float(running.max() / running.mean()) if running.size else 1.0


_UNBOUNDED = {
    "alpha": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "peak": lambda x: 1.0 / (1.0 + np.exp(-x)),
}


def parameters_frame(estimate: Estimate) -> pd.DataFrame:
    """Every parameter, in the units that docs/reference/mix.md names, with its interval."""
    posterior, drawn = estimate.posterior, estimate.drawn
    raw = posterior.raw(estimate.draws.flat)
    scale = estimate.panel.scale
    rows: list[tuple[str, str, str, npt.NDArray[np.float64]]] = []
    for i, (kind, name, part) in enumerate(posterior.names):
        values = _UNBOUNDED.get(part, np.exp)(raw[:, i])
        money = kind == "residual" or (kind == "baseline" and name != "effect")
        rows.append((kind, name, part, values * (scale if money else 1.0)))
    for i, column in enumerate(posterior.columns):
        if column.kind == "baseline":
            continue
        part = "coefficient"
        if i >= len(posterior.design.columns):
            dynamic = posterior.response.shared[i - len(posterior.design.columns)]
            if dynamic.part == "drift":
                continue
            part = "coefficient" if dynamic.part == "effect" else dynamic.part
        rows.append((column.kind, column.driver, part, drawn.shared[:, i] * scale / column.unit))
    for k, column in enumerate(posterior.own_columns):
        if column.kind == "baseline":
            continue
        unit = 1.0 if column.group == "effect" else scale / column.unit
        for s, territory in enumerate(estimate.panel.territories):
            product = estimate.panel.products[s]
            label = f"territory_effect {territory}" + (f" {product}" if product else "")
            values = drawn.own[:, s, k] * unit + (1.0 if column.group == "effect" else 0.0)
            rows.append((column.kind, column.driver, label, values))
    return pd.DataFrame(
        [
            (kind, name, part, values.mean(), *np.quantile(values, (0.05, 0.95)))
            for kind, name, part, values in sorted(rows, key=lambda row: row[:3])
        ],
        columns=["kind", "driver", "parameter", "mean", "p05", "p95"],
    )


def _decimals(ticks: Ticks, decimals: int) -> list[Decimal]:
    return [Decimal(int(value)).scaleb(-decimals) for value in ticks]
