"""Scores of the past from before it, and what each step to the forecast added."""

import dataclasses

import numpy as np
import pytest

from forecasting.backtesting import STEPS, backtest_frame
from forecasting.candidates.naive import SeasonalNaive
from forecasting.candidates.protocol import Window
from forecasting.errors import HorizonError, MissingColumnError
from forecasting.framed import forecast_frame
from forecasting.many import forecast_many
from forecasting.race import Race
from forecasting.totals import Sums
from forecasting.weighing import alone_at, weights_at
from tests.forecasting.test_framed import QUICK, H, laid, shops, split


@pytest.fixture(scope="module")
def scores():
    grid = laid(split(shops())[0], None, plan_columns=["promo", "open"])
    return backtest_frame(grid, origins=2, candidates=QUICK, sums=Sums(way="top_down"))


def test_a_backtest_scores_every_model_and_its_value_over_the_naive(scores):
    assert scores["origin"].nunique() == 2
    assert {"mix", "seasonal_naive", "log_ols", "lightgbm"} <= set(scores["model"])
    naive = scores[scores["model"] == "seasonal_naive"]
    assert (naive["fva"] == 0).all()
    mix = scores[scores["model"] == "mix"]
    assert (mix["fva"] > 0.3).all()
    # Intervals are those of the last step.
    last = scores[scores["model"] == "reconciled"]
    assert last["coverage_80"].between(0.6, 0.97).all()
    assert (last["coverage_95"] >= last["coverage_80"]).all()
    assert mix["coverage_80"].isna().all()


def test_a_backtest_without_room_for_an_origin_is_refused():
    grid = laid(split(shops(days=40))[0].query("day < '2024-01-20'"), None)
    with pytest.raises(HorizonError, match="at least 28 periods"):
        backtest_frame(grid, candidates=QUICK)


def test_steps_add_up_from_the_naive_to_the_last(scores):
    for _, rows in scores.groupby("origin"):
        steps = rows.dropna(subset=["step"]).sort_values("step")
        assert steps["model"].tolist() == list(STEPS[:5])
        wape = steps["wape"].to_numpy()
        np.testing.assert_allclose(steps["added"].to_numpy()[1:], wape[:-1] - wape[1:])
        assert np.isnan(steps["added"].iloc[0])
        others = rows[rows["step"].isna()]
        assert others["added"].isna().all()
        single = steps[steps["model"] == "best_single"].iloc[0]
        kind, _, name = single["made_of"].partition(": ")
        assert kind == "regular"
        assert single["wape"] == rows.loc[rows["model"] == name, "wape"].iloc[0]


def test_a_backtest_without_levels_has_four_steps_and_intervals_of_the_last():
    grid = laid(split(shops(count=2))[0], None)
    scores = backtest_frame(grid, origins=1, candidates=(SeasonalNaive(), *QUICK[1:3]))
    assert scores["model"].tolist() == [*STEPS[:4], "recent_mean", "log_ols"]
    last = scores.set_index("model").loc["corrected"]
    assert 0 < last["coverage_80"] <= last["coverage_95"]


def test_the_best_single_candidate_is_chosen_before_the_origin():
    """Sales of the horizon that is judged do not choose who is compared with the mix."""
    grid = laid(split(shops())[0], None, plan_columns=["promo", "open"]).grid
    y = grid.y.copy()
    y[:, -H:] *= 5
    chosen = []
    for one in (grid, dataclasses.replace(grid, y=y)):
        race = Race(one, candidates=QUICK[:3])
        chosen.append(alone_at(race, H, weights_at(race, H)[0]))
    assert chosen[0] == chosen[1]
    assert len(chosen[0]["regular"]) == 1


def test_steps_of_a_forecast_are_the_naive_the_mix_and_what_it_was_before_levels_moved_it():
    past, later = split(shops())
    frame = laid(past, later.drop(columns="units"))
    some = QUICK[:3]
    plain = forecast_frame(frame, candidates=some, sums=Sums(way="bottom_up"))
    keys = ["region", "shop", "ds"]
    assert plain.steps.columns.tolist() == [*keys, "step", "value"]
    assert plain.steps["step"].tolist()[::H] == ["naive", "mix"] * 6
    told = {name: own.reset_index(drop=True) for name, own in plain.steps.groupby("step")}
    assert told["naive"][keys].equals(plain.forecast[keys])
    naive = SeasonalNaive().forecast(Window(frame.grid, 0))
    np.testing.assert_array_equal(told["naive"]["value"], naive.ravel())
    # A series' correction is the same in every period.
    opened = (told["mix"]["value"] > 0).to_numpy()
    change = (plain.forecast["mean"] / told["mix"]["value"].where(opened)).to_numpy().reshape(6, H)
    spread = np.nanmax(change, axis=1) - np.nanmin(change, axis=1)
    assert spread.max() < 1e-3
    agreed = forecast_frame(frame, candidates=some, sums=Sums(way="top_down"))
    assert agreed.steps["step"].tolist()[::H] == ["naive", "mix", "corrected"] * 6
    before = agreed.steps[agreed.steps["step"] == "corrected"].reset_index(drop=True)
    np.testing.assert_array_equal(before["value"], plain.forecast["mean"])
    # In parts, which have mixes of their own, it is the same table in the frame's order.
    parts = forecast_many(frame, candidates=some, most=2).steps
    assert parts[[*keys, "step"]].equals(plain.steps[[*keys, "step"]])
    naives = [one.loc[one["step"] == "naive", "value"] for one in (parts, plain.steps)]
    assert naives[0].equals(naives[1])


def test_a_series_column_named_like_one_of_the_answer_is_refused():
    frame = split(shops())[0].rename(columns={"shop": "step"})
    with pytest.raises(MissingColumnError, match="'step' is named like a column of the forecast"):
        laid(frame, None, series=["region", "step"])
