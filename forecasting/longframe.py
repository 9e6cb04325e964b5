"""A long frame of history and one of the plan, checked and laid out as a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.assuming import Assumed, Rule, assumed, checked
from forecasting.cells import days_of, is_empty, numbers_of, plan_values, show
from forecasting.errors import (
    BadValueError,
    DuplicateKeyError,
    EmptyLedgerError,
    GapError,
    HorizonError,
    MissingColumnError,
    PlanError,
)
from forecasting.grains import LENGTH, Grain, grain_of
from forecasting.grid import Floats, Grid, PlanColumn
from forecasting.periods import FiscalPeriod
from forecasting.sign_limits import with_signs

Gaps = Literal["error", "zero", "unknown"]
MOST_AHEAD = 1100
#: Sums over series and horizon are kept in whole cents, with room for what grows.
MOST_SUM = 1e15
#: Usual sales below it lose more than 1 % where a mean is rounded to two digits.
SMALL = 0.5
_SHOWN = 5
#: Columns of the tables that are written, which stand beside those of the series.
_ANSWER = frozenset(
    {"ds", "mean", "p025", "p10", "p50", "p90", "p975", "model", "part", "step", "value"}
)


@dataclass(frozen=True)
class LaidOut:
    """The grid; `keys`: the series columns of each row of the grid; what a reader is told; which
    part of the plan was assumed."""

    grid: Grid
    keys: pd.DataFrame
    notes: tuple[str, ...]
    assumed: tuple[Assumed, ...] = ()


def lay_out(
    history: pd.DataFrame,
    plan: pd.DataFrame | None,
    *,
    series: Sequence[str],
    date: str,
    target: str,
    horizon: int,
    gaps: Gaps = "error",
    plan_columns: Sequence[str] | None = None,
    assume: Mapping[str, str] | None = None,
    signs: Mapping[str, str] | None = None,
    calendar: Sequence[FiscalPeriod] = (),
) -> LaidOut:
    """Check a long frame and its plan, and lay both out.

    Args:
        history: one row a series and period (day, week, month or fiscal period): the `series`
            columns, `date`, `target`, and the plan's columns as they ran. Cells may be text.
        plan: the `series` columns, `date` and plan columns for each of the `horizon` periods
            after history, of every series; None for no plan. A plan without the series columns
            holds for all series.
        gaps: what a missing period of a series is: an error, no sale, or not known.
        plan_columns: for a backtest without a plan: the columns of history that were planned. The
            horizon after history then has none, and nothing can be forecast for it.
        assume: plan column -> rule for cells of the horizon that the plan does not have (the
            column, rows or cells); what is assumed is told in `notes` and `assumed`.
        calendar: fiscal periods; a history dated by their first days is one of fiscal periods.
        signs: plan column of numbers -> "+" or "-": what more of it must do to the target.

    Raises:
        ForecastError: which column, series and dates are wrong, and what to do.
    """
    if isinstance(horizon, bool) or horizon != int(horizon) or not 1 <= horizon <= MOST_AHEAD:
        raise HorizonError(
            f"The horizon is {horizon}: it must be a whole number of periods from 1 to "
            f"{MOST_AHEAD}."
        )
    _need(history, [*series, date, target], "history")
    if len({*series, date, target}) < len(series) + 2:
        raise MissingColumnError("Series, date and target must be different columns.")
    if taken := [name for name in series if name in _ANSWER]:
        raise MissingColumnError(
            f"The series column {show(taken[0])} is named like a column of the forecast: rename it."
        )
    if history.empty:
        raise EmptyLedgerError("The history has no row: give at least one period of a series.")
    notes: list[str] = []
    key = _keys(history, series, "history")
    days = days_of(history[date], "history", date)
    codes, keys = _series_codes(key)
    _refuse_duplicates(codes, days, keys, "history")
    grain = grain_of(codes, days, int(horizon), calendar)
    dates = grain.dates
    step, future = dates[: -int(horizon)], dates[-int(horizon) :]
    at = dates.get_indexer(pd.DatetimeIndex(days))

    y = np.full((len(keys), len(step)), np.nan)
    y[codes, at] = _sold(history[target], target, notes)
    _refuse_too_large(y, target, int(horizon))
    _gaps(y, keys, step, gaps, notes)
    rules = checked(assume or {}, [c for c in history.columns if c not in {*series, date, target}])
    names = _plan_columns(history, plan, [*series, date], target, notes, plan_columns, list(rules))
    grid_plan = np.full((len(names), len(keys), len(dates)), np.nan)
    columns: list[PlanColumn] = []
    told: list[Assumed] = []
    cells = (
        None if plan is None else _plan_cells(plan, series, date, keys, future, dates, rules, notes)
    )
    for number, name in enumerate(names):
        rows = np.zeros(0, dtype=int)
        given = history[name].iloc[:0]
        if plan is not None and cells is not None and name in plan.columns:
            given, rows = plan[name].iloc[cells[0][1]], np.arange(len(cells[1]))
            if name in rules:
                there = ~is_empty(given).to_numpy()
                given, rows = given[there], rows[there]
        column, then, later = plan_values(history[name], given, name, days, notes)
        grid_plan[number, codes, at] = then
        if cells is not None:
            grid_plan[number, cells[0][0][rows], cells[1][rows]] = later
        columns.append(column)
        if name in rules:
            grid_plan[number], one = assumed(
                grid_plan[number], column, rules[name], dates, len(step), grain.year_back
            )
            told += [one] if one else []
        elif plan is not None:
            _complete(grid_plan[number], name, keys, dates, len(future))
    notes += [one.note for one in told]
    columns = list(with_signs(columns, signs or {}))
    grid_plan, columns = _with_length(grid_plan, columns, grain)
    grid = Grid(
        _ids(keys), dates, y, grid_plan, tuple(columns), grain.freq, grain.season, grain.year,
    )  # fmt: skip
    return LaidOut(grid, keys, tuple(notes), tuple(told))


def _sold(cells: pd.Series, target: str, notes: list[str]) -> Floats:
    """The target's numbers; `notes` takes what of them a forecast cannot say."""
    numbers = numbers_of(cells, "history", target)
    below = numbers < 0
    if below.any():
        notes.append(
            f"{show(target)} is below zero in {int(below.sum())} of {len(numbers)} rows, the first "
            f"row {cells.index[int(below.argmax())]}: no forecast is, and models of logs do not "
            "learn from these rows"
        )
    usual = float(np.median(numbers[numbers > 0])) if (numbers > 0).any() else 1.0
    if usual < SMALL:
        notes.append(
            f"{show(target)} is usually {usual:.2g}, and means are rounded to two digits: give it "
            "in a smaller unit"
        )
    return numbers


def _refuse_too_large(y: Floats, target: str, horizon: int) -> None:
    largest = np.nanmax(np.abs(y), axis=1)
    if largest.sum() * horizon > MOST_SUM:
        raise BadValueError(
            f"The history's {show(target)} is as large as {largest.max():.3g}, and the sum of all "
            f"{len(y)} series over {horizon} periods could be above {MOST_SUM:.0e}, beyond which "
            "cents are lost: give it in thousands or millions."
        )


def _with_length(
    plan: Floats, columns: list[PlanColumn], grain: Grain
) -> tuple[Floats, list[PlanColumn]]:
    """A fiscal period of five weeks sells more than one of four: known, like a plan."""
    if grain.length is None:
        return plan, columns
    lengths = np.broadcast_to(grain.length, (1, *plan.shape[1:]))
    return np.concatenate([plan, lengths]), [*columns, PlanColumn(LENGTH)]


def _need(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    double = frame.columns[frame.columns.duplicated()]
    if len(double):
        raise MissingColumnError(f"The {what} has two columns named {show(double[0])}: drop one.")
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The {what} lacks {', '.join(map(show, missing))}; it has "
            f"{', '.join(show(name) for name in list(frame.columns)[:12])}."
        )


def _keys(frame: pd.DataFrame, series: Sequence[str], what: str) -> pd.DataFrame:
    key = frame[list(series)].astype(str)
    empty = frame[list(series)].isna() | (key.apply(lambda column: column.str.strip()) == "")
    if empty.to_numpy().any():
        name = empty.columns[int(empty.to_numpy().any(axis=0).argmax())]
        row = empty.index[int(empty[name].to_numpy().argmax())]
        raise BadValueError(f"The {what} has an empty {show(name)} (row {row}): name the series.")
    return key


def _series_codes(key: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    keys = key.drop_duplicates().sort_values(list(key.columns), ignore_index=True)
    names = pd.Index(_ids(keys))
    if names.has_duplicates:
        raise DuplicateKeyError(
            f"Two series of other columns are both called {show(names[names.duplicated()][0])} "
            "where their names are joined: rename one."
        )
    number = pd.Series(range(len(keys)), index=pd.MultiIndex.from_frame(keys))
    return number.reindex(pd.MultiIndex.from_frame(key)).to_numpy(dtype=int), keys


def _ids(keys: pd.DataFrame) -> tuple[str, ...]:
    return tuple(" / ".join(map(str, row)) for row in keys.itertuples(index=False))


def _refuse_duplicates(codes: np.ndarray, days: pd.Series, keys: pd.DataFrame, what: str) -> None:
    double = pd.DataFrame({"c": codes, "d": days.to_numpy()}).duplicated().to_numpy()
    if double.any():
        first = int(double.argmax())
        raise DuplicateKeyError(
            f"The {what} has {int(double.sum())} duplicated dates, the first "
            f"{_name(keys, codes[first])} on {days.iloc[first].date()} "
            f"(row {days.index[first]}): sum them to one row."
        )


def _name(keys: pd.DataFrame, code: int) -> str:
    return ", ".join(f"{c} {show(v)}" for c, v in keys.iloc[int(code)].items())


def _gaps(
    y: Floats, keys: pd.DataFrame, dates: pd.DatetimeIndex, gaps: Gaps, notes: list[str]
) -> None:
    seen = np.isfinite(y)
    begun = np.maximum.accumulate(seen, axis=1)
    missing = begun & ~seen
    if not missing.any():
        return
    series = np.flatnonzero(missing.any(axis=1))
    first = series[0]
    told = (
        f"{int(missing.sum())} periods of {len(series)} series are missing, the first "
        f"{_name(keys, first)} on "
        + ", ".join(str(d.date()) for d in dates[missing[first]][:_SHOWN])
    )
    if gaps == "error":
        raise GapError(
            f"The history has gaps: {told}. Give the rows, or say what a gap is: no sale "
            "(--gaps zero) or not known (--gaps unknown)."
        )
    if gaps == "zero":
        y[missing] = 0.0
    notes.append(f"{told}: taken as {'no sale' if gaps == 'zero' else 'not known'}")


def _plan_columns(  # noqa: PLR0917
    history: pd.DataFrame,
    plan: pd.DataFrame | None,
    keys: Sequence[str],
    target: str,
    notes: list[str],
    wished: Sequence[str] | None,
    assume: Sequence[str],
) -> list[str]:
    given = [] if plan is None else [c for c in plan.columns if c not in {*keys, target}]
    if wished is not None:
        _need(history, wished, "history")
        given = [name for name in wished if name not in {*keys, target}]
    given += [name for name in assume if name not in given]
    missing = [name for name in given if name not in history.columns]
    if missing:
        raise PlanError(
            f"The plan has {', '.join(map(show, missing))}, which the history lacks: what a plan "
            "column brings is learned from history; add it there or drop it from the plan."
        )
    unused = [c for c in history.columns if c not in {*keys, target, *given}]
    if unused:
        notes.append(
            f"not in the plan, so not used: {', '.join(show(name) for name in unused[:8])}"
        )
    return given


def _plan_cells(  # noqa: PLR0917
    plan: pd.DataFrame,
    series: Sequence[str],
    date: str,
    keys: pd.DataFrame,
    future: pd.DatetimeIndex,
    dates: pd.DatetimeIndex,
    assume: Mapping[str, Rule],
    notes: list[str],
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """((series of each cell, row of the plan it is in), period of each cell); `notes` takes series
    that are not in history."""
    here = [name for name in series if name in plan.columns]
    _need(plan, [date, *here], "plan")
    days = days_of(plan[date], "plan", date)
    inside = days.isin(future).to_numpy()
    if not inside.any() and not set(plan.columns) - {*series, date} <= set(assume):
        raise PlanError(
            f"The plan has no row from {future[0].date()} to {future[-1].date()}: its dates run "
            f"from {days.min().date()} to {days.max().date()}."
            if len(days)
            else "The plan has no row."
        )
    where = dates.get_indexer(pd.DatetimeIndex(days))
    row = np.flatnonzero(inside)
    if here:
        ours = keys[here].reset_index().rename(columns={"index": "_series"})
        cells = _keys(plan.iloc[row], here, "plan").assign(_row=row)
        joined = cells.merge(ours, on=here, how="inner")
        strange = cells[~cells["_row"].isin(joined["_row"])][here].drop_duplicates()
        if len(strange):
            notes.append(
                f"the plan has {len(strange)} series that the history lacks, the first "
                f"{_name(strange, 0)}: not forecast; a new one needs its first row of history"
            )
    else:
        joined = pd.DataFrame({"_row": row}).merge(
            pd.DataFrame({"_series": range(len(keys))}), how="cross"
        )
    codes, rows = joined["_series"].to_numpy(dtype=int), joined["_row"].to_numpy(dtype=int)
    _refuse_duplicates(codes, days.iloc[rows], keys, "plan")
    return (codes, rows), where[rows]


def _complete(
    values: Floats, name: str, keys: pd.DataFrame, dates: pd.DatetimeIndex, horizon: int
) -> None:
    """The horizon has to be there."""
    missing = np.isnan(values[:, -horizon:])
    if missing.any():
        rows = np.flatnonzero(missing.any(axis=1))
        days = dates[-horizon:][missing[rows[0]]]
        raise PlanError(
            f"The future plan of {show(name)} is not known for {len(rows)} series, the first "
            f"{_name(keys, rows[0])} on {', '.join(str(d.date()) for d in days[:_SHOWN])}"
            f"{f' and {len(days) - _SHOWN} more' if len(days) > _SHOWN else ''}: "
            "add these rows to the plan, or say what to assume (--assume column=last-year)."
        )
