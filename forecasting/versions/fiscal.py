"""Fiscal periods as a frame `period, starts_on, ends_on`: any calendar, 53-week years too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from forecasting.errors import BadValueError, DuplicateKeyError, MissingColumnError
from forecasting.versions.errors import VersionError
from forecasting.versions.wording import said, shown

COLUMNS = ("period", "starts_on", "ends_on")


def checked_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """Fiscal periods sorted by first day, each day of theirs in one period alone.

    Raises:
        MissingColumnError, BadValueError, DuplicateKeyError: a column, date or name is wrong, a
            period ends before it starts, two overlap, or days between two are in none.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The fiscal calendar lacks {', '.join(missing)}: one row a period, with "
            "period, starts_on, ends_on."
        )
    out = pd.DataFrame({"period": [said(p, "fiscal period", 40) for p in frame["period"]]})
    for name in COLUMNS[1:]:
        cells = frame[name].reset_index(drop=True)
        days = pd.to_datetime(cells, format="ISO8601", errors="coerce")
        if days.isna().any():
            row = int(days.isna().to_numpy().argmax())
            raise BadValueError(
                f"The fiscal calendar's {name} is {shown(cells.iloc[row])} in row {row + 1}: "
                "expected a date as 2025-01-31."
            )
        out[name] = days.dt.normalize()
    out = out.sort_values("starts_on", ignore_index=True)
    if out.empty:
        raise BadValueError("The fiscal calendar has no row.")
    double = out["period"].duplicated()
    if double.any():
        raise DuplicateKeyError(
            f"The fiscal calendar has {shown(out.loc[double, 'period'].iloc[0])} twice: name the "
            "year in the period, as 2026-P01."
        )
    backward = out["ends_on"] < out["starts_on"]
    if backward.any():
        raise BadValueError(
            f"{shown(out.loc[backward, 'period'].iloc[0])} of the fiscal calendar ends before it "
            "starts."
        )
    step = out["starts_on"].iloc[1:].to_numpy() - out["ends_on"].iloc[:-1].to_numpy()
    wrong = step != np.timedelta64(1, "D")
    if wrong.any():
        at = int(wrong.argmax())
        one, two = out.iloc[at], out.iloc[at + 1]
        raise BadValueError(
            f"{shown(one['period'])} of the fiscal calendar ends on {one['ends_on'].date()} and "
            f"{shown(two['period'])} starts on {two['starts_on'].date()}: every day belongs to one "
            "period."
        )
    return out


def calendar_months(first: date, last: date) -> pd.DataFrame:
    """Calendar months that hold the days from `first` to `last`, named as 2026-01.

    >>> calendar_months(date(2026, 1, 31), date(2026, 2, 1))["period"].tolist()
    ['2026-01', '2026-02']
    """
    months = pd.period_range(pd.Timestamp(first), pd.Timestamp(last), freq="M")
    return pd.DataFrame({
        "period": months.strftime("%Y-%m"),
        "starts_on": months.start_time.normalize(), "ends_on": months.end_time.normalize(),
    })  # fmt: skip


def positions(days: pd.Series | pd.DatetimeIndex, periods: pd.DataFrame) -> np.ndarray:
    """Row of the period of each day (for a week or month: of its first day); -1 outside."""
    moments = np.asarray(pd.DatetimeIndex(days), dtype="datetime64[ns]")
    starts = periods["starts_on"].to_numpy(dtype="datetime64[ns]")
    ends = periods["ends_on"].to_numpy(dtype="datetime64[ns]")
    found = np.searchsorted(starts, moments, side="right") - 1
    inside = (found >= 0) & (moments <= ends[np.maximum(found, 0)])
    return np.where(inside, found, -1)


def refuse_moved(periods: pd.DataFrame, known: Mapping[str, tuple[date, date, str]]) -> None:
    """Refuse a calendar that cuts a known period at other days.

    Args:
        known: period -> first day, last day, and what was cut so.

    Raises:
        VersionError: one has moved: lags and accuracy would compare what is not the same.
    """
    for name, start, end in periods[list(COLUMNS)].itertuples(index=False):
        first, last, what = known.get(name, (start.date(), end.date(), ""))
        if (start.date(), end.date()) != (first, last):
            raise VersionError(
                f"{shown(name)} is {start.date()} to {end.date()} here and {first} to {last} in "
                f"{what}: the fiscal calendar must not move; give a changed period another name."
            )


def period_of(day: date, periods: pd.DataFrame) -> int:
    """Row of the period that holds a day.

    Raises:
        VersionError: none does.
    """
    row = int(positions(pd.DatetimeIndex([pd.Timestamp(day)]), periods)[0])
    if row < 0:
        raise VersionError(
            f"The fiscal calendar has no period of {day}; it runs from "
            f"{periods['starts_on'].iloc[0].date()} to {periods['ends_on'].iloc[-1].date()}: give "
            "one that reaches further."
        )
    return row


def row_of(period: str, periods: pd.DataFrame) -> int:
    """Row of a period by name.

    Raises:
        VersionError: the calendar has none of this name.
    """
    rows = np.flatnonzero((periods["period"] == period).to_numpy())
    if not len(rows):
        names = periods["period"]
        raise VersionError(
            f"The fiscal calendar has no period {shown(period)}; it has {names.iloc[0]} to "
            f"{names.iloc[-1]}."
        )
    return int(rows[0])
