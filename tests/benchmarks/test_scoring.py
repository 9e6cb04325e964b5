from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scoring
from hypothesis import given
from hypothesis import strategies as st

TRUTH = pd.Series({"tv": 60.0, "search": 30.0, "radio": 10.0})


def test_share_error_by_hand():
    # shares .5 .25 .25 against .6 .3 .1: differences .1 .05 .15, mean .1
    estimate = pd.Series({"radio": 5.0, "tv": 10.0, "search": 5.0})
    assert scoring.share_error(estimate, TRUTH) == pytest.approx(10.0)


def test_share_error_ignores_the_total_and_needs_one():
    assert scoring.share_error(TRUTH * 7, TRUTH) == pytest.approx(0)
    assert scoring.share_error(TRUTH * 0, TRUTH) == float("inf")


def test_coverage_by_hand_counts_bounds_as_inside():
    low = pd.Series({"tv": 60.0, "search": 31.0, "radio": 5.0})
    high = pd.Series({"tv": 70.0, "search": 40.0, "radio": 9.0})
    assert scoring.coverage(low, high, TRUTH) == pytest.approx(1 / 3)


def test_interval_score_by_hand():
    low = pd.Series({"tv": 50.0, "search": 31.0, "radio": 5.0})
    high = pd.Series({"tv": 70.0, "search": 40.0, "radio": 8.0})
    # widths 20, 9, 3; misses 0, 1, 2 at 20 each: 20 + 29 + 43 = 92; over 3 channels and 100
    assert scoring.interval_score(low, high, TRUTH) == pytest.approx(92 / 300)


def test_interval_score_is_least_at_the_true_quantiles():
    rng = np.random.default_rng(0)
    truth = pd.Series(rng.normal(10, 1, 20_000))

    def at(half: float) -> float:
        flat = pd.Series(10.0, index=truth.index)
        return scoring.interval_score(flat - half, flat + half, truth)

    best = at(1.645)
    assert best < at(1.3)
    assert best < at(2.1)


def test_media_error_by_hand():
    assert scoring.media_error(TRUTH * 1.2, TRUTH) == pytest.approx(0.2)
    assert scoring.media_error(TRUTH * 0.9, TRUTH) == pytest.approx(-0.1)


def test_mape_by_hand_and_refuses_gaps():
    actual = pd.Series([100.0, 200.0])
    assert scoring.mape(pd.Series([110.0, 190.0]), actual) == pytest.approx(7.5)
    with pytest.raises(ValueError, match="1 predictions, 2 actual"):
        scoring.mape(pd.Series([110.0]), actual)
    with pytest.raises(ValueError, match="2 actual"):
        scoring.mape(pd.Series([110.0, np.nan]), actual)


def test_floors_by_hand():
    totals = pd.DataFrame(
        {"driver": TRUTH.index, "spend": [50.0, 25.0, 25.0], "contribution": TRUTH.to_numpy()}
    )
    found = scoring.floors(totals)
    assert found["spend"] == pytest.approx(10.0)
    # a third each: differences .26667, .03333, .23333
    assert found["equally"] == pytest.approx(100 * (0.8 / 3 + 0.1 / 3 + 0.7 / 3) / 3)


@given(st.permutations(["tv", "search", "radio"]))
def test_scores_do_not_depend_on_the_order_of_channels(order):
    totals = pd.DataFrame({"driver": TRUTH.index, "spend": 1.0, "contribution": TRUTH.to_numpy()})
    found = pd.DataFrame(
        {
            "driver": TRUTH.index,
            "mean": [50.0, 35.0, 12.0],
            "p05": [40.0, 31.0, 8.0],
            "p95": [65.0, 50.0, 20.0],
        }
    )
    told = {"r_hat_max": 1.002, "ess_min": 800.0}
    straight = scoring.score(found, totals, told, cpu=4.0)
    turned = scoring.score(
        found.set_index("driver").loc[list(order)].reset_index(), totals, told, cpu=4.0
    )
    assert straight == pytest.approx(turned)
    assert straight["ess_per_cpu"] == pytest.approx(200.0)
    assert straight["coverage"] == pytest.approx(2 / 3)
    assert straight["holdout_mape"] is None


def test_a_missing_channel_is_an_error():
    totals = pd.DataFrame({"driver": TRUTH.index, "spend": 1.0, "contribution": TRUTH.to_numpy()})
    found = pd.DataFrame({"driver": ["tv"], "mean": [1.0], "p05": [0.0], "p95": [2.0]})
    with pytest.raises(ValueError, match="expected channels"):
        scoring.score(found, totals, {}, cpu=1.0)
