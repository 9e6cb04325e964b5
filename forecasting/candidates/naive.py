"""The naive that every other candidate is measured against."""

from __future__ import annotations

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Floats

KINDS = frozenset({"regular", "intermittent", "short", "new", "zero"})


class SeasonalNaive:
    """The last open period of the same place in the short season (weekday; of months in the year),
    again and again; of a fiscal period, as much a day."""

    name = "seasonal_naive"
    speed: Speed = "quick"
    kinds = KINDS

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        y = window.sold / grid.lengths[: grid.known]
        season = grid.naive_season
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        place = np.arange(len(grid.dates)) % season
        for step in range(season):
            values = y[:, place[: grid.known] == step]
            ahead = place[grid.known :] == step
            out[:, ahead] = _last(values)[:, None]
        # A weekday or month never seen: the last period seen at all.
        last = _last(y)
        out = np.where(np.isfinite(out), out, last[:, None])
        return window.shut(np.nan_to_num(out) * grid.lengths[grid.known :])


def _last(values: Floats) -> Floats:
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    seen = np.isfinite(values)
    at = np.where(seen.any(axis=1), values.shape[1] - 1 - seen[:, ::-1].argmax(axis=1), 0)
    return np.where(seen.any(axis=1), values[np.arange(len(values)), at], np.nan)


class RecentMean:
    """Mean of the last eight short seasons by place in the season: what short histories get."""

    name = "recent_mean"
    speed: Speed = "quick"
    kinds = KINDS

    def forecast(self, window: Window) -> Floats:
        grid = window.grid
        reach = min(grid.known, 8 * grid.season if grid.season > 1 else 13)
        y = (window.sold / grid.lengths[: grid.known])[:, -reach:]
        place = np.arange(grid.known - reach, len(grid.dates)) % grid.season
        level = _mean(y)
        out = np.repeat(level[:, None], grid.ahead, axis=1)
        for step in range(grid.season):
            values = y[:, place[:reach] == step]
            if values.shape[1] == 0:
                continue
            count = np.isfinite(values).sum(axis=1)
            # One period of the level is added, so that a weekday seen once is not all noise.
            mean = (np.nan_to_num(values).sum(axis=1) + level) / (count + 1)
            out[:, place[reach:] == step] = mean[:, None]
        return window.shut(np.nan_to_num(out) * grid.lengths[grid.known :])


def _mean(values: Floats) -> Floats:
    count = np.isfinite(values).sum(axis=1)
    return np.asarray(np.nan_to_num(values).sum(axis=1) / np.maximum(count, 1))
