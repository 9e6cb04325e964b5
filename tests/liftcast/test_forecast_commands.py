"""`liftcast forecast run` and `backtest` on plain CSV files, in a process of their own."""

import csv
import os
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from liftcast.forecast_files import free
from tests.liftcast.typed import liftcast as _liftcast
from warehouse.errors import LiftcastError

DAYS, H = 80, 7
COLUMNS = ["product", "territory", "day", "units", "promo", "kind"]


def _rows():
    rng = np.random.default_rng(4)
    days = np.datetime64("2024-02-01") + np.arange(DAYS + H)
    out = []
    for product, territory in (("=cmd|soap", "n"), ("=cmd|soap", "s"), ("tea", "n")):
        for number, day in enumerate(days):
            promo = int(number % 10 < 3)
            units = round(float(50 * (1 + 0.5 * promo) * np.exp(0.1 * rng.standard_normal())))
            kind = "leaflet" if promo else "none"
            out.append([product, territory, str(day), str(units), str(promo), kind])
    return out


def _write(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


def _read(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("forecast")
    rows = _rows()
    end = str(np.datetime64("2024-02-01") + DAYS)
    past = [row for row in rows if row[2] < end]
    later = [[*row[:3], *row[4:]] for row in rows if row[2] >= end]
    history = _write(place / "history.csv", COLUMNS, past)
    plan = _write(place / "plan.csv", [c for c in COLUMNS if c != "units"], later)
    return place, history, plan


def _asked(history, out, *more):
    return ["--history", history, "--series", "product,territory", "--date", "day",
            "--target", "units", "--horizon", H, "--out", out, *more]  # fmt: skip


@pytest.fixture(scope="module")
def made(files):
    place, history, plan = files
    done = _liftcast("forecast", "run", *_asked(history, place / "out", "--plan", plan))
    assert done.returncode == 0, done.stderr
    return place / "out", done


def test_the_forecast_has_the_series_columns_under_their_own_names(made):
    rows = _read(made[0] / "forecast.csv")
    assert list(rows[0]) == ["product", "territory", "ds", "mean", "p025", "p10", "p50", "p90",
                             "p975", "model"]  # fmt: skip
    assert len(rows) == 3 * H
    assert {row["ds"] for row in rows} == {
        str(np.datetime64("2024-02-01") + DAYS + n) for n in range(H)
    }
    assert all(row["model"] for row in rows)


def test_a_name_that_looks_like_a_formula_is_disarmed(made):
    assert {row["product"] for row in _read(made[0] / "forecast.csv")} == {"'=cmd|soap", "tea"}


def test_totals_and_parts_agree_with_the_forecast_to_the_last_digit(made):
    means = {}
    for row in _read(made[0] / "forecast.csv"):
        means[row["product"], row["territory"], row["ds"]] = Decimal(row["mean"])
    for row in _read(made[0] / "totals.csv"):
        if row["level"] == "territory":
            inside = [m for (_, t, d), m in means.items()
                      if t == row["key"] and row["ds"] <= d <= row["ds_last"]]  # fmt: skip
        elif row["level"] == "total":
            inside = [m for (_, _, d), m in means.items() if row["ds"] <= d <= row["ds_last"]]
        else:
            continue
        assert Decimal(row["mean"]) == sum(inside)
    parts = defaultdict(Decimal)
    for row in _read(made[0] / "explain.csv"):
        parts[row["product"], row["territory"], row["ds"]] += Decimal(row["value"])
    assert parts.keys() == means.keys()
    assert all(abs(parts[key] - mean) < Decimal("0.0001") for key, mean in means.items())


def test_the_naive_number_stands_beside_each_row_of_the_forecast(made):
    steps = _read(made[0] / "steps.csv")
    keys = ["product", "territory", "ds"]
    assert list(steps[0]) == [*keys, "step", "value"]
    naive = [row for row in steps if row["step"] == "naive"]
    forecast = _read(made[0] / "forecast.csv")
    assert [[row[k] for k in keys] for row in naive] == [[row[k] for k in keys] for row in forecast]
    assert all(Decimal(row["value"]) > 0 for row in naive)


def test_a_folder_that_stands_is_not_written_over(made, files):
    _, history, plan = files
    again = _liftcast("forecast", "run", *_asked(history, made[0], "--plan", plan))
    assert again.returncode == 1
    assert "the folder stands already" in again.stderr


@pytest.mark.parametrize("name", ["history.csv/out", "x" * 230, "x" * 300])
def test_a_place_where_no_folder_can_be_is_refused_before_any_work(files, name):
    place, history, plan = files
    there = sorted(place.iterdir())
    done = _liftcast("forecast", "run", *_asked(history, place / name, "--plan", plan))
    assert done.returncode == 1, done.stderr
    assert "Give another --out" in done.stderr
    assert "origin" not in done.stdout + done.stderr
    assert sorted(place.iterdir()) == there


def test_a_folder_of_others_is_refused_before_any_work():
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o555)
        ours = os.geteuid()
        try:
            if ours == 0:
                os.seteuid(65534)
            with pytest.raises(LiftcastError, match=r"cannot be made.*a folder of others"):
                free(place / "deep" / "out")
        finally:
            os.seteuid(ours)


def test_a_plan_with_a_hole_is_an_error_that_names_column_and_date(files):
    place, history, plan = files
    rows = plan.read_text().splitlines()
    holed = place / "holed.csv"
    holed.write_text("\n".join(rows[:-1]) + "\n")
    done = _liftcast("forecast", "run", *_asked(history, place / "no", "--plan", holed))
    assert done.returncode == 1
    last = rows[-1].split(",")[2]
    assert "future plan of 'promo' is not known" in done.stderr
    assert last in done.stderr
    assert "holed.csv" in done.stderr
    assert not (place / "no").exists()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--signs", "promo=plus"], "sign of 'promo' is 'plus'"),
        (["--assume", "promo=never"], "assumed by 'never'"),
        (["--fiscal-calendar", "445:2026-99-01"], "'445:2026-99-01': expected a CSV file"),
        (["--horizon", "0"], "The horizon is 0"),
        (["--country", "Atlantis"], "--country: no holidays are known of this country"),
        (["--country", "HolidayBase"], "--country: no holidays are known of this country"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_and_blamed_on_no_file(files, option, told):
    place, history, plan = files
    done = _liftcast("forecast", "run", *_asked(history, place / "no", "--plan", plan, *option))
    assert done.returncode == 1
    assert told in done.stderr
    assert "history.csv" not in done.stderr and "plan.csv" not in done.stderr
    assert not (place / "no").exists()


def test_a_backtest_writes_scores_by_model_and_origin(files):
    place, history, _ = files
    done = _liftcast(
        "forecast", "backtest",
        *_asked(history, place / "scores", "--plan-columns", "promo,kind", "--origins", 2,
                "--levels", "territory", "--reconcile", "top_down"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = _read(place / "scores" / "scores.csv")
    steps = [(row["step"], row["model"]) for row in rows if row["step"]]
    assert steps[:5] == [
        ("1", "seasonal_naive"), ("2", "best_single"), ("3", "mix"), ("4", "corrected"),
        ("5", "reconciled"),
    ]  # fmt: skip
    assert {"mix", "seasonal_naive", "log_ols"} <= {row["model"] for row in rows}
    assert len({row["origin"] for row in rows}) == 2
    naive = [row for row in rows if row["model"] == "seasonal_naive"]
    assert all(float(row["fva"]) == 0 for row in naive)


def test_without_a_command_it_is_still_the_stage_of_a_lake(tmp_path):
    done = _liftcast("forecast", "--lake", tmp_path / "lake")
    assert done.returncode == 1
    assert "transform" in done.stderr
    both = _liftcast("forecast", "--lake", tmp_path / "lake", "run")
    assert both.returncode == 2
