from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simulator
from simulator import SIZES, Size, simulate_panel

BENCHMARK = Path(simulator.__file__)
SMALL = Size(60, 4, 5)


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("size", ["national", "territories"])
def test_panel_has_the_promised_shape(seed, size):
    panel, truth = simulate_panel(seed, size)
    wanted = SIZES[size]
    assert len(panel) == wanted.weeks * max(wanted.territories, 1)
    assert ("territory" in panel) == bool(wanted.territories)
    spend = [column for column in panel if column.startswith("spend_")]
    assert len(spend) == wanted.channels == len(truth.totals)
    assert list(truth.totals["driver"]) == spend
    assert (panel[spend] >= 0).all().all()
    assert (panel["revenue"] > 0).all()
    assert panel["date"].drop_duplicates().diff().dropna().eq(pd.Timedelta(weeks=1)).all()
    assert truth.holdout["date"].nunique() == 13
    assert truth.holdout["date"].min() == panel["date"].max() + pd.Timedelta(weeks=1)


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("size", ["national", "territories"])
def test_truth_is_what_the_docstring_says(seed, size):
    panel, truth = simulate_panel(seed, size)
    key = [column for column in ("date", "territory") if column in panel]
    parts = truth.contributions
    expected = parts.groupby(key)["contribution"].sum()
    residual = panel.set_index(key)["revenue"] - expected
    noise = residual.groupby("date").sum().std() / panel.groupby("date")["revenue"].sum().mean()
    assert 0.01 < noise < 0.07
    media = parts[parts["kind"] == "media"]
    assert (media["contribution"] >= 0).all()
    by_driver = media.groupby("driver")["contribution"].sum()
    told = truth.totals.set_index("driver")
    np.testing.assert_allclose(by_driver[told.index], told["contribution"], rtol=1e-12)
    np.testing.assert_allclose(told["spend"], panel[list(told.index)].sum(), rtol=1e-12)
    assert 0.12 < by_driver.sum() / panel["revenue"].sum() < 0.43
    assert not parts["driver"].eq("control_weather").any()  # it does nothing


def test_same_seed_gives_the_same_files_and_another_seed_others():
    first, again, other = (simulate_panel(seed, SMALL) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first[0], again[0])
    pd.testing.assert_frame_equal(first[1].contributions, again[1].contributions)
    assert not first[0]["revenue"].equals(other[0]["revenue"])


def test_even_seeds_use_usual_forms_and_odd_seeds_others():
    usual = [simulate_panel(seed, "national")[1].settings for seed in (2, 4, 6)]
    others = [simulate_panel(seed, "national")[1].settings for seed in (1, 3, 5)]
    for settings in usual:
        assert {form["carry_over"] for form in settings["channels_drawn"]} == {"geometric"}
        assert {form["saturation"] for form in settings["channels_drawn"]} == {"hill"}
        assert "step" not in settings
        assert not any(settings["plan"]["follows_demand"])
    for settings in others:
        assert "peaked" in {form["carry_over"] for form in settings["channels_drawn"]}
        assert {form["saturation"] for form in settings["channels_drawn"]} <= {"logistic", "root"}
        assert 0.05 <= abs(settings["step"]) <= 0.12
        assert sum(settings["plan"]["follows_demand"]) == 3


def test_budgets_that_follow_demand_move_with_the_baseline():
    found = []
    for seed in (1, 3, 5, 7, 9):
        panel, truth = simulate_panel(seed, "national")
        baseline = truth.contributions.query("driver == 'baseline'")["contribution"].to_numpy()
        for column, led in zip(
            truth.totals["driver"], truth.settings["plan"]["follows_demand"], strict=True
        ):
            if led:
                found.append(np.corrcoef(panel[column], baseline)[0, 1])
    assert np.mean(found) > 0.3


def test_carry_over_weights_keep_what_is_spent():
    rng = np.random.default_rng(0)
    for usual in (True, False):
        for _ in range(20):
            weights, told = simulator.carry_over(rng, usual)
            assert weights.sum() == pytest.approx(1)
            if told["carry_over"] == "peaked":
                assert 1 <= weights.argmax() <= 3
            else:
                assert weights.argmax() == 0


def test_carried_equals_the_sum_by_hand():
    exposure = np.array([[1.0, 0.0, 2.0]])
    np.testing.assert_allclose(
        simulator.carried(exposure, np.array([0.5, 0.3, 0.2])), [[0.5, 0.3, 1.2]]
    )


def test_it_imports_nothing_that_it_judges():
    text = "import sys; sys.path.insert(0, sys.argv[1]); import simulator; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", text, str(BENCHMARK.parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    rooms = {name.split(".")[0] for name in done.stdout.split()}
    assert not rooms & {"models", "simulation", "forecasting", "liftcast"}


def test_command_writes_the_files(tmp_path):
    command = [sys.executable, str(BENCHMARK), "--seed", "3", "--size", "national"]
    subprocess.run([*command, "--out", str(tmp_path / "out")], check=True)
    panel = pd.read_csv(tmp_path / "out" / "panel.csv", parse_dates=["date"])
    drawn, truth = simulate_panel(3, "national")
    pd.testing.assert_frame_equal(panel, drawn)
    totals = pd.read_csv(tmp_path / "out" / "totals.csv")
    assert totals["share"].sum() == pytest.approx(1)
    assert json.loads((tmp_path / "out" / "truth.json").read_text())["seed"] == 3
    assert len(pd.read_csv(tmp_path / "out" / "holdout.csv")) == len(truth.holdout) == 13
