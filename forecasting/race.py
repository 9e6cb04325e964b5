"""The race: candidates at several origins, and what each is worth, learned before the forecast."""

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
from forecasting.grid import Floats, Grid
from forecasting.kinds import kinds_of

NAIVE = "seasonal_naive"
#: Series that slow candidates race on, at one origin.
SLOW_SERIES = 6
#: Series of each kind that are forecast at earlier origins; of more, a sample.
RACE_MOST = 80
#: Series of a kind up to which a slow candidate that won is fitted to all of them.
SLOW_MOST = 25
#: Share of the error a slow candidate must save to be fitted to every series.
WORTH = 0.01
#: Origins before the forecast's own that are looked at.
ORIGINS = 4

#: Who forecasts a kind of series that no earlier origin tells the weights of.
_WITHOUT_RACE: dict[str, tuple[str, ...]] = {
    "regular": ("log_ols", "recent_mean"),
    "new": ("analog_launch", "recent_mean"),
    "short": ("log_ols", "analog_launch", "recent_mean"),
    "intermittent": ("tsb", "recent_mean"),
    "zero": (),
}
#: All of them.
FALLBACKS = frozenset(name for names in _WITHOUT_RACE.values() for name in names)

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

    `raced` (S,): series that were forecast there; of many, a sample.
    """

    cut: int
    kinds: npt.NDArray[np.str_]
    forecasts: dict[str, Floats]
    shut: npt.NDArray[np.bool_]
    raced: npt.NDArray[np.bool_]


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
            self._told[key] = Told(cut, kinds, forecasts, shut, raced)
        return self._told[key]

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


def weights_at(race: Race, cut: int) -> tuple[dict[str, dict[str, float]], list[int]]:
    """Weights of the candidates, by kind of series, from origins before `cut` only.

    Convex weights that minimise the absolute error of the mix, relative to each series' level, over
    all earlier origins; drawn a little to equal weights of the two best.
    """
    cuts = cuts_before(race.grid, cut)
    weights: dict[str, dict[str, float]] = {}
    for kind in sorted(set(map(str, race.at(cut, whole=True).kinds))):
        slow = _slow_worth_it(race, cut, cuts, kind)
        errors = _stack(race, cuts, kind, slow)
        weights[kind] = _convex(*errors) if errors is not None else {}
    return weights, cuts


def weights_over(
    race: Race, cuts: Sequence[int], kinds: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Weights by kind of the pooled and quick candidates, from these origins alone."""
    errors = {kind: _stack(race, cuts, kind, []) for kind in kinds}
    return {kind: {} if e is None else _convex(*e) for kind, e in errors.items()}


def alone_at(
    race: Race, cut: int, weights: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """By kind, the one candidate that alone erred least at the origins before `cut`.

    Args:
        weights: of the mix at `cut` (`weights_at`): a slow candidate counts where it is in it, and
            so has forecast every series.
    """
    slow = [one.name for one in race.candidates if one.speed == "slow"]
    out: dict[str, dict[str, float]] = {}
    for kind, mix in weights.items():
        found = _stack(race, cuts_before(race.grid, cut), kind, [n for n in slow if n in mix])
        out[kind] = {}
        if found is not None:
            names, forecasts, actuals = found
            errors = np.abs(forecasts - actuals[:, None]).mean(axis=0)
            out[kind] = {names[int(errors.argmin())]: 1.0}
    return out


def _slow_worth_it(race: Race, cut: int, cuts: Sequence[int], kind: str) -> list[str]:
    """Slow candidates that, on a sample at the newest earlier origin, better the quick mix."""
    slow = [c.name for c in race.candidates if c.speed == "slow" and kind in c.kinds]
    if not slow or not cuts:
        return []
    newest = cuts[0]
    told = race.at(newest)
    rows = np.flatnonzero((told.kinds == kind) & told.raced)
    if len(rows) == 0:
        return []
    picked = np.random.default_rng([race.seed, 7]).permutation(rows)[:SLOW_SERIES]
    picked = np.sort(picked)
    race.slow(told, slow, picked)
    quick = _stack(race, [newest], kind, [], picked)
    if quick is None:
        return []
    best = _loss(quick, _convex(*quick))
    kept = []
    for name in slow:
        tried = _stack(race, [newest], kind, [name], picked)
        if tried is not None and name in tried[0]:
            saved = 1 - _loss(tried, _convex(*tried)) / max(best, 1e-12)
            if saved > WORTH * (1 + 4 * (len(picked) < 20)):
                kept.append((saved, name))
    now = race.at(cut, whole=True)
    everyone = np.flatnonzero(now.kinds == kind)
    # What costs most of a second a series pays for few series only.
    chosen = [name for _, name in sorted(kept, reverse=True)[: len(everyone) <= SLOW_MOST]]
    for name in chosen:
        # Of few series every origin is affordable, and each of them counts.
        for origin in cuts if len(everyone) <= SLOW_SERIES else cuts[:2]:
            then = race.at(origin)
            race.slow(then, [name], np.flatnonzero((then.kinds == kind) & then.raced))
        race.slow(now, [name], everyone)
    return chosen


Stacked = tuple[list[str], Floats, Floats]


def _stack(
    race: Race,
    cuts: Sequence[int],
    kind: str,
    slow: Sequence[str],
    rows: npt.NDArray[np.intp] | None = None,
) -> Stacked | None:
    """(names, forecasts (n, C), actuals (n,)) of open periods, as shares of the series' level."""
    names = [
        c.name for c in race.candidates if kind in c.kinds and (c.speed != "slow" or c.name in slow)
    ]
    told_all: list[Floats] = []
    actual_all: list[Floats] = []
    for cut in cuts:
        told = race.at(cut)
        chosen = np.flatnonzero((told.kinds == kind) & told.raced) if rows is None else rows
        actual = race.actual(cut)[chosen]
        level = _level(race, cut)[chosen]
        use = np.isfinite(actual) & ~told.shut[chosen] & (level[:, None] > 0)
        stacked = np.stack(
            [told.forecasts.get(n, np.full(told.shut.shape, np.nan))[chosen] for n in names], axis=2
        )
        unit = np.where(level > 0, level, 1.0)[:, None]
        told_all.append((stacked / unit[:, :, None])[use])
        actual_all.append((actual / unit)[use])
    if not told_all or sum(map(len, actual_all)) == 0:
        return None
    forecasts, actuals = np.concatenate(told_all), np.concatenate(actual_all)
    there = np.isfinite(forecasts).mean(axis=0) > 0.4
    names = [n for n, t in zip(names, there, strict=True) if t]
    forecasts = forecasts[:, there]
    whole = np.isfinite(forecasts).all(axis=1)
    if whole.sum() < 10:
        return None
    return names, forecasts[whole], actuals[whole]


def _level(race: Race, cut: int) -> Floats:
    y = race.grid.y[:, : race.grid.known - cut][:, -race.grid.year :]
    count = np.isfinite(y).sum(axis=1)
    return np.asarray(np.nan_to_num(y).sum(axis=1) / np.maximum(count, 1))


def _convex(names: list[str], forecasts: Floats, actuals: Floats) -> dict[str, float]:
    """Weights by exponentiated gradient on the mean absolute error (Kivinen and Warmuth 1997)."""
    alone = np.abs(forecasts - actuals[:, None]).mean(axis=0)
    # Who is never wrong, as where nothing is ever sold, takes all of the weight.
    log_weight = -3.0 * (alone / max(float(alone.min()), 1e-12) - 1)
    best, best_loss = None, np.inf
    for turn in range(300):
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        gap = forecasts @ weight - actuals
        loss = float(np.abs(gap).mean())
        if loss < best_loss:
            best, best_loss = weight, loss
        slope = (np.sign(gap)[:, None] * forecasts).mean(axis=0)
        log_weight = log_weight - (2.0 / (1 + turn / 50)) * (slope - slope.min())
    assert best is not None
    kept = np.where(best < 0.03, 0.0, best)
    kept /= kept.sum()
    return {n: round(float(w), 6) for n, w in zip(names, kept, strict=True) if w > 0}


def _loss(stacked: Stacked, weights: dict[str, float]) -> float:
    names, forecasts, actuals = stacked
    weight = np.array([weights.get(n, 0.0) for n in names])
    return float(np.abs(forecasts @ weight - actuals).mean())


def mixed(told: Told, weights: dict[str, dict[str, float]]) -> tuple[Floats, list[str]]:
    """The weighted mean (S, H) of what was forecast, and the name of the mix of each series."""
    out = np.zeros(told.shut.shape)
    shares, names = shares_of(told, weights)
    for row, share in enumerate(shares):
        for name, weight in share.items():
            out[row] += weight * told.forecasts[name][row]
    return out, names


def shares_of(
    told: Told, weights: dict[str, dict[str, float]]
) -> tuple[list[dict[str, float]], list[str]]:
    """Each series' shares of the candidates that can tell it (they sum to 1), and their name."""
    out: list[dict[str, float]] = []
    names: list[str] = []
    for row in range(len(told.kinds)):
        kind = str(told.kinds[row])
        share = {
            n: w
            for n, w in weights.get(kind, {}).items()
            if n in told.forecasts and np.isfinite(told.forecasts[n][row]).all()
        }
        if not share:
            share, label = _fallback(told, row, kind)
        else:
            label = "+".join(n for n, _ in sorted(share.items(), key=lambda p: -p[1]))
        total = sum(share.values())
        out.append({name: weight / total for name, weight in share.items()})
        names.append(label)
    return out, names


def _fallback(told: Told, row: int, kind: str) -> tuple[dict[str, float], str]:
    for name in _WITHOUT_RACE[kind]:
        if name in told.forecasts and np.isfinite(told.forecasts[name][row]).all():
            return {name: 1.0}, f"{name} ({kind} history)"
    return {}, "zero"
