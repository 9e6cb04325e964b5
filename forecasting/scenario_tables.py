"""The table of a scenario: differences in cents that sum, and quantiles of their draws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import PATHS, QUANTILES
from forecasting.grid import Floats
from forecasting.hierarchy import groups_of
from forecasting.longframe import LaidOut
from forecasting.periods import Span, spans_of
from forecasting.rounding import Cents, rounded_to

ALL = "all"
#: Rows of the grid, and draws (plans, rows, PATHS, H) of each plan's difference to the first.
Drawn = tuple[npt.NDArray[np.intp], Floats]


@dataclass(frozen=True)
class Parts:
    """`drivers`: columns that differ; `weights` (k, plans) make their parts of the plans' `means`
    (plans, S, H); `full`: which of the plans has all columns changed (the first has none)."""

    drivers: list[str]
    weights: Floats
    means: Floats
    full: int

    def cents(self) -> tuple[Cents, Cents]:
        """(S, H) difference, and (k, S, H) parts that sum to it exactly."""
        cents = np.rint(self.means * 100).astype(np.int64)
        whole = cents[self.full] - cents[0]
        if not self.drivers:
            return whole, np.zeros((0, *whole.shape), dtype=np.int64)
        raw = np.tensordot(self.weights, self.means * 100, axes=1)
        return whole, rounded_to(whole, raw)


def scenario_table(laid: LaidOut, parts: Parts, blocks: Iterable[Drawn]) -> pd.DataFrame:
    """One row a level (`total`, a series column that groups, `series`), member, driver and span.

    `mean` is the difference; `mean_against` and `mean_plan`, in rows of driver `all`, are the two
    forecasts it is the difference of. Every mean is a sum of whole cents.
    """
    whole, each = parts.cents()
    k = len(parts.drivers)
    spans = spans_of(laid.grid)
    groups = groups_of(laid.keys)
    member = {label: set(map(int, rows)) for label, rows in groups.items()}
    H = laid.grid.ahead
    sums = {label: np.zeros((k + 1, PATHS, H)) for label in groups}
    cents = np.concatenate([whole[None], each])
    table = _Rows(laid, parts, cents, spans)
    seen = np.zeros(len(whole), dtype=bool)
    for rows, drawn in blocks:
        own = np.concatenate([drawn[[parts.full]], np.tensordot(parts.weights, drawn, axes=1)])
        for label, members in member.items():
            here = [place for place, row in enumerate(rows) if int(row) in members]
            if here:
                sums[label] += own[:, here].sum(axis=1)
        for place, row in enumerate(rows):
            table.add("series", laid.grid.ids[int(row)], np.array([row]), own[:, place])
        seen[rows] = True
    nothing = np.zeros((k + 1, 1, H))
    for row in np.flatnonzero(~seen):
        table.add("series", laid.grid.ids[int(row)], np.array([row]), nothing)
    for label, rows in groups.items():
        table.add(*label, rows, sums[label])
    return table.frame()


class _Rows:
    def __init__(self, laid: LaidOut, parts: Parts, cents: Cents, spans: list[Span]) -> None:
        self.dates = laid.grid.dates[laid.grid.known :]
        self.drivers = [ALL, *(f"plan:{name}" for name in parts.drivers)]
        self.same = [
            f"plan:{c.name}" for c in laid.grid.columns if c.name not in set(parts.drivers)
        ]
        self.cents = cents
        self.both = np.rint(parts.means[[0, parts.full]] * 100).astype(np.int64)
        self.spans = spans
        # (spans, H): which periods a span sums.
        self.inside = np.array(
            [[first <= h <= last for h in range(len(self.dates))] for first, last in spans],
            dtype=np.int64,
        )
        self.pieces: list[pd.DataFrame] = []

    def add(self, level: str, key: str, rows: npt.NDArray[np.intp], draws: Floats) -> None:
        """Rows of one member; `draws` (1 + k, paths, H) of the difference and its parts."""
        mean = self.cents[:, rows].sum(axis=1) @ self.inside.T  # (1 + k, spans)
        both = self.both[:, rows].sum(axis=1) @ self.inside.T
        summed = draws @ self.inside.T.astype(float)  # (1 + k, paths, spans)
        bounds = np.quantile(summed, list(QUANTILES.values()), axis=1)
        bounds = bounds - summed.mean(axis=1) + mean / 100
        # Where every draw has one sign (limits on signs), no bound is moved over zero.
        bounds = np.where(summed.min(axis=1) >= 0, np.maximum(bounds, 0.0), bounds)
        bounds = np.where(summed.max(axis=1) <= 0, np.minimum(bounds, 0.0), bounds)
        bounds = np.round(bounds, 2) + 0.0
        spans = len(self.spans)
        count = len(self.drivers)
        columns: dict[str, Any] = {
            "level": level,
            "key": key,
            "driver": np.repeat(np.array([*self.drivers, *self.same], dtype=object), spans),
        }
        first, last = (np.array([span[i] for span in self.spans]) for i in (0, 1))
        times = count + len(self.same)
        columns["ds"] = np.tile(self.dates[first].to_numpy(), times)
        columns["ds_last"] = np.tile(self.dates[last].to_numpy(), times)
        nothing = np.zeros(len(self.same) * spans)
        columns["mean"] = np.r_[mean.ravel() / 100, nothing]
        for name, bound in zip(QUANTILES, bounds, strict=True):
            columns[name] = np.r_[bound.ravel(), nothing]
        blank = np.full((times - 1) * spans, np.nan)
        columns["mean_against"] = np.r_[both[0] / 100, blank]
        columns["mean_plan"] = np.r_[both[1] / 100, blank]
        self.pieces.append(pd.DataFrame(columns))

    def frame(self) -> pd.DataFrame:
        table = pd.concat(self.pieces, ignore_index=True)
        order = {"total": 0, "series": 2}
        table["_level"] = table["level"].map(lambda level: order.get(level, 1))
        return table.sort_values("_level", kind="stable", ignore_index=True).drop(columns="_level")
