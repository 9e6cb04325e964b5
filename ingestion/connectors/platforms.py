"""Reports of advertising platforms, a day of an account at a time.

Platforms restate what they reported, for up to 28 days. So each pull asks again for the last
`pull_days` days before its end and for everything newer than the last pull, and speaks for all
days it covers: a row that the platform has taken back leaves the lake. Days are those of the
account's time zone, and only days that have ended in every account of the input.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from ingestion.connectors.pulls import Pull
from ingestion.connectors.reports import COLUMNS, PLATFORMS, Account, Platform
from ingestion.connectors.requesting import Caller
from ingestion.connectors.scratch import TextWriter
from ingestion.connectors.secrets import Secrets, credentials
from ingestion.extract import Extract, Part
from ingestion.mapping import ApiInput, LoadedMapping
from ingestion.wording import quoted
from warehouse.errors import SourceError, printable

_DAY = timedelta(days=1)


def extract(
    mapping: LoadedMapping,
    name: str,
    scratch: Path,
    *,
    start: date | None,
    end: date | None,
    state: Mapping[str, Any],
    say: Callable[[str], None],
) -> Extract:
    """Rows of a platform's accounts in the words of `ad_spend`, every cell text.

    Args:
        start: first day wanted; the days that platforms restate are pulled with it.
        end: day after the last one wanted; default and limit is today, in the accounts' zones.
        state: `{"through": last day pulled, "pull": id}` of the last landing, or empty.

    Raises:
        SourceError: the platform refuses, is not there, or answers with what it should not. No
            secret is in its text. Days that were pulled are kept for the next run.
    """
    declared = mapping.spec.apis[name]
    platform = PLATFORMS[declared.platform]
    where = f"{mapping.spec.source}, {printable(name, 60)} ({platform.name})"
    call = _caller(mapping, name, platform, where, say)
    accounts = [
        platform.account(call, platform.account_id(told, where), declared)
        for told in declared.accounts
    ]
    _refuse_twice(accounts, where)
    first, last = window(
        declared, _last_ended(accounts), start=start, end=end, through=_through(state), where=where
    )
    pull = Pull.begun(
        scratch.parent / f"pulls-{mapping.spec.source}" / name,
        _asked(declared, platform, call.base_url),
        state.get("pull"),
    )
    days = [first + n * _DAY for n in range((last - first).days + 1)]
    _pull(platform, call, accounts, days, declared, pull=pull, say=say)
    parts = tuple(
        _part(account, days, pull, scratch / f"{name}-{number}.parquet", f"{where}, {account.id}")
        for number, account in enumerate(accounts)
    )
    known = _through(state)
    return Extract(
        name,
        COLUMNS,
        parts,
        covers=(first, last),
        state={"through": str(max(last, known) if known else last), "pull": pull.id},
        notices=()
        if any(part.rows for part in parts)
        else (f"{where}: no row in {first} to {last}",),
    )


def window(
    declared: ApiInput,
    ended: date,
    *,
    start: date | None,
    end: date | None,
    through: date | None,
    where: str,
) -> tuple[date, date]:
    """First and last day to pull.

    The last `pull_days` before the end, which the platform may have restated; earlier days where
    they are wanted (`start`), were never pulled, or may have been restated while nobody pulled.

    Args:
        ended: last day that has ended in every account.
        through: last day that has landed.

    Raises:
        SourceError: no day of it has ended.
    """
    last = min(ended, end - _DAY) if end else ended
    earliest = date.fromisoformat(declared.first_day) if declared.first_day else None
    back = timedelta(days=declared.pull_days - 1)
    wanted = [last - back]
    if start is not None:
        wanted.append(start)
    if through is None and earliest is not None:
        wanted.append(earliest)
    if through is not None and through < last:
        # What was restated since then of the days that still could be.
        wanted.append(through - back)
    first = max(min(wanted), earliest) if earliest else min(wanted)
    if first > last:
        raise SourceError(
            "no day of the window has ended",
            where=where,
            expected=f"a first day up to {last}, the last that has ended in every account",
            got=str(first),
            remedy="Correct `first_day`, or land later",
        )
    return first, last


def _caller(
    mapping: LoadedMapping,
    name: str,
    platform: Platform,
    where: str,
    say: Callable[[str], None],
) -> Caller:
    declared = mapping.spec.apis[name]
    secrets = Secrets()
    given = credentials(mapping, name, platform.credentials, secrets)
    version = declared.version or platform.version
    base = (
        mapping.filled(declared.base_url, f"apis.{name}.base_url")
        if declared.base_url
        else platform.base_url.format(version=version)
    )
    call = Caller(
        base,
        where,
        platform.judge,
        headers=platform.open_headers(version),
        secrets=secrets,
        say=say,
    )
    headers = {
        header: given[key] for header, key in platform.secret_headers.items() if key in given
    }
    trade = ("client_id", "client_secret", "refresh_token")
    if platform.token_url and all(key in given for key in trade):
        token_url = (
            mapping.filled(declared.token_url, f"apis.{name}.token_url")
            if declared.token_url
            else platform.token_url
        )
        call.sign(headers, refresh=given, token_url=token_url)
    elif "access_token" in given:
        call.sign(headers, token=given["access_token"] if platform.bearer else None)
    else:
        ways = "access_token" + (f", or {', '.join(trade)}" if platform.token_url else "")
        raise SourceError(
            "there are no credentials for this platform",
            where=where,
            expected=ways,
            remedy="Give each under `credentials` as ${VARIABLE}, or a `connection` with them",
        )
    return call


def _refuse_twice(accounts: list[Account], where: str) -> None:
    ids = [account.id for account in accounts]
    for account in ids:
        if ids.count(account) > 1:
            raise SourceError(
                f"the account {quoted(account)} is named twice",
                where=where,
                remedy="Name it once under `accounts`: its spend would count twice",
            )


def _last_ended(accounts: list[Account]) -> date:
    """Yesterday, where it is earliest: a day is pulled once it has ended everywhere."""
    return min(datetime.now(ZoneInfo(account.time_zone)).date() for account in accounts) - _DAY


def _through(state: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(str(state["through"]))
    except (KeyError, ValueError):
        return None


def _asked(declared: ApiInput, platform: Platform, base_url: str) -> dict[str, Any]:
    return {
        "platform": declared.platform,
        "base_url": base_url,
        "version": declared.version or platform.version,
        "level": declared.level,
        "conversions": declared.conversions,
        "columns": COLUMNS,
    }


def _pull(
    platform: Platform,
    call: Caller,
    accounts: list[Account],
    days: list[date],
    declared: ApiInput,
    *,
    pull: Pull,
    say: Callable[[str], None],
) -> None:
    if pull.resumed:
        say(f"{call.where}: going on with the pull that was left")
    for account in accounts:
        missing = [day for day in days if not pull.has(account.id, day)]
        if missing:
            say(f"{call.where}: {account.id}, {missing[0]} to {missing[-1]}")
        for day in missing:
            pull.keep(account.id, day, platform.day(call, account, day, declared))


def _part(account: Account, days: list[date], pull: Pull, path: Path, label: str) -> Part:
    digest = hashlib.sha256()
    with TextWriter(path, COLUMNS) as writer:
        for day in days:
            table = pull.rows(account.id, day)
            # Platforms promise no order; the same rows are to be the same file.
            table = table.sort_by([(column, "ascending") for column in COLUMNS])
            for row in table.to_pylist():
                digest.update(json.dumps(list(row.values())).encode())
            numbers = np.arange(writer.rows + 1, writer.rows + len(table) + 1, dtype=np.int64)
            writer.write(table.columns, numbers)
    return Part(label, digest.hexdigest(), writer.scan, writer.rows)
