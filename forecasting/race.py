"""The race: what every candidate forecasts at several origins, made once and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from forecasting.candidates.boosting import Trees
from forecasting.candidates.chain_days import ChainDays
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.lagged import LAGGED, LaggedTrees
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.prophets import ProphetPlan
from forecasting.candidates.protocol import Candidate, Window
from forecasting.candidates.regression import LogOls
from forecasting.candidates.statespace import StateSpace
from forecasting.candidates.yearly import YearlySmoothing
from forecasting.cleaning import Found
from forecasting.grid import Bools, Floats, Grid
from forecasting.kinds import kinds_of, sparse_of

NAIVE = "seasonal_naive"
#: Series of each kind that are forecast at earlier origins; of more, a sample.
RACE_MOST = 80
#: Origins before the forecast's own that are looked at.
ORIGINS = 4

Progress = Callable[[str], None]


def field_of_candidates(
    settings: Trees | None = None, lagged: Trees = LAGGED
) -> tuple[Candidate, ...]:
    """Everybody who races; with other settings of the trees, if given."""
    trees = PooledTrees(settings=settings)
    return (
        SeasonalNaive(),
        RecentMean(),
        LogOls(),
        YearlySmoothing(),
        trees,
        ChainDays(trees),
        LaggedTrees(settings=lagged),
        Intermittent("croston_sba"),
        Intermittent("tsb"),
        AnalogLaunch(),
        ProphetPlan(),
        StateSpace("ets"),
        StateSpace("unobserved_components"),
        StateSpace("sarimax"),
    )


@dataclass(frozen=True)
class Told:
    """What was forecast at an origin `cut` periods before the end: name -> (S, H), NaN: nothing.

    `raced` (S,): series that weights and intervals are read from; of many, a sample. `sparse` (S,):
    series whose errors a log does not tell (`forecasting.kinds.sparse_of`). `found`: what history
    up to there was cleaned of.
    """

    cut: int
    kinds: npt.NDArray[np.str_]
    forecasts: dict[str, Floats]
    shut: npt.NDArray[np.bool_]
    raced: npt.NDArray[np.bool_]
    sparse: Bools
    found: tuple[Found, ...] = ()


@dataclass
class Race:
    """Forecasts of all candidates at the origins of a grid, each made once and kept.

    An origin's forecasts see nothing after it (`Grid.at`), so they serve every later origin.
    """

    grid: Grid
    seed: int = 0
    country: str | None = None
    candidates: Sequence[Candidate] = field(default_factory=field_of_candidates)
    progress: Progress | None = None
    _told: dict[tuple[int, bool], Told] = field(default_factory=dict)
    _now: Window | None = None

    def standing_at(self, cut: int, plan: Floats | None = None) -> Race:
        """The race as it stood at an origin, with another plan (C, S, T + H) from there if given.

        What was forecast at origins before it, or at it under the plan that ran, is kept.
        """
        grid = self.grid.at(cut)
        grid = grid if plan is None else replace(grid, plan=plan)
        first = cut + (plan is not None)
        told = {
            (c - cut, whole): replace(told, cut=c - cut)
            for (c, whole), told in self._told.items()
            if c >= first
        }
        return Race(grid, self.seed, self.country, self.candidates, self.progress, told)

    def window(self, cut: int) -> Window:
        if cut != 0:
            return Window(self.grid.at(cut), self.seed, self.country)
        if self._now is None:  # the explanation comes back to it
            self._now = Window(self.grid, self.seed, self.country)
        return self._now

    def actual(self, cut: int) -> Floats:
        """(S, H) what came after an origin in history; NaN where not observed."""
        start = self.grid.known - cut
        return self.grid.y[:, start : start + self.grid.ahead]

    def at(self, cut: int, *, whole: bool = False) -> Told:
        """Forecasts of the pooled and quick candidates at an origin.

        Args:
            whole: of every series; else of a sample, RACE_MOST of each kind.
        """
        key = (cut, whole or len(self.grid.ids) <= RACE_MOST)
        if key not in self._told:
            window = self.window(cut)
            kinds = kinds_of(window)
            rows = np.arange(len(kinds)) if key[1] else self._sample(kinds)
            part = window if key[1] else window.only(rows)
            forecasts = {}
            parts: dict[bytes, Window] = {}
            for one in self.candidates:
                if one.speed != "slow":
                    self._say(f"from {self._day(cut)}: {one.name}, {len(rows)} series")
                    forecasts[one.name] = np.full((len(kinds), window.grid.ahead), np.nan)
                    forecasts[one.name][rows] = _of(one, part, kinds[rows], parts)
            raced = np.isin(np.arange(len(kinds)), rows)
            shut = window.closed[:, window.grid.known :]
            sparse, found = sparse_of(window, kinds), window.cleaned.found
            self._told[key] = Told(cut, kinds, forecasts, shut, raced, sparse, found)
        return self._told[key]

    def before(self, origin: int, cut: int) -> Told:
        """What was told at `cut`, an origin before `origin`: of every series at the newest one, so
        that each is known by an error of its own; `raced` is a sample all the same, the same share
        of each origin."""
        told = self.at(cut, whole=cut == origin + self.grid.ahead)
        if told.raced.all() and len(told.kinds) > RACE_MOST:
            raced = np.zeros(len(told.kinds), dtype=bool)
            raced[self._sample(told.kinds)] = True
            told = replace(told, raced=raced)
        return told

    def _sample(self, kinds: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
        order = np.random.default_rng([self.seed, 11]).permutation(len(kinds))
        picked = [order[kinds[order] == kind][:RACE_MOST] for kind in sorted(set(kinds))]
        return np.sort(np.concatenate(picked))

    def slow(self, told: Told, names: Sequence[str], rows: npt.NDArray[np.intp]) -> None:
        """Add slow candidates' forecasts of some series at an origin, where not there yet."""
        cut = told.cut
        window: Window | None = None
        for one in self.candidates:
            if one.speed != "slow" or one.name not in names:
                continue
            known = told.forecasts.setdefault(one.name, np.full(told.shut.shape, np.nan))
            new = rows[~np.isfinite(known[rows]).any(axis=1)]
            if len(new) == 0:
                continue
            window = window or self.window(cut)
            self._say(f"from {self._day(cut)}: {one.name}, {len(new)} series")
            part = window.only(new)
            known[new] = _of(one, part, told.kinds[new], {})

    def _day(self, cut: int) -> str:
        return str(self.grid.dates[self.grid.known - 1 - cut].date())

    def _say(self, text: str) -> None:
        if self.progress is not None:
            self.progress(text)


def _of(
    one: Candidate, window: Window, kinds: npt.NDArray[np.str_], parts: dict[bytes, Window]
) -> Floats:
    """A candidate's answer; candidates of the same series share a window, and what they learn."""
    rows = np.flatnonzero(np.isin(kinds, list(one.kinds)))
    out = np.full((len(kinds), window.grid.ahead), np.nan)
    if len(rows) == 0:
        return out
    # A launch is compared with all series, those that are long on sale above all.
    everybody = len(rows) == len(kinds) or one.name == "analog_launch"
    if not everybody and rows.tobytes() not in parts:
        parts[rows.tobytes()] = window.only(rows)
    answer = one.forecast(window if everybody else parts[rows.tobytes()])
    out[rows] = answer[rows] if everybody else answer
    return out


def cuts_before(grid: Grid, cut: int, count: int = ORIGINS) -> list[int]:
    """Origins whose horizon lies wholly before the origin `cut`: the last ones, one a horizon,
    and the one a year ago, where history is long enough to learn from before them."""
    least = max(2 * grid.season, 8)
    usual = [cut + grid.ahead * (k + 1) for k in range(count - 1)]
    usual.append(cut + max(52 * grid.season if grid.season > 1 else grid.year, grid.ahead))
    return sorted({c for c in usual if grid.known - c >= least})
