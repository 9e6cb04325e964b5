"""Coverage of intervals where history is short or counts are small: simulated series, whose future
is known.

    python benchmarks/short_histories.py [--proof] [--frames 12] [--long [--days 540]]

Frames of 12 series of one kind, or with `--long` of 40, with a year and a half (or `--days`) behind
them and promotions of a week in a plan. `--proof` takes seeds that nothing was tuned on.

`truth`: what the quantiles of the process itself hold, of who knows every level to come. Of whole
numbers they hold more than they say: where a day in ten sells nothing, everything from zero to the
ninth decile is nine in ten.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import nbinom, norm

from forecasting.calibrating import QUANTILES
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.framed import forecast_at
from forecasting.grid import Floats, Grid, PlanColumn
from forecasting.race import Race, cuts_before

SERIES, SERIES_LONG = 12, 40
KINDS = ("smooth", "drifting", "counts", "quiet", "rare", "few")
SIZES = dict(zip(KINDS, (300.0, 300.0, 8.0, 1.5, 0.2, 3.0), strict=True))
CASES = ((30, 28), (60, 28), (60, 91), (98, 91), (150, 91), (98, 28))
LONG = (28, 91)
#: Gamma's shape of a day's rate in counts; log scatter of a day that is no count.
SHAPE, SCATTER = 8, 0.12
FIELD = (SeasonalNaive(), RecentMean(), LogOls(), Intermittent("tsb"), AnalogLaunch())


def levels(kind: str, periods: int, rng: np.random.Generator, series: int) -> Floats:
    """(series, periods) expected sales: a week, a level that wanders."""
    week = 1 + 0.25 * np.sin(2 * np.pi * np.arange(periods) / 7 + rng.uniform(0, 6))
    step = 0.02 if kind == "drifting" else 0.006
    wander = rng.normal(0, step, (series, periods)).cumsum(axis=1)
    shared = rng.normal(0, step / 2, periods).cumsum() + rng.normal(0, 0.04, periods)
    own = SIZES[kind] * rng.lognormal(0, 0.5, (series, 1))
    return np.asarray(own * week * np.exp(wander + shared))


def sales(kind: str, level: Floats, rng: np.random.Generator) -> Floats:
    """Daily sales with scatter of the kind."""
    if kind in {"smooth", "drifting"}:
        return np.asarray(np.round(level * np.exp(rng.normal(0, SCATTER, level.shape))))
    return rng.poisson(level * rng.gamma(SHAPE, 1 / SHAPE, level.shape)).astype(float)


def quantile_of(kind: str, level: Floats, p: float) -> Floats:
    if kind in {"smooth", "drifting"}:
        return np.asarray(level * np.exp(SCATTER * norm.ppf(p)))
    return np.asarray(nbinom.ppf(p, SHAPE, SHAPE / (SHAPE + level)))


def promotions(shape: tuple[int, int], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Flags (S, T) of whole weeks, one in seven, and what they multiply sales by."""
    weeks = rng.random((shape[0], shape[1] // 7 + 1)) < 1 / 7
    on = np.repeat(weeks, 7, axis=1)[:, : shape[1]].astype(float)
    return on, np.exp(on * rng.normal(0.5, 0.15, (shape[0], 1)))


def grid_of(y: Floats, ahead: int, promo: Floats | None = None) -> Grid:
    S, known = y.shape
    dates = pd.date_range("2024-01-01", periods=known + ahead)
    plan = np.empty((0, S, known + ahead)) if promo is None else promo[None]
    columns = () if promo is None else (PlanColumn("promo"),)
    return Grid(tuple(f"s{i}" for i in range(S)), dates, y, plan, columns, "D", 7, 364)


def held(kind: str, known: int, ahead: int, seed: int, long: bool) -> list[float]:
    """Within 80 %, then 95 %: shares of days of series, as the truth's, of series' horizons, of
    days of the total, and the total's horizon; at last paths' sum over the means'."""
    rng = np.random.default_rng([seed, KINDS.index(kind), known, ahead])
    level = levels(kind, known + ahead, rng, SERIES_LONG if long else SERIES)
    promo = None
    if long:
        promo, lift = promotions(level.shape, np.random.default_rng([seed, 1]))
        level *= lift
    y = sales(kind, level, rng)
    race = Race(grid_of(y[:, :known], ahead, promo), seed, candidates=FIELD)
    at = forecast_at(race, 0, {})
    came, paths = y[:, known:], at.sums["total", ""]
    out = []
    for low, high in (("p10", "p90"), ("p025", "p975")):
        own = [list(QUANTILES).index(name) for name in (low, high)]
        edges = [QUANTILES[name] for name in (low, high)]
        out += [
            inside(came, at.quantiles[low], at.quantiles[high]),
            inside(came, *(quantile_of(kind, level[:, known:], p) for p in edges)),
            inside(came.sum(axis=1), *at.series_horizon[:, own].T),
            inside(came.sum(axis=0), *np.quantile(paths, edges, axis=0)),
            inside(came.sum(), *at.horizon[own]),
        ]
    return [*out, float(paths.sum() / len(paths) / at.mean.sum())]


def inside(came: Floats, low: Floats, high: Floats) -> float:
    return float(np.mean((came >= low - 0.005) & (came <= high + 0.005)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--proof", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--days", type=int, default=540)
    parser.add_argument("--frames", type=int, default=12)
    asked = parser.parse_args()
    first = 2000 if asked.proof else 0
    columns = "day truth horizon total sum"
    sys.stdout.write(f"kind      days ahead origins |  80: {columns} |  95: {columns} | paths\n")
    cases = [(asked.days, ahead) for ahead in LONG] if asked.long else CASES
    for (known, ahead), kind in product(cases, KINDS):
        found = [held(kind, known, ahead, first + n, asked.long) for n in range(asked.frames)]
        means = np.mean(found, axis=0)
        of80, of95 = (
            f"{d:8.2f} {t:5.2f} {h:7.2f} {all_:5.2f} {s:3.2f}"
            for d, t, h, all_, s in (means[:5], means[5:10])
        )
        origins = len(cuts_before(grid_of(np.zeros((1, known)), ahead), 0))
        sys.stdout.write(
            f"{kind:9s} {known:4d} {ahead:5d} {origins:7d} | {of80} | {of95} | {means[10]:5.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
