"""Dates and times, one cell at a time: declared formats, local time, daylight saving.

A local time that a forward change of the clock skips does not exist and is rejected. One that
happens twice, when the clock is put back, is taken as the first of the two: without an offset a
source cannot say more.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

ISO = "%Y-%m-%d"
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ISO_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?\s?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.ASCII,
)
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)


def day_of(cell: str, date_format: str, zone: str) -> date | None:
    """The day a cell means, or None when it means none in the years of the house.

    Args:
        cell: text, trimmed.
        date_format: strptime format, `epoch_days` or `epoch_seconds`.
        zone: IANA zone whose day a point in time falls on.
    """
    if date_format == ISO:
        if not _ISO_DAY.fullmatch(cell):
            return None
        try:
            return _in_range(date.fromisoformat(cell))
        except ValueError:
            return None
    found = _parsed(cell, date_format)
    if found is None:
        return None
    if date_format == "epoch_seconds":
        found = found.astimezone(ZoneInfo(zone))
    return _in_range(found.date())


def moment_of(cell: str, date_format: str, zone: str) -> datetime | None:
    """The point in time (UTC, naive) a cell means, or None."""
    if date_format == ISO:
        if not _ISO_TIME.fullmatch(cell):
            return None
        try:
            found = datetime.fromisoformat(cell.replace(",", ".").replace(" +", "+"))
        except ValueError:
            return None
    else:
        parsed = _parsed(cell, date_format)
        if parsed is None:
            return None
        found = parsed
    try:
        utc = found.astimezone(UTC) if found.tzinfo else _from_local(found, zone)
    except (OverflowError, ValueError):
        return None
    if utc is None or _in_range(utc.date()) is None:
        return None
    return utc.replace(tzinfo=None)


def _parsed(cell: str, date_format: str) -> datetime | None:
    try:
        if date_format in ("epoch_days", "epoch_seconds"):
            if not _WHOLE.fullmatch(cell):
                return None
            if date_format == "epoch_days":
                return (_EPOCH + timedelta(days=float(cell))).replace(tzinfo=None)
            return _EPOCH + timedelta(seconds=float(cell))
        found = datetime.strptime(cell, date_format)  # noqa: DTZ007 - the zone is declared beside
        # Without a mark between them, 2025013 could be the 3rd or the 13th with a digit lost.
        run_on = re.search("%[A-Za-z]%", date_format)
        return found if not run_on or found.strftime(date_format) == cell else None
    except (ValueError, OverflowError):
        return None


def _from_local(local: datetime, zone: str) -> datetime | None:
    utc = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    back = utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    return utc if back == local else None


def _in_range(day: date) -> date | None:
    return day if FIRST_DAY <= day <= LAST_DAY else None


@cache
def changes(zone: str) -> tuple[date, ...]:
    """Local days on which a zone's offset changes: their times need a second look."""
    zoned, found = ZoneInfo(zone), []
    moment = datetime(FIRST_DAY.year, 1, 1, tzinfo=UTC)
    before = moment.astimezone(zoned).utcoffset()
    for _ in range((LAST_DAY - FIRST_DAY).days + 1):
        following = moment + timedelta(days=1)
        after = following.astimezone(zoned).utcoffset()
        if after != before:
            # In local terms the change may touch the day before and the day after.
            local = moment.astimezone(zoned).date()
            found += [local + timedelta(days=n) for n in (-1, 0, 1, 2)]
        moment, before = following, after
    return tuple(sorted(set(found)))


def readings(cell: str) -> dict[str, date]:
    """What a day of undeclared format may mean, by the format that would say so."""
    found: dict[str, date] = {}
    match = re.fullmatch(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})", cell, re.ASCII)
    if match is None:
        return found
    mark, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
    for first, second in (("%d", "%m"), ("%m", "%d")):
        date_format = f"{first}{mark}{second}{mark}{year}"
        parsed = _parsed(cell, date_format)
        if parsed is not None:
            found[date_format] = parsed.date()
    return found
