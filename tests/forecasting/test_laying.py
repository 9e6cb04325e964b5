"""A release as a grid: which drivers are raced, and what a holiday is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.inputs import cleaned
from forecasting.laying import carry_over, grid_of, signal
from forecasting.plan import exposures
from forecasting.public_holidays import holiday_dates
from forecasting.series import calendar, sold_of


@pytest.fixture
def grid(company):
    def make(credited=frozenset(), **given):
        made = replace(company(3, periods=60, territories=2, products=1).inputs, **given)
        inputs = cleaned(made, 13)
        laid = calendar(inputs, 13)
        drivers = exposures(inputs, laid, ["T0", "T1"])
        dates, _ = holiday_dates(inputs, laid, ["T0", "T1"])
        return grid_of(sold_of(inputs, laid), laid, drivers, dates, credited)

    return make


def column(grid, name):
    return grid.plan[[c.name for c in grid.columns].index(name)]


def test_carry_over_keeps_half_after_half_a_week_and_loses_nothing():
    pulse = np.zeros(200)
    pulse[0] = 8.0
    carried = carry_over(pulse, step_days=1)
    assert carried[7] == pytest.approx(carried[0] / 4)
    assert carried.sum() == pytest.approx(8.0)
    assert carry_over(np.array([4.0, 0, 0]), step_days=7).tolist() == [3.0, 0.75, 0.1875]


def test_media_flatten_and_promotions_count_by_depth():
    x = np.array([0.0, 7.0, 0.0, 14.0])
    assert signal("promotion", x, 4, 7).tolist() == x.tolist()
    flat = signal("media", x, 4, 7)
    assert flat[0] == 0
    assert flat[3] < 2 * flat[1]


def test_drivers_and_holidays_are_plan_columns_of_every_series(grid):
    made = grid()
    assert [c.name for c in made.columns] == ["media:tv", "promotion:price_cut", "holiday"]
    assert made.plan.shape == (3, 2, 60 + 13)
    assert (made.freq, made.season, made.year) == ("W-MON", 1, 52)
    assert np.isfinite(made.plan).all()


def test_what_a_mix_answers_for_is_not_raced(grid):
    made = grid(frozenset({("media", "tv")}))
    assert [c.name for c in made.columns] == ["promotion:price_cut", "holiday"]


def test_a_driver_that_never_moved_is_left_out_even_when_the_plan_moves_it(grid, company):
    inputs = company(3, periods=60, territories=2, products=1).inputs
    still = inputs.drivers.assign(
        exposure=inputs.drivers["exposure"].where(inputs.drivers["driver"] != "price_cut", 0.0)
    )
    assert [c.name for c in grid(drivers=still).columns] == ["media:tv", "holiday"]


def test_a_holiday_is_named_in_its_week_and_only_where_its_country_has_it(grid):
    landed = pd.DataFrame(
        {
            "date_day": ["2023-06-03", "2023-06-04", "2024-04-20"],
            "holiday": ["Fair <b>", "Feast", "Never seen"],
            "country_code": "DE",
        }
    )
    places = pd.DataFrame({"territory_id": ["T0", "T1"], "country_code": ["DE", "XX"]})
    made = grid(holidays=landed, territories=places)
    assert made.columns[-1].levels == ("none", "Fair <b>; Feast")
    codes = column(made, "holiday")
    assert codes[0].sum() == 1
    assert made.dates[int(codes[0].argmax())] == pd.Timestamp("2023-05-29")
    assert not codes[1].any()
