"""Gates: each passes on plain data and speaks on the fault that it is there for."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.mix import MixInputs, MixModel, MixSpec
from models.mix.engine.sampler import climb
from models.mix.gates.gate import COLUMNS, gates_as_records, gates_frame, row
from models.mix.gates.of_data import data_gates
from models.mix.gates.of_fit import overlap
from models.mix.gates.placebo import PLACEBO_SHARE, run_placebo
from models.mix.gates.stability import credited
from models.mix.panel import read_panel
from models.mix.posterior import Posterior
from models.mix.problem import pose
from models.mix.spec import DriverSpec, EffectPrior, Sampling
from tests.models.mix.companies import company

QUICK = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=60, draws=60, longer=1))
DATES = 110


def selling(release: MixInputs, effect: np.ndarray, noise: float = 2.0) -> MixInputs:
    """The company with an outcome of 100 plus `effect` (T,) plus noise."""
    rng = np.random.default_rng(8)
    values = 100 + effect + rng.normal(0, noise, len(effect))
    return dataclasses.replace(release, outcome=release.outcome.assign(net_revenue=values))


def exposure(release: MixInputs, name: str) -> np.ndarray:
    drivers = release.drivers
    return drivers[drivers["driver"] == name]["exposure"].to_numpy()


@pytest.fixture(scope="module")
def plain():
    """A company in which c0 works."""
    release = company(1, DATES)
    x = exposure(release, "c0")
    return selling(release, 12 * x / (x + 1))


@pytest.fixture(scope="module")
def fitted(plain):
    return MixModel(QUICK).fit(plain, seed=1)


def gate(result, name: str, subject: str | None = None) -> pd.Series:
    found = result.gates()[result.gates()["check_name"] == name].set_index("subject")
    return found.loc[subject] if subject else found.iloc[0]


def test_every_gate_is_there_with_its_figure_threshold_and_words(fitted):
    gates = fitted.gates()
    assert list(gates.columns) == COLUMNS
    assert set(gates["check_name"]) >= {
        *("sampler_converged", "effective_draws", "sampler_divergences", "optimiser_converged"),
        *("baseline_negative", "baseline_plausible", "driver_collinearity", "data_per_parameter"),
        *("holdout_error", "holdout_coverage", "driver_informed", "seed_stability"),
        *("window_stability", "placebo_driver", "control_leaks_outcome", "control_moves_media"),
        *("driver_follows_calendar", "spend_without_exposure", "contributions_sum_to_outcome"),
        *("results_finite", "residual_autocorrelation", "fit_r2", "driver_varies"),
    }
    assert not gates.duplicated(["check_name", "subject"]).any()
    assert gates["text"].str.len().gt(40).all()
    assert np.isfinite(gates[["figure", "threshold"]].to_numpy()).all()


def test_too_few_draws_fail_and_stop_a_publication(fitted):
    # 120 draws cannot be worth 400.
    found = gate(fitted, "effective_draws")
    assert (found.severity, found.status, found.threshold) == ("fail", "fail", 400)


def test_records_say_pass_review_and_fail(fitted):
    records = gates_as_records(fitted.gates())
    by_gate = {(r["gate"], r["subject"]): r["status"] for r in records}
    assert by_gate["effective_draws", "model"] == "FAIL"
    assert by_gate["results_finite", "model"] == "PASS"
    assert set(by_gate.values()) <= {"PASS", "REVIEW", "FAIL"}
    frame = gates_frame([row("some", "model", "warn", False, np.nan, np.inf, "words")])
    assert gates_as_records(frame) == [
        {"gate": "some", "subject": "model", "status": "REVIEW", "figure": None,
         "threshold": None, "text": "words"}
    ]  # fmt: skip


def test_a_driver_that_works_is_informed_and_idle_noise_is_not_worth_its_prior(fitted):
    assert gate(fitted, "driver_informed", "media c0").status == "pass"
    assert overlap(0.0, 1.0) == pytest.approx(1.0, abs=1e-6)
    # Two normal densities of one width meet in the middle.
    assert overlap(2.0, 1.0) == pytest.approx(0.3173, abs=1e-3)
    assert overlap(0.0, 0.1) < 0.25


def test_a_driver_of_which_the_data_say_nothing_is_reported(plain):
    # Believed at a two-thousandth of the outcome, within noise of a fiftieth: nothing is learned.
    little = DriverSpec(effect=EffectPrior(on="share", median=0.0005, spread=0.5))
    spec = MixSpec(
        drivers={"c1": little},
        sampling=Sampling(starts=1, chains=2, warmup=100, draws=300, longer=1),
    )
    result = MixModel(spec).fit(plain, seed=1)
    assert gate(result, "driver_informed", "media c1").status == "warn"
    assert gate(result, "driver_informed", "media c0").status == "pass"


def settled(release: MixInputs) -> tuple[object, Posterior, np.ndarray]:
    problem = pose(read_panel(release), QUICK)
    posterior = problem.posterior()
    return problem, posterior, climb(posterior, [np.zeros(posterior.size)])


def test_a_placebo_gets_no_credit_where_it_could_not_have_worked(plain):
    found = run_placebo(*settled(plain))
    assert found is not None
    assert found.lower < PLACEBO_SHARE


def test_a_placebo_that_explains_sales_is_seen(plain):
    # Sales follow the largest driver half a window late: something else than the drivers moves.
    largest = max(("c0", "c1", "c2"), key=lambda name: exposure(plain, name).sum())
    late = np.roll(exposure(plain, largest), DATES // 2)
    release = selling(plain, 20 * late / (late + 1))
    found = run_placebo(*settled(release))
    assert found is not None
    assert found.driver == largest and found.lower > PLACEBO_SHARE


def test_placebo_is_left_out_where_no_media_is():
    release = company(1, 60)
    kept = release.drivers[release.drivers["kind"] != "media"]
    assert run_placebo(*settled(dataclasses.replace(release, drivers=kept))) is None


def test_credit_at_the_mode_sums_over_dates_and_is_near_the_estimate(fitted):
    estimate = fitted.estimate
    half, whole = (
        credited(estimate.posterior, estimate.mode.theta, dates) for dates in (50, DATES)
    )
    share = next(s for s in estimate.shares if s.driver == "c0")
    assert 0 < half["media", "c0"] < whole["media", "c0"]
    assert abs(whole["media", "c0"] - share.totals.mean()) < 2 * share.totals.std()
    assert set(whole) == {(s.kind, s.driver) for s in estimate.shares} - {
        ("baseline", "baseline"), ("holiday", "holidays"), ("residual", "residual"),
    }  # fmt: skip


def test_a_driver_that_stops_working_fails_window_stability(plain):
    x = exposure(plain, "c0")
    effect = 25 * x / (x + 1)
    effect[-13:] *= -1.0
    result = MixModel(QUICK).fit(selling(plain, effect, noise=0.5), seed=1)
    found = gate(result, "window_stability", "media c0")
    assert found.status == "warn" and found.figure > 1
    assert gate(result, "holdout_error").status == "warn"
    assert gate(result, "holdout_coverage").status == "warn"


def test_a_control_that_takes_the_credit_of_media_is_seen(plain):
    x = exposure(plain, "c0")
    release = selling(plain, 30 * x / (x + 1), noise=3.0)
    leak = release.outcome.rename(columns={"net_revenue": "value"}).assign(control="visits")
    result = MixModel(QUICK).fit(
        dataclasses.replace(release, controls=pd.concat([plain.controls, leak])), seed=1
    )
    assert gate(result, "control_leaks_outcome", "visits").status == "warn"
    assert gate(result, "control_leaks_outcome", "visits").figure == pytest.approx(1.0)
    found = gate(result, "control_moves_media", "visits")
    assert found.status == "warn" and found.figure > 0.5
    assert gate(result, "control_moves_media", "temperature").status == "pass"


def data_rows(release: MixInputs) -> pd.DataFrame:
    return gates_frame(data_gates(read_panel(release), 10)).set_index(["check_name", "subject"])


def test_spend_without_exposure_is_reviewed_and_fails_where_there_is_never_any(plain):
    drivers = plain.drivers.copy()
    at = drivers.index[drivers["driver"] == "c1"]
    drivers.loc[at[:40], "exposure"] = 0.0
    some = data_rows(dataclasses.replace(plain, drivers=drivers))
    found = some.loc["spend_without_exposure", "media c1"]
    assert (found.severity, found.status) == ("warn", "warn") and 0.05 < found.figure < 1
    assert some.loc["spend_without_exposure", "media c0"].status == "pass"
    drivers.loc[at, "exposure"] = 0.0
    none = data_rows(dataclasses.replace(plain, drivers=drivers))
    assert none.loc["spend_without_exposure", "media c1"].status == "fail"


def test_negative_exposure_a_still_driver_and_twins_are_told(plain):
    drivers = plain.drivers.copy()
    drivers.loc[drivers.index[drivers["driver"] == "c1"][3], "exposure"] = -5.0
    drivers.loc[drivers["driver"] == "c2", "exposure"] = 4.0
    twin = drivers[drivers["driver"] == "c0"].assign(driver="twin")
    gates = data_rows(dataclasses.replace(plain, drivers=pd.concat([drivers, twin])))
    assert gates.loc["exposure_not_negative", "media c1"].figure == 1
    assert gates.loc["driver_varies", "media c2"].status == "warn"
    assert gates.loc["driver_pair_correlation", "media c0 and media twin"].status == "warn"
    assert gates.loc["driver_collinearity", "media twin"].status == "warn"


def test_little_data_per_parameter_is_reviewed(plain):
    panel = read_panel(plain)
    for parameters, status in ((11, "pass"), (12, "warn")):
        rows = gates_frame(data_gates(panel, parameters)).set_index("check_name")
        assert rows.status["data_per_parameter"] == status
