"""Parts on fugue's engines, and what comes back: the same as here."""

import os
import sys

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.distributed import on_engine
from forecasting.longframe import lay_out
from forecasting.many import forecast_many

QUICK = (SeasonalNaive(), RecentMean(), LogOls())


@pytest.fixture(scope="module")
def laid():
    rng = np.random.default_rng(12)
    days = np.datetime64("2024-03-01") + np.arange(90)
    frame = pd.concat(
        [
            pd.DataFrame({"shop": f"s{n}", "day": days, "units": rng.poisson(9.0 + n, 90)})
            for n in range(6)
        ]
    )
    return lay_out(frame, None, series=["shop"], date="day", target="units", horizon=7)


@pytest.fixture(scope="module")
def here(laid):
    return forecast_many(laid, candidates=QUICK, most=2)


def _same(one, other):
    for name in ("forecast", "totals", "explain"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.facts == other.facts


def test_the_native_engine_gives_the_same(laid, here):
    _same(forecast_many(laid, candidates=QUICK, most=2, run=on_engine()), here)


@pytest.mark.spark
def test_spark_gives_the_same(laid, here, monkeypatch):
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    try:
        _same(forecast_many(laid, candidates=QUICK, most=2, run=on_engine(spark)), here)
    finally:
        spark.stop()
