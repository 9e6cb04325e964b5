"""Code lists of the world, from the libraries that keep them: currencies, countries, zones."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from babel.numbers import list_currencies

# ISO 4217 keeps these for "no currency" and for testing.
_NO_CURRENCY = {"XXX", "XTS"}


@cache
def currencies() -> frozenset[str]:
    """ISO 4217 codes, past ones included: a ledger of 1998 is in DEM."""
    return frozenset(list_currencies()) - _NO_CURRENCY


@cache
def countries() -> frozenset[str]:
    """ISO 3166 alpha-2 codes, from the time zone database's own table."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(
        line.split("\t")[0] for line in table.splitlines() if line and not line.startswith("#")
    )


@cache
def time_zones() -> frozenset[str]:
    """IANA time zone names."""
    return frozenset(available_timezones())
