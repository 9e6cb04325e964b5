"""Levels of a frame, and forecasts of them that agree: bottom-up, top-down or MinT, as it pays.

Upper levels are forecast by the same race on summed series. How the two are reconciled is chosen by
the errors of each way at earlier origins (hierarchicalforecast; Wickramasuriya et al. 2019, 2020;
Athanasopoulos et al. 2009 for forecast proportions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.candidates.protocol import Window
from forecasting.correcting import mix_at
from forecasting.errors import MissingColumnError
from forecasting.grid import Bools, Floats, Grid, PlanColumn
from forecasting.race import RACE_MOST, Race, Told, cuts_before
from forecasting.reconciling import METHODS, MINT_MOST, Reconcile, reconciled
from forecasting.rounding import rounded_to
from forecasting.weighing import mixed, weights_at

Way = Literal["auto", "bottom_up", "top_down", "mint_shrink"]
#: What a way must save of bottom-up's error, the mean of levels, to be taken.
WORTH = 0.01
#: Origins at which a way has to better bottom-up, without losing at any.
LEAST_ORIGINS = 2
#: Earlier origins that are forecast whole for the choice where only a sample races.
MANY_ORIGINS = 3


@dataclass(frozen=True)
class Levels:
    """`names` and `rows` of the upper nodes; `level` of each; `summing` (U, S) of 0 and 1."""

    names: tuple[str, ...]
    level: tuple[str, ...]
    summing: Floats

    @property
    def rows(self) -> list[npt.NDArray[np.intp]]:
        return [np.flatnonzero(row) for row in self.summing]


def level_columns(keys: pd.DataFrame, asked: Sequence[Sequence[str]] | None) -> list[list[str]]:
    """The series columns of each level between total and series.

    Args:
        asked: each level's columns; None: every column on its own.

    Raises:
        MissingColumnError: a level names what is no series column.
    """
    if asked is None:
        return [[name] for name in keys.columns]
    for level in asked:
        missing = [name for name in level if name not in keys.columns]
        if missing or not level:
            raise MissingColumnError(
                f"A level names {missing[0][:60]!r}, which is no series column: they are "
                f"{', '.join(repr(str(name)[:60]) for name in keys.columns)}."
                if missing
                else "A level names no column: give series columns, as territory;territory,product."
            )
    return [list(dict.fromkeys(level)) for level in asked]


def groups_of(
    keys: pd.DataFrame, asked: Sequence[Sequence[str]] | None = None
) -> dict[tuple[str, str], npt.NDArray[np.intp]]:
    """(level, key) -> rows: `total`, then each level that sums some series but not all."""
    out = {("total", ""): np.arange(len(keys), dtype=np.intp)}
    for columns in level_columns(keys, asked):
        found = keys.groupby(columns, sort=True).indices
        if 1 < len(found) < len(keys):
            for value, rows in found.items():
                key = value if isinstance(value, tuple) else (value,)
                out[",".join(columns), " / ".join(map(str, key))] = np.sort(rows)
    return out


def levels_of(groups: dict[tuple[str, str], npt.NDArray[np.intp]], series: int) -> Levels:
    """The nodes that sum two series or more, each set of series once."""
    names, level, rows = [], [], []
    seen: set[bytes] = set()
    for (which, key), own in groups.items():
        row = np.zeros(series)
        row[own] = 1.0
        if len(own) > 1 and row.tobytes() not in seen:
            seen.add(row.tobytes())
            names.append(f"{which} {key}".strip())
            level.append(which)
            rows.append(row)
    return Levels(tuple(names), tuple(level), np.array(rows).reshape(len(rows), series))


def upper_grid(grid: Grid, levels: Levels) -> Grid:
    """The sums of series, and their plan: means of its columns, a category's levels as shares.

    Members weigh as they sold in the year before the origin. A sum is not known where a member
    that was on sale is not.
    """
    seen = np.isfinite(grid.y)
    missing = (np.maximum.accumulate(seen, axis=1) & ~seen).astype(float)
    y = levels.summing @ np.nan_to_num(grid.y)
    unknown = (levels.summing @ missing > 0) | (levels.summing @ seen.astype(float) == 0)
    y[unknown] = np.nan
    recent = grid.y[:, -grid.year :]
    sold = np.nan_to_num(recent).clip(min=0).sum(axis=1)
    weight = levels.summing * (sold + 1e-9 * max(float(sold.sum()), 1.0))
    columns: list[PlanColumn] = []
    plan: list[Floats] = []
    for column, values in zip(grid.columns, grid.plan, strict=True):
        told = [(column.name, values)]
        if column.is_categorical:
            told = [
                (f"{column.name}: {name}", np.where(np.isnan(values), np.nan, values == code))
                for code, name in enumerate(column.levels[1:], start=1)
            ]
        for name, cells in told:
            there = np.isfinite(cells)
            total = weight @ there
            mean = (weight @ np.nan_to_num(cells)) / np.where(total > 0, total, np.nan)
            # Sums of binary fractions: what is the same plan everywhere must stay one value.
            plan.append(np.round(mean, 6))
            columns.append(PlanColumn(name, sign=column.sign))
    shape = (0, len(levels.names), len(grid.dates))
    return replace(
        grid, ids=levels.names, y=y, columns=tuple(columns),
        plan=np.stack(plan) if plan else np.zeros(shape),
    )  # fmt: skip


@dataclass
class UpperRace(Race):
    """The race on sums; members' weights at an origin are those known there."""

    bottom: Grid | None = None
    levels: Levels | None = None
    _windows: dict[int, Window] = field(default_factory=dict)

    def window(self, cut: int) -> Window:
        assert self.bottom is not None
        assert self.levels is not None
        if cut not in self._windows:
            grid = upper_grid(self.bottom.at(cut), self.levels)
            self._windows[cut] = Window(grid, self.seed, self.country)
        return self._windows[cut]


@dataclass(frozen=True)
class Reconciled:
    """`mean` (S, H) in whole cents; `method` taken; `facts` for a reader."""

    mean: Floats
    method: str
    facts: dict[str, Any]


def reconcile(  # noqa: PLR0917
    race: Race,
    cut: int,
    weights: dict[str, dict[str, float]],
    mean: Floats,
    told: Told,
    levels: Levels,
    way: Way | None = None,
) -> Reconciled:
    """The mix at an origin, made to agree with forecasts of its sums where that pays.

    Args:
        mean: (S, H) the mix there.
        way: `auto` takes what did best at earlier origins. None: `auto`, but bottom-up where only a
            sample of the series races: there the choice costs forecasts of all at more origins.

    Returns the agreed means; its facts say `why` where it is bottom-up unasked.
    """
    asked = way
    way = way or ("auto" if len(race.grid.ids) <= RACE_MOST else "bottom_up")
    nothing: dict[str, Any] = {
        "method": "bottom_up", "levels": sorted(set(levels.level)), "errors": {},
    }  # fmt: skip
    if len(levels.names) == 0:
        nothing["why"] = "no level sums two series or more"
    elif asked is None:
        nothing["why"] = f"above {RACE_MOST} series another way has to be asked for"
    if way == "bottom_up" or len(levels.names) == 0:
        return Reconciled(np.round(mean, 2), "bottom_up", nothing)
    upper = UpperRace(
        upper_grid(race.grid, levels), race.seed, race.country, race.candidates, race.progress,
        bottom=race.grid, levels=levels,
    )  # fmt: skip
    upper_weights, _ = weights_at(upper, cut)
    cuts = cuts_before(race.grid, cut)
    if len(race.grid.ids) > RACE_MOST:
        cuts = cuts[:MANY_ORIGINS]
    past = [_at(race, upper, c, weights, upper_weights, levels) for c in cuts]
    errors = _errors(past, levels)
    method = _best(errors) if way == "auto" else way
    now = Reconcile(mean, _upper(upper, cut, upper_weights, told.shut, levels), told.shut)
    found: Floats | None = mean
    if method != "bottom_up":
        older = [one for one, _ in past], [actual for _, actual in past]
        found = reconciled(now, *older, levels.summing, method)
    why = {}
    if found is None:
        why = {"why": _not_had(method, len(levels.names) + len(mean))}
        method, found = "bottom_up", mean
    elif method == "bottom_up":
        why = {"why": "no other way was better at every earlier origin, of two at least"}
    cents = np.rint(found * 100).astype(np.int64)
    if method != "bottom_up":
        cents = rounded_to(np.rint(found.sum(axis=0) * 100).astype(np.int64), found * 100)
    return Reconciled(
        cents / 100,
        method,
        {
            "method": method,
            "asked": way,
            "levels": list(dict.fromkeys(levels.level)),
            "nodes": len(levels.names),
            "weights": upper_weights,
            "origins": [str(race.grid.dates[race.grid.known - 1 - c].date()) for c in cuts],
            "errors": errors,
            **why,
        },
    )


def _not_had(method: str, nodes: int) -> str:
    if nodes > MINT_MOST:
        return f"MinT takes at most {MINT_MOST:,} series and sums, and these are {nodes:,}"
    return f"errors at earlier origins are too few, or too much alike, for {method}"


def _at(  # noqa: PLR0917
    race: Race,
    upper: UpperRace,
    cut: int,
    weights: dict[str, dict[str, float]],
    upper_weights: dict[str, dict[str, float]],
    levels: Levels,
) -> tuple[Reconcile, Floats]:
    told = race.at(cut, whole=True)
    mean = mix_at(race, told, weights, cuts_before(race.grid, cut)).mean
    sums = _upper(upper, cut, upper_weights, told.shut, levels)
    return Reconcile(mean, sums, told.shut), race.actual(cut)


def _upper(
    upper: UpperRace, cut: int, weights: dict[str, dict[str, float]], shut: Bools, levels: Levels
) -> Floats:
    """(U, H) forecasts of the sums; nothing where every member is closed."""
    mean, _ = mixed(upper.at(cut, whole=True), weights)
    return np.where(levels.summing @ (~shut).astype(float) == 0, 0.0, mean)


def _errors(
    past: list[tuple[Reconcile, Floats]], levels: Levels
) -> dict[str, list[dict[str, float]]]:
    """way -> one row an origin where it can be judged: level -> error as a share of bottom-up's.

    Origins are the newest first; MinT at one learns from the errors at older ones.
    """
    out: dict[str, list[dict[str, float]]] = {}
    names = [*dict.fromkeys(levels.level), "series"]
    for method in METHODS:
        out[method] = []
        for number, (one, actual) in enumerate(past):
            older = past[number + 1 :]
            found = reconciled(
                one, [p for p, _ in older], [a for _, a in older], levels.summing, method
            )
            against = _missed(one.mean, actual, levels, names)
            if found is not None and against.all():
                shares = _missed(found, actual, levels, names) / against
                out[method].append(
                    {n: round(float(s), 4) for n, s in zip(names, shares, strict=True)}
                )
    return out


def _missed(mean: Floats, actual: Floats, levels: Levels, names: list[str]) -> Floats:
    seen = np.isfinite(actual)
    known = np.where(seen, actual, 0.0)
    told = np.where(seen, mean, 0.0)
    gap = np.abs(levels.summing @ (told - known)).sum(axis=1)
    level = np.array(levels.level)
    upper = [float(gap[level == name].sum()) for name in names[:-1]]
    return np.array([*upper, float(np.abs(told - known).sum())])


def _best(errors: dict[str, list[dict[str, float]]]) -> str:
    """What saved most, at two origins or more, and lost at none: one origin lies."""
    best, most = "bottom_up", np.log(1 - WORTH)
    for method, rows in errors.items():
        told = [float(np.mean(np.log(np.maximum(list(row.values()), 1e-9)))) for row in rows]
        if len(told) >= LEAST_ORIGINS and max(told) < 0 and np.mean(told) < most:
            best, most = method, float(np.mean(told))
    return best
