"""Sheets of versions: what was locked, why it moved, what it was worth."""

from __future__ import annotations

import duckdb

from reporting.published import cells
from reporting.sheets import Column, Sheet

_UNIT = "coalesce(currency_code, measure)"


def _text(heading: str, width: int = 14) -> Column:
    return Column(heading, "text", width)


def _amount(heading: str) -> Column:
    # Pieces or money: the unit stands in a column of its own.
    return Column(heading, "units", 18)


def versions(con: duckdb.DuckDBPyConnection) -> Sheet:
    """fcst_versions summed over series, the newest version first."""
    columns = [
        _text("Version", 24), _text("Scenario"), _text("Made in"), Column("As of", "date", 12),
        _text("State", 11), _text("Superseded by", 24), _text("Submitted by", 20),
        _text("Approved by", 20), _text("Locked by", 20), _text("Locked at (UTC)", 20),
        _text("Period"), _amount("Statistical"), _amount("Overrides"), _amount("Final"),
        _text("Unit", 9), _text("Code", 24), _text("Data", 20),
    ]  # fmt: skip
    found = cells(
        con,
        f"""
        SELECT version, scenario, fiscal_period, as_of, state, superseded_by, submitted_by,
               approved_by, locked_by, left(replace(locked_at, 'T', ' '), 19), period,
               sum(statistical), sum(override), sum(final), {_UNIT}, code_version, data_hash
        FROM fcst_versions
        GROUP BY ALL
        ORDER BY max(as_of) DESC, max(submitted_at) DESC, version, min(period_starts_on)
        """,  # noqa: S608 - no text from outside
    )
    note = (
        "forecasts that were submitted, approved or locked, by fiscal period, summed over series"
        if found
        else "no version has been submitted (liftcast forecast version)"
    )
    return Sheet("Versions", columns, found, note)


def bridge(con: duckdb.DuckDBPyConnection) -> Sheet:
    """fcst_bridge summed over series: in each period old and its steps are new."""
    columns = [
        _text("Version", 24), _text("Compared with", 24), _text("Period"), _text("Step", 22),
        _amount("Amount"), _text("Unit", 9),
    ]  # fmt: skip
    found = cells(
        con,
        f"""
        SELECT version, old_version, period, step, sum(amount), {_UNIT}
        FROM fcst_bridge
        GROUP BY ALL
        ORDER BY version, period, min(step_number)
        """,  # noqa: S608 - no text from outside
    )
    note = (
        "why a version says something else than the one before; old and its steps sum to new"
        if found
        else "no version follows another"
    )
    return Sheet("Bridge", columns, found, note)


def accuracy(con: duckdb.DuckDBPyConnection) -> Sheet:
    """fcst_accuracy, totals first."""
    columns = [
        _text("Against", 13), _text("Closed period"), _text("Scenario"), Column("Lag", "count", 9),
        _text("Version", 24), _text("Covers", 9), _text("Level"), _text("Of", 22),
        _amount("Naive"), _amount("Statistical"), _amount("Final"), _amount("Actual"),
        Column("WAPE, naive", "share", 12), Column("WAPE saved by model", "share", 14),
        Column("WAPE, statistical", "share", 12), Column("WAPE saved by overrides", "share", 14),
        Column("WAPE, final", "share", 12),
        Column("Bias, statistical", "share", 12), Column("Bias, final", "share", 12),
        Column("In 80 %", "share", 9), Column("In 95 %", "share", 9),
        Column("Dates judged", "count", 12), Column("Quantile loss", "share", 12),
        _text("Unit", 9),
    ]  # fmt: skip
    found = cells(
        con,
        f"""
        SELECT basis, period, scenario, lag, version, covers, level, key, naive, statistical,
               final, actual, wape_naive, added_by_model, wape_statistical, added_by_override,
               wape_final, bias_statistical, bias_final, coverage_80, coverage_95, cells, wql,
               {_UNIT}
        FROM fcst_accuracy
        ORDER BY basis, level <> 'total', period DESC, scenario, lag, level, key
        """,  # noqa: S608 - no text from outside
    )
    note = (
        "locked versions against the closes, by lag in fiscal periods; bias is sum F - A over sum "
        "A; intervals are of the statistical number, by series and date; without a naive where the "
        "version does not say it"
        if found
        else "no closed period has a version that was locked before it ended"
    )
    return Sheet("Accuracy", columns, found, note)
