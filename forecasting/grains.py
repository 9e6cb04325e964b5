"""The period of a long frame, read from its dates, and the calendar it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import BadValueError, MixedGrainError
from forecasting.grid import FISCAL, Floats
from forecasting.periods import FiscalPeriod

#: The plan column that a history of fiscal periods gets: log of a period's days over the usual.
LENGTH = "period_length"
#: Periods of the short season, of a year, and back to the same weekday or month a year ago.
_SEASONS = {"D": (7, 365, 364), "W": (1, 52, 52), "M": (1, 12, 12)}


@dataclass(frozen=True)
class Grain:
    """`dates` of history and horizon; frequency, seasons, and periods back to last year's; of
    fiscal periods also `length`, see LENGTH."""

    freq: str
    dates: pd.DatetimeIndex
    season: int
    year: int
    year_back: int
    length: Floats | None = None


def grain_of(
    codes: np.ndarray, days: pd.Series, horizon: int, calendar: Sequence[FiscalPeriod] = ()
) -> Grain:
    """Days, weeks from one weekday, first days of months, or of fiscal periods.

    Raises:
        MixedGrainError: none of these, or several.
        BadValueError: the fiscal calendar ends before the horizon.
    """
    found = _fiscal(days, horizon, calendar)
    if found is not None:
        return found
    freq = _freq(codes, days)
    history = pd.date_range(days.min(), days.max(), freq=freq)
    ahead = pd.date_range(history[-1], periods=horizon + 1, freq=freq)[1:]
    return Grain(freq, pd.DatetimeIndex([*history, *ahead]), *_SEASONS[freq[0]])


def _fiscal(days: pd.Series, horizon: int, calendar: Sequence[FiscalPeriod]) -> Grain | None:
    unique = pd.DatetimeIndex(np.sort(days.unique()))
    place = {period.first: number for number, period in enumerate(calendar)}
    if len(unique) < 2 or not all(day in place for day in unique) or (unique.day == 1).all():
        return None  # months are months
    if np.diff(unique).min() <= np.timedelta64(7, "D"):
        return None
    first, last = place[unique[0]], place[unique[-1]]
    own = list(calendar)[first : last + 1 + horizon]
    if len(own) < last + 1 + horizon - first:
        raise BadValueError(
            f"The fiscal calendar ends on {calendar[-1].last.date()}, before the horizon of "
            f"{horizon} periods after {unique[-1].date()}: add {horizon + last + 1 - len(calendar)}"
            " periods, or take a shorter horizon."
        )
    length = np.array([(p.last - p.first).days + 1 for p in own], dtype=float)
    year = max(round(365.25 / float(length.mean())), 1)
    usual = float(np.median(length))
    dates = pd.DatetimeIndex([p.first for p in own])
    return Grain(FISCAL, dates, 1, year, year, np.log(length / usual))


def _freq(codes: np.ndarray, days: pd.Series) -> str:
    """D, W-<weekday> or MS, from the days themselves."""
    unique = np.sort(days.unique())
    if len(unique) == 1:
        return "D"
    if all(pd.Timestamp(day).day == 1 for day in unique) and len(unique) > 1:
        return "MS"
    offset = (unique - unique[0]) / np.timedelta64(1, "D")
    if (offset % 7 == 0).all():
        return f"W-{pd.Timestamp(unique[0]).strftime('%a').upper()}"
    steps = np.diff(unique) / np.timedelta64(1, "D")
    if np.median(steps) > 1:
        if pd.DatetimeIndex(unique).is_month_end.all():
            raise MixedGrainError(
                f"Months are dated by their last days (the first is {pd.Timestamp(unique[0]):%F}): "
                f"date each by its first day ({pd.Timestamp(unique[0]):%Y-%m}-01)."
            )
        some = ", ".join(map(str, sorted(set(steps.astype(int).tolist()))[:4]))
        raise MixedGrainError(
            "The dates are neither days, nor weeks from one weekday, nor first days of months "
            f"(steps of {some} days): sum them to one of these, or give the fiscal calendar whose "
            "periods begin on them."
        )
    # A weekly series among daily ones would have to be spread over days: refused.
    order = np.lexsort((days.to_numpy(), codes))
    code, day = codes[order], days.to_numpy()[order]
    begins = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    gap = np.full(len(day), np.inf)
    gap[1:] = np.diff(day) / np.timedelta64(1, "D")
    gap[begins] = np.inf
    least = np.minimum.reduceat(gap, begins)
    if ((least >= 7) & (np.diff(np.r_[begins, len(day)]) >= 4)).any():
        raise MixedGrainError(
            "The history mixes grains: some series have a row a day, others at most one a "
            "week. Sum all of them to the same period."
        )
    return "D"
