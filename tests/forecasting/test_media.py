"""History without what a mix credits to drivers, and the plan's part of the forecast by the mix."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.protocol import Window
from forecasting.candidates.regression import LogOls
from forecasting.errors import MediaError
from forecasting.framed import forecast_frame
from forecasting.longframe import lay_out
from forecasting.mix_media import media_of
from models.mix import MixModel, MixSpec
from models.mix.spec import Sampling
from tests.models.mix.releases import HELD, release, split

SPEC = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=60, draws=100, longer=1))
RACE = (SeasonalNaive(), RecentMean(), LogOls())
#: What a product sells of its territory.
SHARES = {"big": 0.7, "small": 0.3}


def by_product(outcome):
    frame = outcome.assign(
        date_day=pd.to_datetime(outcome["date_day"]),
        net_revenue=outcome["net_revenue"].astype(float),
    )
    return pd.concat(
        [
            frame.assign(product=name, units=(frame["net_revenue"] * share).round(4))
            for name, share in SHARES.items()
        ]
    ).drop(columns="net_revenue")


def laid_out(outcome, horizon=HELD):
    return lay_out(
        by_product(outcome), None, series=["territory_id", "product"], date="date_day",
        target="units", horizon=horizon,
    )  # fmt: skip


def cells_of(laid, result):
    places = {name: at for at, name in enumerate(result.estimate.panel.territories)}
    return laid.keys["territory_id"].map(places).to_numpy()


@pytest.fixture(scope="module")
def case():
    past, future = split(release())
    result = MixModel(SPEC).fit(past, seed=1)
    laid = laid_out(past.outcome)
    media = media_of(result, future, laid.grid, cells_of(laid, result))
    made = forecast_frame(laid, candidates=RACE, media=media)
    return SimpleNamespace(
        past=past, future=future, result=result, laid=laid, media=media, made=made,
        told=result.predict(future),
    )  # fmt: skip


def predicted(told, drivers):
    cells = told.contributions()
    return cells[cells["driver"].isin(drivers)].groupby(["date_day", "driver"])["mean"].sum()


def without(future, driver):
    """The plan with nothing of a driver."""
    drivers = future.drivers
    gone = drivers["driver"] == driver
    return dataclasses.replace(
        future, drivers=drivers.assign(exposure=drivers["exposure"].where(~gone, 0.0))
    )


def test_media_parts_of_a_plan_sum_to_what_the_mix_predicts_of_it(case):
    parts = case.made.explain
    parts = parts[parts["part"].isin(case.media.labels)]
    assert set(case.media.labels) == {"media:radio", "media:tv", "promotion:coupon"}
    ours = parts.assign(driver=parts["part"].str.split(":").str[1])
    ours = ours.groupby(["ds", "driver"])["value"].sum()
    mix = predicted(case.told, ["tv", "radio", "coupon"])
    np.testing.assert_allclose(ours.reindex(mix.index).fillna(0.0), mix, atol=1e-4)
    assert mix.xs("tv", level="driver").min() > 100


def test_taking_a_driver_out_of_the_plan_moves_the_forecast_by_the_mix_s_own_difference(case):
    plan = without(case.future, "tv")
    media = media_of(case.result, plan, case.laid.grid, case.media.cells)
    other = forecast_frame(case.laid, candidates=RACE, media=media)
    difference = case.made.forecast["mean"] - other.forecast["mean"]
    by_date = difference.groupby(case.made.forecast["ds"]).sum()
    mix = case.told.totals()["mean"] - case.result.predict(plan).totals()["mean"]
    np.testing.assert_allclose(by_date, mix, atol=0.005 * len(case.laid.keys) * 2)
    # Carry-over from history: what ran before the plan began still sells in its first week.
    left = other.explain[other.explain["part"] == "media:tv"]
    assert left.groupby("ds")["value"].sum().iloc[0] > 10


def test_history_without_media_and_the_attribution_tell_one_story(case):
    credited = case.result.contributions()
    credited = credited[credited["kind"].isin(["media", "promotion"])]
    by_date = credited.groupby(["date_day", "territory_id"])["mean"].sum()
    ours = pd.DataFrame(case.media.past.T, index=case.laid.grid.dates[: case.laid.grid.known])
    for territory in ("north", "south"):
        columns = np.flatnonzero(case.laid.keys["territory_id"] == territory)
        mix = by_date.xs(territory, level="territory_id")
        np.testing.assert_allclose(ours[columns].sum(axis=1), mix, rtol=1e-4)
    left = case.media.without(case.laid.grid).y
    assert (left > 0).all()
    shares = left / case.laid.grid.y
    np.testing.assert_allclose(shares[0], shares[1])  # products of a territory give up the same


def test_parts_sum_to_the_mean_and_totals_to_their_series(case):
    parts = case.made.explain.groupby(["territory_id", "product", "ds"])["value"].sum()
    means = case.made.forecast.set_index(["territory_id", "product", "ds"])["mean"]
    np.testing.assert_allclose(parts.reindex(means.index), means, atol=1e-4)
    totals = case.made.totals.query("level == 'total'")
    assert totals["mean"].iloc[-1] == pytest.approx(means.sum(), abs=0.005)
    bounds = case.made.forecast[["p025", "p10", "p50", "p90", "p975"]].to_numpy()
    assert (np.diff(bounds, axis=1) >= 0).all()


def test_intervals_grow_by_the_draws_where_a_plan_leaves_what_history_knew(case):
    """A plan as ever: what drivers brought moves base and media against each other. Without any
    media the base's own level is in doubt, by all that."""
    drivers = case.future.drivers
    none = dataclasses.replace(
        case.future,
        drivers=drivers.assign(exposure=drivers["exposure"].where(drivers["kind"] != "media", 0.0)),
    )
    media = media_of(case.result, none, case.laid.grid, case.media.cells)
    as_ever = case.media.swings.sum(axis=(1, 2)).std()
    assert media.swings.sum(axis=(1, 2)).std() > 1.5 * as_ever > 0
    fixed = dataclasses.replace(media, swings=np.zeros_like(media.swings))
    wide, narrow = (
        forecast_frame(case.laid, candidates=RACE, media=one).totals for one in (media, fixed)
    )
    whole = [t[(t["level"] == "total") & (t["ds"] != t["ds_last"])].iloc[0] for t in (wide, narrow)]
    assert whole[0]["mean"] == whole[1]["mean"]
    assert whole[0]["p90"] - whole[0]["p10"] > 1.02 * (whole[1]["p90"] - whole[1]["p10"])


def test_dates_after_the_mix_s_window_are_explained_by_its_prediction(case):
    """The mix is four dates old: what ran since then is taken from history by its prediction."""
    whole = release()
    since = sorted(case.future.drivers["date_day"].unique())[:4]
    outcome = whole.outcome
    known = outcome[outcome["date_day"] <= since[-1]]
    laid = laid_out(known, horizon=HELD - 4)
    media = media_of(case.result, case.future, laid.grid, cells_of(laid, case.result))
    mix = predicted(case.told, ["tv", "radio", "coupon"]).groupby(level="date_day").sum()
    np.testing.assert_allclose(media.past[:, -4:].sum(axis=0), mix[:4], rtol=1e-3)
    np.testing.assert_allclose(media.ahead.sum(axis=(0, 1)), mix[4:], rtol=1e-6)


def test_history_before_the_mix_s_window_is_not_used_and_that_is_told(case):
    outcome = case.past.outcome
    days = sorted(outcome["date_day"].unique())
    before = pd.concat(
        [outcome[outcome["date_day"] < days[20]].assign(
            date_day=lambda f: f["date_day"] - pd.Timedelta(weeks=20)), outcome]
    )  # fmt: skip
    laid = laid_out(before)
    media = media_of(case.result, case.future, laid.grid, case.media.cells)
    left = media.without(laid.grid).y
    assert np.isnan(left[:, :20]).all()
    np.testing.assert_allclose(left[:, 20:], case.media.without(case.laid.grid).y)
    assert any(f"before {days[0]}" in note for note in media.notes)


def test_a_closed_period_takes_its_media_with_it(case):
    shut = np.zeros((len(case.laid.keys), HELD), dtype=bool)
    shut[0, 2:5] = True
    media = case.media
    parts = media.parts(shut)
    assert (parts[:, 0, 2:5] == 0).all()
    np.testing.assert_array_equal(parts[:, 1:], media.ahead[:, 1:])
    base = np.where(shut, 0.0, 100.0)
    assert (media.on(base, shut)[0, 2:5] == 0).all()
    paths = np.repeat(base[:, None, :], 50, axis=1).astype(np.float32)
    rows = np.arange(len(base))
    drawn = media.on_paths(paths, rows, shut, seed=0)
    assert (drawn[0, :, 2:5] == 0).all()
    assert (drawn[1].std(axis=0) > 0).all()


def test_the_naive_step_is_of_what_was_sold_media_and_all(case):
    steps = case.made.steps
    assert set(steps["step"]) == {"naive", "mix"}
    told = steps[steps["step"] == "naive"]
    naive = SeasonalNaive().forecast(Window(case.laid.grid, 0))
    np.testing.assert_allclose(told["value"], naive.ravel(), atol=0.0051)


def test_without_a_mix_nothing_changes_but_the_name_of_nobody(case):
    plain = forecast_frame(case.laid, candidates=RACE)
    assert plain.facts["media"] == []
    assert not plain.explain["part"].str.contains("media:").any()
    again = forecast_frame(case.laid, candidates=RACE, media=None)
    pd.testing.assert_frame_equal(plain.forecast, again.forecast)


#: What a weekday sells of its week.
WEEKDAYS = np.array([0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.1])


def by_day(outcome, cut=0):
    """Weeks as days, each with its weekday's share; without the last `cut` days."""
    weeks = by_product(outcome)
    days = pd.concat(
        weeks.assign(
            date_day=weeks["date_day"] + pd.Timedelta(days=day), units=weeks["units"] * share
        )
        for day, share in enumerate(WEEKDAYS)
    )
    return days[days["date_day"] <= days["date_day"].max() - pd.Timedelta(days=cut)]


def laid_by_day(outcome, horizon, cut=0):
    return lay_out(
        by_day(outcome, cut), None, series=["territory_id", "product"], date="date_day",
        target="units", horizon=horizon,
    )  # fmt: skip


def by_week(values, dates):
    """Columns (days, ...) summed by the week that begins on Monday."""
    return pd.DataFrame(values.T, index=dates).groupby(lambda day: day - pd.Timedelta(
        days=day.dayofweek)).sum().sum(axis=1)  # fmt: skip


def test_a_mix_by_the_week_is_spread_over_the_days_and_each_week_sums_to_it(case):
    laid = laid_by_day(case.past.outcome, 7 * HELD)
    media = media_of(case.result, case.future, laid.grid, cells_of(laid, case.result))
    grid = laid.grid
    credited = case.result.contributions()
    credited = credited[credited["kind"].isin(["media", "promotion"])]
    np.testing.assert_allclose(
        by_week(media.past, grid.dates[: grid.known]),
        credited.groupby("date_day")["mean"].sum(), rtol=1e-4,
    )  # fmt: skip
    # On a day every series gives up the same share as on the other days of its week.
    shares = media.past / grid.y
    np.testing.assert_allclose(shares[:, 0:7], np.repeat(shares[:, :1], 7, axis=1))
    made = forecast_frame(laid, candidates=RACE, media=media)
    parts = made.explain[made.explain["part"].isin(media.labels)]
    days = pd.to_datetime(parts["ds"])
    told = parts.groupby([days - pd.to_timedelta(days.dt.dayofweek, unit="D"), "part"])
    mix = predicted(case.told, ["tv", "radio", "coupon"])
    ours = told["value"].sum().rename(index=lambda part: part.split(":")[1], level="part")
    np.testing.assert_allclose(ours.reindex(mix.index).fillna(0.0), mix, rtol=1e-4, atol=1e-3)
    tv = media.ahead[media.labels.index("media:tv")]
    np.testing.assert_allclose(tv[:, :7] / tv[:, :7].sum(axis=1)[:, None], [WEEKDAYS] * 4)
    sums = made.explain.groupby(["territory_id", "product", "ds"])["value"].sum()
    means = made.forecast.set_index(["territory_id", "product", "ds"])["mean"]
    np.testing.assert_allclose(sums.reindex(means.index), means, atol=1e-4)


def test_a_week_that_history_cuts_is_shared_between_history_and_horizon(case):
    """Three days of the first planned week are known; the horizon ends on a Wednesday."""
    since = sorted(case.future.drivers["date_day"].unique())[:1]
    whole = release().outcome
    known = whole[whole["date_day"] <= since[0]]
    laid = laid_by_day(known, 4 + 3 * 7 + 3, cut=4)
    media = media_of(case.result, upto(case.future, 5), laid.grid, cells_of(laid, case.result))
    mix = predicted(case.told, ["tv", "radio", "coupon"]).groupby(level="date_day").sum()
    past, ahead = media.past[:, -3:].sum(), media.ahead.sum(axis=(0, 1))
    assert past == pytest.approx(mix.iloc[0] * WEEKDAYS[:3].sum(), rel=0.02)
    assert past + ahead[:4].sum() == pytest.approx(mix.iloc[0], rel=1e-3)
    np.testing.assert_allclose(ahead[4:25].reshape(3, 7).sum(axis=1), mix.iloc[1:4], rtol=1e-3)
    assert ahead[25:].sum() == pytest.approx(mix.iloc[4] * WEEKDAYS[:3].sum(), rel=0.02)
    # The mix must not know sales after the history's last day.
    with pytest.raises(MediaError, match="after the history's end"):
        cut = laid_by_day(case.past.outcome, 4, cut=4)
        media_of(case.result, case.future, cut.grid, cells_of(cut, case.result))


def upto(future, weeks):
    """The plan's first weeks."""
    last = sorted(future.drivers["date_day"].unique())[weeks - 1]
    return dataclasses.replace(
        future,
        drivers=future.drivers[future.drivers["date_day"] <= last],
        controls=future.controls[future.controls["date_day"] <= last],
    )


def test_what_a_closed_day_would_have_had_of_its_week_is_on_the_other_days(case):
    laid = laid_by_day(case.past.outcome, 7 * HELD)
    media = media_of(case.result, case.future, laid.grid, cells_of(laid, case.result))
    shut = np.zeros((len(laid.keys), 7 * HELD), dtype=bool)
    shut[0, 1], shut[1, 7:14] = True, True
    parts = media.parts(shut)
    assert (parts[:, 0, 1] == 0).all()
    np.testing.assert_allclose(parts[:, 0, :7].sum(axis=1), media.ahead[:, 0, :7].sum(axis=1))
    assert (parts[:, 1, 7:14] == 0).all()  # a week without an open day takes its media with it
    np.testing.assert_array_equal(parts[:, 2:], media.ahead[:, 2:])
    rows = np.arange(len(laid.keys))
    paths = media.on_paths(np.full((4, 30, 70), 100, np.float32), rows, shut, seed=0)
    assert (paths[0, :, 1] == 100).all()
    assert (paths[0, :, 2].std(axis=0) > 0).all()


def test_a_mix_that_knows_what_is_to_be_forecast_is_refused(case):
    outcome = case.past.outcome
    early = outcome[outcome["date_day"] < sorted(outcome["date_day"].unique())[-5]]
    laid = laid_out(early, horizon=5)
    with pytest.raises(MediaError, match="after the history's end"):
        media_of(case.result, case.future, laid.grid, case.media.cells)


def test_a_plan_that_ends_early_is_refused_with_its_dates(case):
    laid = laid_out(case.past.outcome, horizon=HELD + 2)
    with pytest.raises(MediaError, match=f"has {HELD} dates .* needs {HELD + 2}"):
        media_of(case.result, case.future, laid.grid, case.media.cells)


def test_more_than_was_sold_is_floored_and_told(case):
    grid = case.laid.grid
    rich = dataclasses.replace(
        case.result.estimate,
        shares=tuple(
            dataclasses.replace(s, mean=s.mean + 20_000.0) if s.driver == "tv" else s
            for s in case.result.estimate.shares
        ),
    )
    result = dataclasses.replace(case.result, estimate=rich)
    media = media_of(result, case.future, grid, case.media.cells)
    assert any("more than 90%" in note for note in media.notes)
    np.testing.assert_allclose(media.without(grid).y, 0.1 * grid.y)
