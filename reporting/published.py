"""The published tables, opened for reading, and what they are about."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import LiftcastError, printable

REQUIRED = (
    "attr_contributions",
    "attr_summary",
    "attr_summary_classical",
    "attr_curves",
    "attr_channels",
    "funnel_stages",
    "attr_checks",
    "fcst_volume",
    "fcst_revenue",
    "fcst_components",
    "fcst_versions",
    "fcst_bridge",
    "fcst_accuracy",
    "fct_ledger",
    "dim_territories",
    "dim_products",
    "pub_freshness",
)
Row = dict[str, Any]


@contextmanager
def opened(tables: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory with one view for each published table.

    Raises:
        LiftcastError: a table is missing.
    """
    missing = [name for name in REQUIRED if not (tables / f"{name}.parquet").is_file()]
    if missing:
        raise LiftcastError(
            f"published tables are missing: {', '.join(missing)}",
            where=printable(tables),
            expected="one Parquet file for each mart",
            remedy="Run `liftcast publish` again",
        )
    with duckdb.connect() as con:
        con.execute("SET TimeZone TO 'UTC'")
        con.execute("SET threads TO 1")  # sums of doubles come out the same every time
        for file in sorted(tables.glob("*.parquet")):
            con.read_parquet(str(file)).create_view(file.stem)
        yield con


def rows(con: duckdb.DuckDBPyConnection, sql: str, **bound: Any) -> list[Row]:
    """Rows of a query as dictionaries; NaN and infinity, which are no numbers, become None."""
    cursor = con.execute(sql, bound or None)
    names = [column[0] for column in cursor.description]
    return [
        {name: _finite(value) for name, value in zip(names, row, strict=True)}
        for row in cursor.fetchall()
    ]


def cells(con: duckdb.DuckDBPyConnection, sql: str, **bound: Any) -> list[list[Any]]:
    """The same without names, for long tables."""
    return [[_finite(v) for v in row] for row in con.execute(sql, bound or None).fetchall()]


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def total(values: Sequence[Any]) -> Any:
    """Sum of the numbers in `values`; None where there is not one number."""
    numbers = [value for value in values if value is not None]
    return sum(numbers[1:], numbers[0]) if numbers else None


@dataclass(frozen=True)
class Period:
    """The window the attribution covers; `grain` is day or week, `last_day` its last day."""

    first_day: date
    last_day: date
    grain: str
    currency: str

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


def period(con: duckdb.DuckDBPyConnection) -> Period:
    """First and last day of the attributed window, its grain and the reporting currency.

    Raises:
        LiftcastError: the contributions hold no row.
    """
    found = rows(
        con,
        """
        WITH dates AS (SELECT DISTINCT date_day FROM attr_contributions),
        steps AS (SELECT date_day, date_day - lag(date_day) OVER (ORDER BY date_day) AS step
                  FROM dates)
        SELECT min(date_day) AS first_day, max(date_day) AS last_day, min(step) AS step,
               (SELECT min(currency_code) FROM attr_contributions) AS currency
        FROM steps
        """,
    )[0]
    if found["first_day"] is None:
        raise LiftcastError(
            "attr_contributions holds no row",
            expected="contributions by date, territory and driver",
            remedy="Run `liftcast attribute` and `liftcast publish` again",
        )
    weekly = found["step"] is not None and found["step"] >= 7
    last = found["last_day"] + timedelta(days=6) if weekly else found["last_day"]
    return Period(
        found["first_day"], last, "week" if weekly else "day", printable(found["currency"], 8)
    )


def unique_names(names: Sequence[str], limit: int = 48) -> list[str]:
    """Names from outside made printable and short, and still all different."""
    taken: set[str] = set()
    result = []
    for name in names:
        short = printable(name, limit)
        shown, count = short, 1
        while shown in taken:
            count += 1
            shown = f"{short} ({count})"
        taken.add(shown)
        result.append(shown)
    return result
