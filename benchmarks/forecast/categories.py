"""Small counts of a real shop: purchases and sales of Complete Journey's product categories by day.

    python benchmarks/forecast/categories.py

Up to 60 categories of like size are a frame; the last three times 28 days are judged, each
forecast from what was known before it, by the candidates that take no training.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import shops

from forecasting.calibrating import QUANTILES
from forecasting.framed import forecast_at
from forecasting.grid import Floats, Grid
from forecasting.race import Race, field_of_candidates
from forecasting.scoring import quantile_loss

#: Purchases a day, from and below.
SIZES = ((0.1, 0.7), (0.7, 1.5), (1.5, 3.0), (3.0, 8.0))
MOST, AHEAD, ORIGINS = 60, 28, 3
#: A day's purchases of a category, and what was paid for them.
MEASURES = ("purchases", "sales_value")


def by_day() -> dict[str, pd.DataFrame]:
    """Category down, day across: purchases, and money."""
    folder = shops.root() / "retail"
    rows = pd.read_csv(folder / "completejourney_transactions_sample.csv.gz")
    kinds = pd.read_csv(folder / "completejourney_products.csv.gz")
    rows = rows.merge(kinds[["product_id", "product_category"]], on="product_id")
    rows["ds"] = pd.to_datetime(rows["transaction_timestamp"], unit="s").dt.normalize()
    rows["purchases"] = 1.0
    days = pd.date_range(rows["ds"].min(), rows["ds"].max())
    summed = rows.groupby(["product_category", "ds"])[list(MEASURES)].sum().unstack()
    return {one: summed[one].reindex(columns=days).fillna(0.0) for one in MEASURES}


def judged(y: pd.DataFrame, known: int) -> list[float]:
    grid = Grid(
        tuple(map(str, y.index)), y.columns[: known + AHEAD], y.to_numpy()[:, :known],
        np.empty((0, len(y), known + AHEAD)), (), "D", 7, 364,
    )  # fmt: skip
    field = [one for one in field_of_candidates() if one.speed == "quick"]
    at = forecast_at(Race(grid, 0, candidates=field), 0, {})
    came = y.to_numpy()[:, known : known + AHEAD]
    paths = at.sums["total", ""]
    out = []
    for low, high in (("p10", "p90"), ("p025", "p975")):
        own = [list(QUANTILES).index(name) for name in (low, high)]
        edges = np.quantile(paths, [QUANTILES[name] for name in (low, high)], axis=0)
        out += [
            _inside(came, at.quantiles[low], at.quantiles[high]),
            _inside(came.sum(axis=1), *at.series_horizon[:, own].T),
            _inside(came.sum(axis=0), *edges),
        ]
    loss = float(quantile_loss(came, at.quantiles).sum() / came.sum())
    return [*out, 100 * loss, float(paths.sum() / len(paths) / at.mean.sum())]


def _inside(came: Floats, low: Floats, high: Floats) -> float:
    return float(((came >= low - 0.005) & (came <= high + 0.005)).mean())


def main() -> None:
    tables = by_day()
    size = tables["purchases"].mean(axis=1)
    columns = "day horizon total"
    sys.stdout.write(
        f"measure     a day      series |  80: {columns} |  95: {columns} | wql % paths\n"
    )
    for name, table in tables.items():
        for least, below in SIZES:
            y = table[(size >= least) & (size < below)].iloc[:MOST]
            ends = [y.shape[1] - AHEAD * (n + 1) for n in range(ORIGINS)]
            found = np.mean([judged(y, end) for end in ends], axis=0)
            of80, of95 = (f"{d:8.2f} {h:7.2f} {t:5.2f}" for d, h, t in (found[:3], found[3:6]))
            sys.stdout.write(
                f"{name:11s} {least:3.1f} to {below:3.1f} {len(y):6d} | {of80} | {of95} | "
                f"{found[6]:5.1f} {found[7]:5.2f}\n"
            )


if __name__ == "__main__":
    main()
