from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.inputs import cleaned
from forecasting.series import calendar, measure_of, sold_of


@pytest.fixture
def sold(company):
    """Build inputs from (day, product, channel, units) lines."""
    base = company(1, periods=40, territories=1).inputs

    def make(lines, grain, last_day):
        ledger = pd.DataFrame(lines, columns=["date_day", "product_id", "sales_channel", "units"])
        ledger = ledger.assign(territory_id="T0", net_revenue=ledger["units"].fillna(1.0) * 2)
        last = pd.Timestamp(last_day).date()
        return cleaned(replace(base, ledger=ledger, grain=grain, last_day=last), 2)

    return make


def test_channels_are_series_gaps_are_zero_and_a_late_series_starts_at_its_first_sale(sold):
    lines = [
        ("2024-01-01", "A", "shop", 5.0),
        ("2024-01-01", "A", "web", 2.0),
        ("2024-01-04", "A", "web", 1.0),
        ("2024-01-03", "B", "web", 9.0),
    ]
    inputs = sold(lines, "day", "2024-01-05")
    sums = sold_of(inputs, calendar(inputs, 2))
    assert sums.names == ("T0 / A / shop", "T0 / A / web", "T0 / B / web")
    nan = np.nan
    np.testing.assert_array_equal(sums.y, [[5, 0, 0, 0, 0], [2, 0, 0, 1, 0], [nan, nan, 9, 0, 0]])


def test_daily_weeks_are_blocks_of_seven_days_from_the_day_after_the_last(sold):
    inputs = sold([("2024-01-01", "A", "web", 1.0)], "day", "2024-01-10")
    laid = calendar(inputs, 2)
    assert laid.future[0] == pd.Timestamp("2024-01-11")
    assert len(laid.future) == 14


@pytest.mark.parametrize("last_day", ["2024-01-15", "2024-01-17", "2024-01-21"])
def test_weeks_go_on_from_the_last_week_whichever_of_its_days_is_given(sold, last_day):
    lines = [("2024-01-01", "A", "web", 1.0), ("2024-01-15", "A", "web", 1.0)]
    laid = calendar(sold(lines, "week", last_day), 2)
    assert laid.future.tolist() == [pd.Timestamp("2024-01-22"), pd.Timestamp("2024-01-29")]
    assert len(laid.history) == 3


def test_weeks_without_a_sale_at_the_end_are_history(sold):
    inputs = sold([("2024-01-01", "A", "web", 4.0)], "week", "2024-01-22")
    laid = calendar(inputs, 2)
    assert sold_of(inputs, laid).y[0].tolist() == [4, 0, 0, 0]


def test_one_line_without_units_makes_the_whole_lake_count_in_net_revenue(sold):
    lines = [("2024-01-01", "A", "web", 4.0), ("2024-01-01", "B", "web", np.nan)]
    inputs = sold(lines, "day", "2024-01-02")
    assert measure_of(inputs.ledger) == "net_revenue"
    assert sold_of(inputs, calendar(inputs, 2)).y[0].tolist() == [8, 0]
