"""Experiments: what they say, which are used, and how they move an estimate."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.errors import ExperimentError
from models.mix import MixModel, MixSpec
from models.mix.engine.lift import lifts
from models.mix.experiments import calibrating, examine, expected, read_experiments
from models.mix.panel import read_panel
from models.mix.problem import Problem, pose
from models.mix.spec import DriverSpec, Sampling
from tests.models.mix.companies import company

QUICK = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=150, draws=500, longer=1))
WINDOW = {"starts_on": "2022-07-04", "ends_on": "2022-07-31"}  # four whole weeks


def table(*rows: dict, **everywhere) -> pd.DataFrame:
    """A treated row of media c0 a dict; what is not said is plain."""
    plain = {
        "experiment_id": "one", "kind": "media", "driver": "c0", "territory_id": "t0",
        "arm": "treated", **WINDOW, "spend": 0.0, "currency_code": "EUR",
        "effect": 20.0, "effect_se": 5.0, "status": "done",
    }  # fmt: skip
    return pd.DataFrame([plain | everywhere | row for row in rows or ({},)])


def problem(territories: int = 1, spec: MixSpec = QUICK, **size) -> Problem:
    return pose(read_panel(company(territories, **size)), spec)


def one(frame: pd.DataFrame, of: Problem):
    (reading,) = examine(frame, of)
    return reading


def modelled(of: Problem, read_out, theta: np.ndarray) -> float:
    posterior = of.posterior(experiments=(read_out,))
    raw = posterior.raw(theta)
    state = posterior.response.forward(raw)
    return lifts(raw, posterior.response.drivers, state, posterior.problem.tests)[0]


def spent(of: Problem, window: slice, series: int = 0) -> float:
    driver = next(d for d in of.panel.drivers if d.name == "c0")
    return float(driver.spend[series, window].sum())


def test_a_read_out_without_money_is_of_all_the_driver_brought_in_the_window():
    of = problem()
    read_out = one(table(), of).read_out
    posterior = of.posterior()
    theta = 0.3 * np.random.default_rng(0).standard_normal(posterior.size)
    state, _ = posterior.at(theta)
    brought = state.scale[read_out.at] * state.filled[read_out.at] * of.panel.money[:, None]
    assert modelled(of, read_out, theta) == pytest.approx(brought[:, 26:30].sum())


def test_all_money_added_is_what_the_driver_brought_less_what_was_carried_into_the_window():
    of = problem(spec=MixSpec(drivers={"c0": DriverSpec(adstock="none")}))
    whole = one(table(), of).read_out
    added = one(table({"spend": spent(of, slice(26, 30)), "contrast": "added"}), of)
    assert added.text.startswith("money added")
    theta = np.zeros(of.posterior().size)
    assert modelled(of, added.read_out, theta) == pytest.approx(modelled(of, whole, theta))
    carried = problem()
    theta = np.zeros(carried.posterior().size)
    less = one(table({"spend": spent(carried, slice(26, 30)), "contrast": "added"}), carried)
    whole = one(table(), carried).read_out
    assert 0 < modelled(carried, less.read_out, theta) < modelled(carried, whole, theta)


def dark(of_company, first: str, last: str):
    """The company had it bought no c0 in territory t0 in that time."""
    drivers = of_company.drivers.copy()
    off = (
        (drivers["driver"] == "c0")
        & (drivers["territory_id"] == "t0")
        & drivers["date_day"].between(first, last)
    )
    drivers.loc[off, ["exposure", "spend"]] = 0.0
    return dataclasses.replace(of_company, drivers=drivers)


def test_money_withheld_reads_what_it_would_have_brought():
    # The panel has nothing of c0 in the window: a read-out of what it brought there would be zero.
    of = pose(read_panel(dark(company(2), **{"first": "2022-07-04", "last": "2022-07-31"})), QUICK)
    rows = ({"spend": 6.0}, {"territory_id": "t1", "arm": "control", "effect": None})
    reading = one(table(*rows), of)
    assert reading.text.startswith("money withheld") and reading.use == "calibrate"
    theta = np.zeros(of.posterior().size)
    would = modelled(of, reading.read_out, theta)
    assert would > 0
    twice = one(table({"spend": 12.0}, rows[1]), of)
    assert would < modelled(of, twice.read_out, theta) < 2 * would


def test_doubled_money_is_read_as_added_and_dark_weeks_as_withheld_by_the_control_territories():
    plain = company(2)
    drivers = plain.drivers.copy()
    window = drivers["date_day"].between("2022-07-04", "2022-07-31") & (drivers["driver"] == "c0")
    drivers.loc[window, ["exposure", "spend"]] = 1.0
    drivers.loc[window & (drivers["territory_id"] == "t0"), ["exposure", "spend"]] = 2.0
    of = pose(read_panel(dataclasses.replace(plain, drivers=drivers)), QUICK)
    control = {"territory_id": "t1", "arm": "control", "effect": None}
    # Both territories were quiet: next to its control the treated one had twice the money.
    assert one(table({"spend": 4.0}, control), of).text.startswith("money added")
    drivers.loc[window & (drivers["territory_id"] == "t0"), ["exposure", "spend"]] = 0.5
    of = pose(read_panel(dataclasses.replace(plain, drivers=drivers)), QUICK)
    assert one(table({"spend": 2.0}, control), of).text.startswith("money withheld")


def test_the_error_grows_with_differences_between_territories_and_shrinks_with_their_number():
    of = problem(3)
    single = one(table(), of).read_out
    assert single.error**2 == pytest.approx(5.0**2 + (0.15 * 20.0) ** 2)
    rows = [{"territory_id": f"t{i}"} for i in range(3)]
    size = of.panel.size
    parts = (size**2).sum() / size.sum() ** 2
    pooled = one(table(*rows), of).read_out
    assert pooled.error**2 == pytest.approx(5.0**2 + (0.15 * 20.0) ** 2 * parts)
    assert one(table(), problem()).read_out.error == 5.0


def test_treated_rows_with_effects_of_their_own_are_read_outs_of_their_own():
    rows = [{"territory_id": "t0", "effect": 20.0}, {"territory_id": "t1", "effect": 22.0}]
    readings = examine(table(*rows), problem(2))
    assert [r.experiment for r in readings] == ["'one' in 't0'", "'one' in 't1'"]
    assert [(r.read_out.worth > 0).any(axis=1).tolist() for r in readings] == [
        [True, False],
        [False, True],
    ]


def test_no_territory_named_is_all_of_them():
    read_out = one(table({"territory_id": None}), problem(3)).read_out
    assert (read_out.worth[:, 26:30] > 0).all()
    assert (np.delete(read_out.worth, np.s_[26:30], axis=1) == 0).all()


def test_a_window_that_cuts_a_week_counts_its_days():
    of = problem()
    read_out = one(table(starts_on="2022-07-06", ends_on="2022-07-12"), of).read_out
    share = read_out.worth[0] / of.panel.money[0]
    assert share[26:28] == pytest.approx([5 / 7, 2 / 7]) and share.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("status", ["planned", "running", "cancelled"])
def test_what_is_not_done_is_skipped_and_said_so(status):
    reading = one(table(status=status, effect=None, starts_on="2030-01-01", ends_on="2030-02-01"),
                  problem())  # fmt: skip
    assert reading.use == "skipped" and status in reading.text


def test_done_but_not_read_is_skipped():
    assert one(table(effect=None, effect_se=None), problem()).use == "skipped"


def test_tests_before_the_window_or_too_old_are_expired():
    old = one(table(starts_on="2020-01-01", ends_on="2020-02-01"), problem())
    assert old.use == "expired" and old.read_out is None
    long = one(table(), problem(dates=160))
    assert long.use == "expired" and "older than 730 days" in long.text
    assert read_experiments(table(), problem(dates=160)) == ()


def test_tests_that_contradict_each_other_are_not_used_and_agreeing_ones_are():
    of = problem()
    usual = expected(of, one(table(), of).read_out)
    common = {"effect_se": 0.1 * usual}
    rows = [
        {"experiment_id": "a", "effect": usual} | common,
        {"experiment_id": "b", "effect": 2.0 * usual} | common,
        {"experiment_id": "c", "driver": "c1", "effect": usual} | common,
    ]
    use = {r.experiment: r.use for r in examine(table(*rows), of)}
    assert use == {"'a'": "conflicting", "'b'": "conflicting", "'c'": "calibrate"}
    near = [rows[0], rows[1] | {"effect": 1.2 * usual}]
    assert [r.use for r in examine(table(*near), of)] == ["calibrate", "calibrate"]


def test_a_driver_of_either_sign_is_compared_and_calibrates_once_it_has_a_sign():
    coupon = table(kind="promotion", driver="coupon", starts_on="2022-01-03", ends_on="2022-12-25")
    reading = one(coupon, problem())
    assert reading.use == "compare" and "sign: positive" in reading.text
    spec = MixSpec(drivers={"coupon": DriverSpec(sign="positive")})
    assert one(coupon, problem(spec=spec)).use == "calibrate"


def test_a_read_out_of_a_promotion_counts_its_echoes():
    window = {"starts_on": "2022-01-03", "ends_on": "2022-12-25"}
    of = problem(spec=MixSpec(drivers={"coupon": DriverSpec(echo=True)}))
    read_out = one(table(kind="promotion", driver="coupon", **window), of).read_out
    columns = of.design.of("promotion", "coupon")
    assert read_out.columns == tuple(columns) and len(columns) == 5
    worth = [float((read_out.worth * of.design.shared[i]).sum()) for i in columns]
    assert read_out.slopes == pytest.approx(worth)


def test_an_experiment_may_be_kept_for_comparison():
    reading = one(table(use="compare"), problem())
    assert reading.use == "compare" and calibrating((reading,)) == ()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"driver": "radio"}, "'radio' of kind 'media'.*holds 0 times.*media c0"),
        ({"territory_id": "t9"}, "treats the territory 't9', which the panel lacks"),
        ({"ends_on": "2024-01-01"}, "2024-01-01, outside the panel .2022-01-03 to 2023-02-26"),
        ({"starts_on": "2021-12-01"}, "outside the panel"),
        ({"ends_on": "2022-07-01"}, "before it starts"),
        ({"starts_on": "soon"}, "'soon' in starts_on"),
        ({"currency_code": "USD"}, "is in USD, the outcome in EUR"),
        ({"effect": 20_000.0}, "more than the .* EUR that its territories sold"),
        ({"effect": 0.00002, "effect_se": 0.00001}, "less than a thousandth"),
        ({"effect_se": 0.0}, "effect_se '0.0'; expected a number above 0"),
        ({"effect_se": None}, "effect_se"),
        ({"effect": "much"}, "'much' in effect"),
        ({"effect": float("inf")}, "'inf' in effect"),
        ({"status": "over"}, "'over' in status"),
        ({"arm": "both"}, "the arm 'both'"),
        ({"arm": "control"}, "skipped"),
        ({"experiment_id": None}, "no experiment_id in row 0"),
    ],
)
def test_what_does_not_fit_the_panel_is_refused_with_its_place(change, text):
    frame = table(change)
    if text == "skipped":
        assert one(frame, problem()).use == "skipped"
        return
    with pytest.raises(ExperimentError, match=text) as raised:
        examine(frame, problem())
    assert len(str(raised.value).splitlines()) == 1


def test_a_missing_column_is_named():
    with pytest.raises(ExperimentError, match="lack the column 'effect_se'"):
        read_experiments(table().drop(columns="effect_se"), problem())


def test_withheld_money_of_a_driver_that_never_ran_there_is_refused():
    of = pose(read_panel(dark(company(2), "2022-01-01", "2024-01-01")), QUICK)
    with pytest.raises(ExperimentError, match="never ran outside its window"):
        examine(table({"spend": 6.0}), of)


@pytest.fixture(scope="module")
def pair():
    """A fit without experiments, and one with a test that read half again as much."""
    release = company(1, 104, 3, seed=4)
    spec = MixSpec(sampling=Sampling(starts=1, chains=4, warmup=200, draws=1000, longer=1))
    of = pose(read_panel(release), spec)
    plain = MixModel(spec).fit(release, seed=1)
    share = next(s for s in plain.estimate.shares if s.driver == "c0")
    part = modelled(of, one(table(), of).read_out, plain.estimate.mode.theta)
    frame = table({"effect": 1.5 * part, "effect_se": 0.25 * part})
    tested = MixModel(spec).fit(release, experiments=frame, seed=2)
    return of, plain, tested, frame, share


def test_calibration_moves_the_estimate_to_the_experiment_and_narrows_it(pair):
    of, plain, tested, frame, _ = pair
    read_out = one(frame, of).read_out

    def told(result):
        theta = result.estimate.draws.flat[::8]
        return np.array([modelled_fast(result, read_out, row) for row in theta])

    before, after = told(plain), told(tested)
    assert abs(after.mean() - read_out.effect) < abs(before.mean() - read_out.effect)
    assert after.std() < before.std()


def modelled_fast(result, read_out, theta) -> float:
    posterior = result.estimate.posterior
    state = posterior.response.forward(posterior.raw(theta))
    cells = state.scale[read_out.at] * state.filled[read_out.at]
    return float((read_out.worth * cells).sum())


def test_calibrated_draws_are_the_uncalibrated_ones_reweighted_by_importance(pair):
    of, plain, tested, frame, _ = pair
    read_out = one(frame, of).read_out
    theta = plain.estimate.draws.flat
    told = np.array([modelled_fast(plain, read_out, row) for row in theta])
    weight = np.exp(-0.5 * ((told - read_out.effect) / read_out.error) ** 2)
    weight /= weight.sum()
    enough = 1.0 / (weight**2).sum()
    assert enough > 300
    again = np.array([modelled_fast(tested, read_out, row) for row in tested.estimate.draws.flat])
    by_weight = (weight * told).sum()
    spread = np.sqrt((weight * (told - by_weight) ** 2).sum())
    # Both are Monte Carlo: five standard errors of the smaller sample.
    assert again.mean() == pytest.approx(by_weight, abs=5 * spread / np.sqrt(enough))
    assert again.std() == pytest.approx(spread, rel=0.2)


def test_gates_tell_the_use_and_the_agreement_of_experiments(pair):
    _, _, tested, _, _ = pair
    gates = tested.gates().set_index("check_name")
    assert gates.status["experiment_used"] == "pass"
    assert "after calibration" in gates.text["experiment_agreement"]


def test_an_experiment_that_was_kept_out_is_compared_and_disagreement_is_reported(pair):
    _, _, _, frame, _ = pair
    far = frame.assign(use="compare", effect=60.0, effect_se=1.0)
    release = company(1, 104, 3, seed=4)
    spec = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=100, draws=100, longer=1))
    result = MixModel(spec).fit(release, experiments=far)
    gate = result.gates().set_index("check_name").loc["experiment_agreement"]
    assert gate.status == "warn" and abs(gate.figure) > 2
    assert result.estimate.posterior.experiments == ()
