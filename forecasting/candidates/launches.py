"""New series: the launch curves of others, scaled to what the new one has sold so far."""

from __future__ import annotations

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Floats


class AnalogLaunch:
    """Median course of the other series' first periods, aligned at their first sale.

    A course counts if it began within the frame (after its first four short seasons). Courses are
    divided by what they sold in as many first periods as the new series has; those with a like
    level and like plan (distance in log level) weigh more.
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
            if age < 1:
                continue
            curves, levels = [], []
            for other in launched:
                if other != row and first[other] + age + grid.ahead <= grid.known:
                    own = y[other, first[other] : first[other] + age + grid.ahead]
                    start = np.nanmean(own[:age]) if np.isfinite(own[:age]).any() else 0.0
                    if start > 0:
                        curves.append(own[age:] / start)
                        levels.append(start)
            mine = y[row, first[row] :]
            level = float(np.nanmean(mine)) if np.isfinite(mine).any() else 0.0
            if len(curves) < 3 or level <= 0:
                continue
            near = np.exp(-np.abs(np.log(np.array(levels) / level)))
            stacked = np.array(curves)
            weight = np.isfinite(stacked) * near[:, None]
            total = weight.sum(axis=0)
            course = (np.nan_to_num(stacked) * weight).sum(axis=0) / np.maximum(total, 1e-9)
            # A place at which all analogs were closed: the course of its neighbours.
            course = np.where(total > 0, course, course[total > 0].mean() if total.any() else 1.0)
            out[row] = level * course
        return window.shut(out)


def _first(y: Floats) -> int:
    sold = np.isfinite(y) & (y > 0)
    return int(sold.argmax()) if sold.any() else len(y)
