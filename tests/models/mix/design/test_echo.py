"""A promotion moves sales before and after it runs, and gets what that is worth."""

import dataclasses

import numpy as np
import pytest

from models.errors import UnknownKindError
from models.mix import MixModel, MixSpec
from models.mix.design.echo import ECHOES, echoed
from models.mix.panel import read_panel
from models.mix.problem import pose
from models.mix.spec import DriverSpec, Sampling
from tests.models.mix.companies import company

QUICK = Sampling(starts=1, chains=2, warmup=80, draws=200, longer=1)
SILENT = {"coupon": DriverSpec(echo=False)}
HEARD = {"coupon": DriverSpec(echo=True)}


def test_an_echo_is_the_mean_exposure_so_many_dates_ago():
    ran = np.array([[0.0, 1.0, 0.0, 0.0, 2.0, 0.0]])
    assert echoed(ran, (1, 1)).tolist() == [[0, 0, 1, 0, 0, 2]]
    assert echoed(ran, (2, 2)).tolist() == [[0, 0, 0, 1, 0, 0]]
    assert echoed(ran, (-1, -1)).tolist() == [[1, 0, 0, 2, 0, 0]]
    assert echoed(ran, (1, 2)).tolist() == [[0, 0, 0.5, 0.5, 0, 1]]
    assert echoed(ran, (-3, -1)) == pytest.approx(np.array([[1, 2, 2, 2, 0, 0]]) / 3)
    assert not echoed(ran, (6, 9)).any()


@pytest.mark.parametrize(
    ("grain", "asked", "count"),
    [("day", {}, 4), ("day", SILENT, 0), ("week", {}, 0), ("week", HEARD, 4), ("month", {}, 0)],
)
def test_promotions_have_echoes_by_grain_and_nothing_else_has(grain, asked, count):
    problem = pose(read_panel(company(dates=80, grain=grain)), MixSpec(drivers=asked))
    found = [(c.driver, c.echo) for c in problem.design.columns if c.echo is not None]
    assert found == [("coupon", since) for since in ECHOES[grain][:count]]


def test_another_linear_driver_may_be_given_echoes():
    panel = read_panel(company(grain="day"))
    asked = pose(panel, MixSpec(drivers={"temperature": DriverSpec(echo=True)}))
    names = {c.driver for c in asked.design.columns if c.echo}
    assert names == {"coupon", "temperature"}


@pytest.mark.parametrize(("grain", "driver"), [("week", "c0"), ("month", "coupon")])
def test_an_echo_that_cannot_be_is_refused(grain, driver):
    spec = MixSpec(drivers={driver: DriverSpec(echo=True)})
    with pytest.raises(UnknownKindError, match=f"echo of '{driver}'.*{grain}"):
        pose(read_panel(company(dates=80, grain=grain)), spec)


def test_exposure_before_the_window_is_heard_in_it():
    design = pose(read_panel(company(ahead=6)), MixSpec(drivers=HEARD)).design
    panel = read_panel(company(ahead=6))
    coupon = next(d for d in panel.drivers if d.name == "coupon")
    ahead = coupon.per_head.shape[1] - len(panel.dates)
    assert ahead == 6
    after = next(i for i, c in enumerate(design.columns) if c.echo == (1, 1))
    unit = design.columns[after].unit
    assert np.allclose(design.shared[after], coupon.per_head[:, 5:-1] / unit)


def selling(after, before, seed):
    """A company whose coupon sells 60 a date of depth 0.2, and moves sales around that."""
    release = company(territories=2, dates=240, media=1, seed=seed)
    depth = (
        release.drivers.query("driver == 'coupon'")
        .pivot(index="territory_id", columns="date_day", values="exposure")
        .to_numpy()
    )
    brought = 300.0 * depth
    brought[:, 1:] += 300.0 * after * depth[:, :-1]
    brought[:, :-1] += 300.0 * before * depth[:, 1:]
    noise = np.random.default_rng([seed, 5]).normal(0, 8, depth.shape)
    sold = 200.0 + brought + noise
    outcome = release.outcome.assign(net_revenue=sold.ravel())
    return dataclasses.replace(release, outcome=outcome), float(brought.sum())


def told(release, spec, seed):
    """What the coupon is credited with, and its interval."""
    row = MixModel(spec).fit(release, seed=seed).summary().set_index("driver").loc["coupon"]
    return tuple(float(row[f"contribution{part}"]) for part in ("", "_p05", "_p95"))


@pytest.mark.parametrize(("after", "before"), [(-0.4, -0.15), (0.35, 0.0)])
def test_what_is_pulled_forward_or_comes_late_counts_for_the_promotion(after, before):
    held, ratios, deaf = 0, [], []
    for seed in (1, 2, 3):
        release, truth = selling(after, before, seed)
        middle, low, high = told(release, MixSpec(sampling=QUICK, drivers=HEARD), seed)
        held += low <= truth <= high
        ratios.append(middle / truth)
        deaf.append(told(release, MixSpec(sampling=QUICK, drivers=SILENT), seed)[0] / truth)
    assert held >= 2
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.1)
    assert abs(np.mean(deaf) - 1.0) > 2 * abs(np.mean(ratios) - 1.0)
