"""Frames in parts: the same whatever makes the parts, and sums that stay whole."""

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.errors import ForecastError
from forecasting.framed import forecast_frame
from forecasting.longframe import lay_out
from forecasting.many import Tasks, dealt, forecast_many, forecast_part, joined
from forecasting.totals import Sums

DAYS, H, SERIES = 120, 7, 12
QUICK = (SeasonalNaive(), RecentMean(), LogOls())
TABLES = ("forecast", "totals", "explain")


@pytest.fixture(scope="module")
def laid():
    rng = np.random.default_rng(3)
    days = np.datetime64("2024-03-01") + np.arange(DAYS + H)
    rows = []
    for number in range(SERIES):
        promo = (np.arange(DAYS + H) + number) % 9 < 2
        noise = rng.standard_normal(DAYS + H)
        level = 20 * (1 + number) * np.exp(0.4 * promo + 0.1 * noise)
        rows.append(
            pd.DataFrame(
                {"shop": f"s{number:02d}", "region": "ns"[number % 2], "day": days,
                 "units": np.round(level), "promo": promo.astype(int)}
            )
        )  # fmt: skip
    frame = pd.concat(rows, ignore_index=True)
    known = frame["day"] < days[DAYS]
    return lay_out(
        frame[known], frame[~known].drop(columns="units"), series=["shop", "region"], date="day",
        target="units", horizon=H,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cut(laid):
    return forecast_many(laid, candidates=QUICK, most=4)


def test_parts_hold_every_series_once_and_do_not_depend_on_the_order_of_a_file():
    ids = [f"shop {number}" for number in range(1001)]
    parts = dealt(ids, 250)
    assert sorted(map(len, parts)) == [200, 200, 200, 200, 201]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(1001))
    backwards = dealt(ids[::-1], 250)
    assert [{ids[r] for r in part} for part in parts] == [
        {ids[::-1][r] for r in part} for part in backwards
    ]


def test_one_part_is_the_forecast_of_the_frame(laid):
    one, other = (
        forecast_many(laid, candidates=QUICK, most=SERIES),
        forecast_frame(laid, candidates=QUICK),
    )
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.facts == other.facts


def test_a_part_in_itself_is_the_frame_of_its_series(laid):
    tasks = Tasks(laid, candidates=QUICK, most=SERIES)
    made = joined(tasks, [forecast_part(tasks.task(0))])
    other = forecast_frame(laid, candidates=QUICK, sums=Sums(way="bottom_up"))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(made, name), getattr(other, name), check_exact=True)


def test_the_order_in_which_parts_are_made_changes_nothing(laid, cut):
    backwards = forecast_many(
        laid, most=4, run=lambda tasks: [forecast_part(task) for task in reversed(list(tasks))]
    )
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(cut, name), getattr(backwards, name))
    assert cut.facts == backwards.facts
    assert cut.facts["parts"] == 3


def test_totals_of_parts_are_exact_and_keep_an_interval_of_their_own(laid, cut):
    assert cut.forecast[["shop", "region"]].drop_duplicates().to_numpy().tolist() == (
        laid.keys.to_numpy().tolist()
    )
    sums = cut.totals.query("ds != ds_last or level == 'series'")
    whole = sums.query("level == 'total'").iloc[-1]
    assert whole["mean"] == round(cut.forecast["mean"].sum(), 2)
    for region in ("n", "s"):
        own = cut.forecast[cut.forecast["region"] == region]
        told = sums[(sums["level"] == "region") & (sums["key"] == region)].iloc[-1]
        assert told["mean"] == round(own["mean"].sum(), 2)
    bounds = cut.totals.query("level == 'series'")
    apart = bounds["p975"].sum() - bounds["p025"].sum()
    assert 0 < whole["p975"] - whole["p025"] < 0.9 * apart


def test_what_series_share_is_shared_across_parts(laid):
    """Parts of one series each: their own shocks differ, those in common do not."""
    tasks = Tasks(laid, candidates=QUICK, most=1)
    parts = [forecast_part(tasks.task(number)) for number in range(2)]
    one, other = (np.log(p.sums["total", ""] / p.sums["total", ""].mean(axis=0)) for p in parts)
    together = np.corrcoef(one.sum(axis=1), other.sum(axis=1))[0, 1]
    assert 0.05 < together < 0.95


def test_levels_across_parts_agree_bottom_up_only(laid):
    with pytest.raises(
        ForecastError, match=r"3 parts agree bottom-up only, and mint was asked.*--chunk 12"
    ):
        Tasks(laid, Sums(way="mint"), most=4)
