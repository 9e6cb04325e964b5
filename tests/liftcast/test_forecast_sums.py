"""Fiscal periods that options of a forecast ask for."""

from __future__ import annotations

import pandas as pd

from liftcast.forecast_sums import periods_of_history


def test_a_history_with_a_zone_has_the_same_fiscal_periods_whatever_its_clock_showed():
    plain = pd.Series(pd.date_range("2026-03-27", periods=5).strftime("%Y-%m-%d"))
    zoned = pd.Series(
        pd.date_range("2026-03-27", periods=5, tz="Europe/Berlin").map(lambda day: day.isoformat())
    )
    assert len({text[-6:] for text in zoned}) == 2  # the clock changes on the 29th
    assert periods_of_history("months", zoned, 3) == periods_of_history("months", plain, 3)
