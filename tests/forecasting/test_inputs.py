from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from forecasting import (
    BadValueError,
    DuplicateKeyError,
    EmptyLedgerError,
    ForecastError,
    HorizonError,
    MissingColumnError,
    MixedGrainError,
    forecast,
)
from forecasting.inputs import cleaned


@pytest.fixture
def inputs(company):
    return company(1, periods=40).inputs


def changed(inputs, frame, column, value, row=2):
    table = getattr(inputs, frame).reset_index(drop=True).astype({column: object})
    table.loc[row, column] = value
    return replace(inputs, **{frame: table})


@pytest.mark.parametrize("weeks", [0, -1, 157, 1.5, "13", True, None])
def test_a_horizon_that_is_no_number_of_weeks_is_refused(inputs, weeks):
    with pytest.raises(HorizonError, match="whole number of weeks from 1 to 156"):
        forecast(inputs, weeks)


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        ("ledger", "units"),
        ("drivers", "exposure"),
        ("plan", "driver"),
        ("holidays", "holiday"),
        ("territories", "country_code"),
        ("products", "product_id"),
    ],
)
def test_a_missing_column_is_named_with_its_frame(inputs, frame, column):
    broken = replace(inputs, **{frame: getattr(inputs, frame).drop(columns=column)})
    with pytest.raises(MissingColumnError, match=f"{frame} lacks the column {column} "):
        forecast(broken, 4)


def test_a_repeated_ledger_key_is_refused_and_shown(inputs):
    twice = replace(inputs, ledger=pd.concat([inputs.ledger, inputs.ledger.iloc[[0]]]))
    with pytest.raises(DuplicateKeyError, match=r"ledger row 161 repeats the key date_day=2023-01"):
        forecast(twice, 4)


def test_plan_rows_without_a_product_are_still_unique(inputs):
    twice = replace(inputs, plan=pd.concat([inputs.plan, inputs.plan.iloc[[5]]]))
    with pytest.raises(DuplicateKeyError, match="plan row"):
        forecast(twice, 4)


@pytest.mark.parametrize(
    ("frame", "column", "value"),
    [
        ("ledger", "net_revenue", "12,50"),
        ("ledger", "net_revenue", None),
        ("ledger", "units", "many"),
        ("ledger", "units", float("inf")),
        ("ledger", "units", True),
        ("ledger", "date_day", "2023-02-30"),
        ("ledger", "date_day", None),
        ("ledger", "territory_id", None),
        ("ledger", "product_id", "  "),
        ("drivers", "exposure", "n/a"),
        ("plan", "exposure", "lots"),
    ],
)
def test_a_cell_that_means_nothing_is_named_by_frame_row_and_column(inputs, frame, column, value):
    with pytest.raises(BadValueError, match=f"{frame} row 3, column {column}: expected"):
        forecast(changed(inputs, frame, column, value), 4)


def test_an_empty_ledger_is_refused(inputs):
    with pytest.raises(EmptyLedgerError, match="no sale up to"):
        forecast(replace(inputs, ledger=inputs.ledger.iloc[:0]), 4)


def test_a_ledger_wholly_after_the_last_day_is_empty(inputs):
    with pytest.raises(EmptyLedgerError):
        forecast(replace(inputs, last_day=pd.Timestamp("2020-01-01").date()), 4)


def test_weeks_that_start_on_different_days_are_refused(inputs):
    mixed = changed(inputs, "ledger", "date_day", "2023-01-18")
    with pytest.raises(MixedGrainError, match="2023-01-18, not a whole number of weeks"):
        forecast(mixed, 4)


def test_an_unknown_grain_is_refused(inputs):
    with pytest.raises(BadValueError, match="'day' or 'week', not 'month'"):
        forecast(replace(inputs, grain="month"), 4)


def test_something_that_is_no_frame_is_refused(inputs):
    with pytest.raises(ForecastError, match="ledger must be a pandas DataFrame, not list"):
        forecast(replace(inputs, ledger=[]), 4)


def test_every_error_of_the_room_is_a_value_error():
    assert issubclass(ForecastError, ValueError)


def test_decimals_and_date_objects_are_read_as_numbers_and_days(inputs):
    ledger = inputs.ledger.assign(
        net_revenue=[Decimal(int(v)) for v in inputs.ledger["net_revenue"]],
        date_day=inputs.ledger["date_day"].dt.date,
    )
    read, plain = cleaned(replace(inputs, ledger=ledger), 4), cleaned(inputs, 4)
    pd.testing.assert_frame_equal(read.ledger, plain.ledger)


def test_the_caller_s_frames_are_left_as_they_were(inputs):
    before = inputs.ledger.copy()
    cleaned(inputs, 4)
    pd.testing.assert_frame_equal(inputs.ledger, before)


def test_rows_after_the_last_day_are_not_looked_at(inputs):
    later = inputs.ledger.iloc[[0]].assign(date_day=pd.Timestamp("2030-01-01"), units=np.nan)
    read = cleaned(replace(inputs, ledger=pd.concat([inputs.ledger, later])), 4)
    pd.testing.assert_frame_equal(read.ledger, cleaned(inputs, 4).ledger)
