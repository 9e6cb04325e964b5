from __future__ import annotations

import judging
import numpy as np
import pytest

HISTORY = np.tile([[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]], 3) + np.repeat([0.0, 7.0, 0.0], 7)


def answer(mean, low=-5.0, high=5.0):
    mean = np.array(mean, dtype=float)
    steps = {"p025": 2 * low, "p10": low, "p50": 0.0, "p90": high, "p975": 2 * high}
    return judging.Answer(mean, {name: mean + step for name, step in steps.items()})


def test_figures_by_hand():
    # |F - A| is 2, 0, 8 of 40; F - A sums to +6; the naive missed 7 a day in sample.
    found = judging.figures(answer([[12, 10, 28]]), np.array([[10.0, 10.0, 20.0]]), HISTORY)
    assert found["wape"] == pytest.approx(10 / 40)
    assert found["bias"] == pytest.approx(10 / 40)
    assert found["mase"] == pytest.approx(10 / 3 / 7, abs=1e-5)
    assert found["coverage_80"] == pytest.approx(2 / 3, abs=1e-5)
    assert found["coverage_95"] == 1.0
    assert (found["actual"], found["missed"]) == ([40], [10])


def test_quantile_loss_of_a_known_day_is_twice_the_pinball_loss_over_sales():
    told = judging.Answer(
        np.array([[10.0]]), {name: np.array([[8.0]]) for name in judging.QUANTILES}
    )
    found = judging.figures(told, np.array([[10.0]]), HISTORY)
    # every quantile is 2 too low: 2 * mean(level) * 2 / 10
    assert found["wql"] == pytest.approx(2 * 2 * np.mean(list(judging.QUANTILES.values())) / 10)


def test_closed_and_unknown_days_prove_nothing():
    actual = np.array([[10.0, 0.0, np.nan]])
    found = judging.figures(answer([[100, 0, 50]]), actual, HISTORY)
    assert found["open_days"] == 1
    assert found["coverage_95"] == 0.0
    assert found["wape"] == pytest.approx(9.0)


def test_a_day_without_a_forecast_is_an_error():
    with pytest.raises(ValueError, match="1 days have no forecast"):
        judging.figures(answer([[np.nan, 5]]), np.array([[1.0, 5.0]]), HISTORY)


def test_plain_has_ordered_quantiles_nothing_negative_and_nothing_where_shut():
    told = judging.plain(answer([[-3.0, 8.0]], low=4.0, high=-4.0), np.array([[False, True]]))
    assert told.mean.tolist() == [[0.0, 0.0]]
    assert told.quantiles["p025"].tolist() == [[0.0, 0.0]]
    assert told.quantiles["p975"].tolist() == [[5.0, 0.0]]


def test_rows_of_parts_are_the_row_of_all():
    rng = np.random.default_rng(5)
    history = rng.gamma(4.0, 10.0, (4, 60))
    actual = np.rint(rng.gamma(4.0, 10.0, (4, 14)))
    told = judging.plain(answer(np.rint(rng.gamma(4.0, 10.0, (4, 14)))))
    took = {"seconds": 1.0, "cpu_seconds": 2.0, "peak_mb": 3}

    def row(rows: slice) -> dict:
        some = judging.Answer(told.mean[rows], {k: q[rows] for k, q in told.quantiles.items()})
        count = len(actual[rows])
        return {"series": count, **took, **judging.figures(some, actual[rows], history[rows])}

    whole, parts = row(slice(0, 4)), judging.together([row(slice(0, 1)), row(slice(1, 4))])
    for name in ("wape", "bias", "mase", "wql", "coverage_80", "coverage_95"):
        assert parts[name] == pytest.approx(whole[name], abs=2e-5)
    assert parts["missed"] == whole["missed"]
    assert parts["cpu_seconds"] == 4.0
