"""What a mix was off by at earlier origins is carried on: of each series, as far as it lasts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.cleaning import Found
from forecasting.correcting import LASTS, correction_at, mix_at
from forecasting.framed import explain_table, forecast_at
from forecasting.grid import Grid
from forecasting.longframe import LaidOut
from forecasting.race import Race, cuts_before

AHEAD = 28


class Told:
    """Forecasts what comes, but for each series by a factor of its own, an origin."""

    name = "told"
    speed = "pooled"
    kinds = frozenset({"regular", "short", "intermittent", "new"})

    def __init__(self, truth, factors):
        self.truth, self.factors = truth, factors

    def forecast(self, window):
        known = window.grid.known
        came = self.truth[list(map(int, window.grid.ids)), known : known + window.grid.ahead]
        return window.shut(came * self.factors(window)[:, None])


def truth_of(series=30, periods=420, size=300.0, seed=3, noise=0.05):
    rng = np.random.default_rng(seed)
    week = 1 + 0.3 * np.sin(2 * np.pi * np.arange(periods) / 7)
    level = size * rng.lognormal(0, 0.4, (series, 1)) * week
    return level, level * np.exp(noise * rng.standard_normal(level.shape))


def race_of(level, sold, factors):
    known = sold.shape[1] - AHEAD
    dates = pd.date_range("2024-01-01", periods=sold.shape[1])
    ids = tuple(map(str, range(len(sold))))
    plan = np.empty((0, *sold.shape))
    grid = Grid(ids, dates, sold[:, :known], plan, (), "D", 7, 364)
    return Race(grid, candidates=(Told(level, factors),))


def correction(race, found=()):
    now = replace(race.at(0, whole=True), found=tuple(found))
    return mix_at(race, now, {"regular": {"told": 1.0}}, cuts_before(race.grid, 0)).correction


def leaning(lean):
    """Of each series always the same share too much."""
    return lambda window: np.exp(lean[list(map(int, window.grid.ids))])


def test_a_lean_that_lasts_is_taken_back_and_one_that_all_share_is_left():
    level, sold = truth_of()
    lean = np.random.default_rng(1).normal(0, 0.08, 30) + 0.2
    found = correction(race_of(level, sold, leaning(lean)))
    # All of it, but for what is not believed before many series have shown it.
    np.testing.assert_allclose(np.log(found), -0.8 * (lean - np.median(lean)), atol=0.035)
    assert np.corrcoef(np.log(found), -lean)[0, 1] > 0.99
    # What all are off by together says nothing of the next horizon.
    assert abs(np.median(np.log(found))) < 0.01


def test_a_lean_that_turns_each_time_is_not_carried_on():
    level, sold = truth_of()
    lean = np.random.default_rng(1).normal(0, 0.08, 30)

    def turning(window):
        number = (sold.shape[1] - window.grid.known) // AHEAD
        return np.exp((-1) ** number * lean[list(map(int, window.grid.ids))])

    found = np.log(correction(race_of(level, sold, turning)))
    assert np.abs(found).max() < 0.01


def test_a_frame_without_leans_is_hardly_touched_however_small_its_counts():
    rng = np.random.default_rng(8)
    level = np.repeat(rng.lognormal(0.4, 0.3, (40, 1)), 420, axis=1)
    found = correction(race_of(level, rng.poisson(level).astype(float), leaning(np.zeros(40))))
    # A month of such a series is some 15 % off by chance alone.
    chance = 1 / np.sqrt(level[:, 0] * AHEAD)
    assert chance.mean() > 0.1
    assert np.abs(np.log(found)).mean() < 0.1 * chance.mean()


def test_quiet_series_are_corrected_less_than_loud_ones_of_the_same_lean():
    rng = np.random.default_rng(9)
    size = np.r_[np.full(20, 500.0), np.full(20, 1.0)]
    level = np.repeat(size[:, None], 420, axis=1)
    lean = np.where(np.arange(40) % 2, 0.1, -0.1)
    found = np.log(correction(race_of(level, rng.poisson(level) * 1.0, leaning(lean))))
    loud, quiet = (np.abs(found[rows]).mean() for rows in (slice(20), slice(20, 40)))
    assert loud > 0.06
    assert quiet < 0.6 * loud


def test_without_two_origins_and_without_neighbours_nothing_is_corrected():
    level, sold = truth_of()
    lean = np.random.default_rng(1).normal(0, 0.1, 30)
    race = race_of(level, sold, leaning(lean))
    told = race.at(0, whole=True)
    weights = {"regular": {"told": 1.0}}
    assert (correction_at(race, told, weights, [AHEAD]) == 1).all()
    assert (correction_at(race, told, weights, []) == 1).all()
    # One series is all there is: what it is off by, all are.
    alone = race_of(level[:1], sold[:1], leaning(lean))
    assert correction(alone) == pytest.approx(1.0)


def test_before_origins_have_told_it_a_part_of_a_lean_is_believed():
    level, sold = truth_of(series=2)
    lean = np.array([0.1, -0.1])
    found = np.log(correction(race_of(level, sold, leaning(lean))))
    share = -found / lean
    assert LASTS < share.mean() < LASTS + 0.15


def test_stock_outs_and_shifts_of_level_are_no_leans():
    level, sold = truth_of()
    known = sold.shape[1] - AHEAD
    sold[0, known - 20 : known - 8] *= 0.2  # nothing on the shelf
    sold[1, known - 40 :] *= 0.5  # a lost distributor, in the middle of the horizon before last
    lean = np.random.default_rng(1).normal(0, 0.08, 30)
    lean[:2] = np.median(lean)
    race = race_of(level, sold, leaning(lean))
    blind = np.log(correction(race))
    assert blind[0] < -0.015
    assert blind[1] < -0.03
    seen = np.log(correction(race, [
        Found("stock_out", 0, known - 20, known - 9, -1.6),
        Found("level_shift", 1, known - 40, known - 40, -0.7),
    ]))  # fmt: skip
    # What is left is chance: 5 % a day, over 28 days.
    assert abs(seen[0]) < 0.01
    assert abs(seen[1]) < 0.01


def test_what_cannot_be_told_by_its_level_is_left():
    level, sold = truth_of()
    sold[2] = np.where(np.random.default_rng(2).random(sold.shape[1]) < 0.9, 0.0, 5.0)
    lean = np.full(30, 0.0)
    lean[:3] = 0.2
    race = race_of(level, sold, leaning(lean))
    assert race.at(0, whole=True).kinds[2] == "intermittent"
    found = correction(race)
    assert found[2] == 1
    assert found[0] < 0.95


def test_of_many_series_each_is_known_by_the_newest_origin(monkeypatch):
    monkeypatch.setattr("forecasting.race.RACE_MOST", 6)
    level, sold = truth_of()
    lean = np.random.default_rng(1).normal(0, 0.08, 30)
    race = race_of(level, sold, leaning(lean))
    assert race.before(0, AHEAD).raced.sum() == 6
    assert np.isfinite(race.before(0, AHEAD).forecasts["told"]).all()
    assert np.isfinite(race.before(0, 2 * AHEAD).forecasts["told"]).all(axis=1).sum() == 6
    found = np.log(correction(race))
    assert np.corrcoef(found, -lean)[0, 1] > 0.98


def test_the_forecast_and_its_parts_carry_the_correction():
    level, sold = truth_of()
    lean = np.random.default_rng(1).normal(0, 0.08, 30)
    race = race_of(level, sold, leaning(lean))
    at = forecast_at(race, 0, {})
    came = level[:, -AHEAD:]
    assert np.abs(at.alone - came).sum() < 0.4 * np.abs(at.mix - came).sum()
    np.testing.assert_array_equal(at.mean, at.alone)
    np.testing.assert_allclose(at.alone, at.mix * at.correction[:, None], atol=0.011)
    laid = LaidOut(race.grid, pd.DataFrame({"shop": race.grid.ids}), (), ())
    parts = explain_table(laid, race, at, None)
    whole = parts.groupby(["shop", "ds"], sort=False)["value"].sum()
    np.testing.assert_allclose(whole.to_numpy().reshape(30, AHEAD), at.mean, atol=1e-4)
    own = parts[parts["part"] == "earlier_errors"].set_index(["shop", "ds"])["value"]
    moved = pd.Series((at.alone - at.mix).ravel(), whole.index)
    np.testing.assert_allclose(own, moved.loc[own.index], atol=1e-6)


def test_intervals_are_of_the_corrected_forecast():
    level, sold = truth_of(noise=0.04)
    lean = np.random.default_rng(1).normal(0, 0.15, 30)
    race = race_of(level, sold, leaning(lean))
    at = forecast_at(race, 0, {})
    came = sold[:, -AHEAD:]
    inside = (came >= at.quantiles["p10"]) & (came <= at.quantiles["p90"])
    assert 0.75 < inside.mean() < 0.97
    # Beside a mix that leans by 15 %, they would have to be three times as wide.
    width = (at.quantiles["p90"] - at.quantiles["p10"]) / at.mean
    assert width.mean() < 0.25


def test_an_origin_is_corrected_by_what_came_before_it():
    level, sold = truth_of()
    lean = np.random.default_rng(1).normal(0, 0.08, 30)
    other = sold.copy()
    other[:, -2 * AHEAD :] *= np.random.default_rng(5).lognormal(0, 0.3, (30, 2 * AHEAD))
    made = []
    for one in (sold, other):
        race = race_of(level, one, leaning(lean))
        told = race.at(AHEAD, whole=True)
        made.append(mix_at(race, told, {"regular": {"told": 1.0}}, cuts_before(race.grid, AHEAD)))
    np.testing.assert_array_equal(made[0].mean, made[1].mean)
    assert (made[0].correction != 1).all()
