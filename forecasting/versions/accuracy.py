"""What locked versions were worth: forecast against the close, by lag in fiscal periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from forecasting.versions.errors import VersionError
from forecasting.versions.fiscal import row_of
from forecasting.versions.tables import exact
from forecasting.versions.wording import shown

ZERO = Decimal("0.00")
AMOUNTS = ("statistical", "final", "actual", "absolute_actual", "error_statistical", "error_final")
RATES = ("wape_statistical", "wape_final", "bias_statistical", "bias_final", "value_added")
COLUMNS = (
    "period", "scenario", "lag", "version", "made_in", "first_day", "last_day", "covers", "level",
    "key", "series", "not_forecast", *AMOUNTS, *RATES, "measure", "currency",
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A locked version: `table` has series columns, ds, period, mean, final; `periods` its fiscal
    calendar; `locked_on` the day (UTC) it was locked."""

    name: str
    scenario: str
    fiscal_period: str
    as_of: date
    locked_on: date
    series: tuple[str, ...]
    table: pd.DataFrame
    periods: pd.DataFrame
    measure: str = ""
    currency: str | None = None


@dataclass(frozen=True)
class Closed:
    """Actuals of a fiscal period: `table` has series columns, ds, actual."""

    period: str
    starts_on: date
    ends_on: date
    series: tuple[str, ...]
    table: pd.DataFrame


def next_date(days: pd.Series) -> pd.Timestamp:
    """The date after the last one, by the step the dates have (days, weeks, months).

    >>> str(next_date(pd.Series(pd.to_datetime(["2026-01-01", "2026-02-01"]))).date())
    '2026-03-01'
    """
    unique = pd.DatetimeIndex(sorted(days.unique()))
    last = unique[-1]
    if len(unique) == 1:
        return last + pd.Timedelta(days=1)
    if (unique.day == 1).all() and (unique[1:] - unique[:-1]).min().days >= 28:
        return last + pd.offsets.MonthBegin()
    return last + (unique[1:] - unique[:-1]).min()


def locked_then(versions: Iterable[Kept], close: Closed) -> list[Kept]:
    """For each scenario and period a version was made in: the one locked last before `close` ended.

    A version locked after the period was over knew too much to count.
    """
    found: dict[tuple[str, str], Kept] = {}
    for one in sorted(versions, key=lambda v: v.locked_on):
        if one.locked_on <= close.ends_on:
            found[one.scenario, one.fiscal_period] = one
    return list(found.values())


def accuracy(versions: Sequence[Kept], closes: Sequence[Closed]) -> pd.DataFrame:
    """Errors of the versions locked then, by closed period, scenario and lag.

    Amounts (Decimal) are sums over a period. Errors are absolute, by series, then summed; WAPE is
    their sum over the sum of absolute actuals, bias is sum(F - A) over sum(A), both as shares; None
    where there is no actual. value_added: WAPE of the statistical number less that of the final
    one, above zero where overrides helped. lag: fiscal periods from the one the version was made
    in. covers: whole period; rest of it (made within it); part (the horizon ends within it).
    Series that sold and were not forecast count with a forecast of zero, and in not_forecast. A
    date without an actual is one without a sale.

    Raises:
        VersionError: a version and a close cut the same period at different days.
    """
    rows: list[dict[str, Any]] = []
    for close in closes:
        for one in locked_then(versions, close):
            if set(one.series) == set(close.series):
                rows += _compared(one, close)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values(
        ["period", "scenario", "lag", "level", "key"], kind="stable", ignore_index=True
    )


def _compared(one: Kept, close: Closed) -> list[dict[str, Any]]:
    if close.period not in set(one.periods["period"]):
        return []
    at = row_of(close.period, one.periods)
    cut = tuple(one.periods[name].iloc[at].date() for name in ("starts_on", "ends_on"))
    if cut != (close.starts_on, close.ends_on):
        raise VersionError(
            f"{shown(close.period)} is {cut[0]} to {cut[1]} in {one.name} and {close.starts_on} to "
            f"{close.ends_on} in its close: the fiscal calendar must not move."
        )
    told = one.table[one.table["period"] == close.period]
    if told.empty:
        return []
    first = told["ds"].min()
    after = next_date(one.table["ds"]) if told["ds"].max() == one.table["ds"].max() else None
    ended = after is not None and after <= pd.Timestamp(close.ends_on)
    last = after - pd.Timedelta(days=1) if ended and after is not None else pd.Timestamp(
        close.ends_on)  # fmt: skip
    covers = "part" if ended else "whole"
    if one.as_of >= close.starts_on:
        covers = "rest"
    names = list(one.series)
    sold = close.table[close.table["ds"].between(first, last)]
    forecast = told.groupby(names)[["mean", "final"]].agg(_sum).reset_index()
    actual = sold.groupby(names)["actual"].agg(_sum).reset_index()
    both = forecast.merge(actual, on=names, how="outer", indicator=True)
    for name in ("mean", "final", "actual"):
        both[name] = exact(ZERO if pd.isna(v) else v for v in both[name])
    head = {
        "period": close.period, "scenario": one.scenario,
        "lag": at - row_of(one.fiscal_period, one.periods), "version": one.name,
        "made_in": one.fiscal_period, "first_day": first.date(), "last_day": last.date(),
        "covers": covers, "measure": one.measure, "currency": one.currency,
    }  # fmt: skip
    out = [head | {"level": "total", "key": ""} | _scores(both)]
    for name in names:
        if 1 < both[name].nunique() < len(both):
            for key, members in both.groupby(name):
                out.append(head | {"level": name, "key": str(key)} | _scores(members))
    return out


def _sum(values: pd.Series) -> Decimal:
    return sum(values, ZERO)


def _scores(both: pd.DataFrame) -> dict[str, Any]:
    amounts = {
        "statistical": _sum(both["mean"]),
        "final": _sum(both["final"]),
        "actual": _sum(both["actual"]),
        "absolute_actual": _sum(both["actual"].abs()),
        "error_statistical": _sum((both["mean"] - both["actual"]).abs()),
        "error_final": _sum((both["final"] - both["actual"]).abs()),
    }
    missing = int((both["_merge"] == "right_only").sum())
    return {
        "series": len(both), "not_forecast": missing, **amounts, **rates(amounts)
    }  # fmt: skip


def rates(amounts: Mapping[str, Decimal]) -> dict[str, float | None]:
    """WAPE, bias and value added of summed amounts."""
    actual, size = amounts["actual"], amounts["absolute_actual"]
    wape = [float(amounts[f"error_{k}"] / size) if size else None for k in ("statistical", "final")]
    bias = [float((amounts[k] - actual) / actual) if actual else None
            for k in ("statistical", "final")]  # fmt: skip
    added = wape[0] - wape[1] if wape[0] is not None and wape[1] is not None else None
    return dict(zip(RATES, (*wape, *bias, added), strict=True))


def by_lag(rows: pd.DataFrame) -> pd.DataFrame:
    """Totals of `accuracy` pooled over closed periods: measure, currency, scenario, lag, periods,
    amounts, rates.

    A version that covers only part of a period is left out.
    """
    whole = rows[(rows["level"] == "total") & (rows["covers"] != "part")]
    out: list[dict[str, Any]] = []
    keys = ["measure", "currency", "scenario", "lag"]
    for _, group in whole.groupby(keys, dropna=False):
        head = {name: group[name].iloc[0] for name in keys}
        amounts = {name: _sum(group[name]) for name in AMOUNTS}
        out.append(
            {**head, "periods": int(group["period"].nunique()),
             **amounts, **rates(amounts)}
        )  # fmt: skip
    return pd.DataFrame(out, columns=[*keys, "periods", *AMOUNTS, *RATES])
