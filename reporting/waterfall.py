"""What the forecast is made of: its parts over the whole horizon, in volume and in net revenue."""

from __future__ import annotations

from typing import Any

import duckdb

from reporting.published import Row, rows, total
from reporting.sheets import Column, Sheet

#: What the parts are called to readers.
WORDS = {
    "level": "level: what sells without the rest",
    "season": "season and weekday",
    "holiday": "holidays",
    "easter": "days about Easter",
    "turn_of_the_year": "turn of the year",
    "closed": "closures",
    "beside_closure": "days beside a closure",
    "other_models": "other models, beside the regression",
    "earlier_errors": "errors of earlier forecasts, carried on",
    "floor": "no sale below zero",
    "net_price": "price of planned promotions",
    "without_units": "revenue without units",
}


def parts(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Rows territory_id (`all`: together), component, `part` (in words), volume, net_revenue: the
    level first, then by size; they sum to the forecast's mean over the horizon."""
    found = rows(
        con,
        """
        SELECT coalesce(territory_id, 'all') AS territory_id, component,
               sum(value) AS volume, sum(net_revenue) AS net_revenue
        FROM fcst_components
        GROUP BY GROUPING SETS ((component), (territory_id, component))
        -- a lake without territories has one of that name
        HAVING grouping(territory_id) = 1 OR territory_id <> 'all'
        ORDER BY grouping(territory_id) DESC, territory_id, component <> 'level',
                 abs(sum(net_revenue)) DESC, component
        """,
    )
    return [row | {"part": named(row["component"])} for row in found]


def named(component: str) -> str:
    """A part in words; a driver by its name and kind.

    >>> named("media:tv")
    'tv (media)'
    """
    kind, colon, name = component.partition(":")
    return f"{name} ({kind})" if colon else WORDS.get(component, component)


def whole(found: list[Row]) -> list[Row]:
    """The parts of all territories together."""
    return [row for row in found if row["territory_id"] == "all"]


def sheet(con: duckdb.DuckDBPyConnection, unit: str, style: str, currency: str) -> Sheet:
    """The parts by territory, each closed by the forecast they sum to.

    Args:
        unit: of the volume, in whose `style` its cells are written.
    """
    cells: list[list[Any]] = []
    found = parts(con)
    for place in dict.fromkeys(row["territory_id"] for row in found):
        own = [row for row in found if row["territory_id"] == place]
        cells += [[place, row["part"], row["volume"], row["net_revenue"]] for row in own]
        sums = [total([row[name] for row in own]) for name in ("volume", "net_revenue")]
        cells.append([place, "forecast", *sums])
    columns = [
        Column("Territory", "text", 14), Column("Part", "text", 40),
        Column(f"Volume, {unit}", style, 18), Column(f"Net revenue, {currency}", "money", 18),
    ]  # fmt: skip
    note = "what the forecast is made of over its horizon; the parts of a territory sum to its mean"
    return Sheet("Forecast parts", columns, cells, note)
