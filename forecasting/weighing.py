"""What each candidate is worth, learned at earlier origins, and the mix that comes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from forecasting.grid import Floats
from forecasting.race import Race, Told, cuts_before

#: Series that slow candidates race on, at one origin.
SLOW_SERIES = 6
#: Series of a kind up to which a slow candidate that won is fitted to all of them.
SLOW_MOST = 25
#: Share of the error a slow candidate must save to be fitted to every series.
WORTH = 0.01

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


def weights_at(race: Race, cut: int) -> tuple[dict[str, dict[str, float]], list[int]]:
    """Weights of the candidates, by kind of series, from origins before `cut` only.

    Convex weights that minimise the absolute error of the mix, relative to each series' level, over
    all earlier origins; drawn a little to equal weights of the two best.
    """
    cuts = cuts_before(race.grid, cut)
    weights: dict[str, dict[str, float]] = {}
    for kind in sorted(set(map(str, race.at(cut, whole=True).kinds))):
        slow = _slow_worth_it(race, cut, cuts, kind)
        errors = _stack(race, cut, cuts, kind, slow)
        weights[kind] = _convex(*errors) if errors is not None else {}
    return weights, cuts


def weights_over(
    race: Race, cuts: Sequence[int], kinds: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Weights by kind of the pooled and quick candidates, from some of the race's origins alone."""
    errors = {kind: _stack(race, 0, cuts, kind, []) for kind in kinds}
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
        cuts = cuts_before(race.grid, cut)
        found = _stack(race, cut, cuts, kind, [n for n in slow if n in mix])
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
    told = race.before(cut, newest)
    rows = np.flatnonzero((told.kinds == kind) & told.raced)
    if len(rows) == 0:
        return []
    picked = np.random.default_rng([race.seed, 7]).permutation(rows)[:SLOW_SERIES]
    picked = np.sort(picked)
    race.slow(told, slow, picked)
    quick = _stack(race, cut, [newest], kind, [], picked)
    if quick is None:
        return []
    best = _loss(quick, _convex(*quick))
    kept = []
    for name in slow:
        tried = _stack(race, cut, [newest], kind, [name], picked)
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
            then = race.before(cut, origin)
            race.slow(then, [name], np.flatnonzero((then.kinds == kind) & then.raced))
        race.slow(now, [name], everyone)
    return chosen


Stacked = tuple[list[str], Floats, Floats]


def _stack(  # noqa: PLR0917
    race: Race,
    origin: int,
    cuts: Sequence[int],
    kind: str,
    slow: Sequence[str],
    rows: npt.NDArray[np.intp] | None = None,
) -> Stacked | None:
    """(names, forecasts (n, C), actuals (n,)) of open periods at origins before `origin`, as shares
    of the series' level."""
    names = [
        c.name for c in race.candidates if kind in c.kinds and (c.speed != "slow" or c.name in slow)
    ]
    told_all: list[Floats] = []
    actual_all: list[Floats] = []
    for cut in cuts:
        told = race.before(origin, cut)
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
