"""New series: the launch curves of others, scaled to what the new one has sold so far."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Floats, Grid

#: Share of the launches that must hold one value of a flag or category for it to be an attribute.
ATTRIBUTE = 0.9
#: Least spread of a column between launches, in logs: prices a few percent apart are alike.
LEAST_SPREAD = 0.1
#: Launches needed.
LEAST = 3


class AnalogLaunch:
    """Mean course of the other series' first periods, aligned at their first sale.

    A course counts if it began within the frame (after its first four short seasons). Courses are
    divided by what they sold in as many first periods as the new series has. Those that are alike
    weigh more: exp of minus the distance in log level and, each in units of its spread between
    launches, in the plan's numbers (price, doors, distribution: the log mean since the launch, and
    how it goes on in the horizon) and attributes (a category or flag that a series keeps).
    """

    name = "analog_launch"
    speed: Speed = "quick"
    kinds = frozenset({"new", "short"})

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        y = window.sold
        first = np.array([_first(row) for row in y])
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        launched = np.flatnonzero((first >= 4 * grid.season) & (first < grid.known))
        for row in range(len(grid.ids)):
            age = grid.known - first[row]
            mine = y[row, first[row] :]
            level = float(np.nanmean(mine)) if np.isfinite(mine).any() else 0.0
            if age < 1 or level <= 0:
                continue
            others = launched[
                (launched != row) & (first[launched] + age + grid.ahead <= grid.known)
            ]
            courses = _courses(y, others, first, int(age), grid.ahead)
            start = _mean(courses[:, :age])
            sells = start > 0
            if sells.sum() < LEAST:
                continue
            others, start = others[sells], start[sells]
            shapes = courses[sells, age:] / start[:, None]
            apart = np.abs(np.log(start / level))
            apart += _plans_apart(grid, row, others, first, int(age))
            # The nearest counts whole, so that all being far is no reason to know nothing.
            near = np.exp(apart.min() - apart)
            weight = np.isfinite(shapes) * near[:, None]
            total = weight.sum(axis=0)
            course = (np.nan_to_num(shapes) * weight).sum(axis=0) / np.maximum(total, 1e-9)
            # A place at which all analogs were closed: the course of its neighbours.
            course = np.where(total > 0, course, course[total > 0].mean() if total.any() else 1.0)
            out[row] = level * course
        return window.shut(out)


def _first(y: Floats) -> int:
    sold = np.isfinite(y) & (y > 0)
    return int(sold.argmax()) if sold.any() else len(y)


def _courses(
    values: Floats, rows: npt.NDArray[np.intp], first: npt.NDArray[np.intp], age: int, ahead: int
) -> Floats:
    """(rows, age + ahead) values from each row's launch on."""
    at = first[rows][:, None] + np.arange(age + ahead)[None, :]
    return np.asarray(values[rows[:, None], at])


def _mean(values: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing known: NaN is the answer
        return np.asarray(np.nanmean(values, axis=1))


def _plans_apart(
    grid: Grid,
    row: int,
    others: npt.NDArray[np.intp],
    first: npt.NDArray[np.intp],
    age: int,
) -> Floats:
    """(others,) how far each one's plan since its launch is from the new series' own."""
    out = np.zeros(len(others))
    for column, plan in zip(grid.columns, grid.plan, strict=True):
        own = plan[row, first[row] :][None]
        theirs = _courses(plan, others, first, age, grid.ahead)
        both = np.concatenate([own, theirs])
        values = np.unique(both[np.isfinite(both)])
        if column.is_categorical or (len(values) <= 2 and 0 in values):
            kept = np.nanmax(both, axis=1, initial=-np.inf) == np.nanmin(
                both, axis=1, initial=np.inf
            )
            if kept[0] and kept.mean() >= ATTRIBUTE:
                out += (theirs[:, 0] != own[0, 0]) * 1.0
            continue
        since, later = _mean(both[:, :age]), _mean(both[:, age:])
        if np.nanmin(since) > 0 and np.nanmin(later) > 0:
            measures = [np.log(since), np.log(later / since)]
            least = LEAST_SPREAD
        else:
            measures, least = [since, later - since], 1e-9
        for measure in measures:
            spread = max(float(np.nanstd(measure)), least)
            out += np.nan_to_num(np.abs(measure[1:] - measure[0]) / spread)
    return out
