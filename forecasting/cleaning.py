"""Dirty histories: level shifts, stock-outs and outliers are found, named, and not learned from.

All of it is read from history before an origin, on log sales beside the regression with the plan
and beside the chain's own day, so that a promotion or a day bad for everybody is none of these.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from forecasting.grid import Bools, Floats, Grid
from forecasting.signals import EASTER_REACH, from_easter

Kind = Literal["level_shift", "stock_out", "outlier", "stopped"]

#: Series from which on a day has a course of the chain of its own.
CHAIN = 5
#: Critical value of the largest F statistic over all places of a shift but 5 % at either end: one
#: false alarm in a hundred series (Andrews 1993, table I, one parameter).
SHIFT_F = 13.01
#: Smallest shift, in logs: a third up or a quarter down. A smaller one is left to recent levels.
SHIFT_LEAST = 0.29
#: Short seasons (weeks; periods where there is none) after a shift, and beside it, looked at.
SHIFT_AFTER, SHIFT_BESIDE = 4, 8
#: Shifts of one series at most.
SHIFTS = 3
#: An outlier: this many robust deviations away, and at least this factor in logs.
OUTLIER, OUTLIER_LEAST = 6.0, float(np.log(2.5))
#: A stock-out of lows: so many periods in a row this far below, and half of what is usual gone.
LOW_RUN, LOW, LOW_LEAST = 3, 3.0, float(np.log(2))
#: A lone zero of a series that else always sells: share of zeros and log noise up to which.
RARE_ZEROS, QUIET = 0.02, 0.5
#: Zeros in a row are no chance if as many are expected in fewer than one history of a hundred.
CHANCE = 0.01
#: Short seasons (or periods) of zeros at the end from which on a busy series has stopped selling.
STOPPED = 8
#: Observed periods below which nothing is looked for.
LEAST = 60


@dataclass(frozen=True)
class Found:
    """What was found: kind, row of the grid, first and last period, and its size (log of after /
    before, or of sold / expected; minus infinity for nothing sold)."""

    kind: Kind
    row: int
    first: int
    last: int
    size: float


@dataclass(frozen=True)
class Cleaned:
    """`y` (S, T): history at the level of its end, NaN where nothing can be learned; what was
    found in it."""

    y: Floats
    found: tuple[Found, ...]

    @property
    def moved(self) -> Floats:
        """(S, T) what level shifts after a period have added to its log."""
        out = np.zeros(self.y.shape)
        for one in self.found:
            if one.kind == "level_shift":
                out[one.row, : one.first] += one.size
        return out

    def only(self, rows: npt.NDArray[np.intp]) -> Cleaned:
        """Of some of the series."""
        place = {int(row): number for number, row in enumerate(rows)}
        found = tuple(replace(f, row=place[f.row]) for f in self.found if f.row in place)
        return Cleaned(self.y[rows], found)


def cleaned(grid: Grid, closed: Bools, residual: Floats) -> Cleaned:
    """History without its stock-outs and outliers, brought to the level of its end.

    Args:
        closed: (S, T + H).
        residual: (S, T) log sales beside the regression with the plan, NaN where none.
    """
    y = grid.y.copy()
    left = _beside_chain(residual)
    found: list[Found] = []
    for shift in _shifts(left, grid):
        y[shift.row, : shift.first] *= np.exp(shift.size)
        left[shift.row, : shift.first] += shift.size
        found.append(shift)
    left = left - _local_level(left, grid)
    noise = _deviation(left)
    opened = np.isfinite(grid.y) & ~closed[:, : grid.known]
    for row in range(len(y)):
        if np.isfinite(left[row]).sum() >= (LEAST if grid.season > 1 else LEAST // 2):
            found += _zeros(grid, opened[row], row, noise[row])
            found += _lows(left[row], row, noise[row])
    gone = np.zeros(y.shape, dtype=bool)
    for one in found:
        if one.kind == "stock_out":
            gone[one.row, one.first : one.last + 1] = True
    strange = np.abs(left) > np.maximum(OUTLIER * noise[:, None], OUTLIER_LEAST)
    strange &= ~gone & ~_came_before(strange, grid)
    strange &= (np.isfinite(left).sum(axis=1) >= LEAST)[:, None]
    for row, at in zip(*np.nonzero(strange), strict=True):
        found.append(Found("outlier", int(row), int(at), int(at), float(left[row, at])))
    y[gone | strange] = np.nan
    return Cleaned(y, tuple(sorted(found, key=lambda one: (one.row, one.first))))


def named(cleaned: Cleaned, grid: Grid) -> list[dict[str, Any]]:
    """What was found, for a reader: kind, series, first and last date, change in percent."""
    return [
        {
            "kind": one.kind,
            "series": grid.ids[one.row],
            "first": str(grid.dates[one.first].date()),
            "last": str(grid.dates[one.last].date()),
            "percent": round(float(np.expm1(one.size)) * 100, 1),
        }
        for one in cleaned.found
    ]


def _beside_chain(residual: Floats) -> Floats:
    many = np.isfinite(residual).sum(axis=0) >= CHAIN
    day = np.zeros(residual.shape[1])
    day[many] = np.nanmedian(residual[:, many], axis=0)
    return np.asarray(residual - day)


def _weeks(left: Floats, grid: Grid) -> tuple[Floats, int]:
    """(S, W) medians of short seasons counted back from the end, and the first one's start."""
    size = grid.season
    start = left.shape[1] % size
    blocks = left[:, start:].reshape(len(left), -1, size)
    return _median(blocks, least=min(3, size)), start


def _median(values: Floats, least: int) -> Floats:
    count = np.isfinite(values).sum(axis=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # empty ones are set beside
        middle = np.nanmedian(values, axis=-1)
    return np.where(count >= least, middle, np.nan)


def _shifts(left: Floats, grid: Grid) -> list[Found]:
    """Shifts of level, strongest first in each series; `first` is the first period after it."""
    weeks, start = _weeks(left, grid)
    out = []
    for row in range(len(weeks)):
        seen = np.flatnonzero(np.isfinite(weeks[row]))
        w = weeks[row, seen]
        for _ in range(SHIFTS):
            place = _shift(w)
            if place is None:
                break
            first = start + int(seen[place]) * grid.season
            size = _step(w, place)
            out.append(Found("level_shift", row, first, first, size))
            w = w.copy()
            w[:place] += size
    return out


def _shift(w: Floats) -> int | None:
    """The place of the strongest shift of level that passes the test, or None."""
    n = len(w)
    edge = max(SHIFT_AFTER, int(np.ceil(0.05 * n)))
    if n < 2 * SHIFT_BESIDE + SHIFT_AFTER:
        return None
    places = np.arange(max(edge, SHIFT_BESIDE), n - edge + 1)
    total = np.cumsum(w)
    before = total[places - 1] / places
    after = (total[-1] - total[places - 1]) / (n - places)
    size = np.square(after - before) * places * (n - places) / n
    place = int(places[size.argmax()])
    rest = np.r_[w[:place] - w[:place].mean(), w[place:] - w[place:].mean()]
    # Weeks that go together make a shift look surer than it is: long-run variance of an AR(1).
    variance = np.square(rest).sum() / (n - 2)
    together = (rest[1:] * rest[:-1]).sum() / max(np.square(rest).sum(), 1e-12)
    together = min(max(together + 2 / n, 0.0), 0.9)
    long_run = max(variance * (1 + together) / (1 - together), 1e-8)
    if size.max() / long_run < SHIFT_F or abs(_step(w, place)) < SHIFT_LEAST:
        return None
    # A slope is no shift: near it, a step must tell the weeks better than a line.
    near = w[max(place - SHIFT_BESIDE, 0) : place + SHIFT_BESIDE]
    cut = min(place, SHIFT_BESIDE)
    step = np.square(near[:cut] - near[:cut].mean()).sum()
    step += np.square(near[cut:] - near[cut:].mean()).sum()
    at = np.arange(len(near))
    line = np.square(near - np.polyval(np.polyfit(at, near, 1), at)).sum()
    return place if step < 0.8 * line else None


def _step(w: Floats, place: int) -> float:
    """Size of a shift: medians of the weeks beside it."""
    after = w[place : place + SHIFT_BESIDE]
    return float(np.median(after) - np.median(w[max(place - SHIFT_BESIDE, 0) : place]))


def _local_level(left: Floats, grid: Grid) -> Floats:
    weeks, start = _weeks(left, grid)
    if weeks.shape[1] == 0:
        return np.zeros_like(left)
    reach = SHIFT_BESIDE
    padded = np.pad(weeks, ((0, 0), (reach, reach)), constant_values=np.nan)
    around = _median(sliding_window_view(padded, 2 * reach + 1, axis=1), least=1)
    level = np.repeat(np.nan_to_num(around), grid.season, axis=1)
    return np.concatenate([np.repeat(level[:, :1], start, axis=1), level], axis=1)


def _deviation(left: Floats) -> Floats:
    """(S,) robust deviation: median absolute value, as of a normal; at least 2 %."""
    return np.maximum(np.nan_to_num(_median(np.abs(left), least=1)) / 0.6745, 0.02)


def _runs(flags: Bools) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[0, flags.astype(int), 0]))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _zeros(grid: Grid, opened: Bools, row: int, noise: float) -> list[Found]:
    """Runs of open periods without a sale that are no chance; the row's first sale began it."""
    at = np.flatnonzero(opened)
    sold = grid.y[row, at] > 0
    if not sold.any() or sold.mean() < 0.5:
        return []
    at, sold = at[sold.argmax() :], sold[sold.argmax() :]
    zeros, n = int((~sold).sum()), len(sold)
    stopped = STOPPED * grid.season if grid.freq[0] in {"D", "W"} else STOPPED // 2
    out = []
    for a, b in _runs(~sold):
        length = b - a + 1
        share = (zeros - length + 1) / (n - length + 1)
        alone = zeros <= RARE_ZEROS * n and noise <= QUIET
        if not (alone or n * share**length <= CHANCE):
            continue
        ended = b == n - 1
        # The calendar, not the open periods alone, says how long ago the last sale was.
        kind: Kind = "stopped" if ended and at[b] - at[a] + 1 >= stopped else "stock_out"
        out.append(Found(kind, row, int(at[a]), int(at[b]), -np.inf))
    return out


def _lows(left: Floats, row: int, noise: float) -> list[Found]:
    at = np.flatnonzero(np.isfinite(left))
    low = left[at] < -max(LOW * noise, 0.0)
    out = []
    for a, b in _runs(low):
        size = float(left[at[a : b + 1]].mean())
        if b - a + 1 >= LOW_RUN and size < -LOW_LEAST:
            out.append(Found("stock_out", row, int(at[a]), int(at[b]), size))
    return out


def _came_before(strange: Bools, grid: Grid) -> Bools:
    """What came at the same time of another year, by date or by distance to Easter (Carnival,
    Whitsun), is a season that the plan does not tell."""
    days = grid.dates[: grid.known]
    number = days.to_numpy().astype("datetime64[D]").astype(int)
    easter = from_easter(days)
    near = {"D": 3, "W": 7}.get(grid.freq[0], 31)  # months, fiscal periods
    out = np.zeros_like(strange)
    for row in np.flatnonzero(strange.any(axis=1)):
        at = np.flatnonzero(strange[row])
        apart = np.abs(number[at][:, None] - number[at][None, :])
        years = np.round(apart / 365.25)
        dated = (years > 0) & (np.abs(apart - 365.25 * years) <= near + 1)
        moved = np.abs(easter[at][:, None] - easter[at][None, :]) <= near - 2
        moved &= (years > 0) & (np.abs(easter[at]) <= EASTER_REACH)[:, None]
        out[row, at] = (dated | moved).any(axis=1)
    return out
