"""What stands in each sheet of the workbook: headings, typed rows, and a word on what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from reporting import figures, wording
from reporting.published import Period, Row, cells, rows

# Excel holds 1,048,576 rows a sheet; a quarter of that still opens in seconds.
MOST_ROWS = 250_000


@dataclass(frozen=True)
class Column:
    """A column of a sheet: its heading, how its values are written, how wide it is."""

    heading: str
    style: str  # text, wrap, date, time, money, count, units, share, ratio, number
    width: int


@dataclass(frozen=True)
class Sheet:
    """One table of the workbook; `note` says what it holds and what was summed to fit."""

    name: str
    columns: Sequence[Column]
    cells: Sequence[Sequence[Any]]
    note: str


# Columns that many sheets have.
def _text(heading: str, width: int = 14) -> Column:
    return Column(heading, "text", width)


def _money(heading: str) -> Column:
    return Column(heading, "money", 18)


def _ratio(heading: str) -> Column:
    return Column(heading, "ratio", 11)


def _picked(found: Sequence[Row], names: Sequence[str]) -> list[list[Any]]:
    return [[row[name] for name in names] for row in found]


def _fitting(
    con: duckdb.DuckDBPyConnection, cuts: Sequence[tuple[str, str]], most_rows: int
) -> tuple[str, list[list[Any]]]:
    """The first of the cuts (words, query) that has at most `most_rows` rows, else the last."""
    for words, sql in cuts[:-1]:
        if rows(con, f"SELECT count(*) AS n FROM ({sql})")[0]["n"] <= most_rows:  # noqa: S608
            return words, cells(con, sql)
    words, sql = cuts[-1]
    return words, cells(con, sql)


def attribution(con: duckdb.DuckDBPyConnection, span: Period) -> Sheet:
    """attr_summary, marketing drivers, largest first."""
    cur = span.currency
    columns = [
        _text("Kind"), _text("Driver", 28), _money(f"Spend, {cur}"),
        _money(f"Attributed net revenue, {cur}"), _money("Attributed, 90 % from"),
        _money("Attributed, 90 % to"), Column("Share of net revenue", "share", 12),
        Column("Share, 90 % from", "share", 12), Column("Share, 90 % to", "share", 12),
        _ratio(f"ROI, {cur} per {cur}"), _ratio("ROI, 90 % from"), _ratio("ROI, 90 % to"),
        _ratio(f"Marginal ROI (next {cur})"), _text("Reading"),
    ]  # fmt: skip
    names = (
        "kind", "driver", "spend", "contribution", "contribution_p05", "contribution_p95",
        "share", "share_p05", "share_p95", "roi", "roi_p05", "roi_p95", "mroi", "verdict",
    )  # fmt: skip
    note = "what each driver brought over the whole period, with 90 % intervals"
    return Sheet("Attribution", columns, _picked(figures.drivers(con), names), note)


def second_opinion(con: duckdb.DuckDBPyConnection, span: Period) -> Sheet:
    """attr_summary beside attr_summary_classical, in the order of the sheet Attribution."""
    cur = span.currency
    columns = [
        _text("Kind"), _text("Driver", 28), _money(f"Published, {cur}"),
        _money("Published, 90 % from"), _money("Published, 90 % to"), _money(f"Classical, {cur}"),
        _money("Classical, 90 % from"), _money("Classical, 90 % to"),
        _money(f"Classical less published, {cur}"), _ratio("ROI, published"),
        _ratio("ROI, classical"), _text("Reading", 20),
    ]  # fmt: skip
    names = (
        "kind", "driver", "contribution", "contribution_p05", "contribution_p95",
        "classical_contribution", "classical_contribution_p05", "classical_contribution_p95",
        "difference", "roi", "classical_roi", "agreement",
    )  # fmt: skip
    found = figures.second_opinion(con)
    note = (
        "the same drivers by a classical engine (least squares), beside what is published"
        if found
        else "the classical engine could not estimate; the sheet Checks says why"
    )
    return Sheet("Second opinion", columns, _picked(found, names), note)


def channels(con: duckdb.DuckDBPyConnection, span: Period) -> Sheet:
    """attr_channels, every rule, dearest channel first."""
    cur = span.currency
    columns = [
        _text("Channel", 28), _text("Rule", 16), Column("Touches", "count", 12),
        _money(f"Spend, {cur}"),
        Column("Conversions", "number", 14), Column("90 % from", "number", 14),
        Column("90 % to", "number", 14), _money(f"Credited net revenue, {cur}"),
        _money(f"Credited margin, {cur}"), _ratio("ROAS"), _ratio("ROAS, 90 % from"),
        _ratio("ROAS, 90 % to"), _money(f"Spend a new customer, {cur}"),
        _money(f"Spend a lead, {cur}"), Column("Assisted conversions", "count", 14),
        Column("Claimed conversions", "number", 14),
        Column("Claimed less credited", "number", 14), _money(f"Spend outside the ledger, {cur}"),
    ]  # fmt: skip
    found = cells(
        con,
        """
        WITH credited AS (
            SELECT * FROM attr_channels WHERE touches > 0 OR channel = '(unattributed)'
        )
        SELECT channel, rule, a.touches, a.spend, c.conversions, c.conversions_p05,
               c.conversions_p95, c.value, c.margin, c.roas, c.roas_p05, c.roas_p95, c.cac,
               c.cost_per_lead, c.assisted_conversions, a.claimed_conversions,
               c.claimed_difference, a.spend_outside
        FROM attr_channels a LEFT JOIN credited c USING (channel, rule)
        ORDER BY rule, a.spend DESC, a.value DESC, channel
        """,
    )
    note = (
        "spend beside what journeys credit, by rule: under each rule all spend and the whole "
        "ledger; what leaves no touch has no credit"
    )
    return Sheet("Channels", columns, found, note)


def funnel(con: duckdb.DuckDBPyConnection, span: Period) -> Sheet:
    """funnel_stages, the whole funnel first."""
    cur = span.currency
    columns = [
        _text("Compared by"), _text("Of", 28), _text("Stage"), Column("Entered", "count", 12),
        Column("Moved on", "count", 12), Column("Lost", "count", 12), Column("Open", "count", 12),
        _money(f"Lost amount, {cur}"), Column("Share of what was lost", "share", 12),
        Column("Moves on", "share", 12), Column("Moves on, 90 % from", "share", 12),
        Column("Moves on, 90 % to", "share", 12), Column("Days, median", "number", 12),
        _money(f"Spend an entry, {cur}"),
    ]  # fmt: skip
    found = cells(
        con,
        """
        SELECT compared_by, member, stage, entered, moved_on, lost, still_open, lost_amount,
               lost_share, conversion, conversion_p05, conversion_p95, days_median, cost_per_entry
        FROM funnel_stages
        ORDER BY compared_by <> 'all', compared_by, member,
                 list_position(['lead', 'qualified', 'proposal'], stage)
        """,
    )
    note = (
        "stages of the funnel; open opportunities count for as long as they were seen"
        if found
        else "no opportunity has landed"
    )
    return Sheet("Funnel", columns, found, note)


def contributions(con: duckdb.DuckDBPyConnection, span: Period, most_rows: int) -> Sheet:
    """attr_contributions at its own grain, or summed by month where that is too long."""
    named = (
        "FROM attr_contributions c LEFT JOIN dim_territories t "
        "ON t.territory_id = c.territory_id AND t.is_current"
    )
    month = "date_trunc('month', date_day)::DATE"
    cuts = [
        (
            f"by {span.grain}, territory and driver",
            f"SELECT date_day, c.territory_id, territory_name, kind, driver, contribution, p05, "
            f"p95 {named} ORDER BY 1, 2, 4, 5",
        ),
        (
            "by month, territory and driver (summed to fit, so without intervals)",
            f"SELECT {month}, c.territory_id, territory_name, kind, driver, sum(contribution), "
            f"NULL, NULL {named} GROUP BY ALL ORDER BY 1, 2, 4, 5",
        ),
        (
            "by month and driver (summed over territories to fit, so without intervals)",
            f"SELECT {month}, 'all', NULL, kind, driver, sum(contribution), NULL, NULL {named} "
            "GROUP BY ALL ORDER BY 1, 4, 5",
        ),
    ]
    words, found = _fitting(con, cuts, most_rows)
    columns = [
        Column("Date from", "date", 12), _text("Territory"), _text("Territory name", 22),
        _text("Kind"), _text("Driver", 28), _money(f"Contribution, {span.currency}"),
        _money("90 % from"), _money("90 % to"),
    ]  # fmt: skip
    return Sheet("Contributions", columns, found, f"contribution {words}; sums to the ledger")


def forecast(con: duckdb.DuckDBPyConnection, span: Period, most_rows: int) -> Sheet:
    """fcst_volume: all of it, or weeks only, or weeks without single series."""
    measure = figures.volume_measure(con)
    unit = figures.volume_unit(measure, span.currency)
    style = "units" if measure == "units" else "money"
    words, found = _fitting(con, _ahead("fcst_volume", "measure"), most_rows)
    columns = [*_AHEAD, _text("Measure"), *_bounds(unit, style)]
    note = f"volume ahead in {unit}, mean with 80 and 95 % intervals{words}"
    return Sheet("Forecast", columns, found, note)


def revenue(con: duckdb.DuckDBPyConnection, span: Period, most_rows: int) -> Sheet:
    """fcst_revenue, cut likewise, with the units it is made of and their net price."""
    price = "units, CASE WHEN units > 0 THEN (mean / units)::DOUBLE END"
    words, found = _fitting(con, _ahead("fcst_revenue", price), most_rows)
    columns = [
        *_AHEAD, Column("Units, mean", "units", 16), _money(f"Net price, {span.currency} a unit"),
        *_bounds(span.currency, "money"),
    ]  # fmt: skip
    note = (
        f"net revenue ahead in {span.currency}, mean with 80 and 95 % intervals, beside the units "
        f"it is made of: the volume of the sheet Forecast again, in money{words}"
    )
    return Sheet("Forecast revenue", columns, found, note)


_AHEAD = (
    _text("Period", 9), Column("Date from", "date", 12), _text("Level", 11), _text("Territory"),
    _text("Product"), _text("Sales channel"),
)  # fmt: skip


def _bounds(unit: str, style: str) -> list[Column]:
    names = (f"Mean, {unit}", "95 % from", "80 % from", "Median", "80 % to", "95 % to")
    return [Column(name, style, 18) for name in names]


def _ahead(table: str, more: str) -> list[tuple[str, str]]:
    """Cuts of a table of the forecast, with `more` columns (SQL) before the mean."""
    query = (
        f"SELECT period, date_day, level, territory_id, product_id, sales_channel, {more}, mean, "  # noqa: S608 - no text from outside
        f"p025, p10, p50, p90, p975 FROM {table} WHERE {{which}} "
        "ORDER BY CASE level WHEN 'total' THEN 0 WHEN 'territory' THEN 1 WHEN 'product' THEN 2 "
        "WHEN 'channel' THEN 3 ELSE 4 END, period DESC, territory_id, product_id, sales_channel, "
        "date_day"
    )
    return [
        ("", query.format(which="true")),
        ("; weeks only, to fit", query.format(which="period = 'week'")),
        (
            "; weeks of sums only, without single series, to fit",
            query.format(which="period = 'week' AND level <> 'series'"),
        ),
    ]


def ledger(con: duckdb.DuckDBPyConnection, span: Period, most_rows: int) -> Sheet:
    """fct_ledger by month, territory and product, or without product where that is too long."""
    sums = "sum(net_revenue), sum(units), sum(unit_cost)"
    joined = (
        "FROM fct_ledger l "
        "LEFT JOIN dim_territories t ON t.territory_id = l.territory_id AND t.is_current "
        "LEFT JOIN dim_products p ON p.product_id = l.product_id AND p.is_current"
    )
    month = "date_trunc('month', date_day)::DATE"
    cuts = [
        (
            "by month, territory and product",
            f"SELECT {month}, l.territory_id, territory_name, l.product_id, product_name, {sums} "
            f"{joined} GROUP BY ALL ORDER BY 1, 2, 4",
        ),
        (
            "by month and territory (summed over products to fit)",
            f"SELECT {month}, l.territory_id, territory_name, 'all', NULL, {sums} "
            f"{joined} GROUP BY ALL ORDER BY 1, 2",
        ),
    ]
    words, found = _fitting(con, cuts, most_rows)
    columns = [
        Column("Month", "date", 12), _text("Territory"), _text("Territory name", 22),
        _text("Product"), _text("Product name", 22), _money(f"Net revenue, {span.currency}"),
        Column("Units", "units", 16), _money(f"Cost, {span.currency}"),
    ]  # fmt: skip
    return Sheet("Ledger", columns, found, f"net revenue {words}")


def checks(con: duckdb.DuckDBPyConnection) -> Sheet:
    """attr_checks, failed first."""
    found = figures.checks(con)
    columns = [
        _text("Status", 9), _text("Check", 30), _text("Of", 28), _text("Stage", 12),
        _text("Severity", 10), Column("Figure", "number", 14), Column("Limit", "number", 14),
        Column("What it says", "wrap", 80),
    ]  # fmt: skip
    names = (
        "status", "check_name", "subject", "stage", "severity", "figure", "threshold", "text",
    )  # fmt: skip
    note = wording.checks_sentence(figures.checks_count(found))
    return Sheet("Checks", columns, _picked(found, names), note)


def freshness(con: duckdb.DuckDBPyConnection) -> Sheet:
    """pub_freshness."""
    columns = [
        _text("Source", 28), _text("Table", 18), Column("Last date", "date", 12),
        Column("Landed (UTC)", "time", 18), Column("Rows kept", "count", 14),
        Column("Rows rejected", "count", 14),
    ]  # fmt: skip
    names = ("source", "table_name", "last_date", "landed_at", "kept_rows", "rejected")
    note = "how far each source reaches and when it was landed"
    return Sheet("Freshness", columns, _picked(figures.freshness(con), names), note)
