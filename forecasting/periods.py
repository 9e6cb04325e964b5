"""Spans of the horizon that are summed: its periods, weeks, fiscal periods, and the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import BadValueError, MissingColumnError, RuleError
from forecasting.grid import FISCAL, Grid

#: First and last period of the horizon, both in.
Span = tuple[int, int]
#: Weeks of the three periods of a quarter.
_QUARTERS = {"445": (4, 4, 5), "454": (4, 5, 4), "544": (5, 4, 4)}
COLUMNS = ("period", "starts_on", "ends_on")
#: Fiscal periods a calendar may have: a day each for thirty years.
MOST = 11_000


@dataclass(frozen=True)
class FiscalPeriod:
    """`first` and `last` day, both in."""

    name: str
    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class FiscalSpan:
    """A fiscal period that the horizon reaches: `ahead` its periods there, `behind` those of
    history (first and last index of the grid; None: none).

    `status`: `forecast` (all of it lies ahead), `actual and forecast` (it has begun), `cut`
    (history or horizon do not hold all of it: its sum is not the whole period's).
    """

    name: str
    ahead: Span
    behind: Span | None
    status: str


def spans_of(grid: Grid) -> list[Span]:
    """Each period, then whole weeks of a daily horizon, then the whole horizon."""
    return [*((h, h) for h in range(grid.ahead)), *sums_of(grid)]


def sums_of(grid: Grid) -> list[Span]:
    """Whole weeks of a daily horizon, and the whole horizon."""
    H = grid.ahead
    weeks = [(w, w + 6) for w in range(0, H - 6, 7)] if grid.freq == "D" and H > 7 else []
    return [*weeks, (0, H - 1)] if H > 1 else []


def fiscal_spans(calendar: Sequence[FiscalPeriod], grid: Grid) -> list[FiscalSpan]:
    """The fiscal periods that the horizon reaches, in order.

    A week or month of the grid belongs to the fiscal period it begins in.

    Raises:
        BadValueError: the calendar does not cover the horizon.
    """
    dates, known = grid.dates, grid.known
    starts = np.array([p.first.to_datetime64() for p in calendar])
    ends = np.array([p.last.to_datetime64() for p in calendar])
    days = dates.to_numpy()
    at = np.searchsorted(starts, days, side="right") - 1
    inside = (at >= 0) & (days <= ends[np.maximum(at, 0)])
    if not inside[known:].all():
        lost = dates[known:][~inside[known:]]
        raise BadValueError(
            f"The fiscal calendar has no period for {lost[0].date()} and {len(lost) - 1} more of "
            f"the horizon's dates: it runs from {calendar[0].first.date()} to "
            f"{calendar[-1].last.date()}. Add the periods."
        )
    if grid.freq == FISCAL:  # each period is whole
        before, after = calendar[0].first - pd.Timedelta(days=1), pd.Timestamp.max
    else:
        step = pd.tseries.frequencies.to_offset(grid.freq)
        before, after = dates[0] - step, dates[-1] + step
    out = []
    for number in sorted(set(at[known:].tolist())):
        period = calendar[number]
        own = np.flatnonzero(at == number)
        own = own[inside[own]]
        ahead = own[own >= known]
        behind = own[own < known]
        held = before < period.first and after > period.last
        status = "forecast" if len(behind) == 0 else "actual and forecast"
        out.append(
            FiscalSpan(
                period.name,
                (int(ahead[0]) - known, int(ahead[-1]) - known),
                (int(behind[0]), int(behind[-1])) if len(behind) else None,
                status if held else "cut",
            )
        )
    return out


def calendar_of_rule(rule: str, first: pd.Timestamp, last: pd.Timestamp) -> list[FiscalPeriod]:
    """Fiscal periods from `first` to `last` by a rule.

    `months`: calendar months. `445:2026-02-01` (or 454, 544): years that begin on that weekday, the
    one nearest to that day of the year, with twelve periods of so many weeks; a year of 53 weeks
    has the 53rd in its last period. That is the retail calendar's rule for `454:2026-02-01`.

    Raises:
        RuleError: the rule is none of these.
    """
    if rule == "months":
        months = pd.period_range(first, last, freq="M")
        return [
            FiscalPeriod(str(m), m.start_time.normalize(), m.end_time.normalize()) for m in months
        ]
    match = re.fullmatch(r"(445|454|544):(\d{4}-\d{2}-\d{2})", rule)
    begin = pd.to_datetime(match[2], format="%Y-%m-%d", errors="coerce") if match else pd.NaT
    if match is None or pd.isna(begin):
        raise RuleError(
            f"The fiscal calendar is {rule[:60]!r}: expected a CSV file with "
            f"{', '.join(COLUMNS)}, or `months`, or a rule as `445:2026-02-01` (445, 454, 544)."
        )
    out = []
    for year in range(first.year - 2, last.year + 2):
        start, following = _year_start(begin, year), _year_start(begin, year + 1)
        weeks = list(_QUARTERS[match[1]] * 4)
        weeks[-1] += (following - start).days // 7 - 52
        for number, count in enumerate(weeks, start=1):
            end = start + pd.Timedelta(days=7 * count - 1)
            if end >= first and start <= last:
                out.append(FiscalPeriod(f"FY{year}-P{number:02d}", start, end))
            start = end + pd.Timedelta(days=1)
    return out


def _year_start(begin: pd.Timestamp, year: int) -> pd.Timestamp:
    """The day of `begin`'s weekday nearest to its month and day, in a year."""
    day = min(begin.day, 28) if begin.month == 2 else begin.day
    near = pd.Timestamp(year=year, month=begin.month, day=day)
    off = (begin.dayofweek - near.dayofweek + 3) % 7 - 3
    return near + pd.Timedelta(days=off)


def calendar_of_frame(frame: pd.DataFrame) -> list[FiscalPeriod]:
    """Fiscal periods from a table of `period`, `starts_on`, `ends_on` (both days in).

    Raises:
        MissingColumnError, BadValueError: which row is wrong, and why.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The fiscal calendar lacks {', '.join(missing)}: give {', '.join(COLUMNS)}."
        )
    if not 1 <= len(frame) <= MOST:
        raise BadValueError(f"The fiscal calendar has {len(frame)} rows: expected 1 to {MOST}.")
    days = {}
    for name in COLUMNS[1:]:
        cells = frame[name].astype(str)
        days[name] = pd.to_datetime(cells, format="ISO8601", errors="coerce").dt.normalize()
        bad = days[name].isna()
        if bad.any():
            row = frame.index[int(bad.to_numpy().argmax())]
            raise BadValueError(
                f"The fiscal calendar's {name} is {str(frame[name].loc[row])[:60]!r} (row {row}): "
                "expected a date as 2026-02-01."
            )
    names = frame["period"].astype(str).str.strip()
    double = names.duplicated() | (names == "")
    if double.any():
        row = frame.index[int(double.to_numpy().argmax())]
        raise BadValueError(
            f"The fiscal calendar's period {names.loc[row][:60]!r} (row {row}) is empty or there "
            "twice: name each period once."
        )
    table = pd.DataFrame({"period": names, **days}).sort_values("starts_on")
    wrong = (table["ends_on"] < table["starts_on"]).to_numpy(dtype=bool)
    after = table["starts_on"].iloc[1:].to_numpy() - table["ends_on"].iloc[:-1].to_numpy()
    apart = np.r_[False, after != np.timedelta64(1, "D")]
    for faulty, told in (
        (wrong, "ends before it starts"),
        (apart, "does not start on the day after the one before it ends"),
    ):
        if faulty.any():
            name = str(table["period"].iloc[int(faulty.argmax())])
            raise BadValueError(f"The fiscal calendar's period {name[:60]!r} {told}.")
    return [FiscalPeriod(str(p), s, e) for p, s, e in table.itertuples(index=False, name=None)]
