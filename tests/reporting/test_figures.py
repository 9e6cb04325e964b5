"""The shared numbers: by hand, and against the tables."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest

from reporting import figures, journeys, wording
from reporting.published import opened, period, unique_names

NBSP = "\u00a0"


def test_wording_examples_hold():
    assert doctest.testmod(wording).failed == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 EUR"),
        (-0.001, "0 EUR"),
        (99.96, "100 EUR"),
        (812, "812 EUR"),
        (9999, "10.0 k EUR"),
        (999_950, "1.00 M EUR"),
        (Decimal("-3456.70"), "-3.46 k EUR"),
        (1.2e9, "1.20 bn EUR"),
        (None, wording.NONE),
    ],
)
def test_money_has_three_digits_and_a_unit(value, shown):
    assert wording.short(value, "EUR").replace(NBSP, " ") == shown


def test_exact_money_keeps_every_cent():
    assert wording.exact(Decimal("1234567.80"), "EUR") == f"1,234,567.80{NBSP}EUR"
    assert wording.exact(Decimal("-0.00")) == "0.00"


def test_shares_and_intervals_are_written_for_reading():
    assert wording.percent(0.3149) == f"31{NBSP}%"
    assert wording.percent(-0.0001) == f"0.0{NBSP}%"
    assert wording.bounds(980_000, 1_310_000) == f"0.98 to 1.31{NBSP}M"
    assert wording.bounds(None, 3) == ""


def test_times_of_another_zone_are_told_in_utc():
    assert wording.moment("2025-01-06T08:31:00+02:00") == "6 Jan 2025 06:31 UTC"
    assert wording.day(datetime(2025, 1, 6, 5, 2, tzinfo=UTC)) == "6 Jan 2025"


@pytest.mark.parametrize(
    ("low", "high", "break_even", "said", "tone"),
    [
        (1.01, 1.8, None, "ROI above 1", "good"),
        (0.2, 0.99, None, "ROI below 1", "bad"),
        (0.9, 1.1, None, "not clear", "open"),
        (1.0, 2.0, None, "not clear", "open"),
        (None, None, None, "no interval", "open"),
        (2.3, 3.0, 2.2, "pays back", "good"),
        (1.5, 2.5, 2.2, "ROI above 1", "open"),
        (1.5, 2.1, 2.2, "below break-even", "warn"),
        (0.9, 2.1, 2.2, "below break-even", "warn"),
        (0.9, 2.5, 2.2, "not clear", "open"),
        (0.2, 0.9, 2.2, "ROI below 1", "bad"),
    ],
)
def test_a_verdict_is_only_as_strong_as_the_interval(low, high, break_even, said, tone):
    row = {"roi": 1.0, "roi_p05": low, "roi_p95": high}
    assert figures.verdict(row, break_even) == (said, tone)


def test_a_driver_without_spend_has_no_return():
    row = {"roi": None, "roi_p05": None, "roi_p95": None}
    assert figures.verdict(row, 2.0) == ("no spend", "open")


@pytest.mark.parametrize(
    ("value", "low", "high", "said", "tone"),
    [
        (100, -50, 300, "agrees", "good"),
        (89, 70, 95, "intervals overlap", "open"),
        (-40, -60, -10, "disagrees", "warn"),
        (300, 121, 400, "disagrees", "warn"),
        (300, 119, 400, "intervals overlap", "open"),
        (300, None, None, "no interval", "open"),
        (None, None, None, "no second estimate", "open"),
    ],
)
def test_two_engines_agree_as_far_as_their_intervals_do(value, low, high, said, tone):
    row = {
        "contribution_p05": 90.0, "contribution_p95": 120.0,
        "classical_contribution": None if value is None else Decimal(value),
        "classical_contribution_p05": low, "classical_contribution_p95": high,
    }  # fmt: skip
    assert figures.agreement(row) == (said, tone)


def test_the_second_opinion_holds_every_driver_and_its_difference(hostile):
    with opened(hostile) as con:
        found, published = figures.second_opinion(con), figures.drivers(con)
    assert [(r["kind"], r["driver"]) for r in found] == [
        (r["kind"], r["driver"]) for r in published
    ]
    known = [r for r in found if r["classical_contribution"] is not None]
    assert len(known) == len(found) - 1
    for row in known:
        assert row["contribution"] + row["difference"] == row["classical_contribution"]
    assert {r["agreement"] for r in found} == {"agrees", "disagrees", "no second estimate"}


def test_names_stay_different_when_shortened():
    names = unique_names(["x" * 100, "x" * 101, "y", "y"], 10)
    assert len(set(names)) == 4 and all(len(name) <= 14 for name in names)


def test_the_period_knows_its_grain(hostile, daily):
    with opened(hostile) as con:
        weekly = period(con)
    with opened(daily) as con:
        by_day = period(con)
    assert (weekly.grain, weekly.last_day, weekly.days) == ("week", date(2024, 12, 29), 420)
    assert (by_day.grain, by_day.last_day, by_day.days) == ("day", date(2024, 12, 29), 400)


def test_weeks_drawn_are_whole(daily):
    with opened(daily) as con:
        span = period(con)
        step, found = figures.contributions_over_time(con, span)
        fan = figures.fan(con)
    assert step == "week"
    days = sorted({row["step_day"] for row in found})
    assert len(days) == 400 // 7 and (span.last_day - days[-1]).days == 6
    history = sorted({row["date_day"] for row in fan if "actual" in row})
    assert (span.last_day - history[-1]).days >= 6
    assert {(b - a).days for a, b in pairwise(history)} == {7}
    ahead = min(row["date_day"] for row in fan if "mean" in row)
    assert (ahead - history[0]).days % 7 == 0


def test_the_fan_of_the_total_is_the_sum_of_its_territories(hostile):
    with opened(hostile) as con:
        fan = pd.DataFrame([row for row in figures.fan(con) if "actual" in row])
    parts = fan[fan.territory_id != "all"].groupby("date_day")["actual"].sum()
    whole = fan[fan.territory_id == "all"].set_index("date_day")["actual"]
    assert (parts - whole).abs().max() < 1e-6
    assert len(whole) == 52


def test_long_windows_are_drawn_by_month(hostile):
    with opened(hostile) as con:
        span = period(con)
        longer = type(span)(date(2018, 1, 1), span.last_day, span.grain, span.currency)
        step, found = figures.contributions_over_time(con, longer)
    assert step == "month" and {row["step_day"].day for row in found} == {1}


def test_the_margin_is_unknown_where_one_cost_is_missing(hostile):
    with opened(hostile) as con:
        assert figures.gross_margin(con) == pytest.approx(0.45, abs=1e-4)
        con.execute(
            "CREATE TEMP TABLE broken AS SELECT * REPLACE (CASE WHEN row_number() OVER () = 1 "
            "THEN NULL ELSE unit_cost END AS unit_cost) FROM fct_ledger"
        )
        con.execute("CREATE OR REPLACE VIEW fct_ledger AS SELECT * FROM broken")
        assert figures.gross_margin(con) is None


def test_forecast_sum_adds_means_exactly(hostile):
    with opened(hostile) as con:
        weeks = figures.forecast_weeks(con)
        told = figures.forecast_sum(con, weeks)
    assert len(weeks) == 13
    assert told["mean"] == sum(week["mean"] for week in weeks)
    assert isinstance(told["mean"], Decimal)
    assert not told["own"]


def test_the_whole_horizon_has_the_interval_of_its_own_and_a_part_of_it_added_bounds(hostile):
    with opened(hostile) as con:
        for table in ("fcst_volume", "fcst_revenue"):
            con.execute(
                f"CREATE TEMP TABLE whole_{table} AS SELECT * FROM {table} UNION ALL BY NAME "
                "(SELECT * EXCLUDE (total) REPLACE ('horizon' AS period, total AS mean, "
                "total * 0.9 AS p10, total * 1.1 AS p90) FROM (SELECT *, sum(mean) OVER () AS "
                f"total FROM {table} WHERE period = 'week' AND level = 'total') LIMIT 1)"
            )
            con.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM whole_{table}")
        every = figures.forecast_weeks(con, None)
        whole, part = (figures.forecast_sum(con, weeks) for weeks in (every, every[:13]))
    assert (whole["own"], part["own"]) == (True, False)
    assert whole["mean"] == sum(week["mean"] for week in every)
    assert float(whole["p10"]) == pytest.approx(0.9 * float(whole["mean"]), abs=0.02)
    assert part["p10"] == sum(week["p10"] for week in every[:13])


def test_channels_have_intervals_of_conversions_and_none_where_no_touch_is_left(hostile):
    with opened(hostile) as con:
        found = journeys.channels(con)
    credited = [(row["spend"], row["conversions_p05"], row["conversions_p95"]) for row in found]
    assert credited == [(100, 1.5, 7.5), (20, None, None), (0, 1.5, 7.5)]
    assert [row["markov"] for row in found] == [90, None, 90]
