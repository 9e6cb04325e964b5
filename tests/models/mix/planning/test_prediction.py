"""What the mix model says of dates after its window."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from models.errors import DateGapError, EmptyFrameError, MissingColumnError
from models.mix import MixModel, MixSpec
from models.mix.design.baseline import window_exposure
from models.mix.panel import read_panel
from models.mix.planning.horizon import extended
from models.mix.planning.prediction import predict
from models.mix.problem import pose
from models.mix.spec import Baseline, DriverSpec, Sampling
from tests.models.mix.releases import DATES, HELD, release, split

SPEC = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=60, draws=100, longer=1))


@pytest.fixture(scope="module")
def case():
    whole = release()
    past, future = split(whole)
    result = MixModel(SPEC).fit(past, seed=1)
    return SimpleNamespace(
        whole=whole, past=past, future=future, result=result, told=result.predict(future)
    )


def test_prediction_meets_what_came(case):
    told = case.told.totals().set_index("date_day")
    came = case.whole.outcome.assign(date_day=pd.to_datetime(case.whole.outcome["date_day"]))
    came = came.groupby("date_day")["net_revenue"].sum().astype(float).loc[told.index]
    assert np.abs(told["mean"] / came - 1).mean() < 0.08
    assert ((told["p05"] <= came) & (came <= told["p95"])).mean() >= 0.7


def test_contributions_sum_to_the_outcome_and_bounds_are_in_order(case):
    cells = case.told.contributions()
    sums = cells.groupby(["date_day", "territory_id"])["mean"].sum().to_numpy()
    assert np.allclose(sums, case.told.outcome()["mean"], rtol=1e-12)
    assert (cells["p05"] <= cells["p50"]).all() and (cells["p50"] <= cells["p95"]).all()
    assert set(cells["driver"]) >= {"tv", "radio", "coupon", "price", "baseline", "residual"}


def test_intervals_widen_with_distance(case):
    width = case.told.totals().eval("p95 - p05").to_numpy()
    assert width[-3:].mean() > width[:3].mean()


def test_the_echo_of_a_promotion_in_the_window_is_heard_after_it():
    spec = MixSpec(drivers={"coupon": DriverSpec(echo=True)})
    whole = pose(read_panel(release()), spec)
    part = whole.cut(DATES - HELD)
    estimate = SimpleNamespace(panel=part.panel, spec=spec, posterior=part.posterior())
    ticks = whole.panel.ticks[:, -HELD:]
    future = dataclasses.replace(whole.panel, dates=whole.panel.dates[-HELD:], ticks=ticks)
    design = extended(estimate, future)[0].design
    columns = design.of("promotion", "coupon")
    assert len(columns) == 5
    assert np.allclose(design.shared[columns], whole.design.shared[columns][:, :, -HELD:])


def test_carry_over_saturation_and_calendar_go_on_as_if_the_window_were_longer():
    spec = MixSpec(
        baseline=Baseline(knot_days=10_000),
        drivers={"tv": DriverSpec(drifts=True), "radio": DriverSpec(adstock="delayed")},
        interactions=(("tv", "coupon"),),
    )
    whole = pose(read_panel(release()), spec)
    part = whole.cut(DATES - HELD)
    fitted = part.posterior()
    estimate = SimpleNamespace(panel=part.panel, spec=spec, posterior=fitted)
    future = dataclasses.replace(
        whole.panel,
        dates=whole.panel.dates[-HELD:],
        ticks=whole.panel.ticks[:, -HELD:],
    )
    posterior, unseen = extended(estimate, future)
    theta = np.random.default_rng(0).standard_normal(fitted.size)
    here = posterior.response.forward(posterior.raw(theta))
    there = whole.posterior().response.forward(fitted.raw(theta))
    assert np.allclose(here.filled, there.filled[:, :, -HELD:], rtol=1e-12)
    assert not unseen
    assert posterior.columns == fitted.columns and posterior.names == fitted.names
    for i, column in enumerate(fitted.design.columns):
        got, wanted = posterior.design.shared[i], whole.design.shared[i][:, -HELD:]
        if column.kind == "control":  # against the median of the shorter window
            wanted = got[:, :1] + wanted - wanted[:, :1]
        assert np.allclose(got, wanted, atol=1e-9), column
    for i, column in enumerate(fitted.design.own_columns):
        assert np.allclose(posterior.design.own[i], whole.design.own[i][:, -HELD:]), column


def test_a_future_without_media_brings_only_what_carries_over(case):
    drivers = case.future.drivers.copy()
    media = drivers["kind"] == "media"
    drivers.loc[media, "exposure"] = 0.0
    none = case.result.predict(dataclasses.replace(case.future, drivers=drivers))
    tv = none.contributions().query("driver == 'tv' and territory_id == 'north'")["mean"]
    assert tv.iloc[0] > 0
    assert (np.diff(tv) <= 0).all()
    assert tv.iloc[-1] < 0.05 * tv.iloc[0]


def test_residual_memory_fades_and_its_noise_stays(case):
    cells = case.told.contributions().query("driver == 'residual' and territory_id == 'north'")
    size = cells["mean"].abs().to_numpy()
    assert size[-1] < size[0] + 1e-9
    sigma = case.result.parameters().set_index("parameter").loc["sigma", "mean"]
    assert (cells["p95"] - cells["p05"]).iloc[-1] > sigma


def test_the_same_seed_predicts_the_same(case):
    again = case.result.predict(case.future)
    pd.testing.assert_frame_equal(again.contributions(), case.told.contributions())


def test_missing_drivers_and_controls_are_all_named_with_their_dates(case):
    drivers = case.future.drivers[case.future.drivers["driver"] != "radio"]
    future = dataclasses.replace(case.future, drivers=drivers, controls=None)
    with pytest.raises(MissingColumnError, match=r"media radio: 2024-.*control price: 2024-"):
        case.result.predict(future)


def test_a_gap_after_the_window_is_an_error_that_says_from_when(case):
    late = case.future.drivers["date_day"].min()
    future = dataclasses.replace(
        case.future,
        drivers=case.future.drivers.query("date_day > @late"),
        controls=case.future.controls.query("date_day > @late"),
    )
    with pytest.raises(DateGapError, match=f"from {late} on"):
        case.result.predict(future)


def test_rows_of_the_window_are_left_out_and_noted(case):
    both = pd.concat([case.past.drivers, case.future.drivers])
    told = case.result.predict(dataclasses.replace(case.future, drivers=both))
    pd.testing.assert_frame_equal(told.contributions(), case.told.contributions())
    assert any("left out" in note for note in told.notes)
    with pytest.raises(EmptyFrameError, match="within the model's window"):
        case.result.predict(case.past)


def test_another_weekday_is_an_error_unless_aligned(case):
    def later(frame):
        return frame.assign(date_day=pd.to_datetime(frame["date_day"]) + pd.Timedelta(days=4))

    future = dataclasses.replace(
        case.future, drivers=later(case.future.drivers), controls=later(case.future.controls)
    )
    with pytest.raises(DateGapError, match=r"a Friday.*Mondays.*--align"):
        case.result.predict(future)
    told = case.result.predict(future, align=True)
    pd.testing.assert_frame_equal(told.outcome(), case.told.outcome())


def test_unknown_drivers_and_unseen_exposure_are_noted(case):
    drivers = case.future.drivers.copy()
    drivers.loc[drivers["driver"] == "tv", "exposure"] *= 10
    new = drivers[drivers["driver"] == "tv"].assign(driver="cinema")
    told = case.result.predict(dataclasses.replace(case.future, drivers=pd.concat([drivers, new])))
    assert any("cinema" in note for note in told.notes)
    assert any("tv goes to" in note for note in told.notes)


def test_window_exposure_of_the_horizon_is_the_futures(case):
    panel = case.told.panel
    tv = next(d for d in panel.drivers if d.name == "tv")
    wanted = case.future.drivers.query("driver == 'tv' and territory_id == 'north'")["exposure"]
    got = window_exposure(panel, tv)[0] * panel.people[0]
    assert np.allclose(got, wanted)


def test_predict_takes_the_estimate_itself(case):
    told = predict(case.result.estimate, case.future)
    assert np.array_equal(told.paths, case.told.paths)
