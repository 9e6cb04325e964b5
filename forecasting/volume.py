"""From sample paths to the volume table: every level and period, sums exact to the cent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pandas as pd

from forecasting.series import Calendar, Floats, Series

ALL = "all"
QUANTILES = {"p025": 0.025, "p10": 0.10, "p50": 0.50, "p90": 0.90, "p975": 0.975}
COLUMNS = (
    "period",
    "date_day",
    "level",
    "territory_id",
    "product_id",
    "measure",
    "mean",
    *QUANTILES,
)
KEY = ["period", "date_day", "level", "territory_id", "product_id"]
Node = tuple[str, str, str]


@dataclass
class _Sum:
    """Cents of the mean (periods) and sample paths (paths, periods) of one level's member."""

    cents: np.ndarray
    paths: Floats
    members: int = field(default=1)


def nodes_of(one: Series) -> tuple[Node, ...]:
    """The series itself, then the sums it is part of."""
    return (
        ("series", one.territory_id, one.product_id),
        ("territory", one.territory_id, ALL),
        ("product", ALL, one.product_id),
        ("total", ALL, ALL),
    )


def volume_frame(
    series: Sequence[Series], paths: Iterable[Floats], laid: Calendar, measure: str
) -> pd.DataFrame:
    """One row per period x level x member: mean and quantiles as DECIMAL(18,2).

    Means are rounded to cents once, in series x native period, and only added from there: a
    week's mean is the sum of its days, a total's the sum of its parts. Quantiles are of the summed
    sample paths, not sums of quantiles.
    """
    sums: dict[Node, _Sum] = {}
    rows: list[pd.DataFrame] = []
    for one, drawn in zip(series, paths, strict=True):
        cents = np.rint(drawn.mean(axis=0) * 100).astype(np.int64)
        own, *above = nodes_of(one)
        rows.append(_rows(own, _Sum(cents, drawn), laid, measure))
        for node in above:
            if node in sums:
                sums[node].cents += cents
                sums[node].paths += drawn
            else:
                sums[node] = _Sum(cents.copy(), drawn.copy())
    rows += [_rows(node, part, laid, measure) for node, part in sums.items()]
    frame = pd.concat(rows, ignore_index=True)
    return frame.sort_values(KEY, ignore_index=True)[list(COLUMNS)]


def _rows(node: Node, part: _Sum, laid: Calendar, measure: str) -> pd.DataFrame:
    tables = [_table(laid.grain, part.cents, part.paths, laid.future)]
    if laid.grain == "day":
        weeks = len(laid.future) // 7
        week_paths = part.paths.reshape(-1, weeks, 7).sum(axis=2)
        week_cents = part.cents.reshape(weeks, 7).sum(axis=1)
        tables.append(_table("week", week_cents, week_paths, laid.future[::7]))
    level, territory, product = node
    return pd.concat(tables, ignore_index=True).assign(
        level=level, territory_id=territory, product_id=product, measure=measure
    )


def _table(period: str, cents: np.ndarray, paths: Floats, dates: pd.DatetimeIndex) -> pd.DataFrame:
    # Rounding keeps order, so quantiles stay monotone.
    bounds = np.rint(np.quantile(paths, list(QUANTILES.values()), axis=0) * 100).astype(np.int64)
    table = pd.DataFrame({"period": period, "date_day": dates, "mean": decimals(cents)})
    for name, row in zip(QUANTILES, bounds, strict=True):
        table[name] = pd.Series(decimals(row), dtype=object)
    return table


def decimals(cents: np.ndarray) -> list[Decimal]:
    """Whole cents as decimals with two places.

    >>> decimals(np.array([1999]))
    [Decimal('19.99')]
    """
    return [Decimal(int(c)).scaleb(-2) for c in cents]
