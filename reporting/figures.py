"""The numbers the page, the workbook and the screen share, asked of the published tables.

Every function takes the connection of `published.opened` and returns plain rows. Money stays
DECIMAL as published, so a total here equals the total of the table to the cent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import duckdb

from reporting.published import Period, Row, period, rows, total, unique_names

MARKETING = ("media", "organic", "promotion", "publicity", "seller", "agency")
# What is left when the drivers are taken away, in the order a reader meets it.
REST = ("baseline", "price", "control", "holiday", "residual")
QUARTER_WEEKS = 13
_COMPARED = ("contribution", "contribution_p05", "contribution_p95", "roi")


# --- attribution -------------------------------------------------------------------------------


def drivers(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Marketing drivers of attr_summary, largest contribution first.

    Adds `label` (driver, with its kind where two kinds share the name), `verdict` and `tone`.
    """
    margin = gross_margin(con)
    found = rows(
        con,
        """
        SELECT *, count(*) OVER (PARTITION BY driver) > 1 AS shared_name
        FROM attr_summary WHERE list_contains($kinds, kind)
        ORDER BY contribution DESC, kind, driver
        """,
        kinds=list(MARKETING),
    )
    names = [f"{r['driver']} ({r['kind']})" if r["shared_name"] else r["driver"] for r in found]
    for row, label in zip(found, unique_names(names), strict=True):
        row["label"] = label
        row["verdict"], row["tone"] = verdict(row, None if margin is None else 1 / margin)
    return found


def verdict(row: Row, break_even: float | None) -> tuple[str, str]:
    """A reading of a driver's ROI, only as strong as its 90 % interval, and its tone.

    Args:
        row: roi, roi_p05 and roi_p95 of a driver.
        break_even: the ROI from which spend is earned back in gross margin (above 1), or None
            where the margin is not known.

    Returns:
        words for a reader, and good, warn, bad or open.
    """
    low, high = row["roi_p05"], row["roi_p95"]
    if row["roi"] is None:
        return "no spend", "open"
    if low is None or high is None:
        return "no interval", "open"
    known = break_even is not None
    line = break_even if break_even is not None else math.inf
    readings = (
        (high < 1, ("ROI below 1", "bad")),
        (low > line, ("pays back", "good")),
        (known and high < line, ("below break-even", "warn")),
        (low > 1, ("ROI above 1", "open" if known else "good")),
    )
    return next((said for holds, said in readings if holds), ("not clear", "open"))


def second_opinion(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Both engines' estimates of each marketing driver, in the order of `drivers`.

    Rows: kind, driver, label; contribution, contribution_p05, contribution_p95, roi; the same of
    the classical engine with the prefix `classical_` (None where it has no estimate); `difference`,
    the classical contribution less the other; `agreement` in words, and its tone. Empty where the
    classical engine could not estimate at all.
    """
    classical = {
        (row["kind"], row["driver"]): row
        for row in rows(con, "SELECT * FROM attr_summary_classical")
    }
    if not classical:
        return []
    found = []
    for driver in drivers(con):
        other = classical.get((driver["kind"], driver["driver"]))
        row = {name: driver[name] for name in ("kind", "driver", "label", *_COMPARED)}
        row |= {f"classical_{name}": other and other[name] for name in _COMPARED}
        row["difference"] = other and other["contribution"] - driver["contribution"]
        row["agreement"], row["tone"] = agreement(row)
        found.append(row)
    return found


def agreement(row: Row) -> tuple[str, str]:
    """How two 90 % intervals of one driver's contribution stand to each other, and its tone."""
    low, high = row["contribution_p05"], row["contribution_p95"]
    value = row["classical_contribution"]
    if value is None:
        return "no second estimate", "open"
    if low is None or high is None:
        return "no interval", "open"
    if low <= float(value) <= high:
        return "agrees", "good"
    second_low, second_high = row["classical_contribution_p05"], row["classical_contribution_p95"]
    if second_low is None or second_high is None:
        return "no interval", "open"
    if second_low <= high and low <= second_high:
        return "intervals overlap", "open"
    return "disagrees", "warn"


def reconciliation(con: duckdb.DuckDBPyConnection) -> Row:
    """Baseline + drivers + residual against the ledger, in the whole and in every cell.

    Returns a row: `by_kind` (kind -> amount), `marketing`, `explained` (all kinds), `ledger`,
    `difference`, `cells` (date x territory) and `worst_cell`, the largest absolute difference.
    """
    by_kind = rows(
        con,
        "SELECT kind, sum(contribution) AS amount FROM attr_contributions GROUP BY 1 ORDER BY 1",
    )
    cells = rows(
        con,
        """
        WITH said AS (SELECT date_day, territory_id, sum(contribution) AS amount
                      FROM attr_contributions GROUP BY ALL),
        booked AS (SELECT date_day, territory_id, sum(net_revenue) AS amount
                   FROM fct_ledger GROUP BY ALL)
        SELECT count(*) AS cells, coalesce(sum(booked.amount), 0) AS ledger,
               max(abs(coalesce(said.amount, 0) - coalesce(booked.amount, 0))) AS worst_cell
        FROM said FULL JOIN booked USING (date_day, territory_id)
        """,
    )[0]
    amounts = {row["kind"]: row["amount"] for row in by_kind}
    explained = total(list(amounts.values())) or Decimal(0)
    return cells | {
        "by_kind": amounts,
        "marketing": total([amounts.get(kind) for kind in MARKETING]) or Decimal(0),
        "explained": explained,
        "difference": explained - cells["ledger"],
    }


def gross_margin(con: duckdb.DuckDBPyConnection) -> float | None:
    """Gross margin of the ledger (0..1), or None unless every ledger row knows its cost."""
    found = rows(
        con,
        """
        SELECT sum(net_revenue) AS revenue, sum(unit_cost) AS cost,
               count(*) = count(unit_cost) AS complete FROM fct_ledger
        """,
    )[0]
    if not found["complete"] or not found["revenue"] or found["cost"] is None:
        return None
    margin = 1 - float(found["cost"]) / float(found["revenue"])
    return margin if 0 < margin < 1 else None


def contributions_over_time(con: duckdb.DuckDBPyConnection, span: Period) -> tuple[str, list[Row]]:
    """Contribution by step x (kind, driver), summed over territories.

    The step is the week, or the month where the window is longer than 160 weeks. Only complete
    steps are returned: half a week would read as a fall. A daily window's weeks end on its last
    day.
    """
    if span.days <= 160 * 7:
        step = "week"
        first = span.last_day + timedelta(days=1) - timedelta(days=7 * (span.days // 7))
        bucket = "$first::DATE + (7 * (date_diff('day', $first::DATE, date_day) // 7))::INTEGER"
    else:
        step = "month"
        first = span.first_day
        if first.day > 7:
            first = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        bucket = "date_trunc('month', date_day)::DATE"
    found = rows(
        con,
        f"""
        SELECT {bucket} AS step_day, kind, driver, sum(contribution) AS amount
        FROM attr_contributions WHERE date_day >= $first GROUP BY ALL ORDER BY ALL
        """,  # noqa: S608 - the bucket is one of the two expressions above
        first=first,
    )
    return step, found


def curves(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Response curves by driver and multiplier of the observed exposure."""
    return rows(
        con,
        """
        SELECT kind, driver, multiplier, spend, contribution, p05, p95 FROM attr_curves
        WHERE list_contains($kinds, kind) ORDER BY kind, driver, multiplier
        """,
        kinds=list(MARKETING),
    )


# --- forecast ----------------------------------------------------------------------------------

_WEEK_OF = "$anchor::DATE + (7 * floor(date_diff('day', $anchor::DATE, date_day) / 7))::INTEGER"


def volume_measure(con: duckdb.DuckDBPyConnection) -> str | None:
    """What the forecast counts: units or net_revenue; None where nothing is forecast."""
    found = rows(con, "SELECT min(measure) AS measure FROM fcst_volume WHERE period = 'week'")
    measure: str | None = found[0]["measure"]
    return measure


def volume_unit(measure: str | None, currency: str) -> str:
    """The unit of a forecast number, for headings."""
    return "units" if measure == "units" else currency


def forecast_weeks(con: duckdb.DuckDBPyConnection, weeks: int | None = QUARTER_WEEKS) -> list[Row]:
    """The total's next weeks: date_day, mean and bounds, `days` forecast in that week.

    The same of net revenue as `revenue`, `revenue_p025`, ... A daily lake's first or last week can
    be part of one; `days` says so (7 in a weekly lake).
    """
    found = rows(
        con,
        f"""
        WITH days AS (SELECT {_WEEK_OF} AS week_day, count(DISTINCT date_day) AS days
                      FROM fcst_volume WHERE period = 'day' AND level = 'total' GROUP BY 1)
        SELECT v.date_day, measure, v.mean, v.p025, v.p10, v.p50, v.p90, v.p975,
               r.mean AS revenue, r.p025 AS revenue_p025, r.p10 AS revenue_p10,
               r.p90 AS revenue_p90, r.p975 AS revenue_p975, coalesce(days, 7) AS days
        FROM fcst_volume v LEFT JOIN days ON week_day = v.date_day
        LEFT JOIN fcst_revenue r
          ON r.date_day = v.date_day AND r.period = 'week' AND r.level = 'total'
        WHERE v.period = 'week' AND v.level = 'total' ORDER BY v.date_day
        """,  # noqa: S608 - a constant expression
        anchor=_anchor(con),
    )
    return found if weeks is None else found[:weeks]


def forecast_sum(con: duckdb.DuckDBPyConnection, weeks: Sequence[Row]) -> Row:
    """Sum over forecast weeks; `own`: its bounds are its own.

    The mean adds up exactly. Bounds are those of the whole horizon, if these weeks are all of it.
    Else they are sums of the weekly bounds: the interval if all weeks miss the same way, and for
    the usual bell-shaped errors no interval of the sum is wider.
    """
    bounds = ("p025", "p10", "p90", "p975")
    names = ("mean", *bounds, "revenue", *(f"revenue_{name}" for name in bounds))
    told = {name: total([week[name] for week in weeks]) for name in names}
    whole = rows(
        con,
        """
        SELECT v.mean, v.p025, v.p10, v.p90, v.p975, r.mean AS revenue, r.p025 AS revenue_p025,
               r.p10 AS revenue_p10, r.p90 AS revenue_p90, r.p975 AS revenue_p975
        FROM fcst_volume v LEFT JOIN fcst_revenue r ON r.period = v.period AND r.level = v.level
        WHERE v.period = 'horizon' AND v.level = 'total'
        """,
    )
    if len(whole) == 1 and whole[0]["mean"] == told["mean"]:
        return whole[0] | {"own": True}
    return told | {"own": False}


def _anchor(con: duckdb.DuckDBPyConnection) -> date:
    """First day of the first forecast week: every other week is counted from it."""
    found = rows(con, "SELECT min(date_day) AS d FROM fcst_volume WHERE period = 'week'")
    return found[0]["d"] or date(2024, 1, 1)


def fan(con: duckdb.DuckDBPyConnection, most: int = 60, *, money: bool = False) -> list[Row]:
    """A year of weekly actuals and the forecast weeks, for the total and each territory.

    Of what the volume counts, or with `money` of net revenue. At most `most` territories (the
    largest by forecast mean of volume); complete weeks only. Rows hold territory_id (`all` for the
    total), date_day and either `actual` or mean and bounds.
    """
    span = period(con)
    history = rows(
        con,
        f"""
        SELECT coalesce(territory_id, 'all') AS territory_id, {_WEEK_OF} AS week_day,
               sum(CASE WHEN $units THEN units ELSE net_revenue::DOUBLE END) AS actual
        FROM fct_ledger
        GROUP BY GROUPING SETS ((territory_id, week_day), (week_day))
        HAVING week_day >= greatest($first_day::DATE, $last_day::DATE - 52 * 7 + 1)
           AND week_day + 6 <= $last_day
        ORDER BY 1, 2
        """,  # noqa: S608 - a constant expression
        anchor=_anchor(con),
        units=not money and volume_measure(con) == "units",
        first_day=span.first_day,
        last_day=span.last_day,
    )
    ahead = rows(
        con,
        f"""
        WITH shown AS (SELECT territory_id FROM fcst_volume
                       WHERE period = 'week' AND level = 'territory'
                       GROUP BY 1 ORDER BY sum(mean) DESC, 1 LIMIT $most)
        SELECT territory_id, date_day, mean, p025, p10, p90, p975
        FROM {"fcst_revenue" if money else "fcst_volume"}
        WHERE period = 'week' AND (level = 'total' OR (level = 'territory'
              AND territory_id IN (SELECT territory_id FROM shown)))
        ORDER BY territory_id, date_day
        """,  # noqa: S608 - one of two names
        most=most,
    )
    partial = {week["date_day"] for week in forecast_weeks(con, None) if week["days"] < 7}
    kept = {row["territory_id"] for row in ahead}
    return [
        {"territory_id": row["territory_id"], "date_day": row["week_day"], "actual": row["actual"]}
        for row in history
        if row["territory_id"] in kept
    ] + [row for row in ahead if row["date_day"] not in partial]


def territory_names(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """territory_id -> a printable name, all different."""
    found = rows(
        con,
        """
        SELECT territory_id, coalesce(nullif(territory_name, ''), territory_id) AS name
        FROM dim_territories WHERE is_current AND is_leaf ORDER BY territory_id
        """,
    )
    names = unique_names([row["name"] for row in found])
    return {row["territory_id"]: name for row, name in zip(found, names, strict=True)}


# --- can it be trusted -------------------------------------------------------------------------


def checks(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """All checks: failed first, then warnings, then what passed."""
    return rows(
        con,
        """
        SELECT check_name, subject, stage, severity, status, figure, threshold, text
        FROM attr_checks
        ORDER BY CASE status WHEN 'fail' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END,
                 stage, check_name, subject
        """,
    )


def checks_count(found: Sequence[Row]) -> dict[str, int]:
    """How many checks failed, warned and passed."""
    return {
        status: sum(row["status"] == status for row in found) for status in ("fail", "warn", "pass")
    }


def freshness(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """How far each source's tables reach, when they were landed (UTC), how many rows were kept."""
    return rows(
        con,
        """
        SELECT source, table_name, last_date, try_cast(landed_at AS TIMESTAMP) AS landed_at,
               "rows" AS kept_rows, rejected
        FROM pub_freshness ORDER BY source, table_name
        """,
    )
