"""What models learn from: the calendar, the plan around a period, and each series' own effects.

All of it is known at the origin: the calendar, the plan of the horizon, and sales up to then.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.grid import Bools, Floats, Grid
from forecasting.sign_limits import held

Singles = npt.NDArray[np.float32]
#: Short seasons (weeks) to either side that make the level of a day of history.
LEVEL_AROUND = 8
#: Dates (month and day) whose sales are like no other day's, where people keep Christmas and New
#: Year. Two dates share an effect, because one of them may have been a closed Sunday last time.
TURN_OF_THE_YEAR = (
    (1220, 1221), (1222, 1223), (1224,), (1226,), (1227, 1228), (1229, 1230), (1231,), (101, 102),
    (103,),
)  # fmt: skip
#: Days from Easter Sunday with effects of their own: a promotion's lift before it is no usual one.
ABOUT_EASTER = ((-6, -5, -4), (-3,), (-2, -1), (1,), (2, 3, 4))
#: Days from Easter that are told apart: Carnival (52 before) to Corpus Christi (60 after).
EASTER_REACH = 61
#: Series whose effects are estimated at once.
BLOCK = 50
#: Own effects given to the pooled model as signals.
MOST_EFFECTS = 16
#: Ridge of a series' own effects towards the pooled ones, in periods.
OWN_RIDGE = 25.0
#: Half life of what a period weighs in the effects, in years.
HALF_LIFE_YEARS = 1.0


def log_sales(y: Floats, closed: Bools) -> Floats:
    """(S, T) natural log of sales of open, selling, observed periods; NaN elsewhere."""
    out = np.full(y.shape, np.nan)
    use = np.isfinite(y) & (y > 0) & ~closed
    out[use] = np.log(y[use])
    return out


def plan_signals(grid: Grid, closed: Bools) -> tuple[list[str], Singles]:
    """(F, S, T + H): values of the plan, the periods beside, runs, and shares around."""
    names: list[str] = []
    out: list[Singles] = []
    columns = [(f"p{i}", values) for i, values in enumerate(grid.plan)]
    columns.append(("closed", closed.astype(float)))
    for name, raw in columns:
        values = raw.astype(np.float32)
        if name != "closed":
            names.append(name)
            out.append(values)
        # What never varied in history teaches nothing, whatever the plan says.
        if np.nanstd(values[:, : grid.known]) == 0:
            continue
        # A sign is promised for the day itself: what days around would bring has none.
        if name != "closed" and grid.columns[int(name[1:])].sign:
            continue
        for step in (1, 2):
            names += [f"{name}_before{step}", f"{name}_after{step}"]
            out += [shifted(values, step), shifted(values, -step)]
        since, until = _runs(values)
        names += [f"{name}_since", f"{name}_until"]
        out += [since, until]
        for width in (grid.season, 2 * grid.season):
            names += [f"{name}_past{width}", f"{name}_next{width}"]
            out += [_share(values, width), _share(values[:, ::-1], width)[:, ::-1]]
    return names, np.array(out, dtype=np.float32).reshape(len(out), *closed.shape)


def calendar_signals(grid: Grid) -> tuple[list[str], Singles]:
    """(F, T + H): weekday, day of the month, place in the year, distance to the turn of a year and
    to Easter."""
    dates = grid.dates
    doy = dates.dayofyear.to_numpy()
    length = np.where(dates.is_leap_year, 366, 365)
    columns = {
        "weekday": dates.dayofweek.to_numpy(),
        "day": dates.day.to_numpy(),
        "days_left": (dates.days_in_month - dates.day).to_numpy(),
        "week": dates.isocalendar().week.to_numpy(dtype=float),
        "month": dates.month.to_numpy(),
        "yearday": doy,
        # Signed distance to the 25th of December, from July to June.
        "christmas": (doy - (length - 6) + 182) % length - 182,
        "easter": np.clip(from_easter(dates), -EASTER_REACH, EASTER_REACH),
    }
    return list(columns), np.stack([np.asarray(v, dtype=np.float32) for v in columns.values()])


def from_easter(dates: pd.DatetimeIndex) -> npt.NDArray[np.intp]:
    """Signed days to the nearest (western) Easter Sunday, which Carnival and Whitsun go by."""
    easter = importlib.import_module("dateutil.easter").easter
    years = range(dates.year.min() - 1, dates.year.max() + 2)
    sundays = np.array([easter(year) for year in years], dtype="datetime64[D]")
    gap = dates.to_numpy().astype("datetime64[D]")[:, None] - sundays[None, :]
    days = gap.astype(int)
    return np.asarray(days[np.arange(len(days)), np.abs(days).argmin(axis=1)])


def shifted(values: Singles, step: int) -> Singles:
    """(S, N) the value `step` periods before (after: below zero); NaN where there is none."""
    out = np.full_like(values, np.nan)
    if step > 0:
        out[:, step:] = values[:, :-step]
    else:
        out[:, :step] = values[:, -step:]
    return out


def _runs(values: Singles) -> tuple[Singles, Singles]:
    """Periods since the value last changed, and until it will (NaN: after the plan's end)."""
    since = _since(values)
    until = _since(values[:, ::-1])[:, ::-1]
    last = (
        np.isnan(values[:, -1:])
        | (np.cumprod(values[:, ::-1] == values[:, -1:], axis=1) > 0)[:, ::-1]
    )
    return np.minimum(since, 60), np.where(last, np.nan, np.minimum(until, 60)).astype(np.float32)


def _since(values: Singles) -> Singles:
    changed = np.ones(values.shape, dtype=bool)
    changed[:, 1:] = values[:, 1:] != values[:, :-1]
    at = np.where(changed, np.arange(values.shape[1])[None, :], 0)
    return (np.arange(values.shape[1])[None, :] - np.maximum.accumulate(at, axis=1)).astype(
        np.float32
    )


def _share(values: Singles, width: int) -> Singles:
    """Mean of the `width` periods before."""
    filled = np.nan_to_num(values)
    total = np.concatenate(
        [np.zeros((len(values), 1), dtype=np.float64), np.cumsum(filled, axis=1, dtype=np.float64)],
        axis=1,
    )
    at = np.arange(values.shape[1])
    low = np.maximum(at - width, 0)
    mean = (total[:, at] - total[:, low]) / np.maximum(at - low, 1)
    return np.asarray(mean, dtype=np.float32)


def effects_design(  # noqa: PLR0912, PLR0915 - one branch a kind of column
    grid: Grid, closed: Bools
) -> tuple[Floats, tuple[str, ...], Floats]:
    """Design of a series' own effects: weekdays, plan, closures beside, season of the year.

    Returns:
        values (S, T + H, P), the group each column belongs to (`level`, `season`, a plan column as
        `plan:<number>`, `beside_closure`), and each column's value where nothing is planned (P,).
    """
    S, N = closed.shape
    columns: list[Floats] = [np.ones((S, N))]
    groups, zero = ["level"], [0.0]

    def add(values: Floats | Bools, group: str, at_zero: float = 0.0) -> None:
        columns.append(np.broadcast_to(np.asarray(values, dtype=np.float64), (S, N)))
        groups.append(group)
        zero.append(at_zero)

    weekday = grid.dates.dayofweek.to_numpy()
    if grid.freq == "D":
        for day in range(1, 7):
            add(weekday == day, "season")
    for number, (column, values) in enumerate(zip(grid.columns, grid.plan, strict=True)):
        filled, label = np.nan_to_num(values), f"plan:{number}"
        if column.is_categorical:
            seen = values[:, : grid.known]
            counts = [int((seen == level).sum()) for level in range(len(column.levels))]
            usual = int(np.argmax(counts))  # the commonest so far is what others are compared with
            for level, count in enumerate(counts):
                if level != usual and count > 0:
                    add(filled == level, label)
            continue
        # A column that only ever says "closed" has no effect left on open periods.
        history = np.where(closed[:, : grid.known], np.nan, values[:, : grid.known])
        spread = float(np.nanstd(history)) if np.isfinite(history).any() else 0.0
        if spread < 1e-12:
            continue
        middle = float(np.nanmean(history))
        add((filled - middle) / spread, label, -middle / spread)
        distinct = np.unique(history[np.isfinite(history)])
        if len(distinct) == 2 and distinct[0] == 0 and grid.freq == "D":
            # A promotion is not worth the same on every weekday, nor on its first day.
            on = filled == distinct[1]
            for day in range(1, 5):
                add(on & (weekday == day), label)
            if column.sign == 0:  # else more promotion would take a first day from the next
                before = np.zeros_like(on)
                before[:, 1:] = on[:, :-1]
                add(on & ~before, label)
    if closed[:, : grid.known].any():
        for step in (-1, 1):
            beside = np.zeros_like(closed)
            if step == 1:
                beside[:, 1:] = closed[:, :-1]
            else:
                beside[:, :-1] = closed[:, 1:]
            add(beside, "beside_closure")
    if grid.freq == "D":
        # One year's turn tells the next one's, whatever the weekday: the same dates.
        date = grid.dates.month.to_numpy() * 100 + grid.dates.day.to_numpy()
        days = from_easter(grid.dates)
        for label, place, specials in (
            ("turn_of_the_year", date, TURN_OF_THE_YEAR), ("easter", days, ABOUT_EASTER),
        ):  # fmt: skip
            for special in specials:
                here = np.isin(place, special)
                if (here[: grid.known] & ~closed[:, : grid.known]).any():
                    add(here, label)
    # A season of the year can be read only from more than a year.
    if grid.known >= 1.25 * grid.year:
        # By date, not by count of periods: leap years and years of 53 weeks keep their seasons.
        length = np.where(grid.dates.is_leap_year, 366, 365)
        angle = 2 * np.pi * (grid.dates.dayofyear.to_numpy() - 1) / length
        for order in (1, 2, 3):
            add(np.sin(order * angle), "season")
            add(np.cos(order * angle), "season")
    return np.stack(columns, axis=2), tuple(groups), np.array(zero)


def base_at(
    z: Floats, design: Floats, origin: int, grid: Grid, limits: Floats | None = None
) -> Floats:
    """(S, P) effects of log sales `z` known before `origin`, each series' drawn to the pooled;
    `limits` (m, P): signs they must have."""
    known = z[:, :origin]
    seen = np.isfinite(known)
    age = origin - 1 - np.arange(origin)
    weight = seen * 0.5 ** (age / (HALF_LIFE_YEARS * grid.year))
    D = design[:, :origin]
    mean = (np.nan_to_num(known) * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    target = np.where(seen, np.nan_to_num(known) - mean[:, None], 0.0)
    S, _, P = D.shape
    gram, moment = np.empty((S, P, P)), np.empty((S, P))
    for rows in grid.blocks(BLOCK):  # all at once, it would be the design once more in memory
        weighted = (weight[rows, :, None] * D[rows]).transpose(0, 2, 1)
        gram[rows] = np.matmul(weighted, D[rows])
        moment[rows] = np.matmul(weighted, target[rows, :, None])[:, :, 0]
    small = 1e-3 * np.eye(P)
    whole = gram.sum(axis=0) + small
    pooled = np.linalg.solve(whole, moment.sum(axis=0))
    limited = limits is not None and len(limits) > 0
    if limited and limits is not None:
        pooled = held(pooled, np.linalg.inv(whole), limits)
    ridge = np.diag(np.r_[0.5, np.full(P - 1, OWN_RIDGE)])
    own = np.linalg.solve(gram + ridge, (moment + (ridge @ pooled))[:, :, None])[:, :, 0]
    if limited and limits is not None:
        for row in range(len(own)):
            if (own[row] @ limits.T < 0).any():
                own[row] = held(own[row], np.linalg.inv(gram[row] + ridge), limits)
    own[:, 0] += mean
    return own


@dataclass(frozen=True)
class Course:
    """Each series' own course: `signals` (F, S, T + H) and their `names`; `fitted` (S, T + H), the
    regression of log sales without the level of its time; `around` (S, T), that level in history:
    the mean residual of the quarter around."""

    names: list[str]
    signals: Singles
    fitted: Floats
    around: Floats


def course_signals(z: Floats, design: Floats, grid: Grid, limits: Floats | None = None) -> Course:
    """What the regression of log sales `z` says of each series' course.

    Signals are the shape of the regression with its level (in the horizon that of the last weeks),
    and the series' own effects, so that series with like effects are pooled.
    """
    known = grid.known
    beta = base_at(z, design, known, grid, limits)
    fitted = np.matmul(design, beta[:, :, None])[:, :, 0]
    residual = z - fitted[:, :known]
    width = LEVEL_AROUND * grid.season
    seen = np.isfinite(residual)
    around = _window_sum(np.nan_to_num(residual), width) / (
        _window_sum(seen.astype(float), width) + 10.0
    )
    now = recent_level(residual, grid)
    base = fitted + np.c_[around, np.repeat(now[:, None], grid.ahead, axis=1)]
    names = ["base"]
    out = [(base - base[:, :known].mean(axis=1, keepdims=True)).astype(np.float32)]
    for column in range(1, min(beta.shape[1], MOST_EFFECTS)):
        names.append(f"effect{column}")
        out.append(
            np.repeat(beta[:, column : column + 1], base.shape[1], axis=1).astype(np.float32)
        )
    return Course(names, np.stack(out), fitted, around)


def _window_sum(values: Floats, width: int) -> Floats:
    n = values.shape[1]
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    at = np.arange(n)
    return np.asarray(total[:, np.clip(at + width + 1, 0, n)] - total[:, np.clip(at - width, 0, n)])


def recent_level(residual: Floats, grid: Grid) -> Floats:
    """(S,) level of the last weeks beside a regression: half four weeks, half a quarter."""
    return 0.5 * _recent(residual, 4 * grid.season) + 0.5 * _recent(residual, 13 * grid.season)


def _recent(residual: Floats, width: int) -> Floats:
    part = residual[:, -width:]
    seen = np.isfinite(part)
    # A little weight on nothing new keeps a level of few observations near the regression's.
    return np.asarray(np.nan_to_num(part).sum(axis=1) / (seen.sum(axis=1) + 3.0))
