"""Public holidays of a country, for tables whose own events stand beside them."""

from __future__ import annotations

import difflib

import holidays
import pandas as pd

from models.errors import UnknownKindError
from models.mix.sheet.cells import plain


def known_country(code: str, place: str) -> str:
    """The code in capitals.

    Raises:
        UnknownKindError: no country of the `holidays` package.
    """
    wanted = code.strip().upper()
    known = holidays.list_supported_countries()
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, 1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise UnknownKindError(
            f"{place}: expected a country code, as US or DE; got {plain(code)!r}.{meant} "
            "Correct it, or leave it out: then no public holidays have effects."
        )
    return wanted


def public_holidays(country: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """date_day and holiday (English where there is English) from first to last day, inclusive."""
    found = holidays.country_holidays(
        country, years=range(first.year, last.year + 1), language="en_US"
    )
    rows = [
        (pd.Timestamp(day), name.strip())
        for day, names in sorted(found.items())
        for name in names.split(";")
    ]
    frame = pd.DataFrame(rows, columns=["date_day", "holiday"])
    return frame[(frame["date_day"] >= first) & (frame["date_day"] <= last)]
