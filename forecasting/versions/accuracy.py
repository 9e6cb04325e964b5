"""What locked versions were worth: forecast against the close, by lag in fiscal periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from forecasting.versions.errors import VersionError
from forecasting.versions.fiscal import Cut, row_of
from forecasting.versions.intervals import FIGURES, held
from forecasting.versions.tables import exact
from forecasting.versions.wording import shown

ZERO = Decimal("0.00")
AMOUNTS = ("statistical", "final", "actual", "absolute_actual", "error_statistical", "error_final")
#: None where a version does not say what the naive would have been.
OF_NAIVE = ("naive", "error_naive")
RATES = (
    "wape_naive", "wape_statistical", "wape_final", "added_by_model", "added_by_override",
    "bias_statistical", "bias_final", "coverage_80", "coverage_95", "wql",
)  # fmt: skip
COLUMNS = (
    "period", "scenario", "lag", "version", "made_in", "first_day", "last_day", "covers", "level",
    "key", "series", "not_forecast", *OF_NAIVE, *AMOUNTS, *FIGURES, *RATES, "measure", "currency",
)  # fmt: skip
Amounts = Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """A locked version: `table` has series columns, ds, period, mean, quantiles, final; `periods`
    its fiscal calendar; `locked_on` the day (UTC) it was locked; `naive` series columns, ds, naive,
    None where that is not recorded."""

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
    naive: pd.DataFrame | None = None


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
    where there is no actual. Steps: added_by_model is the WAPE of the naive less that of the
    statistical number, added_by_override that of the statistical number less that of the final one,
    each above zero where the step helped; None where the naive is not recorded. Intervals, which
    are of the statistical number: `forecasting.versions.intervals`; coverage is inside over cells,
    wql quantile_loss over absolute_judged. lag: fiscal periods from the one the version was made
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
    begins, ends = (one.periods[name].iloc[at].date() for name in ("starts_on", "ends_on"))
    cut = Cut(begins, ends, one.name, at == len(one.periods) - 1)
    if not cut.same(close.starts_on, close.ends_on):
        raise VersionError(
            f"{shown(close.period)} is {begins} to {ends} in {one.name} and {close.starts_on} to "
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
    amounts = ["mean", "final", "actual"]
    if one.naive is not None:
        told_naive = one.naive[one.naive["ds"].between(first, told["ds"].max())]
        naive = told_naive.groupby(names)["naive"].agg(_sum).reset_index()
        both, amounts = both.merge(naive, on=names, how="left"), [*amounts, "naive"]
    for name in amounts:
        both[name] = exact(ZERO if pd.isna(v) else v for v in both[name])
    ends = (last + pd.Timedelta(days=1)).date()
    both = both.merge(held(told, sold, names, ends), on=names, how="left")
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
    naive: dict[str, Decimal | None] = dict.fromkeys(OF_NAIVE)
    if "naive" in both:
        naive = {
            "naive": _sum(both["naive"]),
            "error_naive": _sum((both["naive"] - both["actual"]).abs()),
        }
    missing = int((both["_merge"] == "right_only").sum())
    told = naive | amounts | _figures(both)
    return {"series": len(both), "not_forecast": missing, **told, **rates(told)}


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Sums of what intervals held: counts, and amounts with two places."""
    sums = {name: rows[name].sum() for name in FIGURES}
    counts = {name: int(sums[name]) for name in FIGURES[:3]}
    return counts | {name: Decimal(f"{sums[name]:.2f}") for name in FIGURES[3:]}


def rates(told: Amounts, beside: Amounts | None = None) -> dict[str, float | None]:
    """WAPE, what each step added, bias and accuracy of quantiles, of summed amounts.

    Args:
        beside: sums of those versions alone of which the naive is recorded; None: of all, or none.
    """
    actual, size = told["actual"], told["absolute_actual"]
    beside = told if beside is None else beside
    known = None if beside["naive"] is None else beside["absolute_actual"]
    model = None if known is None else beside["error_naive"] - beside["error_statistical"]
    cells, judged = told["cells"], told["absolute_judged"]
    return {
        "wape_naive": _share(beside["error_naive"], known),
        "wape_statistical": _share(told["error_statistical"], size),
        "wape_final": _share(told["error_final"], size),
        "added_by_model": _share(model, known),
        "added_by_override": _share(told["error_statistical"] - told["error_final"], size),
        "bias_statistical": _share(told["statistical"] - actual, actual),
        "bias_final": _share(told["final"] - actual, actual),
        "coverage_80": _share(told["inside_80"], cells),
        "coverage_95": _share(told["inside_95"], cells),
        "wql": _share(told["quantile_loss"], judged),
    }


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def by_lag(rows: pd.DataFrame) -> pd.DataFrame:
    """Totals of `accuracy` pooled over closed periods: measure, currency, scenario, lag, periods,
    periods_naive, amounts, rates.

    A version that covers only part of a period is left out. periods_naive: those of which the naive
    is recorded; what is said of the naive, and added_by_model, is of these alone.
    """
    whole = rows[(rows["level"] == "total") & (rows["covers"] != "part")]
    out: list[dict[str, Any]] = []
    keys = ["measure", "currency", "scenario", "lag"]
    for _, group in whole.groupby(keys, dropna=False):
        head = {name: group[name].iloc[0] for name in keys}
        known = group[group["naive"].notna()]
        naive: dict[str, Any] = dict.fromkeys(OF_NAIVE)
        if len(known):
            naive = {name: _sum(known[name]) for name in OF_NAIVE}
        told = naive | {name: _sum(group[name]) for name in AMOUNTS} | _figures(group)
        beside = naive | {name: _sum(known[name]) for name in AMOUNTS}
        out.append(
            {**head, "periods": int(group["period"].nunique()),
             "periods_naive": int(known["period"].nunique()), **told, **rates(told, beside)}
        )  # fmt: skip
    columns = [*keys, "periods", "periods_naive", *OF_NAIVE, *AMOUNTS, *FIGURES, *RATES]
    return pd.DataFrame(out, columns=columns)
