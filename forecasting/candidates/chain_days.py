"""What a whole chain sells on a day: a Gaussian process beside the pooled trees.

Trees pool what series do on a kind of day. That all of them together sell more on one Friday than
the plan and the calendar explain is seen once a year, however many series there are; trees take it
for as sure as their rows are many. Here the chain's day is one observation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Bools, Floats, Grid
from forecasting.signals import EASTER_REACH, from_easter

#: Series that make a chain; the median of fewer is one of them.
LEAST_SERIES = 10
#: Share of the series that sell on a day of the chain.
LEAST_OPEN = 0.3
#: Days of history that are looked at: two of each date, and some more.
MOST_DAYS = 800
#: Share of the variance of a plan column that is between days: from there on it is the chain's.
CHAIN_WIDE = 0.9
#: Steps of the search for the parts' variances.
STEPS = 30
#: Deviation of the (normal) prior of the log variances, about equal parts.
PRIOR = 2.5


@dataclass(frozen=True)
class _Learned:
    """Variances of the parts, days of history used, and K^-1 (y - mean) there."""

    variances: Floats
    days: npt.NDArray[np.intp]
    weights: Floats
    mean: float


class ChainDays:
    """The pooled trees, with the chain's days told by a Gaussian process (Rasmussen and Williams
    2006) of the median over series of what the regression leaves of log sales.

    Its covariance is a sum of parts: level, season of the year, date, place in the month, distance
    to Easter, the plan's runs and levels, weekday. Their variances have the largest posterior
    given history; so it is history that says whether a date, a weekday or a promotion's week
    tells more of the next year. Days, many series and a year and a quarter are needed, and no
    signs: what the whole chain's plan brings is not limited.
    """

    name = "chain_days"
    speed: Speed = "pooled"
    kinds = frozenset({"regular", "short"})

    def __init__(self, trees: PooledTrees) -> None:
        self.trees = trees

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        if not _is_chain(grid) or any(column.sign for column in grid.columns):
            return np.full((len(grid.ids), grid.ahead), np.nan)
        if self.trees.name not in window.kept:
            self.trees.forecast(window)
        if self.trees.name not in window.kept:  # too few rows for trees
            return np.full((len(grid.ids), grid.ahead), np.nan)
        told, fitted = window.kept[self.trees.name]
        known = grid.known
        chain = _middle(window.log_sales - fitted[:, :known])
        if np.isfinite(chain).sum() < grid.year:
            return np.full(told.shape, np.nan)
        parts = _parts(grid)
        if self.name not in window.learned:
            window.learned[self.name] = _learn(parts, chain)
        learned: _Learned = window.learned[self.name]
        ahead = learned.mean + _between(parts, learned, known) @ learned.weights
        with np.errstate(divide="ignore"):
            log = np.where(told > 0, np.log(told), np.nan)
        step = ahead - _middle(log - fitted[:, known:])
        # On days on which the chain is shut, the few that sell are the trees' own.
        return window.shut(told * np.exp(np.nan_to_num(step)))


def _is_chain(grid: Grid) -> bool:
    return grid.freq == "D" and len(grid.ids) >= LEAST_SERIES and grid.known >= 1.25 * grid.year


def _middle(log: Floats) -> Floats:
    """(T,) median over the series that sell; NaN on days on which few do."""
    seen = np.isfinite(log)
    out = np.full(log.shape[1], np.nan)
    enough = np.flatnonzero(seen.sum(axis=0) >= LEAST_OPEN * len(log))
    if len(enough):
        out[enough] = np.nanmedian(log[:, enough], axis=0)
    return out


def _near(distance: Floats, length: float) -> Floats:
    return np.asarray(np.exp(-0.5 * np.square(distance / length)))


def _parts(grid: Grid) -> Floats:
    """(parts, N, N) covariances of unit size between days, history's last days and horizon; the
    last is noise."""
    first = max(grid.known - MOST_DAYS, 0)
    dates = grid.dates[first:]
    t = np.arange(len(dates), dtype=float)
    apart = np.abs(t[:, None] - t)
    length = np.where(dates.is_leap_year, 366, 365)
    place = (dates.dayofyear.to_numpy() - 1) / length
    around = np.abs(place[:, None] - place)
    in_year = 365.25 * np.minimum(around, 1 - around)
    weekday = dates.dayofweek.to_numpy()
    same_weekday = weekday[:, None] == weekday
    season = _near(in_year, 15.0)
    out = [
        *(np.exp(-apart / scale) for scale in (15.0, 60.0, 365.0)),
        season, _near(in_year, 1.5), _near(in_year, 0.4), _near(_in_month(dates), 2.0),
        _near_easter(dates),
        ((t[:, None] + weekday[0]) // 7 == (t + weekday[0]) // 7) * 1.0,
        *_plan_parts(grid, first, weekday, season, same_weekday),
        np.eye(len(dates)),
    ]  # fmt: skip
    return np.stack(out)


def _in_month(dates: pd.DatetimeIndex) -> Floats:
    """(N, N) days between places in the month: to its end when that is near, else from its first;
    the fifteenth and later are one place."""
    day = np.asarray(dates.day, dtype=float)
    left = np.asarray(dates.days_in_month, dtype=float) - day
    place = np.where(left < 10, -left - 1, np.minimum(day, 15))
    return np.asarray(np.abs(place[:, None] - place))


def _near_easter(dates: pd.DatetimeIndex) -> Floats:
    days = from_easter(dates).astype(float)
    near = np.abs(days) < EASTER_REACH
    return np.asarray(_near(days[:, None] - days, 1.5) * (near[:, None] & near))


def _plan_parts(
    grid: Grid, first: int, weekday: npt.NDArray[np.intp], season: Floats, same_weekday: Bools
) -> list[Floats]:
    """Parts of the plan: levels of what differs between series, and, of what the whole chain does
    at once, the season under the same plan and the runs of weeks with it."""
    linear = np.zeros_like(season)
    alike = np.ones(season.shape, dtype=bool)
    runs: list[npt.NDArray[np.intp]] = []
    past = grid.known - first
    for column, values in zip(grid.columns, grid.plan[:, :, first:], strict=True):
        seen = np.isfinite(values)
        mean = np.where(seen, values, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        known = values[:, :past][seen[:, :past]]
        whole = float(known.var()) if len(known) else 0.0
        if whole <= 0:
            continue
        usual = mean[:past].mean()
        if column.is_categorical or mean[:past].var() < CHAIN_WIDE * whole:
            level = (mean - usual) / np.sqrt(whole)
            linear += np.outer(level, level)
            continue
        alike &= np.abs(mean[:, None] - mean) < np.sqrt(whole)
        runs.append(_run(mean > usual, weekday))
    out = [linear] if linear.any() else []
    if runs:
        kind = np.unique(np.stack(runs), axis=1, return_inverse=True)[1].ravel()
        same_run = kind[:, None] == kind
        out += [
            season * alike,
            season * (alike & same_weekday),
            same_run * 1.0,
            (same_run & same_weekday) * 1.0,
        ]
    return out


def _run(on: Bools, weekday: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """(N,) kind of week of each day: how many weeks in a row the plan has been on, and whether it
    was the week before and will be the week after."""
    week = (np.arange(len(on)) + weekday[0]) // 7
    running = np.zeros(week[-1] + 1, dtype=bool)
    np.logical_or.at(running, week, on)
    count = np.zeros(len(running), dtype=np.intp)
    for number, now in enumerate(running):
        count[number] = (count[number - 1] if number else 0) + 1 if now else 0
    before, after = np.r_[False, running[:-1]], np.r_[running[1:], False]
    return np.asarray((count * 4 + before * 2 + after)[week])


def _learn(parts: Floats, chain: Floats) -> _Learned:
    """Variances at the largest posterior, by the gradient of the marginal likelihood."""
    y = chain[-MOST_DAYS:]
    days = np.flatnonzero(np.isfinite(y))
    mean = float(y[days].mean())
    left = y[days] - mean
    size = float(left.var()) + 1e-12
    own = np.ascontiguousarray(parts[:, days][:, :, days])
    jitter = 1e-5 * size * np.eye(len(days))
    centre = np.log(size / len(own))

    def loss(log: Floats) -> tuple[float, Floats]:
        variances = np.exp(log)
        factor = cho_factor(np.tensordot(variances, own, axes=1) + jitter, lower=True)
        weights = cho_solve(factor, left)
        # The trace of K^-1 dK and the quadratic form, both from one matrix.
        inner = cho_solve(factor, np.eye(len(days))) - np.outer(weights, weights)
        slope = 0.5 * variances * np.tensordot(own, inner, axes=2)
        far = (log - centre) / PRIOR
        value = 0.5 * left @ weights + np.log(np.diag(factor[0])).sum() + 0.5 * far @ far
        return float(value), slope + far / PRIOR

    found = minimize(
        loss, np.full(len(own), centre), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    )
    variances = np.exp(found.x)
    factor = cho_factor(np.tensordot(variances, own, axes=1) + jitter, lower=True)
    return _Learned(variances, days, cho_solve(factor, left), mean)


def _between(parts: Floats, learned: _Learned, known: int) -> Floats:
    """(H, days) covariance of the horizon's days with those learned from; noise is of one day."""
    start = min(known, MOST_DAYS)
    some = parts[:-1, start:][:, :, learned.days]
    return np.asarray(np.tensordot(learned.variances[:-1], some, axes=1))
