"""The campaign, with a stand-in for the command line that keeps its contract."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import records
import run
import sides
import simulator
import tables
from rich.console import Console

SMALL = simulator.Size(60, 4)

#: Answers `mix spec new`, `mix fit` and `mix predict` from the truth beside the panel.
STAND_IN = """#!{python} -S
import csv, json, os, pathlib, sys, time

def option(name):
    return pathlib.Path(sys.argv[sys.argv.index(name) + 1])

def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))

def write(path, rows):
    with path.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

if sys.argv[1:4] == ["mix", "spec", "new"]:
    option("--out").write_text("date: date\\n")
elif sys.argv[1:3] == ["mix", "fit"]:
    behaviour = os.environ.get("STAND_IN", "")
    if behaviour == "slow":
        time.sleep(60)
    if behaviour == "failing":
        raise SystemExit("Error: panel.csv row 3: expected a date")
    assert option("--spec").exists()
    out = option("--out")
    out.mkdir()
    answer = []
    for row in rows_of(option("--panel").parent / "totals.csv"):
        true = float(row["contribution"])
        told = {{"driver": row["driver"], "kind": "media", "contribution": 1.1 * true}}
        answer.append(told | {{"contribution_p05": 0.8 * true, "contribution_p95": 1.4 * true}})
    if behaviour == "short":
        answer = answer[1:]
    answer.append(answer[0] | {{"driver": "control_price", "kind": "control"}})
    write(out / "summary.csv", answer)
    told = {{"r_hat_max": 1.001, "ess_min": 900.0, "divergences": 0, "draws": 2000}}
    (out / "diagnostics.json").write_text(json.dumps(told))
    (out / "fit.json").write_text(json.dumps({{"versions": {{"liftcast": "0"}}, "seed": 0}}))
elif sys.argv[1:3] == ["mix", "predict"]:
    assert (option("--result") / "summary.csv").exists()
    asked = rows_of(option("--plan"))
    assert "revenue" not in asked[0] and "expectation" not in asked[0]
    ahead = rows_of(option("--plan").parent.parent / "holdout.csv")
    out = option("--out")
    out.mkdir()
    national = {{"territory_id": "all"}}
    told = [{{"date_day": row["date"], "mean": 1.05 * float(row["revenue"])}} for row in ahead]
    write(out / "outcome.csv", [row | national for row in told])
else:
    raise SystemExit(2)
"""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A build folder of its own, a small size, and the stand-in in place of the command."""
    command = tmp_path / "liftcast"
    command.write_text(STAND_IN.format(python=sys.executable))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sides, "LIFTCAST", command)
    monkeypatch.setattr(run, "BUILD", tmp_path / "bench")
    monkeypatch.setitem(simulator.SIZES, "small", SMALL)
    (tmp_path / "bench").mkdir()
    return tmp_path / "bench"


def campaign(seeds=(102,), cap=60.0, again=False):
    work = [("small", seed) for seed in seeds]
    return run.campaign(work, [sides.SIDES["liftcast"]], cap, again, Console(quiet=True))


def test_a_fit_is_measured_scored_and_recorded(bench):
    found = campaign().iloc[0]
    assert found["status"] == "done"
    assert found["share_error"] == pytest.approx(0)  # all channels 10 % up: shares are right
    assert found["media_error"] == pytest.approx(0.1)
    assert found["coverage"] == 1
    # width .6 of each contribution, over four channels
    assert found["interval_score"] == pytest.approx(0.6 / 4)
    assert found["holdout_mape"] == pytest.approx(5)
    assert found["ess_per_cpu"] == pytest.approx(900 / found["cpu"])
    assert found["cpu"] > 0
    line = records.read(bench / "results.jsonl")[0]
    assert line["told"]["spec"] == "date: date\n"
    assert line["floors"]["equally"] > 0
    assert len(line["contributions"]) == 4


def test_a_finished_fit_is_not_run_again_unless_asked(bench):
    campaign()
    campaign(seeds=(102, 103))
    assert [line["seed"] for line in records.read(bench / "results.jsonl")] == [102, 103]
    campaign(again=True)
    assert [line["seed"] for line in records.read(bench / "results.jsonl")] == [102, 103, 102]


def test_other_code_runs_again(bench, monkeypatch):
    campaign()
    monkeypatch.setattr(sides.Side, "version", lambda side: "other")
    found = campaign()
    assert len(records.read(bench / "results.jsonl")) == 2
    assert len(found) == 1


def test_code_that_changes_during_a_run_is_said_and_left_out(bench, monkeypatch):
    words = iter(["old", "new", "new"])
    monkeypatch.setattr(sides.Side, "version", lambda side: next(words))
    with Path(os.devnull).open("w") as nowhere:
        out = Console(record=True, file=nowhere, width=200)
        found = run.campaign([("small", 102)], [sides.SIDES["liftcast"]], 60, False, out)
    assert found.empty
    assert "code of liftcast changed" in out.export_text()
    assert records.read(bench / "results.jsonl")[0]["version"] == "new"


def test_a_capped_fit_is_said_to_be_and_runs_again_under_a_longer_cap(bench, monkeypatch):
    monkeypatch.setenv("STAND_IN", "slow")
    found = campaign(cap=1.0).iloc[0]
    assert found["status"] == "capped"
    assert 1.0 <= found["wall"] < 20
    campaign(cap=1.0)
    assert len(records.read(bench / "results.jsonl")) == 1
    monkeypatch.delenv("STAND_IN")
    assert campaign(cap=60.0).iloc[0]["status"] == "done"


@pytest.mark.parametrize(
    ("behaviour", "said"), [("failing", "row 3: expected a date"), ("short", "expected channels")]
)
def test_a_failed_fit_is_recorded_with_what_it_said(bench, monkeypatch, behaviour, said):
    monkeypatch.setenv("STAND_IN", behaviour)
    assert campaign().iloc[0]["status"] == "failed"
    assert said in records.read(bench / "results.jsonl")[0]["said"]


def test_a_line_torn_by_a_kill_costs_only_itself(tmp_path):
    path = tmp_path / "results.jsonl"
    records.append(path, {"a": 1})
    with path.open("a") as file:
        file.write('{"b": 2, "tor')
    records.append(path, {"c": float("inf")})
    assert records.read(path) == [{"a": 1}, {"c": float("inf")}]


def test_two_runs_at_once_are_refused(tmp_path):
    with (
        records.only_one(tmp_path),
        pytest.raises(RuntimeError, match="another run"),
        records.only_one(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--national", "7"], "a proof takes seeds from 101"),
        (["--territories", "99..101"], r"seeds \[99, 100\]"),
        (["--national", "x"], "expected e.g. 101..110"),
        (["--national", "101", "--sides", "robyn"], "no side"),
        ([], "nothing to run"),
    ],
)
def test_what_cannot_be_a_proof_is_refused(arguments, said, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        run.asked()
    assert ended.value.code == 2
    assert re.search(said, capsys.readouterr().err)


def test_tuning_seeds_are_allowed_when_said(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run.py", "--national", "1..3,7", "--tuning"])
    assert run.asked().national == [1, 2, 3, 7]


def rows(side, seeds, **figures):
    usual = {"size": "national", "status": "done", "usual": True, "cap": 900.0}
    floor = {"floor_spend": 5.0, "floor_equally": 6.0}
    cost = {"wall": 8.0, "cpu": 10.0, "peak_mb": 900.0, "ess": 800.0, "r_hat": 1.003}
    scores = {"share_error": 2.0, "coverage": 0.9, "media_error": 0.1, "interval_score": 0.2}
    row = usual | floor | cost | scores | figures
    row |= {"ess_per_cpu": row["ess"] / row["cpu"], "media_error_absolute": abs(row["media_error"])}
    return [row | {"side": side, "seed": seed} for seed in seeds]


def verdicts(found):
    return {goal.text: goal.met for goal in tables.goals(pd.DataFrame(found), "national")}


def test_goals_are_met_only_where_each_figure_says_so():
    peer = rows("pymc", (101, 102), cpu=100.0, ess=300.0, share_error=4.5)
    met = verdicts([*rows("liftcast", (101, 102)), *peer])
    assert set(met.values()) == {True}
    slow = verdicts([*rows("liftcast", (101,)), *rows("liftcast", (102,), wall=10.1), *peer])
    assert [text for text, good in slow.items() if not good] == ["a fit takes at most 10 s"]
    near = verdicts([*rows("liftcast", (101,)), *rows("liftcast", (102,), share_error=5.1), *peer])
    assert not near["share error below both floors on every seed"]
    assert not near["mean share error at most half of the better peer's"]
    loose = verdicts([*rows("liftcast", (101,)), *rows("liftcast", (102,), r_hat=1.02), *peer])
    assert not loose["converged on every seed (R-hat 1.01, ESS 400)"]


def test_a_peer_must_be_beaten_in_effective_draws_a_second_by_the_better_one():
    slow = rows("pymc", (101, 102), cpu=1000.0)
    quick = rows("meridian", (101, 102), cpu=150.0)
    goal = "ESS a CPU second at least 20 times the better peer's"
    assert verdicts([*rows("liftcast", (101, 102)), *slow])[goal]
    assert not verdicts([*rows("liftcast", (101, 102)), *slow, *quick])[goal]
    assert verdicts(rows("liftcast", (101, 102)))[goal] is None


@pytest.mark.parametrize(("power", "met"), [(1.0, True), (1.5, False)])
def test_large_panels_must_finish_and_cost_no_more_than_linearly(power, met):
    series = {"t25": 25, "t50": 50, "t100": 100}
    fits = [
        row | {"size": size}
        for size, count in series.items()
        for row in rows("liftcast", (102,), cpu=0.5 * count**power)
    ]
    large = [row | {"size": "large"} for row in rows("liftcast", (102,))]
    told = tables.scale_goals(pd.DataFrame([*fits, *large]), ("large",), series)
    assert [goal.met for goal in told] == [True, met]
    assert f"power of {power:.2f}" in told[1].found
    capped = [row | {"status": "capped"} for row in large]
    told = tables.scale_goals(pd.DataFrame([*fits[1:], *capped]), ("large",), series)
    assert [goal.met for goal in told] == [False, False]


def test_a_failed_fit_of_ours_fails_the_goals_it_touches():
    failed = rows("liftcast", (102,), status="failed", wall=None, cpu=1.0, ess=0.0, r_hat=None)
    met = verdicts([*rows("liftcast", (101,)), *failed])
    assert not met["a fit takes at most 10 s"]
    assert not met["converged on every seed (R-hat 1.01, ESS 400)"]


def test_tables_show_capped_fits_and_lost_seeds():
    capped = {"share_error": None, "coverage": None, "ess": float("nan"), "r_hat": None}
    found = pd.DataFrame(
        [
            *rows("liftcast", (101, 102), share_error=5.5),
            *rows("pymc", (101, 102), status="capped", **capped),
        ]
    )
    out = Console(width=140, record=True, quiet=False, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    out.print(tables.by_side(found, ["liftcast", "pymc"], "national"))
    out.print(tables.by_seed(found, ["liftcast", "pymc"], "national"))
    text = out.export_text()
    assert "5.50 *" in text
    assert text.count("capped") >= 3
    assert "8.0 (8.0 to 8.0)" in text


def test_the_script_prints_help_from_a_plain_start():
    done = subprocess.run(
        [sys.executable, str(Path(run.__file__)), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "--tuning" in done.stdout
