"""The classical estimate: same transforms, same frames, no priors on effects."""

import dataclasses
import io
import time

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from models.mix import MixModel, MixResult, MixSpec
from models.mix.classical import Profile, classical_problem
from models.mix.panel import read_panel
from models.mix.spec import DriverSpec
from tests.models.mix.releases import release, split

SPEC = MixSpec(engine="statsmodels")
KEY = ["date_day", "territory_id"]


@pytest.fixture(scope="module", params=[("north",), ("north", "south")], ids=["one", "two"])
def fitted(request):
    inputs = split(release(territories=request.param))[0]
    return inputs, MixModel(SPEC).fit(inputs, seed=4)


def test_contributions_sum_to_the_outcome_to_the_cent(fitted):
    inputs, result = fitted
    sums = result.contributions().groupby(KEY)["contribution"].sum()
    outcome = inputs.outcome.assign(date_day=pd.to_datetime(inputs.outcome["date_day"]))
    assert (sums == outcome.set_index(KEY)["net_revenue"].sort_index()).all()


def test_frames_have_the_columns_of_the_bayes_engine(fitted):
    _, result = fitted
    assert {"roi", "roi_p05", "mroi", "share_p95"} <= set(result.summary())
    assert (result.summary()["contribution_p05"] <= result.summary()["contribution_p95"]).all()
    assert set(result.curves()["driver"]) >= {"tv", "radio"}
    assert {"alpha", "half_saturation"} <= set(result.parameters()["parameter"]) or {
        "scale"
    } <= set(result.parameters()["parameter"])
    assert set(result.gates()["check_name"]) >= {"effect_not_negative", "fit_r2"}


def test_the_profile_has_the_gradient_of_finite_differences():
    spec = MixSpec(
        engine="statsmodels",
        drivers={"radio": DriverSpec(adstock="delayed", saturation="logistic", drifts=True)},
        interactions=(("tv", "coupon"),),
    )
    panel = read_panel(split(release(dates=90))[0])
    profile = Profile(classical_problem(panel, spec).posterior())
    theta = 0.3 * np.random.default_rng(1).standard_normal(profile.size)
    slope = profile.value_and_gradient(theta)[1]
    for i in range(profile.size):
        step = np.zeros(profile.size)
        step[i] = 1e-5
        ahead, behind = (profile.value_and_gradient(theta + way * step)[0] for way in (1, -1))
        assert (ahead - behind) / 2e-5 == pytest.approx(slope[i], rel=1e-3, abs=1e-4)


def test_least_squares_are_those_of_statsmodels_with_a_dummy_a_territory():
    panel = read_panel(split(release(dates=90))[0])
    profile = Profile(classical_problem(panel, SPEC).posterior())
    theta = np.zeros(profile.size)
    _, fit = profile.fit(theta)
    state = profile.response.forward(profile.raw(theta))
    design = profile.posterior.design
    columns = np.concatenate([design.shared, profile.response.shared_columns(state)])
    own = np.zeros((2 * len(profile.own_places), *profile.outcome.shape))
    for s in range(2):
        for i, k in enumerate(profile.own_places):
            own[2 * i + s, s] = design.own[k, s]
    x = np.concatenate([columns, own]).reshape(len(columns) + len(own), -1).T
    by_statsmodels = sm.OLS(profile.outcome.ravel(), x).fit()
    told = profile.outcome.ravel() - by_statsmodels.resid
    assert np.allclose(fit.residual.ravel(), profile.outcome.ravel() - told, atol=1e-8)


def test_an_effect_that_comes_out_negative_is_shown():
    inputs = split(release(territories=("north",)))[0]
    rows = inputs.drivers.copy()
    rng = np.random.default_rng(2)
    tv = rows["driver"] == "tv"
    outcome = inputs.outcome.copy()
    # More tv where less is sold.
    sold = outcome["net_revenue"].astype(float).to_numpy()
    rows.loc[tv, "exposure"] = np.maximum(0, 900 - 0.2 * (sold - sold.mean())) + rng.uniform(
        0, 50, len(sold)
    )
    result = MixModel(SPEC).fit(dataclasses.replace(inputs, drivers=rows))
    summary = result.summary().set_index("driver")
    assert float(summary.loc["tv", "contribution"]) < 0
    gate = result.gates().query("check_name == 'effect_not_negative' and subject == 'media tv'")
    assert gate["status"].item() == "warn"


def test_it_is_fast_repeats_and_is_stored(fitted):
    inputs, result = fitted
    begun = time.process_time()
    again = MixModel(SPEC).fit(inputs, seed=4)
    assert time.process_time() - begun < 10
    pd.testing.assert_frame_equal(again.summary(), result.summary())
    file = io.BytesIO()
    result.save(file)
    loaded = MixResult.load(io.BytesIO(file.getvalue()))
    pd.testing.assert_frame_equal(loaded.contributions(), result.contributions())


def test_it_predicts_and_plans_as_the_other_engine_does(fitted):
    inputs, result = fitted
    territories = tuple(inputs.territories["territory_id"])
    whole = release(territories=territories)
    told = result.predict(split(whole)[1]).totals()
    came = whole.outcome.groupby("date_day")["net_revenue"].sum().astype(float).to_numpy()[-10:]
    assert np.abs(told["mean"] / came - 1).mean() < 0.15
    assert result.optimise(budget=50_000).totals["spend"] == 50_000


def test_experiments_are_left_aside_and_said_so():
    inputs = split(release(dates=80, territories=("north",)))[0]
    result = MixModel(SPEC).fit(inputs, experiments=pd.DataFrame({"driver": ["tv"]}))
    assert "experiments_used" in set(result.gates()["check_name"])
