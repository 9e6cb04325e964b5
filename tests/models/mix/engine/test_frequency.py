"""Reach with frequency: reach brings by the Hill curve of how often it was met."""

import dataclasses

import numpy as np
import pytest

from models.errors import MissingColumnError, NotFiniteError
from models.mix import MixInputs, MixModel, MixSpec
from models.mix.engine.effects import forward
from models.mix.panel import read_panel
from models.mix.problem import pose
from models.mix.spec import DriverSpec, Sampling
from tests.models.mix.companies import company
from tests.models.mix.engine.test_density import assert_gradient_is_the_difference_quotient

QUICK = Sampling(starts=1, chains=2, warmup=60, draws=60, longer=1)


def with_frequency(release: MixInputs, frequency: float | None = None) -> MixInputs:
    """c1 with a frequency; the other drivers have none."""
    drawn = 1 + np.random.default_rng(3).gamma(2.0, 1.0, len(release.drivers))
    often = drawn if frequency is None else np.full(len(drawn), frequency)
    chosen = release.drivers["driver"] == "c1"
    drivers = release.drivers.assign(frequency=np.where(chosen, often, np.nan))
    return dataclasses.replace(release, drivers=drivers)


@pytest.mark.parametrize("territories", [1, 2])
@pytest.mark.parametrize("adstock", ["none", "geometric", "delayed", "weibull"])
def test_gradient_is_exact_where_reach_meets_frequency(territories: int, adstock: str) -> None:
    panel = read_panel(with_frequency(company(territories, dates=40)))
    spec = MixSpec(drivers={"c1": DriverSpec(adstock=adstock)})
    assert_gradient_is_the_difference_quotient(pose(panel, spec).posterior())


def test_reach_brings_in_proportion_at_one_frequency() -> None:
    problem = pose(read_panel(with_frequency(company(), 2.0)), MixSpec())
    posterior = problem.posterior()
    at = [entry.driver.name for entry in problem.entries].index("c1")
    state = posterior.response.forward(posterior.raw(np.zeros(posterior.size)))
    bare = pose(read_panel(company()), MixSpec(drivers={"c1": DriverSpec(saturation="none")}))
    other = bare.posterior()
    linear = other.response.forward(other.raw(np.zeros(other.size)))
    # The same but for what reach before the window met, which is not known: after its tail.
    ratio = state.filled[at, 0, 20:] / linear.filled[at, 0, 20:]
    assert ratio == pytest.approx(np.full_like(ratio, ratio[0]))


def test_more_often_brings_more_and_less_each_time() -> None:
    problem = pose(read_panel(with_frequency(company())), MixSpec())
    response = problem.posterior().response
    raw = problem.posterior().raw(np.zeros(problem.posterior().size))
    at = [entry.driver.name for entry in problem.entries].index("c1")
    totals = []
    for times in (1.0, 2.0, 3.0):
        drivers = response.drivers._replace(frequency=times * response.drivers.frequency)
        totals.append(float(forward(raw, drivers, response.dates).filled[at].sum()))
    assert totals[0] < totals[1] < totals[2]
    assert totals[2] - totals[1] < totals[1] - totals[0]


def test_a_fit_sums_exactly_and_its_curve_is_a_line_in_reach() -> None:
    release = with_frequency(company())
    result = MixModel(MixSpec(sampling=QUICK)).fit(release)
    sums = result.contributions().groupby("date_day")["contribution"].sum().astype(float)
    assert sums.to_numpy() == pytest.approx(release.outcome["net_revenue"].round(2).to_numpy())
    curve = result.curves().query("driver == 'c1'")
    whole = curve.loc[curve["multiplier"] == 1.0, "contribution"].item()
    assert curve["contribution"].to_numpy() == pytest.approx(curve["multiplier"] * whole)


def test_a_cell_without_frequency_is_an_error_with_its_place() -> None:
    release = with_frequency(company())
    row = int(release.drivers["driver"].eq("c1").to_numpy().argmax())
    drivers = release.drivers.copy()
    drivers.loc[row, "frequency"] = None
    with pytest.raises(NotFiniteError, match=r"c1.*frequency.*2022-01-03"):
        read_panel(dataclasses.replace(release, drivers=drivers))


def test_saturating_by_a_frequency_that_is_not_given_is_an_error() -> None:
    spec = MixSpec(drivers={"c0": DriverSpec(saturation="frequency")})
    with pytest.raises(MissingColumnError, match=r"'c0'.*frequency"):
        pose(read_panel(company()), spec)
