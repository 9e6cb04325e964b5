"""Coverage of intervals where history is short: simulated series, what then came is known.

    python benchmarks/short_histories.py [--proof] [--frames 12]

Frames of 12 series of one kind; `--proof` takes seeds that nothing was tuned on.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product

import numpy as np
import pandas as pd

from forecasting.calibrating import QUANTILES
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.framed import forecast_at
from forecasting.grid import Floats, Grid
from forecasting.race import Race, cuts_before

SERIES = 12
KINDS = ("smooth", "drifting", "counts", "quiet", "rare")
CASES = ((30, 28), (60, 28), (60, 91), (98, 91), (150, 91), (98, 28))
FIELD = (SeasonalNaive(), RecentMean(), LogOls(), Intermittent("tsb"), AnalogLaunch())


def sales(kind: str, periods: int, rng: np.random.Generator) -> Floats:
    """(SERIES, periods) daily sales: a week, a level that wanders, scatter of the kind."""
    size = {"smooth": 300.0, "drifting": 300.0, "counts": 8.0, "quiet": 1.5, "rare": 0.2}[kind]
    week = 1 + 0.25 * np.sin(2 * np.pi * np.arange(periods) / 7 + rng.uniform(0, 6))
    step = 0.02 if kind == "drifting" else 0.006
    wander = rng.normal(0, step, (SERIES, periods)).cumsum(axis=1)
    shared = rng.normal(0, step / 2, periods).cumsum() + rng.normal(0, 0.04, periods)
    level = size * rng.lognormal(0, 0.5, (SERIES, 1)) * week * np.exp(wander + shared)
    if kind in {"smooth", "drifting"}:
        return np.round(level * np.exp(rng.normal(0, 0.12, level.shape)))
    return rng.poisson(level * rng.gamma(8, 1 / 8, level.shape)).astype(float)


def grid_of(y: Floats, ahead: int) -> Grid:
    S, known = y.shape
    dates = pd.date_range("2024-01-01", periods=known + ahead)
    plan = np.empty((0, S, known + ahead))
    return Grid(tuple(f"s{i}" for i in range(S)), dates, y, plan, (), "D", 7, 364)


def held(kind: str, known: int, ahead: int, seed: int) -> list[float]:
    """Shares of days and weeks of series, horizons of series and days of the total within 80 %
    and 95 %."""
    rng = np.random.default_rng([seed, KINDS.index(kind), known, ahead])
    y = sales(kind, known + ahead, rng)
    at = forecast_at(Race(grid_of(y[:, :known], ahead), seed, candidates=FIELD), 0, {})
    came = y[:, known:]
    out = []
    for low, high in (("p10", "p90"), ("p025", "p975")):
        own = [list(QUANTILES).index(name) for name in (low, high)]
        edges = [QUANTILES[name] for name in (low, high)]
        out += [
            inside(came, at.quantiles[low], at.quantiles[high]),
            inside(came.sum(axis=1), *at.series_horizon[:, own].T),
            inside(came.sum(axis=0), *np.quantile(at.sums["total", ""], edges, axis=0)),
        ]
    return out


def inside(came: Floats, low: Floats, high: Floats) -> float:
    return float(((came >= low - 0.005) & (came <= high + 0.005)).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--proof", action="store_true")
    parser.add_argument("--frames", type=int, default=12)
    asked = parser.parse_args()
    first = 2000 if asked.proof else 0
    sys.stdout.write(
        "kind      days ahead origins |  80: day horizon total |  95: day horizon total\n"
    )
    for (known, ahead), kind in product(CASES, KINDS):
        found = [held(kind, known, ahead, first + n) for n in range(asked.frames)]
        d80, h80, t80, d95, h95, t95 = np.mean(found, axis=0)
        grid = grid_of(np.zeros((1, known)), ahead)
        sys.stdout.write(
            f"{kind:9s} {known:4d} {ahead:5d} {len(cuts_before(grid, 0)):7d} | "
            f"{d80:8.2f} {h80:7.2f} {t80:5.2f} | {d95:8.2f} {h95:7.2f} {t95:5.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
