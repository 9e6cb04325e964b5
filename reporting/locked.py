"""What locked forecasts were worth, for the page: totals against the first close."""

from __future__ import annotations

import duckdb

from reporting.published import Row, rows

#: Closed periods and lags shown; the workbook has all.
MOST = 12


def closes(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Newest closed periods first: period, scenario, lag, unit, final and actual sum, WAPE of the
    naive, the statistical and the final number, and shares of dates inside the locked intervals."""
    return rows(
        con,
        """
        SELECT period, scenario, lag, version, covers, coalesce(currency_code, measure) AS unit,
               final, actual, wape_naive, wape_statistical, wape_final, coverage_80, coverage_95
        FROM fcst_accuracy WHERE basis = 'first close' AND level = 'total'
        ORDER BY period DESC, scenario, lag, version LIMIT $most
        """,
        most=MOST,
    )
