"""Actuals at a close: what the ledger said then, and what it has said otherwise since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pandas as pd

from forecasting.versions.accuracy import Closed, next_date
from forecasting.versions.errors import VersionError
from forecasting.versions.tables import exact
from forecasting.versions.wording import shown

_ZERO = Decimal("0.00")


def of_period(actuals: pd.DataFrame, starts_on: date, ends_on: date, period: str) -> pd.DataFrame:
    """Rows of a ledger (`actuals_table`) within a fiscal period.

    Raises:
        VersionError: there is none, or the ledger does not reach the period's end.
    """
    rows = actuals[actuals["ds"].between(pd.Timestamp(starts_on), pd.Timestamp(ends_on))]
    reach = next_date(actuals["ds"]) if len(actuals) else None
    if rows.empty or reach is None or reach <= pd.Timestamp(ends_on):
        last = actuals["ds"].max().date() if len(actuals) else "nowhere"
        raise VersionError(
            f"{shown(period)} ends on {ends_on} and the actuals reach {last}: a period is closed "
            "when its books are complete."
        )
    return rows.reset_index(drop=True)


def restated(actuals: pd.DataFrame, closed: Sequence[Closed]) -> tuple[pd.DataFrame, list[str]]:
    """How a ledger differs today from what closes kept; and which periods could be compared.

    One row a period, series and date that differs: period, series columns, ds, was (at the first
    close), actual (now). A period of which the ledger holds no row is not compared: an extract of
    one month restates nothing.
    """
    parts, compared = [], []
    for close in closed:
        span = actuals["ds"].between(pd.Timestamp(close.starts_on), pd.Timestamp(close.ends_on))
        now = actuals[span]
        if now.empty:
            continue
        compared.append(close.period)
        keys = [*close.series, "ds"]
        was = close.table.rename(columns={"actual": "was"})
        both = was[[*keys, "was"]].merge(now[[*keys, "actual"]], on=keys, how="outer")
        for name in ("was", "actual"):
            both[name] = exact(_ZERO if pd.isna(v) else v for v in both[name])
        parts.append(both[both["was"] != both["actual"]].assign(period=close.period))
    names = list(closed[0].series) if closed else []
    columns = ["period", *names, "ds", "was", "actual"]
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=columns), compared
    return pd.concat(filled, ignore_index=True)[columns], compared


def patched(close: Closed, changes: pd.DataFrame) -> pd.DataFrame:
    """The close's actuals with later restatements in them."""
    keys = [*close.series, "ds"]
    own = changes[changes["period"] == close.period]
    kept = close.table.merge(own[keys], on=keys, how="left", indicator=True)
    kept = kept[kept["_merge"] == "left_only"][[*keys, "actual"]]
    out = pd.concat([kept, own[[*keys, "actual"]]], ignore_index=True) if len(own) else kept
    return out.sort_values(keys, ignore_index=True)
