"""From a fit's folder to a forecast, a budget, a refresh and a comparison, as a user types them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from liftcast.cli import main

QUICK = "model: {sampling: {starts: 1, chains: 2, warmup: 60, draws: 100, longer: 1}}\n"


@dataclass(frozen=True)
class Ran:
    """What a command ended with and said, in one line each."""

    returncode: int
    stdout: str
    stderr: str


def _liftcast(*arguments: str | Path) -> Ran:
    """The command as the entry point runs it, without the seconds of a new process."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["liftcast", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return Ran(code, " ".join(out.getvalue().split()), " ".join(err.getvalue().split()))


def _rows(weeks: int = 80, first: str = "2023-01-02") -> list[list[str]]:
    rng = np.random.default_rng(4)
    tv, radio = rng.gamma(2.0, 50.0, (2, 100)).round(2)
    sold = 4000 + 600 * tv / (tv + 90) + 500 * radio / (radio + 90) + rng.normal(0, 30, 100)
    days = np.datetime64(first) + 7 * np.arange(weeks)
    return [
        ["date", "revenue", "tv_spend", "radio_spend"],
        *[[str(d), f"{sold[t]:.2f}", str(tv[t]), str(radio[t])] for t, d in enumerate(days)],
    ]


def _write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("planning")
    panel = _write(place / "weekly.csv", _rows())
    _write(place / "next.csv", [[r[0], *r[2:]] for r in [_rows(88)[0], *_rows(88)[81:]]])
    _write(place / "newer.csv", _rows(84))
    spec = place / "weekly.yml"
    assert _liftcast("mix", "spec", "new", panel, "--out", spec).returncode == 0
    text = spec.read_text(encoding="utf-8").split("\nmodel:")[0]
    spec.write_text(f"{text}\n{QUICK}", encoding="utf-8")
    for engine in ("bayes", "statsmodels"):
        fit = _liftcast(
            "mix", "fit", "--panel", panel, "--spec", spec, "--out", place / engine,
            "--engine", engine,
        )  # fmt: skip
        assert fit.returncode == 0, fit.stderr
    return place


def test_future_dates_are_told_from_a_plan_without_an_outcome(place: Path) -> None:
    told = _liftcast(
        "mix", "predict", "--result", place / "bayes", "--plan", place / "next.csv",
        "--out", place / "told",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    totals = _read(place / "told" / "totals.csv")
    assert [row["date_day"] for row in totals] == [row[0] for row in _rows(88)[81:]]
    came = np.array([float(row[1]) for row in _rows(88)[81:]])
    assert np.abs(np.array([float(row["mean"]) for row in totals]) / came - 1).mean() < 0.08
    cells = _read(place / "told" / "contributions.csv")
    assert {row["driver"] for row in cells} >= {"tv_spend", "baseline", "residual"}
    assert (
        json.loads((place / "told" / "predict.json").read_text())["starts_on"]
        == totals[0]["date_day"]
    )


def test_a_plan_without_a_drivers_column_names_it_and_the_dates(place: Path) -> None:
    plan = _write(place / "poor.csv", [[row[0], row[2]] for row in [_rows(88)[0], *_rows(88)[81:]]])
    told = _liftcast(
        "mix", "predict", "--result", place / "bayes", "--plan", plan, "--out", place / "poor"
    )
    assert told.returncode == 1
    assert "radio_spend" in told.stderr and _rows(88)[81][0] in told.stderr
    assert not (place / "poor").exists()


def test_a_budget_is_split_to_the_cent_with_the_probability_of_a_gain(place: Path) -> None:
    told = _liftcast(
        "mix", "optimise", "--result", place / "bayes" / "result.zip", "--budget", "900.01",
        "--plan", place / "next.csv", "--margin", "0.4", "--out", place / "plan",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    rows = _read(place / "plan" / "allocation.csv")
    assert sum(Decimal(row["spend"]) for row in rows) == Decimal("900.01")
    figures = json.loads((place / "plan" / "optimise.json").read_text())
    assert 0 <= figures["probability_of_gain"] <= 1
    assert "a gain with probability" in told.stdout


def test_goals_and_bounds_come_from_the_command_line(place: Path) -> None:
    bounds = _write(place / "bounds.csv", [["driver", "lower"], ["tv_spend", "0.8"]])
    told = _liftcast(
        "mix", "optimise", "--result", place / "statsmodels", "--goal", "mroi", "--target", "2",
        "--bounds", bounds, "--risk-averse", "0.2", "--out", place / "target",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    tv = next(r for r in _read(place / "target" / "allocation.csv") if r["driver"] == "tv_spend")
    assert float(tv["multiplier"]) >= 0.7999


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "much"], "an amount above 0"),
        (["--goal", "roi"], "needs a target"),
        (["--budget", "99999999"], "bounds allow"),
    ],
)
def test_a_goal_that_cannot_be_is_an_error(place: Path, arguments: list[str], said: str) -> None:
    told = _liftcast(
        "mix", "optimise", "--result", place / "bayes", *arguments, "--out", place / "none"
    )
    assert told.returncode == 1 and said in told.stderr
    assert not (place / "none").exists()


def test_a_refresh_lists_moves_whose_parts_sum(place: Path) -> None:
    told = _liftcast(
        "mix", "refresh", "--result", place / "bayes", "--panel", place / "newer.csv",
        "--out", place / "refreshed",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    parts = (
        "by_restated", "by_new_data", "by_changed_model", "by_experiments", "by_sampling",
    )  # fmt: skip
    for row in _read(place / "refreshed" / "moves.csv"):
        assert float(row["moved"]) == pytest.approx(sum(float(row[p]) for p in parts), abs=1e-3)
    assert "4 dates appended" in told.stdout
    again = _liftcast(
        "mix", "optimise", "--result", place / "refreshed", "--out", place / "plan_again"
    )
    assert again.returncode == 0, again.stderr


def test_two_fits_stand_side_by_side(place: Path) -> None:
    told = _liftcast(
        "mix", "compare", place / "bayes", place / "statsmodels", "--out", place / "both.csv"
    )
    assert told.returncode == 0, told.stderr
    rows = {row["driver"]: row for row in _read(place / "both.csv")}
    assert {"bayes_share", "statsmodels_share", "overlap"} <= set(rows["tv_spend"])
    alone = _liftcast("mix", "compare", place / "bayes")
    assert alone.returncode == 1 and "two or more" in alone.stderr


def test_a_file_that_is_no_fit_is_an_error(place: Path) -> None:
    for path, said in ((place / "weekly.csv", "not a whole"), (place / "nowhere", "no stored fit")):
        told = _liftcast("mix", "optimise", "--result", path, "--out", place / "none")
        assert told.returncode == 1 and said in told.stderr
