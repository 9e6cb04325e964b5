"""What every platform's report has in common: its columns, and exact readings of its answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ingestion.connectors.answers import Judge, by_status
from ingestion.connectors.requesting import Caller
from ingestion.contracts import codes
from ingestion.mapping import ApiInput
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError

Row = dict[str, str | None]

# Names of the contract `ad_spend`, so that they map to themselves.
COLUMNS = (
    "date_day",
    "platform",
    "account_id",
    "account_name",
    "campaign_id",
    "campaign_name",
    "ad_group_id",
    "ad_group_name",
    "ad_id",
    "ad_name",
    "spend",
    "currency_code",
    "impressions",
    "clicks",
    "reach",
    "frequency",
    "conversions",
    "conversions_value",
    "time_zone",
)


@dataclass(frozen=True)
class Account:
    """An advertiser's account.

    Args:
        time_zone: IANA zone its days are in.
        names: identifiers of what it advertises, with name and parent.
    """

    id: str
    name: str | None
    currency: str
    time_zone: str
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Platform:
    """One platform's shape.

    Args:
        base_url: with `{version}`.
        version: of its interface this shape was written for.
        token_url: where a refresh token is traded; empty: its tokens are not traded.
        credentials: names a mapping may give.
        open_headers: headers that are no secret, from the version.
        secret_headers: headers from the credentials, besides Authorization.
        bearer: whether `access_token` travels as Authorization: Bearer.
        account_id: the identifier as its addresses want it, of what a mapping says.
        account: asks for an account.
        day: asks for the rows of one day of an account.
        judge: what its answers mean.
    """

    name: str
    base_url: str
    version: str
    credentials: tuple[str, ...]
    account: Callable[[Caller, str, ApiInput], Account]
    day: Callable[[Caller, Account, date, ApiInput], Iterator[Row]]
    token_url: str = ""
    open_headers: Callable[[str], Mapping[str, str]] = lambda _: {}
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    bearer: bool = True
    prefixes: tuple[str, ...] = ()
    judge: Judge = by_status

    def account_id(self, told: str, where: str) -> str:
        """The number in an account's identifier, however a mapping writes it.

        Raises:
            SourceError: it is none.
        """
        bare = told.strip()
        for prefix in self.prefixes:
            bare = bare.removeprefix(prefix)
        bare = bare.replace("-", "")
        if not re.fullmatch(r"[0-9]{1,32}", bare):
            raise SourceError(
                f"{quoted(told)} is not an account of {self.name}",
                where=where,
                expected="a number",
                remedy="Correct `accounts` in the mapping",
            )
        return bare


def value(call: Caller, row: Any, path: str) -> Any:
    """What stands at a path of keys with dots between them.

    Raises:
        SourceError: nothing does; the nearest key is named.
    """
    at = row
    for key in path.split("."):
        if not isinstance(at, Mapping) or key not in at:
            keys = list(at) if isinstance(at, Mapping) else []
            raise call.strange(
                f"a row with the keys {listed(keys)}{did_you_mean(key, keys)}",
                f"the field {quoted(path)}",
            )
        at = at[key]
    return at


def optional(row: Any, path: str) -> Any:
    """What stands at a path, or None."""
    at = row
    for key in path.split("."):
        at = at.get(key) if isinstance(at, Mapping) else None
    return at


def text(call: Caller, row: Any, path: str) -> str:
    """An identifier or a name; never empty."""
    found = value(call, row, path)
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise call.strange(f"{quoted(found)} as {path}", "text")
    return str(found)


def maybe_text(row: Any, path: str) -> str | None:
    """A name, or None where there is none."""
    found = optional(row, path)
    return str(found) if isinstance(found, str | int) and found != "" else None


def decimal(call: Caller, found: Any, what: str) -> Decimal:
    """A number exactly as it was written.

    Raises:
        SourceError: it is none.
    """
    try:
        if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
            raise InvalidOperation
        number = Decimal(found.strip() if isinstance(found, str) else found)
    except InvalidOperation:
        raise call.strange(f"{quoted(found)} as {what}", "a number") from None
    if not number.is_finite():
        raise call.strange(f"{quoted(found)} as {what}", "a number")
    return number


def number(call: Caller, row: Any, path: str) -> str:
    """A number that must be there, as exact text without an exponent."""
    return plain(decimal(call, value(call, row, path), path))


def maybe_number(call: Caller, row: Any, path: str) -> str | None:
    """A number as exact text, or None where there is none."""
    found = optional(row, path)
    return None if found is None or found == "" else plain(decimal(call, found, path))


def plain(number: Decimal) -> str:
    """A decimal as text without an exponent."""
    return format(number, "f")


def total(call: Caller, parts: Iterable[Any], what: str) -> str | None:
    """The exact sum of numbers, None of none."""
    numbers = [decimal(call, part, what) for part in parts]
    return plain(sum(numbers, Decimal(0))) if numbers else None


def same_day(call: Caller, told: Any, day: date) -> str:
    """The day asked for, once the row says that it is of it.

    Raises:
        SourceError: the row is of another day.
    """
    if str(told)[:10] != day.isoformat():
        raise call.strange(f"a row of {quoted(told)}", f"rows of {day}")
    return day.isoformat()


def account_of(
    call: Caller, id_: str, name: str | None, currency: Any, zones: Iterable[Any]
) -> Account:
    """An account whose currency and time zone are known ones; of several zones, the first such.

    Raises:
        SourceError: they are not.
    """
    told = list(zones)
    known = [zone for zone in told if zone in codes.time_zones()]
    if currency not in codes.currencies():
        raise call.strange(f"{quoted(currency)} as the currency of {id_}", "an ISO 4217 code")
    if not known:
        raise call.strange(f"{listed(map(str, told))} as the time zone of {id_}", "an IANA zone")
    return Account(id_, name, str(currency), str(known[0]))


def row_of(account: Account, platform: str, **found: str | None) -> Row:
    """A row with every column; what is not given is empty."""
    row: Row = dict.fromkeys(COLUMNS)
    row |= {
        "platform": platform,
        "account_id": account.id,
        "account_name": account.name,
        "currency_code": account.currency,
        "time_zone": account.time_zone,
    }
    return row | found
