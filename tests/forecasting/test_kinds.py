"""Which series are sparse: their errors are read with zeros in, not in logs."""

import numpy as np
import pandas as pd

from forecasting.candidates.protocol import Window
from forecasting.grid import Grid
from forecasting.kinds import kinds_of, sparse_of

DAYS = 280


def sparse(*series):
    dates = pd.date_range("2024-01-01", periods=DAYS + 28)
    names = tuple(f"s{n}" for n in range(len(series)))
    plan = np.empty((0, len(series), DAYS + 28))
    window = Window(Grid(names, dates, np.stack(series), plan, (), "D", 7, 364), 0)
    return list(map(bool, sparse_of(window, kinds_of(window))))


def large(seed, size=300.0, scatter=0.12):
    rng = np.random.default_rng(seed)
    week = 1 + 0.25 * np.sin(2 * np.pi * np.arange(DAYS) / 7)
    return np.round(size * week * np.exp(rng.normal(0, scatter, DAYS)))


def counts(seed, size):
    return np.random.default_rng(seed).poisson(size, DAYS).astype(float)


def test_small_counts_are_sparse_whether_or_not_a_day_had_no_sale():
    assert np.all(counts(1, 15.0) > 0)
    assert sparse(counts(1, 15.0), counts(2, 1.5), counts(3, 0.2)) == [True, True, True]


def test_large_series_are_not_and_neither_is_money_of_any_size():
    assert sparse(large(1), large(2, 8.0) + 0.37) == [False, False]


def test_money_with_days_without_a_sale_is_sparse():
    rng = np.random.default_rng(4)
    money = np.round(19.95 * rng.poisson(2.0, DAYS) * rng.uniform(0.9, 1.1, DAYS), 2)
    assert sparse(money, large(3)) == [True, False]


def test_a_stock_out_or_a_closed_weekday_makes_no_large_series_sparse():
    out, closed = large(5), large(6)
    out[200:212] = 0
    closed[6::7] = 0
    assert sparse(out, closed) == [False, False]


def test_new_series_and_those_that_sell_nothing_are_not():
    new = np.full(DAYS, np.nan)
    new[-20:] = counts(7, 3.0)[:20]
    late = np.full(DAYS, np.nan)
    late[-150:] = large(8)[:150]
    late[-160:-150] = 0
    assert sparse(new, np.zeros(DAYS), late) == [False, False, False]
