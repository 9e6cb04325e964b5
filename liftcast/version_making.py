"""From a forecast to a draft, from words to an override, from numbers to CSV files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.versions.bridge import uncovered
from forecasting.versions.errors import OverrideError, VersionError
from forecasting.versions.fiscal import period_of, positions, row_of
from forecasting.versions.overrides import Applied, Override, as_rows, number_from
from forecasting.versions.tables import NUMBERS, naive_table, version_table
from liftcast.version_actor import Actor
from liftcast.version_reports import comparable, same_hash
from liftcast.version_sources import NOT_RECORDED, Made, pairs, periods_from
from liftcast.version_store import VersionStore
from warehouse.files import appearing
from warehouse.lake import Lake

if TYPE_CHECKING:
    from forecasting.versions.states import History, Version

Note = Callable[[str], None]
_CODE = re.compile(r"[A-Z]{3}")


def draft(
    store: VersionStore,
    made: Made,
    actor: Actor,
    *,
    name: str | None = None,
    scenario: str = "base",
    calendar: str | None = None,
    lake: Lake | None = None,
    supersedes: str | None = None,
    carry: str | None = None,
    bridge_from: str | None = None,
    stops: Mapping[str, Made] | None = None,
    note: Note = lambda _: None,
) -> Version:
    """Keep a forecast as a draft version.

    Its fiscal period is the one that holds `as_of`.

    Args:
        stops: forecasts for the bridge from `bridge_from`: `old_data` (this code on the old
            version's data and plan), `old_plan` (this data, its plan).

    Raises:
        VersionError, LiftcastError: the forecast, the calendar or the wish makes no version.
    """
    if made.currency is not None and not _CODE.fullmatch(made.currency):
        raise VersionError(
            f"{made.currency[:20]!r} is no currency: give its ISO 4217 code, as EUR."
        )
    table = version_table(made.frame, made.series)
    first, last = table["ds"].min().date(), table["ds"].max().date()
    if made.as_of >= first:
        raise VersionError(
            f"The forecast begins on {first}, and --as-of is {made.as_of}: the last known day is "
            "before it."
        )
    periods, words = periods_from(calendar, lake, made.as_of, last)
    rows = positions(table["ds"], periods)
    table = table.assign(period=periods["period"].to_numpy()[rows])
    across = _across(table["ds"], rows, periods)
    if across:
        note(f"{across} weeks or months of the forecast run over the end of a fiscal period: they "
             "count in the period of their first day")  # fmt: skip
    period = str(periods["period"].iloc[period_of(made.as_of, periods)])
    history = store.history()
    _same_measure(history, made.measure, supersedes, carry)
    fields: dict[str, Any] = {
        "version": name or _free_name(history, period, scenario),
        "as_of": made.as_of.isoformat(), "fiscal_period": period, "scenario": scenario,
        "code_version": made.code_version, "data_hash": made.data_hash,
        "plan_hash": made.plan_hash, "measure": made.measure, "currency": made.currency,
        "series": list(made.series), "facts": made.facts | {"calendar": words},
    }  # fmt: skip
    if supersedes is not None:
        fields["supersedes"] = supersedes
    if carry is not None:
        fields["carry_overrides"] = carry
    if ".dirty" in made.code_version:
        note("the forecast was made by code that was changed and not committed: nobody can make "
             "it again")  # fmt: skip
    tables = {"statistical": table, "periods": periods}
    if made.naive is None:
        note("the forecast does not say what the naive would have been: accuracy will not tell "
             "what the model added")  # fmt: skip
    else:
        tables["naive"] = naive_table(made.naive, made.series, table)
    if bridge_from is not None:
        fields["bridge_from"] = bridge_from
        tables |= _between(store, history.version(bridge_from), made, table, stops or {})
    elif stops:
        raise VersionError("Say with --bridge-from which version the old data or plan are of.")
    kept = store.create(fields, tables, actor)
    same = [
        v.name for v in history.versions.values()
        if v.content_hash == kept.content_hash and made.data_hash != NOT_RECORDED
    ]  # fmt: skip
    if same:
        note(f"the same statistical numbers stand as {', '.join(same[-3:])}")
    return kept


def _same_measure(
    history: History, measure: str, supersedes: str | None, carry: str | None
) -> None:
    for other, what in ((supersedes, "supersede"), (carry, "carry the overrides of")):
        if other is not None and history.version(other).measure != measure:
            raise VersionError(
                f"{other} is of {history.version(other).measure}, the new version of {measure}: "
                f"it can {what} a version of its own measure only."
            )


def _between(
    store: VersionStore, old: Version, made: Made, table: pd.DataFrame, stops: Mapping[str, Made]
) -> dict[str, pd.DataFrame]:
    """Tables of the forecasts between, each proved to be made of what it says.

    Raises:
        VersionError: one was made of something else, or lacks rows that both versions have.
    """
    comparable(old, made, (old.name, "the new version"))
    wanted = {
        "old_data": {"data_hash": old.data_hash, "plan_hash": old.plan_hash},
        "old_plan": {"data_hash": made.data_hash, "plan_hash": old.plan_hash},
    }
    out = {}
    for name, stop in stops.items():
        words = name.replace("_", " ")
        for part, value in (wanted[name] | {"code_version": made.code_version}).items():
            if not same_hash(getattr(stop, part), value):
                what = part.removesuffix("_hash").removesuffix("_version")
                raise VersionError(
                    f"The forecast with the {words} was made with another {what} "
                    f"({getattr(stop, part)[:16]}) than the bridge needs ({value[:16]})."
                )
        chosen, own = _choices(stop), _choices(made)
        if chosen != own:
            raise VersionError(
                f"The forecast with the {words} was made with other settings ({chosen}) than the "
                f"new version ({own})."
            )
        kept = version_table(stop.frame, made.series)
        keys = [*made.series, "ds"]
        missing = uncovered(kept, store.statistical(old), table, keys)
        if missing:
            raise VersionError(
                f"The forecast with the {words} lacks {missing} rows that both versions have: "
                "run it to the old version's last day."
            )
        out[name] = kept
    return out


def _choices(made: Made) -> dict[str, Any]:
    """Settings that two forecasts of a bridge share; the old plan may end before the horizon."""
    settings = dict(made.facts.get("settings") or {})
    settings.pop("horizon", None)
    return settings


def _across(days: pd.Series, rows: Any, periods: pd.DataFrame) -> int:
    """Steps that end in another period than they begin in."""
    unique = pd.DatetimeIndex(sorted(days.unique()))
    if len(unique) < 2 or (unique[1] - unique[0]).days == 1:
        return 0
    ends = unique[1:] - pd.Timedelta(days=1)
    return int((positions(unique[:-1], periods) != positions(ends, periods)).sum())


def _free_name(history: History, period: str, scenario: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9._]+", "-", f"{period}-{scenario}").strip("-.") or "version"
    number = 1
    taken = {name.casefold() for name in history.versions}
    while f"{stem}-{number}".casefold() in taken:
        number += 1
    return f"{stem}-{number}"


def asked(
    store: VersionStore,
    version: str,
    *,
    kind: Any,
    value: str,
    where: list[str],
    period: str | None,
    days: tuple[date | None, date | None],
    expires: date,
    by: str,
    why: str,
) -> Override:
    """The override that options ask for.

    Raises:
        OverrideError, LiftcastError: they say nothing that can be done.
    """
    found = store.history().version(version)
    first, last = days
    if period is not None:
        if first or last:
            raise OverrideError("Give --period, or --from-day and --to-day, not both.")
        periods = store.made_by(found, "periods")
        row = row_of(period, periods)
        first, last = (periods[name].iloc[row].date() for name in ("starts_on", "ends_on"))
    if first is None or last is None:
        raise OverrideError("Say when the override holds: --period, or --from-day and --to-day.")
    return Override(0, kind, number_from(value), pairs(where), first, last, by, why, expires)


def write_rows(folder: Path, name: str, frame: pd.DataFrame, text: Sequence[str]) -> None:
    """`<name>.csv` in a new folder; `text`: columns of text from outside."""
    from liftcast.forecast_files import free
    from liftcast.mix_files import write_table

    free(folder)
    if folder.is_dir():
        folder.rmdir()
    with appearing(folder) as place:
        columns = {
            column: ["" if v is None else v for v in frame[column]] for column in frame.columns
        }
        write_table(place / f"{name}.csv", columns, text)


def write_numbers(folder: Path, version: Version, applied: Applied) -> None:
    """numbers.csv (a row a series and date) and overrides.csv, into a new folder."""
    from liftcast.forecast_files import free
    from liftcast.mix_files import write_table

    key = {
        "version": version.name, "as_of": version.as_of.isoformat(),
        "fiscal_period": version.fiscal_period, "scenario": version.scenario,
        "code_version": version.code_version, "data_hash": version.data_hash,
        "currency": version.currency or "",
    }  # fmt: skip
    table = applied.table
    columns: dict[str, list[Any]] = {name: [text] * len(table) for name, text in key.items()}
    columns |= {name: table[name].tolist() for name in version.series}
    columns |= {"ds": table["ds"].dt.strftime("%Y-%m-%d").tolist()}
    columns |= {name: table[name].tolist() for name in ("period", *NUMBERS, "override", "final")}
    rows = as_rows(version.overrides, applied)
    numbers = {"number", "value", "rows", "before", "after"}
    free(folder)
    if folder.is_dir():
        folder.rmdir()
    with appearing(folder) as place:
        write_table(place / "numbers.csv", columns, [*key, *version.series, "period"])
        write_table(
            place / "overrides.csv",
            {name: ["" if v is None else v for v in rows[name]] for name in rows.columns},
            [name for name in rows.columns if name not in numbers],
        )
