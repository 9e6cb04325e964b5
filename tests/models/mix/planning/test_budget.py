"""Where money should go: optimal, within bounds, to the cent, and never flattered."""

import dataclasses
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from models.mix import MixModel, MixSpec
from models.mix.engine.transforms import HILL
from models.mix.planning.allocating import Limits, Worth, climb, fitting
from models.mix.planning.bounds import BudgetError
from models.mix.planning.horizon import read_horizon
from models.mix.planning.outlook import Curves, Outlook, look_out
from models.mix.spec import DriverSpec, Sampling
from tests.models.mix.releases import HELD, release, split

SPEC = MixSpec(
    drivers={"coupon": DriverSpec(echo=True)},
    sampling=Sampling(starts=1, chains=2, warmup=60, draws=150, longer=1),
)


@pytest.fixture(scope="module")
def result():
    return MixModel(SPEC).fit(split(release())[0], seed=1)


@pytest.fixture(scope="module")
def future():
    return split(release())[1]


def by_hand(shapes, draws=40, seed=0):
    """An outlook of drivers with Hill curves, one series, ten dates, 100 of spend each."""
    rng = np.random.default_rng(seed)
    count = len(shapes)
    size = (count, draws, 1, 10)
    planned = np.broadcast_to(rng.gamma(4.0, 0.25, (count, 1, 1, 10)), size).copy()
    curves = Curves(
        before=np.zeros(size),
        planned=planned,
        weight=np.broadcast_to(rng.gamma(20.0, 2.0, (count, draws, 1, 1)), size).copy(),
        fill=np.full(count, HILL),
        log_half=rng.normal(0.3, 0.1, (count, draws)),
        log_shape=np.broadcast_to(np.log(shapes)[:, None], (count, draws)).copy(),
        first=np.zeros(0, dtype=np.int64),
        second=np.zeros(0, dtype=np.int64),
        joint=np.zeros((0, draws, 1, 10)),
        group=np.zeros(1, dtype=np.int64),
    )
    labels = tuple(("media", f"d{c}") for c in range(count))
    spend = np.full((count, 1), 100.0)
    return Outlook(labels, ("",), spend, np.full(count, 3.0), curves, 10)


@pytest.mark.parametrize("worst", [None, 0.2])
@pytest.mark.parametrize("shapes", [(1.0, 0.8, 1.2), (2.5, 3.0, 1.0), (4.0, 4.0, 4.0)])
def test_no_split_on_a_fine_grid_is_better(shapes, worst):
    """Also where curves are S-shaped and the best plan drops a driver."""
    worth = Worth(by_hand(shapes), 1.0, 0.0, worst)
    limits = Limits(np.zeros((3, 1)), np.full((3, 1), 250.0), 180.0, exactly=True)
    found = climb(worth, limits)
    against = worth.gains(worth.outlook.spend)[0]
    best = -np.inf
    for a in np.linspace(0, 180, 61):
        for b in np.linspace(0, 180 - a, 61):
            best = max(best, worth.of(np.array([[a], [b], [180 - a - b]]), against)[0])
    got = worth.of(found, against)[0]
    assert found.sum() == pytest.approx(180.0)
    assert got >= best - 1e-4 * abs(best)


def test_marginal_returns_are_equal_inside_the_bounds_and_no_better_outside():
    worth = Worth(by_hand((1.0, 0.8, 1.2, 1.0)), 1.0, 0.0, None)
    upper = np.array([[250.0], [250.0], [60.0], [250.0]])
    found = climb(worth, Limits(np.zeros((4, 1)), upper, 400.0, exactly=True))
    slope = worth.gains(found)[1].mean(axis=0)[:, 0]
    inside = (found[:, 0] > 1e-3) & (found[:, 0] < upper[:, 0] - 1e-3)
    assert inside.sum() >= 2
    assert np.ptp(slope[inside]) < 2e-3 * slope[inside].mean()
    assert (slope[found[:, 0] >= upper[:, 0] - 1e-3] >= slope[inside].mean() * 0.998).all()


def test_more_budget_never_brings_less():
    worth = Worth(by_hand((1.0, 2.0, 3.0)), 1.0, 0.0, None)
    against = worth.gains(worth.outlook.spend)[0]
    values = [
        worth.of(
            climb(worth, Limits(np.zeros((3, 1)), np.full((3, 1), 300.0), total, exactly=True)),
            against,
        )[0]
        for total in (50.0, 150.0, 300.0, 500.0, 900.0)
    ]
    assert (np.diff(values) > 0).all()


def test_slopes_are_those_of_the_worth(result):
    interacting = MixSpec(
        sampling=Sampling(starts=1, chains=2, warmup=40, draws=40, longer=1),
        interactions=(("tv", "radio"), ("tv", "coupon")),
        drivers={"radio": DriverSpec(adstock="delayed", saturation="logistic")},
    )
    fitted = MixModel(interacting).fit(split(release(dates=80))[0], seed=1).estimate
    chosen = [("media", "radio"), ("media", "tv")]
    outlook = look_out(fitted, fitted.posterior, 30, chosen, by_territory=True)
    scale = np.array([[0.7, 1.2], [1.5, 0.4]])
    value, slope = outlook.brought(scale)
    for cell in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[cell] = 1e-5
        ahead, behind = (outlook.brought(scale + way * step)[0] for way in (1, -1))
        told = (ahead - behind).sum(axis=(1, 2)) / 2e-5
        assert np.allclose(told, slope[(slice(None), *cell)], rtol=1e-4, atol=1e-3)
    assert value.shape == slope.shape


def test_the_outlook_at_the_plan_is_what_the_drivers_brought(result):
    estimate = result.estimate
    dates = len(estimate.panel.dates)
    chosen = [("media", "radio"), ("media", "tv"), ("promotion", "coupon")]
    outlook = look_out(estimate, estimate.posterior, dates, chosen, by_territory=True)
    whole = outlook.brought(np.ones((3, 2)))[0]
    cut = outlook.curves._replace(
        weight=outlook.curves.weight * (np.arange(outlook.curves.weight.shape[3]) < dates)
    )
    window = dataclasses.replace(outlook, curves=cut).brought(np.ones((3, 2)))[0]
    brought = {s.driver: s.by_series for s in estimate.shares}
    picks = np.linspace(0, len(brought["tv"]) - 1, len(window)).round().astype(int)
    for c, (_, name) in enumerate(chosen):
        assert np.allclose(window[:, c], brought[name][picks], rtol=1e-4)
    assert (whole > window)[:, :2].all()  # what carries over past the end counts


def test_the_outlook_of_a_promotion_hears_what_ran_before_and_what_comes_after(result, future):
    horizon = read_horizon(result.estimate, future)
    estimate, key = result.estimate, ("promotion", "coupon")
    outlook = look_out(estimate, horizon.posterior, HELD, [key], by_territory=True)
    none, plan, double = (outlook.brought(np.full((1, 2), scale))[0] for scale in (0.0, 1.0, 2.0))
    assert np.allclose(double - plan, plan - none)
    drawn, design = estimate.drawn, horizon.posterior.design
    picks = np.linspace(0, len(drawn.theta) - 1, len(plan)).round().astype(int)
    told = np.tensordot(
        drawn.shared[np.ix_(picks, design.of(*key))], design.shared[design.of(*key)], axes=1
    )
    for k in design.own_of(*key):
        told = told + drawn.own[picks][:, :, k, None] * design.own[k]
    money = horizon.posterior.panel.money[:, None]
    tail = outlook.curves.planned.copy()
    tail[..., HELD:] = 0.0
    early = outlook.curves.before.copy()
    early[..., HELD:] = 0.0
    cut = dataclasses.replace(outlook, curves=outlook.curves._replace(planned=tail, before=early))
    assert np.allclose(cut.brought(np.ones((1, 2)))[0][:, 0], (told * money).sum(axis=2), rtol=1e-6)


def test_a_fixed_budget_is_spent_to_the_cent_within_bounds(result):
    bounds = pd.DataFrame(
        {"driver": ["tv", "radio"], "lower": [0.9, None], "upper_spend": [None, "50000.01"]}
    )
    told = result.optimise(budget=Decimal("80000.33"), bounds=bounds)
    table = told.allocation().set_index("driver")
    assert table["spend"].sum() == Decimal("80000.33") == told.totals["spend"]
    assert (table["lower"] <= table["spend"]).all() and (table["spend"] <= table["upper"]).all()
    assert table.loc["radio", "upper"] == Decimal("50000.01")
    assert float(table.loc["tv", "lower"]) >= 0.9 * float(table.loc["tv", "spend_now"]) - 0.01


def test_the_current_budget_is_never_split_worse_than_now(result, future):
    for plan in (None, future):
        for worst in (None, 0.2):
            told = result.optimise(plan=plan, risk_averse=worst)
            assert told.totals["spend"] == told.totals["spend_now"]
            assert told.totals["contribution_gain"] >= -1e-6 or worst
            assert told.totals["worst_gain"] >= -1e-6 or not worst
            assert 0 <= told.totals["probability_of_gain"] <= 1


def test_a_plan_that_stays_is_no_gain(result):
    fixed = pd.DataFrame({"driver": ["tv", "radio"], "lower": [1, 1], "upper": [1, 1]})
    told = result.optimise(bounds=fixed)
    assert (told.allocation()["change"] == 0).all()
    assert told.totals["probability_of_gain"] == 0 and told.totals["profit_gain"] == 0


def test_aversion_to_risk_raises_the_worst_and_not_the_mean(result):
    plain = result.optimise(by_territory=True)
    averse = result.optimise(by_territory=True, risk_averse=0.2)
    assert averse.totals["worst_gain"] >= plain.totals["worst_gain"] - 25
    assert averse.totals["contribution_gain"] <= plain.totals["contribution_gain"] + 25


def test_targets_are_met(result):
    marginal = result.optimise(goal="mroi", target=0.8).allocation()
    assert np.allclose(marginal["mroi"], 0.8, rtol=0.1)
    average = result.optimise(goal="roi", target=1.3)
    roi = average.totals["contribution"] / float(average.totals["spend"])
    assert roi == pytest.approx(1.3, rel=0.1)
    profit = result.optimise(goal="flexible", margin=0.5).allocation()
    assert np.allclose(profit["mroi"], 1 / 0.5, rtol=0.12)


def test_profit_counts_the_margin_and_the_money(result):
    told = result.optimise(budget=60_000, margin=0.4).totals
    change = float(told["spend"] - told["spend_now"])
    assert told["profit_gain"] == pytest.approx(0.4 * told["contribution_gain"] - change)


def test_exposure_beyond_everything_observed_is_refused_or_labelled(result):
    wide = pd.DataFrame({"driver": ["tv"], "lower": [20], "upper": [25]})
    with pytest.raises(BudgetError, match=r"media tv.*beyond.*--beyond-observed"):
        result.optimise(bounds=wide, budget=2_000_000)
    told = result.optimise(bounds=wide, budget=1_000_000, beyond_observed=True)
    assert told.allocation().set_index("driver").loc["tv", "is_beyond_observed"]
    assert any("assumed curve: media tv" in note for note in told.notes)


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ({"budget": 1e9}, "bounds allow"),
        ({"budget": -1}, "above 0"),
        ({"goal": "roi"}, "needs a target"),
        ({"target": 2.0}, "needs no target"),
        ({"goal": "flexible"}, "margin"),
        ({"margin": 35}, "0.35"),
        ({"risk_averse": 20}, "0.2"),
        ({"goal": "roi", "target": 500.0}, "nearest returns"),
        ({"drivers": ("cinema",)}, "no driver 'cinema'"),
        ({"drivers": ("coupon",)}, "no spend"),
    ],
)
def test_what_cannot_be_met_is_an_error_that_says_what_would_do(result, goal, said):
    with pytest.raises(ValueError, match=said):
        result.optimise(**goal)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"driver": "cinema", "upper": 1}, "'cinema'"),
        ({"driver": "tv", "upper": "much"}, "'much'"),
        ({"driver": "tv", "upper": -1}, "at least"),
        ({"driver": "tv", "lower": 2, "upper": 1}, "cross"),
        ({"driver": "tv", "upper": 1, "territory_id": "north"}, "--by-territory"),
        ({"driver": "tv"}, "lower_spend"),
    ],
)
def test_bounds_that_make_no_sense_name_their_row(result, row, said):
    with pytest.raises(BudgetError, match=said):
        result.optimise(bounds=pd.DataFrame([row]))


def test_limits_move_a_plan_by_its_room():
    limits = Limits(np.array([[1.0], [0.0]]), np.array([[4.0], [4.0]]), 6.0, exactly=True)
    assert fitting(np.array([[5.0], [0.0]]), limits).sum() == pytest.approx(6.0)
