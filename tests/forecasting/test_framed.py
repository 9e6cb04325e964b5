from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.boosting import Trees
from forecasting.candidates.intermittent import Intermittent
from forecasting.candidates.launches import AnalogLaunch
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.regression import LogOls
from forecasting.framed import forecast_at, forecast_frame
from forecasting.longframe import lay_out
from forecasting.race import Race, cuts_before

H = 14
QUICK = (
    SeasonalNaive(), RecentMean(), LogOls(), PooledTrees(settings=Trees(trees=40, least_rows=20)),
    Intermittent("tsb"), AnalogLaunch(),
)  # fmt: skip


def shops(days=210, count=6, seed=1):
    """A chain with a weekly season, a promotion worth 40 %, and Sundays closed."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=days + H)
    weekday = dates.dayofweek.to_numpy()
    rows = []
    for shop in range(count):
        promo = ((np.arange(len(dates)) // 7) % 3 == shop % 3).astype(int)
        opened = (weekday != 6).astype(int)
        log = (
            5 + 0.2 * shop + 0.05 * weekday + 0.34 * promo + 0.08 * rng.standard_normal(len(dates))
        )
        rows.append(
            pd.DataFrame(
                {"region": "north" if shop < 3 else "south", "shop": f"s{shop}", "day": dates,
                 "units": np.round(np.exp(log) * opened), "promo": promo, "open": opened}
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def split(frame):
    first = frame["day"].max() - pd.Timedelta(days=H - 1)
    return frame[frame["day"] < first], frame[frame["day"] >= first]


def laid(frame, plan, **changed):
    asked = {"series": ["region", "shop"], "date": "day", "target": "units", "horizon": H}
    return lay_out(frame, plan, **{**asked, **changed})


@pytest.fixture(scope="module")
def made():
    past, later = split(shops())
    grid = laid(past, later.drop(columns="units"))
    return forecast_frame(grid, candidates=QUICK), later


def test_promotions_and_closures_are_in_the_forecast(made):
    forecast, later = made[0].forecast, made[1]
    both = forecast.merge(later, left_on=["shop", "ds"], right_on=["shop", "day"])
    assert len(both) == 6 * H
    assert (both.loc[both["open"] == 0, ["mean", "p025", "p975"]] == 0).all(axis=None)
    error = np.abs(both["mean"] - both["units"]).sum() / both["units"].sum()
    assert error < 0.09  # the noise alone is 0.064


def test_quantiles_rise_and_hold_the_mean_and_nothing_is_negative(made):
    forecast = made[0].forecast
    bounds = forecast[["p025", "p10", "p50", "p90", "p975"]].to_numpy()
    assert (np.diff(bounds, axis=1) >= 0).all()
    assert (bounds >= 0).all()
    assert (forecast["mean"] >= forecast["p025"]).all()
    assert (forecast["mean"] <= forecast["p975"]).all()


def test_totals_are_exact_sums_with_narrower_intervals_than_summed_bounds(made):
    forecast, totals = made[0].forecast, made[0].totals
    exact = sum((Decimal(f"{value:.2f}") for value in forecast["mean"]), Decimal(0))
    whole = totals[(totals["level"] == "total") & (totals["ds"] != totals["ds_last"])].iloc[-1]
    assert Decimal(f"{whole['mean']:.2f}") == exact
    regions = totals[(totals["level"] == "region") & (totals["ds"] == totals["ds_last"])]
    by_day = forecast.groupby(["region", "ds"])["mean"].sum()
    told = regions.set_index(["key", "ds"])["mean"]
    np.testing.assert_allclose(told.sort_index(), by_day.sort_index(), atol=1e-6)
    summed = forecast["p90"].sum() - forecast["p10"].sum()
    assert 0 < whole["p90"] - whole["p10"] < 0.7 * summed


def test_the_parts_of_an_explanation_sum_to_the_mean(made):
    parts = made[0].explain.groupby(["region", "shop", "ds"])["value"].sum()
    means = made[0].forecast.set_index(["region", "shop", "ds"])["mean"]
    np.testing.assert_allclose(parts.reindex(means.index), means, atol=1e-4)
    promo = (
        made[0]
        .explain.query("part == 'plan:promo'")
        .merge(made[1], left_on=["shop", "ds"], right_on=["shop", "day"])
    )
    assert (promo.loc[(promo["promo"] == 1) & (promo["open"] == 1), "value"] > 0).all()
    assert (promo.loc[promo["promo"] == 0, "value"].abs() < 1e-9).all()


def test_the_same_frame_and_seed_give_the_same_tables(made):
    past, later = split(shops())
    again = forecast_frame(laid(past, later.drop(columns="units")), candidates=QUICK)
    pd.testing.assert_frame_equal(made[0].forecast, again.forecast)
    pd.testing.assert_frame_equal(made[0].totals, again.totals)


def test_what_comes_after_an_origin_changes_nothing_forecast_before_it():
    """Sales after the origin, and plan beyond its horizon, leak into no weight, mean or bound."""
    grid = laid(split(shops())[0], None, plan_columns=["promo", "open"]).grid
    cut = 2 * H
    end = grid.known - cut
    scrambled = grid.y.copy()
    scrambled[:, end:] = (
        np.random.default_rng(5)
        .permutation(scrambled[:, end:].ravel())
        .reshape(scrambled[:, end:].shape)
        * 3
    )
    plan = grid.plan.copy()
    plan[:, :, end + H :] = 1 - plan[:, :, end + H :]
    other = type(grid)(
        grid.ids, grid.dates, scrambled, plan, grid.columns, grid.freq, grid.season, grid.year
    )
    one = forecast_at(Race(grid, candidates=QUICK), cut, {})
    two = forecast_at(Race(other, candidates=QUICK), cut, {})
    assert one.weights == two.weights
    assert one.weights["regular"]
    np.testing.assert_array_equal(one.mean, two.mean)
    for name, values in one.quantiles.items():
        np.testing.assert_array_equal(values, two.quantiles[name])


def test_a_column_that_tells_the_past_horizon_wins_no_weight_before_it_ended():
    """A plan column equal to sales from some day on: an origin before that day must not use it."""
    frame = split(shops())[0].sort_values(["shop", "day"])
    last = frame["day"].max()
    leaking = frame["day"] > last - pd.Timedelta(days=H)
    with_leak = frame.assign(leak=np.where(leaking, frame["units"], 0.0))
    columns = ["promo", "open"]
    honest = laid(frame.assign(leak=0.0), None, plan_columns=[*columns, "leak"]).grid
    leaky = laid(with_leak, None, plan_columns=[*columns, "leak"]).grid
    # The origin two horizons back sees neither the column's leak nor what it tells.
    cut = 2 * H
    one = forecast_at(Race(honest, candidates=QUICK), cut, {})
    two = forecast_at(Race(leaky, candidates=QUICK), cut, {})
    np.testing.assert_array_equal(one.mean, two.mean)
    assert one.weights == two.weights


def test_origins_to_learn_from_end_before_the_forecast_begins():
    grid = laid(split(shops())[0], None).grid
    for cut in (0, H, 3 * H):
        assert all(earlier - grid.ahead >= cut for earlier in cuts_before(grid, cut))


def test_short_new_zero_and_rare_series_get_a_fallback_named_in_model():
    frame = split(shops())[0]
    last = frame["day"].max()
    like = frame[frame["shop"] == "s0"]
    new = like[like["day"] == last].assign(shop="new", units=120.0)
    dead = like.assign(shop="dead", units=0.0)
    rng = np.random.default_rng(2)
    rare = like.assign(shop="rare", units=rng.poisson(0.15, len(like)) * 5.0)
    frame = pd.concat([frame, new, dead, rare], ignore_index=True)
    grid = laid(frame, None)
    made = forecast_frame(grid, candidates=QUICK)
    told = made.forecast.groupby("shop")
    models = told["model"].first()
    assert models["dead"] == "zero"
    assert (told.get_group("dead")[["mean", "p975"]] == 0).all(axis=None)
    assert "new history" in models["new"] or "recent_mean" in models["new"]
    assert told.get_group("new")["mean"].between(1, 400).all()
    assert np.isfinite(made.forecast[["mean", "p025", "p975"]]).all(axis=None)
    mean = told.get_group("rare")["mean"].mean()
    assert 0.2 < mean < 2.5


def test_one_observation_is_forecast_by_itself_and_says_so():
    one = pd.DataFrame(
        {"region": ["n"], "shop": ["s"], "day": pd.to_datetime(["2024-05-01"]), "units": [7.0]}
    )
    made = forecast_frame(laid(one, None), candidates=QUICK)
    assert (made.forecast["mean"] == 7).all()
    assert set(made.forecast["model"]) == {"recent_mean (new history)"}
    assert (made.forecast["p975"] > 7).all()


def test_of_many_series_a_sample_races_and_all_are_forecast(monkeypatch):
    monkeypatch.setattr("forecasting.race.RACE_MOST", 3)
    grid = laid(split(shops())[0], None, plan_columns=["promo", "open"]).grid
    race = Race(grid, candidates=(SeasonalNaive(), LogOls()))
    at = forecast_at(race, H, {})
    assert race.at(2 * H).raced.sum() == 3
    assert at.told.raced.all()
    assert set(at.models) <= {"log_ols", "log_ols+seasonal_naive", "seasonal_naive+log_ols"}
    assert (at.mean[~at.told.shut] > 0).all()


@pytest.mark.parametrize(("freq", "periods"), [("W-MON", 120), ("MS", 60)])
def test_weeks_and_months_are_forecast_with_their_plan(freq, periods):
    rng = np.random.default_rng(6)
    dates = pd.date_range("2019-01-01", periods=periods + 6, freq=freq)
    season = 0.3 * np.sin(2 * np.pi * dates.dayofyear.to_numpy() / 365.25)
    rows = []
    for product in ("a", "b", "c"):
        promo = (rng.random(len(dates)) < 0.3).astype(int)
        units = np.exp(6 + season + 0.4 * promo + 0.05 * rng.standard_normal(len(dates)))
        rows.append(pd.DataFrame({"product": product, "ds": dates, "units": units, "promo": promo}))
    frame = pd.concat(rows, ignore_index=True)
    past, later = frame[frame["ds"] <= dates[periods - 1]], frame[frame["ds"] > dates[periods - 1]]
    grid = lay_out(
        past, later.drop(columns="units"), series=["product"], date="ds", target="units", horizon=6
    )
    made = forecast_frame(grid, candidates=QUICK)
    assert list(made.forecast["ds"].drop_duplicates()) == list(dates[periods:])
    both = made.forecast.merge(later, on=["product", "ds"])
    error = np.abs(both["mean"] - both["units"]).sum() / both["units"].sum()
    assert error < 0.15  # season and promotion unknown, it is above 0.25
    assert made.totals.query("level == 'total'")["mean"].iloc[-1] == pytest.approx(
        made.forecast["mean"].sum(), abs=0.005
    )


def test_weeks_without_any_plan_are_forecast():
    """No plan column and nothing closed: the pooled model has the calendar alone."""
    dates = pd.date_range("2022-01-03", periods=110, freq="W-MON")
    rng = np.random.default_rng(9)
    frame = pd.concat(
        pd.DataFrame({"product": p, "ds": dates, "units": 100 + 5 * rng.standard_normal(110)})
        for p in ("a", "b", "c", "d", "e", "f")
    )
    grid = lay_out(frame, None, series=["product"], date="ds", target="units", horizon=6)
    made = forecast_frame(grid, candidates=QUICK)
    assert made.forecast["mean"].between(90, 110).all()
