"""What every candidate is given, and what it has to answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.cleaning import Cleaned, cleaned
from forecasting.grid import Bools, Floats, Grid, closed_periods
from forecasting.sign_limits import limits_of
from forecasting.signals import base_at, effects_design, log_sales

Speed = Literal["pooled", "quick", "slow"]


@dataclass(frozen=True)
class Window:
    """History up to an origin, and the plan of the horizon after it.

    `grid` is the same as arrays; `train` and `future` are the long frames (`unique_id, ds, y`
    and the plan columns `p0, p1, ...` in the order of `grid.columns`).
    """

    grid: Grid
    seed: int
    country: str | None = None
    #: What one candidate has found out and another needs.
    kept: dict[str, tuple[Floats, Floats]] = field(default_factory=dict, compare=False)
    #: Models learned from this history; windows of the same history with another plan share it.
    learned: dict[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def closed(self) -> Bools:
        """(S, T + H), read from history before the origin only."""
        return closed_periods(self.grid)

    @cached_property
    def cleaned(self) -> Cleaned:
        """History without stock-outs and outliers, at the level of its end; and what was found."""
        z = log_sales(self.grid.y, self.closed[:, : self.grid.known])
        return cleaned(self.grid, self.closed, self._beside(z))

    @property
    def sold(self) -> Floats:
        """(S, T) the cleaned history, NaN where closed or where nothing can be learned."""
        return np.where(self.closed[:, : self.grid.known], np.nan, self.cleaned.y)

    @cached_property
    def log_sales(self) -> Floats:
        """(S, T) of the cleaned history, NaN where closed, not observed or nothing sold."""
        return log_sales(self.cleaned.y, self.closed[:, : self.grid.known])

    @cached_property
    def _design(self) -> tuple[Floats, tuple[str, ...], Floats]:
        return effects_design(self.grid, self.closed)

    @property
    def design(self) -> Floats:
        """(S, T + H, P) of the regressions."""
        return self._design[0]

    @property
    def groups(self) -> tuple[tuple[str, ...], Floats]:
        """What each column of the design belongs to, and its value where nothing is planned."""
        return self._design[1], self._design[2]

    @cached_property
    def limits(self) -> Floats:
        """(m, P): rows C of C b >= 0 that effects b of the design must hold."""
        return limits_of(self.grid, self.design, self.groups[0])

    @cached_property
    def residual(self) -> Floats:
        """(S, T) log sales beside each series' own regression, NaN where no log sales."""
        return self._beside(self.log_sales)

    def _beside(self, z: Floats) -> Floats:
        effects = base_at(z, self.design, self.grid.known, self.grid, self.limits)
        told = np.matmul(self.design[:, : self.grid.known], effects[:, :, None])[:, :, 0]
        return np.asarray(z - told)

    @property
    def train(self) -> pd.DataFrame:
        """The long frame of what was observed."""
        frame = self._long(0, self.grid.known)
        frame.insert(2, "y", self.grid.y.ravel())
        return frame.dropna(subset=["y"]).reset_index(drop=True)

    @property
    def future(self) -> pd.DataFrame:
        """The long frame of the horizon, without y."""
        return self._long(self.grid.known, len(self.grid.dates))

    def _long(self, start: int, end: int) -> pd.DataFrame:
        series = len(self.grid.ids)
        columns = {
            "unique_id": np.repeat(np.array(self.grid.ids, dtype=object), end - start),
            "ds": np.tile(self.grid.dates[start:end].to_numpy(), series),
        }
        for number, values in enumerate(self.grid.plan):
            columns[f"p{number}"] = values[:, start:end].ravel()
        return pd.DataFrame(columns)

    def only(self, rows: npt.NDArray[np.intp]) -> Window:
        """Some of the series; what is closed or strange is read from the whole chain, not them."""
        part = Window(self.grid.only(rows), self.seed, self.country)
        part.__dict__["closed"] = self.closed[rows]
        part.__dict__["cleaned"] = self.cleaned.only(rows)
        return part

    def shut(self, forecast: Floats) -> Floats:
        """A forecast (S, H) with nothing sold where the plan says closed, and nothing negative."""
        return np.where(self.closed[:, self.grid.known :], 0.0, np.maximum(forecast, 0.0))


class Candidate(Protocol):
    """One way to forecast.

    `speed`: "pooled" is fitted once over all series, "quick" takes milliseconds a series, "slow"
    more: those race on a sample and are fitted to all series only where they are worth it.
    """

    name: str
    speed: Speed
    kinds: frozenset[str]

    def forecast(self, window: Window) -> Floats:
        """Mean of the target, (S, H), in its own unit; NaN where it cannot tell."""
        ...
