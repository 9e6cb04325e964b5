from dataclasses import replace

import pandas as pd
import pytest

from forecasting.inputs import cleaned
from forecasting.public_holidays import holiday_dates
from forecasting.series import calendar


@pytest.fixture
def dates_of(company):
    def make(country, grain="day", landed=None):
        made = company(1, grain=grain, periods=120 if grain == "day" else 30, territories=1).inputs
        territories = made.territories.assign(country_code=country)
        landed = made.holidays if landed is None else landed
        inputs = cleaned(replace(made, territories=territories, holidays=landed), 13)
        dates, checks = holiday_dates(inputs, calendar(inputs, 13), ["T0"])
        return dates["T0"], checks

    return make


@pytest.mark.parametrize(
    ("country", "day"),
    [("DE", "2023-05-01"), ("US", "2023-07-04"), ("GB", "2023-05-08"), ("JP", "2023-05-03")],
)
def test_a_country_s_own_calendar_is_used_over_history_and_horizon(dates_of, country, day):
    dates, checks = dates_of(country)
    assert pd.Timestamp(day) in set(dates["ds"])
    assert checks == []


def test_a_holiday_belongs_to_the_week_it_falls_in(dates_of):
    dates, _ = dates_of("US", grain="week")
    fourth = dates[dates["holiday"] == "Independence Day"]["ds"].tolist()
    assert fourth == [pd.Timestamp("2023-07-03")]


def test_landed_holidays_of_a_country_replace_its_calendar(dates_of):
    landed = pd.DataFrame(
        {
            "date_day": ["2023-06-03", "2023-06-03", "2023-04-04"],
            "holiday": ["Fair", "Fair", "Elsewhere"],
            "country_code": ["DE", "DE", "FR"],
        }
    )
    dates, _ = dates_of("DE", landed=landed)
    assert dates.to_numpy().tolist() == [[pd.Timestamp("2023-06-03"), "Fair"]]


@pytest.mark.parametrize("country", [None, "", "ZZ", "'; drop table"])
def test_a_territory_without_a_known_country_has_none_and_says_so(dates_of, country):
    dates, (check,) = dates_of(country)
    assert dates.empty
    assert (check.check_name, check.subject, check.status) == ("holidays_missing", "T0", "warn")


def test_landed_holidays_that_end_before_the_horizon_are_named(dates_of):
    landed = pd.DataFrame(
        {"date_day": ["2023-01-06"], "holiday": ["Epiphany"], "country_code": ["DE"]}
    )
    _, (check,) = dates_of("DE", landed=landed)
    assert check.check_name == "holidays_end"
    assert "2023-01-06" in check.text
