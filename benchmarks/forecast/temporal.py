"""Days made to agree with forecasts of their weeks, on Rossmann's tuning shops.

    python benchmarks/forecast/temporal.py [--shops 24]

42 days from six origins. Weeks run backwards from the end of the data, so every origin ends one.
The same candidates race on days and on weeks; each shop's week and its seven days are then
reconciled: half the gap to each side by structural weights, forecast proportions (days follow their
week), and MinT with the errors of both at earlier origins (forecasting/reconciling.py).
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from hierarchicalforecast.methods import MinTrace
from rich.console import Console
from rich.table import Table
from shops import laid, sample, table

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.regression import LogOls
from forecasting.grid import Floats, Grid
from forecasting.longframe import lay_out
from forecasting.race import Race, cuts_before
from forecasting.reconciling import Reconcile, reconciled
from forecasting.weighing import mixed, weights_at

HORIZON, WEEK = 42, 7
#: Days before the end of the data, each a whole number of weeks.
CUTS = (42, 84, 126, 168, 210, 252)
CANDIDATES = (SeasonalNaive(), RecentMean(), LogOls(), PooledTrees())
SUMMING = np.ones((1, WEEK))


def weekly(days: Grid) -> Grid:
    """Sums of seven days and the plan's means over them; a kind of holiday is a share of days."""
    first = days.known % WEEK
    S, T = days.y.shape[0], days.known // WEEK
    sums = days.y[:, first:].reshape(S, T, WEEK).sum(axis=2)
    long = {
        "shop": np.repeat(np.array(days.ids, dtype=object), T),
        "week": np.tile(days.dates[first : days.known : WEEK].to_numpy(), S),
        "sales": sums.ravel(),
    }
    for column, values in zip(days.columns, days.plan, strict=True):
        told = {column.name: values}
        if column.is_categorical:
            kinds = enumerate(column.levels[1:], start=1)
            told = {f"{column.name} {kind}": values == code for code, kind in kinds}
        for name, cells in told.items():
            past = cells[:, first : days.known].astype(float)
            long[name] = past.reshape(S, T, WEEK).mean(axis=2).round(6).ravel()
    frame = pd.DataFrame(long)
    plan = [name for name in frame if name not in {"shop", "week", "sales"}]
    return lay_out(
        frame, None, series=["shop"], date="week", target="sales", horizon=HORIZON // WEEK,
        gaps="unknown", plan_columns=plan,
    ).grid  # fmt: skip


def by_weekday(values: Floats) -> Floats:
    """(S, H) -> (7, S * weeks): the days of a week below each other."""
    return values.reshape(-1, WEEK).T


def by_shop(values: Floats, shops: int) -> Floats:
    return values.T.reshape(shops, -1)


def at_origin(
    race: Race, weeks: Race, cut: int, weights: tuple[dict[str, dict[str, float]], ...]
) -> tuple[Reconcile, Floats]:
    """Each shop's week as a sum of seven days; and what came."""
    told = race.at(cut, whole=True)
    mean, _ = mixed(told, weights[0])
    upper, _ = mixed(weeks.at(cut // WEEK, whole=True), weights[1])
    shut = by_weekday(told.shut)
    # A week of closed days only is nothing.
    upper = np.where(shut.all(axis=0), 0.0, upper.reshape(1, -1))
    return Reconcile(by_weekday(mean), upper, shut), by_weekday(race.actual(cut))


def structural(now: Reconcile) -> Floats:
    """Weighted least squares with the number of days as each node's variance."""
    out = np.zeros_like(now.mean)
    for pattern in np.unique(~now.shut.T, axis=0):
        columns = np.flatnonzero((pattern == ~now.shut.T).all(axis=1))
        opened = np.flatnonzero(pattern)
        if len(opened) < 2:
            out[:, columns] = now.mean[:, columns]
            continue
        whole = np.r_[np.ones((1, len(opened))), np.eye(len(opened))]
        base = np.r_[now.upper, now.mean[opened]][:, columns]
        answer = MinTrace("wls_struct").fit_predict(S=whole, y_hat=base)["mean"][1:]
        out[np.ix_(opened, columns)] = np.maximum(answer, 0.0)
    return out


def missed(mean: Floats, actual: Floats) -> Floats:
    """WAPE of days and of weeks, and the error of the chain's horizon."""
    gap = mean - actual
    parts = [np.abs(gap).sum(), np.abs(gap.sum(axis=0)).sum(), np.abs(gap.sum())]
    return 100 * np.array(parts) / actual.sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=24)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    days = laid(sample(table(), asked.shops, judged=False), HORIZON).grid
    race = Race(days, candidates=CANDIDATES)
    weeks = Race(weekly(days), candidates=CANDIDATES)
    assert weeks.grid.ids == days.ids
    ways = ("days alone", "weeks alone", "structural", "proportions", "MinT")
    shown = Table(title="WAPE of days / of weeks, error of the chain's 42 days, all in %")
    for heading in ("origin", *ways):
        shown.add_column(heading, justify="right")
    errors: dict[str, list[Floats]] = {way: [] for way in ways}
    for cut in sorted(CUTS, reverse=True):
        weights = (weights_at(race, cut)[0], weights_at(weeks, cut // WEEK)[0])
        now, actual = at_origin(race, weeks, cut, weights)
        past = [at_origin(race, weeks, c, weights) for c in cuts_before(days, cut)]
        older = ([one for one, _ in past], [came for _, came in past], SUMMING)
        found = {
            "days alone": now.mean,
            "structural": structural(now),
            "proportions": reconciled(now, *older, "top_down"),
            "MinT": reconciled(now, *older, "mint_shrink"),
        }
        for way, mean in found.items():
            if mean is not None:
                errors[way].append(missed(mean, actual))
        gap = now.upper[0] - actual.sum(axis=0)
        alone = 100 * np.array([np.nan, np.abs(gap).sum(), np.abs(gap.sum())]) / actual.sum()
        errors["weeks alone"].append(alone)
        origin = str(days.dates[days.known - 1 - cut].date())
        shown.add_row(origin, *[_cell(errors[way][-1]) for way in ways])
    means = [_cell(np.mean(errors[way], axis=0)) for way in ways]
    shown.add_row("mean", *means)
    Console(width=150).print(shown)


def _cell(values: Floats) -> str:
    return " / ".join("" if np.isnan(value) else f"{value:.2f}" for value in values)


if __name__ == "__main__":
    main()
