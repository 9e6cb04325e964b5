"""Plans of a driver that saturates by how often the reached meet it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import MissingColumnError
from models.mix import MixModel, MixSpec
from models.mix.planning.outlook import look_out
from models.mix.spec import Sampling
from tests.models.mix.releases import release, split

SPEC = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=60, draws=100, longer=1))


def met(inputs, times=1.0):
    """The release with radio met between one and six times by those it reaches."""
    radio = (inputs.drivers["driver"] == "radio").to_numpy()
    often = np.random.default_rng(9).uniform(1, 6, len(radio)) * times
    drivers = inputs.drivers.assign(frequency=np.where(radio, often, np.nan))
    return dataclasses.replace(inputs, drivers=drivers)


@pytest.fixture(scope="module")
def case():
    past, future = split(met(release()))
    return SimpleNamespace(past=past, future=future, result=MixModel(SPEC).fit(past, seed=1))


def radio(case, future):
    told = case.result.predict(future).contributions()
    return told[told["driver"] == "radio"]["mean"].sum()


def changed(future, reach=1.0, times=1.0):
    drivers = future.drivers.copy()
    rows = drivers["driver"] == "radio"
    drivers.loc[rows, "exposure"] *= reach
    drivers.loc[rows, "frequency"] *= times
    return dataclasses.replace(future, drivers=drivers)


def test_twice_the_reach_brings_twice_as_much_and_twice_the_frequency_less(case):
    carried = radio(case, changed(case.future, reach=0.0))
    once = radio(case, case.future) - carried
    assert radio(case, changed(case.future, reach=2.0)) - carried == pytest.approx(2 * once)
    oftener = radio(case, changed(case.future, times=2.0)) - carried
    assert once < oftener < 2 * once


def test_money_buys_reach_at_the_planned_frequency(case):
    estimate = case.result.estimate
    outlook = look_out(estimate, estimate.posterior, 30, [("media", "radio")], by_territory=True)
    none, plan, double = (outlook.brought(np.full((1, 2), s))[0] for s in (0.0, 1.0, 2.0))
    assert np.allclose(double - plan, plan - none)
    told = case.result.optimise(plan=case.future, drivers=("radio", "tv"))
    table = told.allocation().set_index("driver")
    # No reach is dearer than the last: one more unit of money brings what the mean one does.
    mean = table.loc["radio", "contribution"] / float(table.loc["radio", "spend"])
    assert float(table.loc["radio", "mroi"]) == pytest.approx(float(mean), rel=0.02)


def test_a_future_without_frequency_is_an_error_that_names_it(case):
    drivers = case.future.drivers.drop(columns="frequency")
    with pytest.raises(MissingColumnError, match=r"radio.*frequency"):
        case.result.predict(dataclasses.replace(case.future, drivers=drivers))
