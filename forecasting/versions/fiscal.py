"""Fiscal periods as a frame `period, starts_on, ends_on`: any calendar, 53-week years too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.periods import COLUMNS, FiscalPeriod, calendar_of_frame, calendar_of_rule
from forecasting.versions.errors import VersionError
from forecasting.versions.wording import said, shown


def checked_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """Fiscal periods sorted by first day, each day of theirs in one period alone.

    Raises:
        MissingColumnError, BadValueError, VersionError: a column, date or name is wrong, a period
            ends before it starts, two overlap, or days between two are in none.
    """
    return frame_of(calendar_of_frame(frame))


def frame_of(periods: Sequence[FiscalPeriod]) -> pd.DataFrame:
    """`period, starts_on, ends_on` of periods in order.

    Raises:
        VersionError: a name is none that a version may keep.
    """
    return pd.DataFrame(
        [(said(one.name, "fiscal period", 40), one.first, one.last) for one in periods],
        columns=list(COLUMNS),
    )


def calendar_months(first: date, last: date) -> pd.DataFrame:
    """Calendar months that hold the days from `first` to `last`, named as 2026-01.

    >>> calendar_months(date(2026, 1, 31), date(2026, 2, 1))["period"].tolist()
    ['2026-01', '2026-02']
    """
    return frame_of(calendar_of_rule("months", pd.Timestamp(first), pd.Timestamp(last)))


def positions(days: pd.Series | pd.DatetimeIndex, periods: pd.DataFrame) -> np.ndarray:
    """Row of the period of each day (for a week or month: of its first day); -1 outside."""
    moments = np.asarray(pd.DatetimeIndex(days), dtype="datetime64[ns]")
    starts = periods["starts_on"].to_numpy(dtype="datetime64[ns]")
    ends = periods["ends_on"].to_numpy(dtype="datetime64[ns]")
    found = np.searchsorted(starts, moments, side="right") - 1
    inside = (found >= 0) & (moments <= ends[np.maximum(found, 0)])
    return np.where(inside, found, -1)


@dataclass(frozen=True)
class Cut:
    """Days a period was cut at, and by what. `ends`: it was the last one of its calendar, which may
    have ended within it: a landed calendar reaches as far as somebody has landed it."""

    first: date
    last: date
    what: str
    ends: bool = False

    def same(self, first: date, last: date) -> bool:
        """Whether a period of these days is the one that was cut so, or how it goes on."""
        return first == self.first and (last == self.last or (self.ends and last > self.last))


def refuse_moved(periods: pd.DataFrame, known: Mapping[str, Cut]) -> None:
    """Refuse a calendar that cuts a known period at other days.

    Raises:
        VersionError: one has moved: lags and accuracy would compare what is not the same.
    """
    for name, start, end in periods[list(COLUMNS)].itertuples(index=False):
        cut = known.get(name)
        if cut is not None and not cut.same(start.date(), end.date()):
            raise VersionError(
                f"{shown(name)} is {start.date()} to {end.date()} here and {cut.first} to "
                f"{cut.last} in {cut.what}: the fiscal calendar must not move; give a changed "
                "period another name."
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
