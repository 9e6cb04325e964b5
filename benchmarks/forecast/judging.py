"""One way to judge every forecast of the benchmark, ours and others'."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecasting.calibrating import QUANTILES
from forecasting.grid import Floats
from forecasting.scoring import coverage, mase, naive_scale, quantile_loss

#: Days a week ago: what errors are scaled by.
SEASON = 7


@dataclass(frozen=True)
class Answer:
    """What a model said at an origin: `mean` (S, H), `quantiles` by name (S, H), and `total`, the
    five quantiles of the chain's horizon where the model gives them."""

    mean: Floats
    quantiles: dict[str, Floats]
    total: Floats | None = None
    told: dict[str, Any] = field(default_factory=dict)


def plain(answer: Answer, shut: Floats | None = None) -> Answer:
    """Without sales below zero, nothing sold where `shut`, quantiles in order."""

    def at_least_nothing(values: Floats) -> Floats:
        values = np.maximum(values, 0.0)
        return values if shut is None else np.where(shut, 0.0, values)

    ordered = np.sort(np.stack([answer.quantiles[name] for name in QUANTILES]), axis=0)
    return Answer(
        at_least_nothing(answer.mean),
        {name: at_least_nothing(one) for name, one in zip(QUANTILES, ordered, strict=True)},
        answer.total,
        answer.told,
    )


def figures(answer: Answer, actual: Floats, history: Floats) -> dict[str, Any]:
    """Errors over observed days, coverage over observed days with sales.

    `wape` of series and days; `bias` sum F - A over sum A, which is the error of the chain's sum
    over the horizon; `mase` the mean of series; `wql` the mean weighted quantile loss (twice the
    pinball loss over the sum of actuals); `actual` and `missed` each series' sales and absolute
    error.

    Raises:
        ValueError: a day that was observed has no forecast.
    """
    seen = np.isfinite(actual)
    for name, values in {"mean": answer.mean, **answer.quantiles}.items():
        if not np.isfinite(values[seen]).all():
            raise ValueError(f"{name}: {(~np.isfinite(values[seen])).sum()} days have no forecast")
    sold = np.where(seen, actual, 0.0)
    size = float(sold.sum())
    gap = np.where(seen, answer.mean - sold, 0.0)
    missed = np.abs(gap).sum(axis=1)
    loss = float(quantile_loss(sold, answer.quantiles)[seen].sum())
    q, opened = answer.quantiles, sold > 0
    out: dict[str, Any] = {
        "wape": float(missed.sum()) / size,
        "mase": mase(sold, answer.mean, seen, naive_scale(history, SEASON)),
        "bias": float(gap.sum()) / size,
        "wql": loss / size,
        "coverage_80": coverage(sold, q["p10"], q["p90"], opened),
        "coverage_95": coverage(sold, q["p025"], q["p975"], opened),
        "open_days": int(opened.sum()),
    }
    if answer.total is not None and seen.all():
        low, least, most, high = (float(answer.total[k]) for k in (0, 1, 3, 4))
        out |= {"total_in_80": least <= size <= most, "total_in_95": low <= size <= high}
    out = {k: round(v, 5) if isinstance(v, float) else v for k, v in out.items()}
    return out | {
        "actual": np.rint(sold.sum(axis=1)).astype(int).tolist(),
        "missed": np.rint(missed).astype(int).tolist(),
    }


#: What a row's figures are means over, where rows of parts are put together.
_OVER = {
    "wape": "sold", "bias": "sold", "wql": "sold",
    "mase": "series", "coverage_80": "open_days", "coverage_95": "open_days",
}  # fmt: skip


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of rows over different series at one origin."""
    if len(parts) == 1:
        return parts[0]
    weights = {
        "sold": [sum(part["actual"]) for part in parts],
        "series": [part["series"] for part in parts],
        "open_days": [part["open_days"] for part in parts],
    }
    row = dict(parts[0])
    for name, over in _OVER.items():
        row[name] = float(np.average([part[name] for part in parts], weights=weights[over]))
    for name in ("series", "open_days", "seconds", "cpu_seconds"):
        row[name] = sum(part[name] for part in parts)
    for name in ("actual", "missed"):
        row[name] = [value for part in parts for value in part[name]]
    row["peak_mb"] = max(part["peak_mb"] for part in parts)
    return row
