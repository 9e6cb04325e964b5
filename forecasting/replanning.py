"""The same forecast under other plans of its horizon: what was learned stays, the plan changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from forecasting.candidates import Candidate
from forecasting.candidates.protocol import Window
from forecasting.candidates.regression import log_effects
from forecasting.grid import Bools, Floats, closed_periods
from forecasting.race import Race, Told
from forecasting.signals import effects_design
from forecasting.weighing import shares_of


@dataclass(frozen=True)
class Under:
    """What is forecast under a plan: candidate -> (S, H), corrected, periods closed (S, H), and the
    regressions' design of the horizon (S, H, P)."""

    forecasts: dict[str, Floats]
    shut: Bools
    design: Floats


@dataclass
class Replanning:
    """Forecasts from one origin under other plans. `correction` (S,): of each series, whatever the
    plan.

    Everything is learned once, from history beside the race's own plan: the days before the origin
    are looked at as that plan has them (their neighbours after it are in some signals), so that two
    plans differ in what they say and not in what was learned.
    """

    race: Race
    told: Told
    weights: dict[str, dict[str, float]]
    correction: Floats
    shares: list[dict[str, float]] = field(init=False)
    _parts: dict[bytes, Window] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.shares = shares_of(self.told, self.weights)[0]

    @property
    def names(self) -> list[str]:
        """Candidates that have a share in any series."""
        return sorted({name for share in self.shares for name in share})

    def own(self) -> Under:
        """Under the race's own plan."""
        window = self.race.window(0)
        design = window.design[:, window.grid.known :]
        forecasts = {name: self._corrected(self.told.forecasts[name]) for name in self.names}
        return Under(forecasts, self.told.shut, design)

    def under(self, plan: Floats) -> Under:
        """Under another plan (C, S, T + H), the same in history."""
        window = self.race.window(0)
        grid = replace(window.grid, plan=plan)
        closed = closed_periods(grid)
        whole = replanned(window, grid.plan, closed)
        shut = closed[:, grid.known :]
        forecasts = {}
        for one in self.race.candidates:
            if one.name not in self.names:
                continue
            rows = self._rows(one)
            part = self._part(rows)
            if one.speed == "pooled" and one.name not in part.learned:
                one.forecast(part)  # learns
            everybody = part is window
            other = whole if everybody else replanned(part, plan[:, rows], closed[rows])
            answer = self.told.forecasts[one.name].copy()
            found = one.forecast(other)
            answer[rows] = np.where(np.isfinite(found), found, answer[rows])
            forecasts[one.name] = np.where(shut, 0.0, self._corrected(answer))
        return Under(forecasts, shut, whole.design[:, grid.known :])

    def _corrected(self, forecast: Floats) -> Floats:
        return forecast * self.correction[:, None]

    def _rows(self, one: Candidate) -> npt.NDArray[np.intp]:
        if one.name == "analog_launch":  # compares with all series
            return np.arange(len(self.told.kinds))
        chosen = np.isin(self.told.kinds, list(one.kinds))
        if one.speed == "slow":
            chosen &= np.isfinite(self.told.forecasts[one.name]).any(axis=1)
        return np.flatnonzero(chosen)

    def _part(self, rows: npt.NDArray[np.intp]) -> Window:
        window = self.race.window(0)
        if len(rows) == len(self.told.kinds):
            return window
        key = rows.tobytes()
        if key not in self._parts:
            self._parts[key] = window.only(rows)
        return self._parts[key]

    def mean(self, under: Under) -> Floats:
        """(S, H) the mix under a plan, rounded to the cent as a forecast is."""
        out = np.zeros(under.shut.shape)
        for row, share in enumerate(self.shares):
            for name, weight in share.items():
                out[row] += weight * under.forecasts[name][row]
        return np.round(out, 2)


def replanned(window: Window, plan: Floats, closed: Bools) -> Window:
    """A window with another plan of its horizon, and history's design and effects kept."""
    known = window.grid.known
    other = Window(
        replace(window.grid, plan=plan), window.seed, window.country, learned=window.learned
    )
    design, groups, zero = effects_design(other.grid, closed)
    design[:, :known] = window.design[:, :known]
    other.__dict__["closed"] = closed
    other.__dict__["cleaned"] = window.cleaned
    other.__dict__["_design"] = (design, groups, zero)
    if "log_effects" in window.kept or np.isfinite(window.log_sales).any():
        logs, effects = log_effects(window)
        moved = (design - window.design)[:, known:] @ np.nan_to_num(effects)[:, :, None]
        other.kept["log_effects"] = (logs + moved[:, :, 0], effects)
    return other


def differing(one: Floats, other: Floats, known: int) -> Sequence[int]:
    """Plan columns that two plans (C, S, T + H) tell differently for the horizon."""
    same = np.isclose(one[:, :, known:], other[:, :, known:], rtol=0, atol=0, equal_nan=True)
    return [int(c) for c in np.flatnonzero(~same.all(axis=(1, 2)))]
