from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.inputs import cleaned
from forecasting.plan import assumption, exposures
from forecasting.series import calendar

WEEKS = 60
AHEAD = 4


@pytest.fixture
def read(company):
    """(exposures, calendar) of a one-territory company with the given plan rows."""

    def make(plan=None, periods=WEEKS, drivers=None):
        made = company(2, periods=periods, territories=1, horizon_weeks=AHEAD).inputs
        if drivers is not None:
            made = replace(made, drivers=drivers(made.drivers))
        if plan is not None:
            made = replace(made, plan=plan(made.plan))
        inputs = cleaned(made, AHEAD)
        laid = calendar(inputs, AHEAD)
        return exposures(inputs, laid, ["T0"]), laid, made

    return make


def column(found, kind, driver):
    return found.by_territory["T0"][:, found.drivers.index((kind, driver))]


def names(found):
    return {(c.check_name, c.subject) for c in found.checks}


def test_planned_exposure_is_taken_as_it_stands(read):
    found, _, made = read()
    planned = made.plan[made.plan["driver"] == "tv"]["exposure"]
    np.testing.assert_allclose(column(found, "media", "tv")[WEEKS:], planned)
    assert found.assumed == frozenset()


def test_a_driver_without_plan_repeats_last_year_and_says_so(read):
    found, laid, _ = read(lambda p: p[p["driver"] != "tv"])
    past = column(found, "media", "tv")
    np.testing.assert_array_equal(past[WEEKS:], past[WEEKS - 52 : WEEKS - 52 + AHEAD])
    (check,) = [c for c in found.checks if c.check_name == "plan_assumed"]
    assert (check.subject, check.status, check.figure) == ("media:tv", "warn", AHEAD)
    assert f"{laid.future[0].date()} to " in check.text
    assert "same weeks of last year" in check.text


def test_with_less_than_a_year_the_mean_of_thirteen_weeks_is_assumed(read):
    found, _, _ = read(lambda p: p.iloc[:0], periods=40)
    past = column(found, "media", "tv")
    np.testing.assert_allclose(past[40:], past[27:40].mean())
    assert len(found.assumed) == 2


def test_an_assumption_longer_than_a_year_repeats_the_year(read):
    _, laid, _ = read()
    past = np.arange(60.0)
    ahead = assumption(past, 60, laid)
    np.testing.assert_array_equal(ahead[:52], past[8:])
    np.testing.assert_array_equal(ahead[52:], past[8:16])


def test_dates_a_plan_leaves_out_are_zero_with_a_notice(read):
    found, _, _ = read(lambda p: p[p["date_day"] == p["date_day"].min()])
    assert column(found, "media", "tv")[WEEKS + 1 :].tolist() == [0] * (AHEAD - 1)
    states = {c.subject: c.status for c in found.checks if c.check_name == "plan_partial"}
    # Always-on media that stop are a gap in the plan; promotions are rare by nature.
    assert states == {"media:tv": "warn", "promotion:price_cut": "pass"}


def test_spend_without_exposure_buys_what_it_bought_in_the_last_year(read):
    found, _, made = read(lambda p: p.assign(exposure=np.nan, spend=10.0))
    past = made.drivers[made.drivers["driver"] == "tv"].tail(52)
    price = past["exposure"].sum() / past["spend"].sum()
    np.testing.assert_allclose(column(found, "media", "tv")[WEEKS:], 10 * price)


def test_a_promotion_without_depth_is_as_deep_as_they_usually_were(read):
    found, _, _ = read(lambda p: p[p["kind"] == "promotion"].assign(exposure=np.nan))
    np.testing.assert_allclose(column(found, "promotion", "price_cut")[WEEKS:], 0.2)


def test_plan_rows_of_several_products_add_up(read):
    found, _, _ = read(
        lambda p: pd.concat(
            [p.assign(product_id=x, exposure=e) for x, e in (("P0", 1.0), ("P1", 2.0))]
        )
    )
    assert column(found, "media", "tv")[WEEKS:].tolist() == [3.0] * AHEAD


def test_a_planned_driver_that_never_ran_is_named(read):
    found, _, _ = read(lambda p: p.assign(driver="radio"))
    assert ("plan_without_history", "media:radio") in names(found)


def test_a_plan_far_above_history_is_named(read):
    found, _, _ = read(lambda p: p.assign(exposure=p["exposure"] * 100))
    assert ("plan_beyond_history", "media:tv") in names(found)


def test_a_past_origin_assumes_what_the_forecast_assumes_and_knows_no_later_exposure(read):
    found, _, _ = read(lambda p: p[p["driver"] != "tv"])
    at = found.drivers.index(("media", "tv"))
    promotion = found.drivers.index(("promotion", "price_cut"))
    known, raw = WEEKS - AHEAD, found.by_territory["T0"]
    window = found.window("T0", known, AHEAD)
    np.testing.assert_array_equal(window[known:, at], raw[known - 52 : known - 52 + AHEAD, at])
    np.testing.assert_array_equal(window[known:, promotion], raw[known:WEEKS, promotion])
