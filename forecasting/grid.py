"""A long frame laid out as arrays: series down, periods across, the plan beside.

Every series of a frame shares one calendar, so a rectangle holds them all; what was not observed
(before a series began, a gap that was let through) is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Frequency of a grid of fiscal periods, whose first days are no rule's.
FISCAL = "fiscal"
#: Periods of a year up to which a grid is one of months; a calendar may have thirteen.
MOST_MONTHLY = 13
#: Share of periods without a sale from which on a value of a plan column is read as "closed".
CLOSED_SHARE = 0.99
#: With fewer periods at the value nothing is concluded.
CLOSED_NEEDS = 5


@dataclass(frozen=True)
class PlanColumn:
    """A column of the plan: its name, for a categorical one its levels (codes 0, 1, ...), and the
    sign its effect must have (1, -1; 0: any)."""

    name: str
    levels: tuple[str, ...] = ()
    sign: int = 0

    @property
    def is_categorical(self) -> bool:
        return bool(self.levels)


@dataclass(frozen=True)
class Grid:
    """`y` (S, T) of history; `plan` (C, S, T + H) of history and horizon; NaN: not known.

    `season` periods make the short season (7 days of a week), `year` periods a year.
    """

    ids: tuple[str, ...]
    dates: pd.DatetimeIndex
    y: Floats
    plan: Floats
    columns: tuple[PlanColumn, ...]
    freq: str
    season: int
    year: int

    @property
    def monthly(self) -> bool:
        """Months, or fiscal periods of about a month: a year of them is what a week is of days."""
        return self.season == 1 and self.year <= MOST_MONTHLY

    @property
    def naive_season(self) -> int:
        """Periods back to the one that a naive forecast repeats: a week of days, a year of months;
        of weeks the last one."""
        return self.year if self.monthly else self.season

    @property
    def lengths(self) -> Floats:
        """(T + H,) how long each period is beside the usual one; 1 but for fiscal periods, whose
        last plan column says it."""
        if self.freq != FISCAL:
            return np.ones(len(self.dates))
        return np.asarray(np.exp(self.plan[-1, 0]))

    @property
    def known(self) -> int:
        """Periods of history, T."""
        return int(self.y.shape[1])

    @property
    def ahead(self) -> int:
        """Periods of the horizon, H."""
        return len(self.dates) - self.known

    def at(self, cut: int) -> Grid:
        """The grid as it stood at an origin `cut` periods before the end of history.

        Nothing after the origin is kept but the plan of the horizon that follows it.
        """
        if cut == 0:
            return self
        end = self.known - cut
        reach = min(end + self.ahead, len(self.dates))
        return replace(
            self,
            dates=self.dates[:reach],
            y=self.y[:, :end].copy(),
            plan=self.plan[:, :, :reach].copy(),
        )

    def only(self, rows: npt.NDArray[np.intp]) -> Grid:
        """Some of the series."""
        ids = tuple(self.ids[int(row)] for row in rows)
        return replace(self, ids=ids, y=self.y[rows], plan=self.plan[:, rows])

    def blocks(self, size: int) -> Iterator[npt.NDArray[np.intp]]:
        """Row numbers in blocks of at most `size` series."""
        for start in range(0, len(self.ids), size):
            yield np.arange(start, min(start + size, len(self.ids)))


def closed_periods(grid: Grid) -> Bools:
    """(S, T + H): periods in which the plan says that nothing is sold.

    Read from history: a value of a plan column at which at least 99 % of the chain's observed
    periods had no sale closes (a shut shop), and a series' own weekday on which it never sold
    within its last year, while it sold on others, is closed too.
    """
    seen = np.isfinite(grid.y)
    zero = seen & (grid.y == 0)
    closed = np.zeros((len(grid.ids), len(grid.dates)), dtype=bool)
    usual = zero.sum() / max(seen.sum(), 1)
    if usual > 0.9:  # almost nothing is ever sold: a zero tells nothing
        return closed
    for values in grid.plan:
        history = values[:, : grid.known]
        for value in np.unique(history[zero & np.isfinite(history)])[:50]:
            there = seen & (history == value)
            if there.sum() >= CLOSED_NEEDS and zero[there].mean() >= CLOSED_SHARE:
                closed |= values == value
    if grid.freq == "D":
        closed |= _closed_weekdays(grid, seen, closed)
    return closed


def _closed_weekdays(grid: Grid, seen: Bools, closed: Bools) -> Bools:
    weekday = np.arange(len(grid.dates)) % 7
    recent = np.zeros(grid.known, dtype=bool)
    recent[-min(grid.known, 364) :] = True
    out = np.zeros_like(closed)
    open_seen = seen & ~closed[:, : grid.known] & recent
    sold = open_seen & (grid.y != 0)
    for day in range(7):
        here = weekday[: grid.known] == day
        counted = (open_seen & here).sum(axis=1)
        never = (counted >= 8) & ((sold & here).sum(axis=1) == 0)
        # The other days must sell most of the time, or an intermittent series would be shut.
        busy = (sold & ~here).sum(axis=1) > 0.6 * np.maximum((open_seen & ~here).sum(axis=1), 1)
        out[np.ix_(never & busy, weekday == day)] = True
    return out
