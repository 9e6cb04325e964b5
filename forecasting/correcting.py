"""What a series was off by at earlier origins is carried on, as far as such errors last.

Models that have learned history leave next to nothing of it, so what they leave does not tell
whether they take a series for too big or too small. Forecasts that were made before it do: what a
series sold over a horizon, beside what its mix said. That lean lasts from one horizon to the next
in part, and how large a part is read from the same origins.

An intercept correction (Clements and Hendry 1998) of each series beside all others, drawn in by how
well it is known (empirical Bayes; Efron and Morris 1973). What all series were off by together is
no news about the next horizon, and is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.cleaning import Found
from forecasting.grid import Bools, Floats
from forecasting.race import Race, Told
from forecasting.weighing import mixed

#: Kinds of series whose sales have a level.
LEVELLED = ("regular", "short")
#: Earlier origins that are looked at, one horizon apart, and what an older one weighs.
WINDOWS, DECAY = 3, 0.8
#: Share of a lean that lasts, before any origin has told, and series it weighs.
LASTS, LASTS_WEIGHTS = 0.3, 50.0
#: The largest lean believed of one horizon, in logs.
MOST = 0.3
#: Share of a horizon that must be seen.
SEEN = 0.25


@dataclass(frozen=True)
class _Leans:
    """Of each window (K, S), the nearest first: log of sold / forecast beside all others' (NaN: not
    known), and the variance of its noise."""

    lean: Floats
    noise: Floats


@dataclass(frozen=True)
class Mix:
    """`mean` (S, H): the mix of candidates, `alone`, times each series' `correction` (S,).
    `models`: its name, a series."""

    alone: Floats
    correction: Floats
    models: list[str]

    @property
    def mean(self) -> Floats:
        return self.alone * self.correction[:, None]


def mix_at(
    race: Race,
    now: Told,
    weights: dict[str, dict[str, float]],
    cuts: Sequence[int],
    origin: int | None = None,
) -> Mix:
    """The mix of what was told `now`, corrected by those of `cuts` before it (`correction_at`)."""
    windows = [now.cut + race.grid.ahead * (k + 1) for k in range(WINDOWS)]
    alone, models = mixed(now, weights)
    there = [c for c in windows if c in cuts]
    return Mix(alone, correction_at(race, now, weights, there, origin), models)


def mix_beside(
    race: Race,
    now: Told,
    weights: dict[str, dict[str, float]],
    cuts: Sequence[int],
    origin: int,
) -> Floats:
    """(S, H) the mix of what was told `now`, at one of the origins `cuts` before `origin`, and
    corrected by the others, older and newer: as well as the forecast is, for intervals of its size.
    """
    windows = [origin + race.grid.ahead * (k + 1) for k in range(WINDOWS)]
    beside = sorted(
        (c for c in windows if c in cuts and c != now.cut), key=lambda c: abs(c - now.cut)
    )
    alone, _ = mixed(now, weights)
    if now.cut not in windows:  # a year ago
        return alone
    return alone * correction_at(race, now, weights, beside, origin)[:, None]


def correction_at(
    race: Race,
    now: Told,
    weights: dict[str, dict[str, float]],
    windows: Sequence[int],
    origin: int | None = None,
) -> Floats:
    """(S,) what the mix of each series `now` is to be multiplied by; 1 where nothing is known.

    Args:
        weights: of the mix, at `now` and at the origins before it.
        windows: origins of the race, one horizon apart, the nearest first. Two are needed: one does
            not tell what lasts.
        origin: whose race it is; None: that of `now` itself.
    """
    if len(windows) < 2:
        return np.ones(len(now.kinds))
    leans = _leans(race, now, weights, windows, now.cut if origin is None else origin)
    known, lasts = _drawn_in(leans)
    return np.asarray(np.exp(lasts * np.nan_to_num(_mean(known))))


def _leans(
    race: Race, now: Told, weights: dict[str, dict[str, float]], windows: Sequence[int], origin: int
) -> _Leans:
    lean = np.full((len(windows), len(now.kinds)), np.nan)
    noise = np.full(lean.shape, np.nan)
    for number, cut in enumerate(windows):
        told = race.before(origin, cut)
        mix, _ = mixed(told, weights)
        actual = race.actual(cut)
        rows = np.isin(now.kinds, LEVELLED) & np.isin(told.kinds, LEVELLED)
        first = race.grid.known - cut
        use = np.isfinite(actual) & ~told.shut & (mix > 0) & rows[:, None]
        use &= ~_strange(now.found, first, *actual.shape)
        lean[number], noise[number] = _lean(actual, mix, use)
    return _Leans(lean, noise)


def _strange(found: tuple[Found, ...], first: int, series: int, ahead: int) -> Bools:
    """(S, H) what a window is not judged by: stock-outs and outliers; and the whole window beside a
    shift of level, which its forecast could not know and which the next one knows."""
    out = np.zeros((series, ahead), dtype=bool)
    for one in found:
        if one.kind == "level_shift":
            if first - ahead < one.first < first + ahead:
                out[one.row] = True
        else:
            out[one.row, max(one.first - first, 0) : max(one.last + 1 - first, 0)] = True
    return out


def _lean(actual: Floats, mix: Floats, use: Bools) -> tuple[Floats, Floats]:
    """(S,) lean and variance of its noise. By sums, which know days without a sale."""
    sold = np.where(use, np.maximum(actual, 0.0), 0.0)
    told = np.where(use, mix, 0.0)
    total, size, count = sold.sum(axis=1), told.sum(axis=1), use.sum(axis=1)
    enough = (count >= max(SEEN * use.shape[1], 2)) & (total > 0)
    level = np.where(enough, total / np.where(size > 0, size, 1.0), 1.0)
    gap = np.square(sold - told * level[:, None]).sum(axis=1) * count / np.maximum(count - 1, 1)
    noise = np.maximum(gap / np.square(np.where(enough, total, 1.0)), 1e-6)
    lean = np.log(level)
    if enough.any():
        lean = np.clip(lean - np.median(lean[enough]), -MOST, MOST)
    return np.where(enough, lean, np.nan), np.where(enough, noise, np.nan)


def _drawn_in(leans: _Leans) -> tuple[Floats, float]:
    """(K, S) leans drawn to nothing by their noise, and the share of them that lasts."""
    lean, noise = leans.lean, leans.noise
    known = np.isfinite(lean)
    if not known.any():
        return lean, 0.0
    # What leans differ by beyond their noise; the best known ones tell it best.
    beyond = (np.square(lean[known]) - noise[known]) / noise[known]
    spread = max(float(beyond.sum() / (1 / noise[known]).sum()), 0.0)
    drawn = lean * spread / (spread + noise)
    before, after, weight = [], [], []
    for number in range(len(lean) - 1):
        older = _mean(drawn[number + 1 :])
        both = known[number] & np.isfinite(older)
        before.append(older[both])
        after.append(lean[number, both])
        weight.append(spread / (spread + noise[number, both]))
    x, y, w = (np.concatenate(part) for part in (before, after, weight))
    size = float((w * x * x).sum())
    prior = LASTS_WEIGHTS * size / max(float(w.sum()), 1e-12)
    if size <= 0:
        return drawn, 0.0
    share = (float((w * x * y).sum()) + prior * LASTS) / (size + prior)
    return drawn, float(np.clip(share, 0.0, 1.0))


def _mean(leans: Floats) -> npt.NDArray[np.float64]:
    """(S,) mean over windows, nearer ones before others; NaN where none is known."""
    weight = np.isfinite(leans) * DECAY ** np.arange(len(leans))[:, None]
    total = weight.sum(axis=0)
    mean = (weight * np.nan_to_num(leans)).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.asarray(np.where(total > 0, mean, np.nan))
