"""The table of a scenario: differences in cents that sum, and quantiles of their draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import PATHS, QUANTILES
from forecasting.grid import Floats
from forecasting.hierarchy import groups_of
from forecasting.longframe import LaidOut
from forecasting.periods import spans_of
from forecasting.rounding import Cents, rounded_to
from forecasting.totals import Sums

ALL = "all"
#: Rows of the grid, and draws (1 + k, rows, PATHS, H) of their difference and its k parts.
Drawn = tuple[npt.NDArray[np.intp], Floats]


@dataclass(frozen=True)
class Parts:
    """`drivers`: names of what differs; `raw` (k, S, H): their parts; `against` and `plan` (S, H):
    the two forecasts, to the cent; `same`: names of what does not differ."""

    drivers: list[str]
    raw: Floats
    against: Floats
    plan: Floats
    same: list[str]

    def cents(self) -> tuple[Cents, Cents]:
        """(2, S, H) of the two forecasts, and (1 + k, S, H) of the difference and of parts that
        sum to it exactly."""
        both = np.rint(np.stack([self.against, self.plan]) * 100).astype(np.int64)
        whole = both[1] - both[0]
        if not self.drivers:
            return both, whole[None]
        return both, np.concatenate([whole[None], rounded_to(whole, self.raw * 100)])


class ScenarioRows:
    """One row a level (`total`, levels between, `series`), member, driver and span.

    `mean` is the difference; `mean_against` and `mean_plan`, in rows of driver `all`, are the two
    forecasts it is the difference of. Every mean is a sum of whole cents. Rows of a fiscal period
    have its name (`period`) and a `status`: what of it lies in history differs in nothing.

    Args:
        laid: the whole frame; its series may come in parts.
        drivers, same: as in `Parts`, alike in all of them.
    """

    def __init__(self, laid: LaidOut, drivers: list[str], same: list[str], sums: Sums) -> None:
        self.ids = laid.grid.ids
        self.groups = groups_of(laid.keys, sums.levels)
        k, S, H = len(drivers), len(self.ids), laid.grid.ahead
        self.found = {label: np.zeros((k + 1, PATHS, H)) for label in self.groups}
        self.both = np.zeros((2, S, H), dtype=np.int64)
        self.cents = np.zeros((1 + k, S, H), dtype=np.int64)
        self.dates = laid.grid.dates[laid.grid.known :]
        self.drivers = [ALL, *drivers]
        self.same = same
        fiscal = sums.fiscal(laid)
        self.spans = [*spans_of(laid.grid), *(own.ahead for own in fiscal)]
        blank = [""] * (len(self.spans) - len(fiscal))
        self.periods = [*blank, *(own.name for own in fiscal)] if fiscal else []
        self.status = [*blank, *(own.status for own in fiscal)]
        # (spans, H): which periods a span sums.
        self.inside = np.array(
            [[first <= h <= last for h in range(len(self.dates))] for first, last in self.spans],
            dtype=np.int64,
        )
        self.series: dict[int, pd.DataFrame] = {}

    def take(self, rows: npt.NDArray[np.intp], parts: Parts, blocks: Iterable[Drawn]) -> None:
        """Series `rows` of the frame, with draws whose rows are those of the part."""
        self.both[:, rows], self.cents[:, rows] = parts.cents()
        member = {label: set(map(int, own)) for label, own in self.groups.items()}
        for own, drawn in blocks:
            numbers = rows[own]
            for label, members in member.items():
                here = [place for place, row in enumerate(numbers) if int(row) in members]
                if here:
                    self.found[label] += drawn[:, here].sum(axis=1)
            for place, row in enumerate(numbers):
                self.series[int(row)] = self._of(
                    "series", self.ids[int(row)], [row], drawn[:, place]
                )
        nothing = np.zeros((len(self.drivers), 1, len(self.dates)))
        for row in map(int, rows):
            if row not in self.series:
                self.series[row] = self._of("series", self.ids[row], [row], nothing)

    def _of(
        self, level: str, key: str, rows: Sequence[int] | npt.NDArray[np.intp], draws: Floats
    ) -> pd.DataFrame:
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
        if self.periods:
            columns["period"] = np.tile(np.array(self.periods, dtype=object), times)
            columns["status"] = np.tile(np.array(self.status, dtype=object), times)
        return pd.DataFrame(columns)

    def frame(self) -> pd.DataFrame:
        """Total, levels between, series in the frame's order."""
        upper = [self._of(*label, rows, self.found[label]) for label, rows in self.groups.items()]
        own = [self.series[row] for row in sorted(self.series)]
        return pd.concat([*upper, *own], ignore_index=True)
