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


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "nan", "NaN"])
@pytest.mark.parametrize("where", ["history", "plan"])
def test_a_plan_cell_that_is_no_finite_number_is_named_with_its_row(cell, where):
    frame = history()
    plan = plan_after(frame)
    (frame if where == "history" else plan).loc[5, "promo"] = cell
    with pytest.raises(BadValueError) as error:
        laid(frame, plan)
    assert str(error.value) == (
        f"The {where}'s 'promo' is {cell!r} (row 5): expected a finite number, as 1234.5; no other "
        "row is wrong."
    )


def test_a_text_among_many_numbers_is_named_and_not_called_a_category():
    frame = history()
    frame["price"] = [f"{n / 7:.3f}" for n in range(len(frame))]
    plan = plan_after(frame).assign(price="3.5")
    frame.loc[[7, 9], "price"] = "n/a"
    with pytest.raises(BadValueError, match=r"'price' is 'n/a' \(row 7\).*number.*2 rows are not"):
        laid(frame, plan)
    frame.loc[[7, 9], "price"] = "3.4"
    with pytest.raises(BadValueError, match=r"plan's 'price' is 'soon' \(row 0\).*finite number"):
        laid(frame, plan.assign(price="soon"))


def test_a_column_of_numbers_and_texts_is_one_of_categories_and_says_so():
    frame = history()
    frame["price"] = ["1.99", "2.49", "3.99"] * 40
    frame.loc[7, "price"] = "none"
    told = laid(frame, plan_after(frame).assign(price="1.99"))
    assert told.grid.columns[1].is_categorical
    assert told.notes == (
        "'price' holds numbers and texts, so each of its 4 values is a category of its own: the "
        "first text is 'none' (row 7)",
    )
    # As of holidays: 0 for none, else a letter.
    frame["price"] = np.where(frame["promo"] == "1", "a", "0")
    assert laid(frame, plan_after(frame).assign(price="0")).notes == ()


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
    [("units", "many", "'many'.*expected a finite number"),
     ("units", "inf", "expected a finite number"), ("units", "1e400", "expected a finite number"),
     ("day", "2024-13-01", "expected a date"), ("day", "31/12/2024", "expected a date"),
     ("day", "2024-01-08 12:00", "a date without a time of day"),
     ("day", "9999-12-31", "between 1900 and 2200"), ("day", "0001-01-01", "between 1900"),
     ("shop", " ", "empty 'shop'")],
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
    with pytest.raises(MixedGrainError, match=r"neither days, nor weeks.*\(steps of 10 days\)"):
        laid(history(days=20, freq="10D"))
    told = r"last days \(the first is 2024-01-31\): date each by its first day \(2024-01-01\)"
    with pytest.raises(MixedGrainError, match=told):
        laid(history(days=20, freq="ME"))


@pytest.mark.parametrize(("freq", "found"), [("7D", "W-MON"), ("MS", "MS"), ("D", "D")])
def test_the_grain_is_read_from_the_dates(freq, found):
    grid = laid(history(days=20, freq=freq)).grid
    assert grid.freq == found
    assert grid.ahead == 14


@pytest.mark.parametrize("horizon", [0, -3, 5000])
def test_a_horizon_out_of_reach_is_refused(horizon):
    with pytest.raises(HorizonError, match="whole number of periods"):
        laid(history(), horizon=horizon)


def test_sums_that_whole_cents_cannot_hold_are_refused():
    frame = history().assign(units="1e12")
    assert laid(frame).grid.y.max() == 1e12
    with pytest.raises(BadValueError, match=r"as large as 1e\+300.*thousands or millions"):
        laid(frame.assign(units="1e300"))


def test_what_of_the_target_a_forecast_cannot_say_is_told():
    frame = history()
    frame.loc[[6, 8], "units"] = "-3"
    assert laid(frame[["shop", "day", "units"]]).notes == (
        "'units' is below zero in 2 of 120 rows, the first row 6: no forecast is, and models of "
        "logs do not learn from these rows",
    )
    small = laid(history()[["shop", "day"]].assign(units="0.031"))
    assert small.notes == (
        "'units' is usually 0.031, and means are rounded to two digits: give it in a smaller unit",
    )


def test_a_series_that_only_the_plan_has_is_told():
    frame = history()
    plan = pd.concat([plan_after(frame), plan_after(frame, shops=("new",))], ignore_index=True)
    assert laid(frame, plan).notes == (
        "the plan has 1 series that the history lacks, the first shop 'new': not forecast; a new "
        "one needs its first row of history",
    )


@pytest.mark.parametrize("word", ["now", "today"])
def test_words_that_a_program_reads_as_today_are_no_dates(word):
    frame = history()
    frame.loc[7, "day"] = word
    with pytest.raises(BadValueError, match=f"'{word}'.*expected a date as"):
        laid(frame)


def test_series_whose_joined_names_are_one_are_refused():
    frame = history()
    frame["kind"] = np.where(frame["shop"] == "a", "x / y", "y")
    frame["shop"] = np.where(frame["shop"] == "a", "q", "q / x")
    with pytest.raises(DuplicateKeyError, match="both called 'q / x / y'"):
        laid(frame, series=["shop", "kind"])


def test_no_row_and_no_column_are_refused():
    with pytest.raises(EmptyLedgerError):
        laid(history().iloc[:0])
    with pytest.raises(MissingColumnError, match="lacks 'sold'"):
        laid(history(), target="sold")
    with pytest.raises(MissingColumnError, match="different columns"):
        laid(history(), target="day")
