"""From means and sample paths to the volume table: every level and period, sums exact."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import QUANTILES
from forecasting.series import KEYS, Calendar, Floats

ALL = "all"
#: Period of the rows that sum the whole horizon, dated by its first day.
HORIZON = "horizon"
#: Level -> the series columns that tell its members apart; the others are summed.
LEVELS: dict[str, tuple[str, ...]] = {
    "series": KEYS,
    "territory": ("territory_id",),
    "product": ("product_id",),
    "channel": ("sales_channel",),
    "total": (),
}
COLUMNS = ("period", "date_day", "level", *KEYS, "measure", "mean", *QUANTILES)
KEY = ["period", "date_day", "level", *KEYS]
Node = tuple[str, ...]
Cents = npt.NDArray[np.int64]


@dataclass
class _Sum:
    """Cents of the mean (periods) and sample paths (paths, periods) of one level's member."""

    cents: Cents
    paths: Floats


@dataclass(frozen=True)
class _Table:
    """Rows of one member by period: cents of the mean (n,) and of the quantiles (5, n)."""

    period: str
    node: Node
    dates: pd.DatetimeIndex
    cents: Cents
    bounds: Cents


def nodes_of(key: tuple[str, ...]) -> list[Node]:
    """The series itself, then the sums it is part of: level and the three series columns."""
    return [
        (level, *(value if name in kept else ALL for name, value in zip(KEYS, key, strict=True)))
        for level, kept in LEVELS.items()
    ]


class Sums:
    """Means and sample paths of series, added up to every level and period as blocks come.

    Means are whole cents of series x native period and only added: a week's mean is the sum of its
    days, a total's the sum of its parts. Quantiles of sums are of summed sample paths, not sums of
    quantiles, and are moved by what the paths' mean differs from the sum of means.
    """

    def __init__(self, keys: pd.DataFrame, cents: Cents, laid: Calendar) -> None:
        """`keys`: `KEYS` of each series; `cents` (S, H): means."""
        self._nodes = [nodes_of(tuple(map(str, key))) for key in keys.itertuples(index=False)]
        self._cents, self._laid = cents, laid
        self._above: dict[Node, _Sum] = {}
        self._tables: list[_Table] = []

    def add(self, rows: npt.NDArray[np.intp], paths: npt.NDArray[np.float32]) -> None:
        """A block of series, each once: row numbers, and sample paths (rows, P, H)."""
        for place, row in enumerate(rows):
            own, *above = self._nodes[row]
            one = paths[place].astype(np.float64)
            cents = self._cents[row]
            self._tables += _tables(own, _Sum(cents, one), self._laid)
            for node in above:
                if node in self._above:
                    self._above[node].cents = self._above[node].cents + cents
                    self._above[node].paths += one
                else:
                    self._above[node] = _Sum(cents, one.copy())

    def frame(self) -> pd.DataFrame:
        """One row per period x level x member: mean and quantiles as DECIMAL(18,2)."""
        tables = list(self._tables)
        for node, part in self._above.items():
            tables += _tables(node, part, self._laid)
        # One frame of long columns: a frame a member costs more than its numbers do.
        sizes = [len(table.dates) for table in tables]
        columns: dict[str, Any] = {
            "period": np.repeat([table.period for table in tables], sizes).astype(object),
            "date_day": np.concatenate([table.dates.to_numpy() for table in tables]),
        }
        for place, name in enumerate(("level", *KEYS)):
            columns[name] = np.repeat(
                np.array([table.node[place] for table in tables], dtype=object), sizes
            )
        columns["mean"] = decimals(np.concatenate([table.cents for table in tables]))
        bounds = np.concatenate([table.bounds for table in tables], axis=1)
        columns |= {name: decimals(row) for name, row in zip(QUANTILES, bounds, strict=True)}
        frame = pd.DataFrame(columns)
        return frame.sort_values(KEY, ignore_index=True)[[*KEY, "mean", *QUANTILES]]


def _tables(node: Node, part: _Sum, laid: Calendar) -> list[_Table]:
    single = node[0] == "series"
    tables = [_table(laid.grain, node, part, laid.future, single=single)]
    if laid.grain == "day":
        weeks = len(laid.future) // 7
        summed = _Sum(
            part.cents.reshape(weeks, 7).sum(axis=1),
            part.paths.reshape(-1, weeks, 7).sum(axis=2),
        )
        tables.append(_table("week", node, summed, laid.future[::7], single=False))
    whole = _Sum(part.cents.sum(keepdims=True), part.paths.sum(axis=1, keepdims=True))
    tables.append(_table(HORIZON, node, whole, laid.future[:1], single=False))
    return tables


def _table(period: str, node: Node, part: _Sum, dates: pd.DatetimeIndex, *, single: bool) -> _Table:
    bounds = np.quantile(part.paths, list(QUANTILES.values()), axis=0)
    if not single:
        bounds = np.maximum(bounds - part.paths.mean(axis=0) + part.cents / 100, 0.0)
    # Rounding keeps order, so quantiles stay monotone.
    return _Table(period, node, dates, part.cents, np.rint(bounds * 100).astype(np.int64))


def decimals(cents: Cents) -> list[Decimal]:
    """Whole cents as decimals with two places.

    >>> decimals(np.array([1999]))
    [Decimal('19.99')]
    """
    return [Decimal(int(c)).scaleb(-2) for c in cents]
