"""A refreshed result: from the last mode, with what moved history and why."""

import dataclasses
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from models.errors import ModelInputError
from models.mix import MixModel, MixSpec
from models.mix.model import settle
from models.mix.panel import read_panel
from models.mix.problem import pose
from models.mix.refresh import mode_of, restatements
from models.mix.spec import Sampling
from tests.models.mix.releases import release, split

SPEC = MixSpec(sampling=Sampling(starts=2, chains=2, warmup=60, draws=150, longer=1))
PARTS = ["by_restated", "by_new_data", "by_changed_model", "by_experiments", "by_sampling"]


@pytest.fixture(scope="module")
def past():
    return split(release(territories=("north",)))[0]


@pytest.fixture(scope="module")
def result(past):
    return MixModel(SPEC).fit(past, seed=5)


def restated(inputs, factor=1.5, dates=25):
    outcome = inputs.outcome.copy()
    days = sorted(outcome["date_day"].unique())[:dates]
    late = outcome["date_day"].isin(days)
    outcome.loc[late, "net_revenue"] = [
        (x * Decimal(str(factor))).quantize(Decimal("0.01"))
        for x in outcome.loc[late, "net_revenue"]
    ]
    return dataclasses.replace(inputs, outcome=outcome)


def test_parts_sum_to_the_move_and_moves_to_the_change_of_the_outcome(past, result):
    told = result.refresh(restated(past))
    assert np.allclose(told.moves[PARTS].sum(axis=1), told.moves["moved"])
    assert np.allclose(told.moves["after"] - told.moves["before"], told.moves["moved"])
    change = told.restated.query("what == 'outcome'").eval("after - before").sum()
    assert told.moves["moved"].sum() == pytest.approx(change, rel=1e-6)


def test_the_same_data_and_settings_move_nothing_but_by_sampling(past, result):
    told = result.refresh(past)
    assert (told.moves[PARTS[:4]].to_numpy() == 0).all()
    assert not told.moves["is_flagged"].any()
    assert told.restated.empty and not len(told.appended) and not len(told.dropped)


def test_restated_sales_are_listed_by_date_and_named_as_the_cause(past, result):
    told = result.refresh(restated(past))
    days = sorted(pd.to_datetime(past.outcome["date_day"]).unique())[:25]
    assert list(told.restated["date_day"]) == days
    baseline = told.moves.set_index("driver").loc["baseline"]
    assert baseline["is_flagged"] and baseline["cause"] == "restated data"
    assert (told.moves["by_new_data"] == 0).all()


def test_appended_dates_are_the_cause_of_what_they_move(past, result):
    told = result.refresh(release(territories=("north",)))
    assert len(told.appended) == 10 and told.restated.empty
    assert (told.moves[["by_restated", "by_changed_model"]].to_numpy() == 0).all()
    assert (told.moves["by_new_data"].abs() > 0).any()


def test_another_prior_is_a_changed_model(past, result):
    told = result.refresh(past, spec=SPEC.model_copy(update={"media_share": 0.8}))
    assert (told.moves[["by_restated", "by_new_data"]].to_numpy() == 0).all()
    assert (told.moves["by_changed_model"].abs() > 0).any()


def test_an_experiment_that_is_new_is_the_cause_and_the_same_one_again_is_none(past, result):
    tv = result.summary().set_index("driver").loc["tv"]
    tests = pd.DataFrame(
        [
            {
                "experiment_id": "one", "kind": "media", "driver": "tv", "territory_id": "north",
                "arm": "treated", "starts_on": "2023-07-03", "ends_on": "2023-07-30", "spend": 0.0,
                "currency_code": past.currency, "status": "done",
                "effect": 4 * 3.0 * float(tv["contribution"]) / 94, "effect_se": 300.0,
            }
        ]
    )  # fmt: skip
    told = result.refresh(past, experiments=tests)
    moves = told.moves.set_index("driver")
    assert (told.moves[PARTS[:3]].to_numpy() == 0).all()
    assert moves.loc["tv", "by_experiments"] > 0.2 * float(tv["contribution"])
    assert moves.loc["tv", "cause"] == "experiments"
    assert np.allclose(told.moves[PARTS].sum(axis=1), told.moves["moved"])
    again = told.result.refresh(past, experiments=tests)
    assert np.abs(again.moves["by_experiments"]).max() < 1.0
    without = told.result.refresh(past)
    assert without.moves.set_index("driver").loc["tv", "by_experiments"] == pytest.approx(
        -moves.loc["tv", "by_experiments"], rel=1e-3
    )


def test_a_restated_exposure_is_listed_with_its_driver(past):
    drivers = past.drivers.copy()
    row = drivers.index[drivers["driver"] == "tv"][3]
    drivers.loc[row, ["exposure", "spend"]] = [9999.0, Decimal("9999.00")]
    found = restatements(read_panel(past), read_panel(dataclasses.replace(past, drivers=drivers)))
    assert set(found["what"]) == {"media tv", "media tv spend"}
    assert (found["after"] == 9999.0).all()


def test_the_climb_begins_at_the_last_mode(past, result):
    problem = pose(read_panel(past), SPEC)
    start = mode_of(result.estimate.posterior, result.estimate.mode.theta)
    posterior, theta = settle(problem, (), 1, np.random.default_rng(0), start)
    value = posterior.value_and_gradient(theta)[0]
    assert value == pytest.approx(result.estimate.mode.value, abs=0.5)


def test_what_cannot_be_compared_is_an_error(past, result):
    for change, said in (
        ({"currency": "USD"}, "currency"),
        ({"decimals": 3}, "decimals"),
    ):
        with pytest.raises(ModelInputError, match=said):
            result.refresh(dataclasses.replace(past, **change))
    with pytest.raises(ModelInputError, match="territories"):
        result.refresh(release())
    later = release(territories=("north",))

    def moved(frame):
        return frame.assign(date_day=pd.to_datetime(frame["date_day"]) + pd.Timedelta(days=7000))

    apart = dataclasses.replace(
        later,
        outcome=moved(later.outcome),
        drivers=moved(later.drivers),
        controls=moved(later.controls),
    )
    with pytest.raises(ModelInputError, match="no date in common"):
        result.refresh(apart)
