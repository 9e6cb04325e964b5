"""Dates as tables write them, and the grain they keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Ways to write a date, tried in this order; the first that reads every cell with an even step.
FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%Y-%m-%d %H:%M:%S"),
    *(
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%Y-%m-%d %H:%M:%S%z",
    ),
    *("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y", "%d %b %Y", "%d-%b-%y", "%d-%b-%Y"),
    *("%b %d, %Y", "%B %d, %Y", "%G-W%V"),
)
_YEARS = (1970, 2100)
#: An offset from UTC at the end of a date.
_ZONE = r"\s*(?:[Zz]|UTC|[+-]\d{2}:?\d{2})$"

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Calendar:
    """Dates read: `days` (rows,), the `format` they are written in, others that read them too."""

    days: pd.DatetimeIndex
    format: str
    also: tuple[str, ...] = ()


def parsed(cells: pd.Series, form: str) -> pd.DatetimeIndex:
    """Cells read by one format; NaT where it does not read them."""
    text = cells.astype(str).str.strip()
    if form == "%G-W%V":  # a week without a weekday is no date for Python: its Monday
        text, form = text + "-1", "%G-W%V-%u"
    if form.endswith("%z"):
        # The day that its clock showed: midnight in Berlin is no evening before in London.
        zoned = text.str.contains(_ZONE)
        text, form = text.str.replace(_ZONE, "", regex=True).where(zoned), form.removesuffix("%z")
    found = pd.to_datetime(text, format=form, errors="coerce")
    index = pd.DatetimeIndex(pd.DatetimeIndex(found).astype("datetime64[ns]")).normalize()
    inside = (index.year >= _YEARS[0]) & (index.year < _YEARS[1])
    return pd.DatetimeIndex(index.where(inside))


def read_days(cells: pd.Series, form: str | None = None) -> Calendar | int:
    """Cells as days, by the given format or by the first that reads all of them evenly.

    Returns:
        Calendar, or the position of the first cell that is no date (by the format that reads most).
    """
    if pd.api.types.is_datetime64_any_dtype(cells):
        cells = cells.dt.strftime("%Y-%m-%d")
    if form is not None:
        days = parsed(cells, form)
        missing = np.flatnonzero(days.isna())
        return int(missing[0]) if missing.size else Calendar(days, form)
    head = cells.drop_duplicates().iloc[:200]
    possible = [one for one in FORMATS if not parsed(head, one).isna().all()]
    whole: list[Calendar] = []
    best, unread = -1, 0
    for one in possible:
        days = parsed(cells, one)
        missing = np.flatnonzero(days.isna())
        if not missing.size:
            whole.append(Calendar(days, one))
        elif len(cells) - missing.size > best:
            best, unread = len(cells) - missing.size, int(missing[0])
    if not whole:
        return unread
    even = [one for one in whole if grain_of(one.days) is not None]
    chosen = (even or whole)[0]
    # Two formats that both keep a step but say different days: somebody must choose.
    rivals = even if even else whole
    also = tuple(o.format for o in rivals if not o.days.equals(chosen.days))
    return Calendar(chosen.days, chosen.format, also)


def grain_of(days: pd.DatetimeIndex) -> str | None:
    """The grain whose step most dates keep (three of five); None where none does."""
    dates = pd.DatetimeIndex(np.sort(days.unique()))
    if len(dates) < 3:
        return None
    steps = np.diff(dates.to_numpy()).astype("timedelta64[D]").astype(np.int64)
    for grain, low, high in (("day", 1, 1), ("week", 7, 7), ("month", 28, 31)):
        if float(((steps >= low) & (steps <= high)).mean()) >= 0.6:
            return grain
    return None


def month_starts(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The first of each day's month: month ends are no even step."""
    return pd.DatetimeIndex(days.to_period("M").to_timestamp())
