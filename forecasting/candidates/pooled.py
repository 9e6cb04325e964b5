"""One gradient-boosted model over all series, with the plan (LightGBM through mlforecast)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.candidates.boosting import Trees, asked, fitted_trees, rows_of
from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import smearing
from forecasting.grid import Floats
from forecasting.signals import (
    Course,
    Singles,
    calendar_signals,
    course_signals,
    plan_signals,
    recent_level,
)

#: Short seasons (weeks) that the trees are asked about again, for the level they leave.
LEVEL_SEASONS = 26
#: Series asked at once.
BLOCK = 200


@dataclass(frozen=True)
class _Learned:
    """The trees; (S, 1) the level of the last weeks beside them, and from median to mean."""

    forecaster: Any
    level: Floats
    smear: Floats


class PooledTrees:
    """Boosted trees on what the regression leaves of log sales, over all series at once.

    A row is a period of a series: the plan on the days before and after, its runs, the calendar
    and the series' own effects. No lag of sales is used, so no forecast feeds on a forecast. The
    level that goes on is what regression and trees together leave of the last weeks: beside the
    regression alone, weeks before Christmas would count as a new level.
    """

    speed: Speed = "pooled"
    kinds = frozenset({"regular", "short"})

    def __init__(self, name: str = "lightgbm", settings: Trees | None = None) -> None:
        self.name = name
        self.settings = settings or Trees()

    def forecast(self, window: Window) -> Floats:
        grid, z = window.grid, window.log_sales
        names, signals, course = _signals(window)
        known = grid.known
        if np.isfinite(z).sum() < 5 * self.settings.least_rows:
            return np.full((len(grid.ids), grid.ahead), np.nan)
        if self.name not in window.learned:
            window.learned[self.name] = self._learn(window, names, signals, course)
        learned = window.learned[self.name]
        # No lag of sales is among the signals, so all periods are told at once: mlforecast's own
        # predict would go step by step.
        extra = asked(learned.forecaster, names, signals[:, :, known:])
        log = course.fitted[:, known:] + learned.level + extra
        told = window.shut(np.exp(log) * learned.smear)
        window.kept[self.name] = (told, course.fitted)
        return told

    def _learn(
        self, window: Window, names: list[str], signals: Singles, course: Course
    ) -> _Learned:
        grid, z = window.grid, window.log_sales
        known = grid.known
        left = z - course.fitted[:, :known]
        kept, weight = rows_of(window, self.settings)
        target = np.nan_to_num(left - course.around)
        forecaster = fitted_trees(
            window, self.settings, names, signals[:, :, :known], kept, target, weight
        )
        start = max(known - LEVEL_SEASONS * grid.season, 0)
        for row in range(0, len(z), BLOCK):
            rows = slice(row, row + BLOCK)
            left[rows, start:] -= asked(forecaster, names, signals[:, rows, start:known])
        recent = left[:, start:]
        return _Learned(forecaster, recent_level(recent, grid)[:, None], smearing(window, recent))


def _signals(window: Window) -> tuple[list[str], Singles, Course]:
    grid = window.grid
    names, plan = plan_signals(grid, window.closed)
    calendar_names, calendar = calendar_signals(grid)
    course = course_signals(window.log_sales, window.design, grid, window.limits)
    shape = (len(calendar), len(grid.ids), len(grid.dates))
    signals = np.concatenate([plan, np.broadcast_to(calendar[:, None, :], shape), course.signals])
    return [*names, *calendar_names, *course.names], signals, course
