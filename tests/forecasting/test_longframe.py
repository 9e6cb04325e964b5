import numpy as np
import pandas as pd
import pytest

from forecasting.errors import (
    BadValueError,
    DuplicateKeyError,
    EmptyLedgerError,
    GapError,
    HorizonError,
    MissingColumnError,
    MixedGrainError,
    PlanError,
)
from forecasting.longframe import lay_out


def history(days=60, shops=("a", "b"), freq="D", start="2024-01-01"):
    dates = pd.date_range(start, periods=days, freq=freq)
    rows = [
        {"shop": shop, "day": day.date().isoformat(), "units": str(10 + n % 7), "promo": str(n % 2)}
        for shop in shops
        for n, day in enumerate(dates)
    ]
    return pd.DataFrame(rows)


def plan_after(frame, horizon=14, shops=("a", "b")):
    last = pd.Timestamp(frame["day"].max())
    dates = pd.date_range(last, periods=horizon + 1, freq="D")[1:]
    return pd.DataFrame(
        [{"shop": s, "day": d.date().isoformat(), "promo": "1"} for s in shops for d in dates]
    )


def laid(frame, plan=None, **changed):
    asked = {"series": ["shop"], "date": "day", "target": "units", "horizon": 14, **changed}
    return lay_out(frame, plan, **asked)


def test_rows_in_any_order_lay_out_the_same_grid():
    frame = history()
    one = laid(frame, plan_after(frame)).grid
    other = laid(frame.sample(frac=1, random_state=3), plan_after(frame).iloc[::-1]).grid
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.plan, other.plan)
    assert one.y.shape == (2, 60)
    assert one.plan.shape == (1, 2, 74)


def test_a_plan_without_the_series_column_holds_for_every_series():
    frame = history()
    plan = plan_after(frame, shops=("a",)).drop(columns="shop")
    assert np.isfinite(laid(frame, plan).grid.plan).all()


def test_an_unknown_future_plan_names_column_series_and_dates():
    frame = history()
    plan = plan_after(frame)
    short = plan[~((plan["shop"] == "b") & (plan["day"] > "2024-03-10"))]
    with pytest.raises(PlanError, match=r"'promo'.*shop 'b' on 2024-03-11, 2024-03-12"):
        laid(frame, short)


def test_a_plan_column_that_history_lacks_is_refused_by_name():
    frame = history()
    with pytest.raises(PlanError, match="'price', which the history lacks"):
        laid(frame, plan_after(frame).assign(price="3"))


def test_an_empty_cell_of_the_plan_is_refused_with_its_row():
    frame = history()
    plan = plan_after(frame)
    plan.loc[3, "promo"] = ""
    with pytest.raises(PlanError, match=r"plan's 'promo' is empty in 1 rows, the first \(row 3\)"):
        laid(frame, plan)


def test_a_category_that_never_ran_is_refused():
    frame = history()
    frame["promo"] = np.where(frame["promo"] == "1", "leaflet", "none")
    plan = plan_after(frame).assign(promo="leafelt")
    with pytest.raises(PlanError, match="'leafelt', which never ran"):
        laid(frame, plan)


def test_duplicated_dates_are_refused_with_series_and_date():
    frame = history()
    double = pd.concat([frame, frame.iloc[[5]]], ignore_index=True)
    with pytest.raises(
        DuplicateKeyError, match="1 duplicated dates, the first shop 'a' on 2024-01-06"
    ):
        laid(double)


def test_gaps_are_refused_or_taken_as_told():
    frame = history().drop(index=[20, 21])
    with pytest.raises(
        GapError, match=r"2 periods of 1 series.*shop 'a' on 2024-01-21, 2024-01-22"
    ):
        laid(frame)
    assert laid(frame, gaps="zero").grid.y[0, 20] == 0
    assert np.isnan(laid(frame, gaps="unknown").grid.y[0, 20])
    assert "taken as not known" in laid(frame, gaps="unknown").notes[0]


def test_a_series_that_ends_early_is_a_gap():
    frame = history()
    with pytest.raises(GapError):
        laid(frame[~((frame["shop"] == "b") & (frame["day"] > "2024-02-20"))])


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [("units", "many", "'many'.*expected a number"), ("units", "inf", "expected a number"),
     ("day", "2024-13-01", "expected a date"), ("shop", " ", "empty 'shop'")],
)  # fmt: skip
def test_a_bad_cell_is_refused_with_its_row(column, cell, told):
    frame = history()
    frame.loc[7, column] = cell
    with pytest.raises(BadValueError, match=told) as error:
        laid(frame)
    assert "row 7" in str(error.value)


def test_days_and_weeks_in_one_frame_are_refused():
    weekly = history(days=10, shops=("w",), freq="7D")
    with pytest.raises(MixedGrainError, match="mixes grains"):
        laid(pd.concat([history(days=70), weekly], ignore_index=True))


def test_dates_of_no_grain_are_refused():
    with pytest.raises(MixedGrainError, match="neither days, nor weeks"):
        laid(history(days=20, freq="10D"))


@pytest.mark.parametrize(("freq", "found"), [("7D", "W-MON"), ("MS", "MS"), ("D", "D")])
def test_the_grain_is_read_from_the_dates(freq, found):
    grid = laid(history(days=20, freq=freq)).grid
    assert grid.freq == found
    assert grid.ahead == 14


@pytest.mark.parametrize("horizon", [0, -3, 5000])
def test_a_horizon_out_of_reach_is_refused(horizon):
    with pytest.raises(HorizonError, match="whole number of periods"):
        laid(history(), horizon=horizon)


def test_no_row_and_no_column_are_refused():
    with pytest.raises(EmptyLedgerError):
        laid(history().iloc[:0])
    with pytest.raises(MissingColumnError, match="lacks 'sold'"):
        laid(history(), target="sold")
    with pytest.raises(MissingColumnError, match="different columns"):
        laid(history(), target="day")
