"""`liftcast forecast run --mix`: a fit's folder beside history and plan of a plain CSV."""

import csv
import json
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from tests.liftcast.typed import liftcast as _liftcast

WEEKS, H = 60, 6
SPEC = """
panel:
  date: week
  territory: region
  outcome: {column: units, kind: units}
  drivers: [{name: tv, kind: media, spend: tv_S}]
model:
  sampling: {starts: 1, chains: 2, warmup: 60, draws: 100, longer: 1}
"""


def _write(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


def _read(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two regions by week, two products in each; television is bought by region."""
    place = tmp_path_factory.mktemp("mix")
    rng = np.random.default_rng(8)
    history, plan, panel, later = [], [], [], []
    for region in ("n", "s"):
        for number in range(WEEKS + H):
            week = str(np.datetime64("2024-01-01") + 7 * number)
            tv = round(float(rng.gamma(2.0, 50.0)), 2)
            sold = round(float(900 + 500 * tv / (tv + 100) + rng.normal(0, 20)))
            parts = {"tea": round(0.6 * sold), "soap": sold - round(0.6 * sold)}
            for product, units in parts.items():
                if number < WEEKS:
                    history.append([region, product, week, units, tv])
                else:
                    plan.append([region, product, week, tv])
                    later.append([region, product, week, units, tv])
            if number < WEEKS:
                panel.append([region, week, sold, tv])
    spec = place / "spec.yml"
    spec.write_text(SPEC, encoding="utf-8")
    _write(place / "panel.csv", ["region", "week", "units", "tv_S"], panel)
    header = ["region", "product", "week", "units", "tv_S"]
    _write(place / "history.csv", header, history)
    _write(place / "longer.csv", header, [*history, *later])
    _write(place / "plan.csv", ["region", "product", "week", "tv_S"], plan)
    done = _liftcast(
        "mix", "fit", "--panel", place / "panel.csv", "--spec", spec, "--out", place / "fit"
    )
    assert done.returncode == 0, done.stderr
    return place


def _run(place, plan, out, *more):
    return _liftcast(
        "forecast", "run", "--history", place / "history.csv", "--plan", place / plan,
        "--series", "region,product", "--date", "week", "--target", "units", "--horizon", H,
        "--out", place / out, "--mix", place / "fit", *more,
    )  # fmt: skip


def test_what_television_brings_in_the_forecast_is_what_the_mix_predicts(files):
    done = _run(files, "plan.csv", "out")
    assert done.returncode == 0, done.stderr
    rows = {(row["region"], row["week"]): row["tv_S"] for row in _read(files / "plan.csv")}
    plan = _write(
        files / "region.csv", ["region", "week", "tv_S"], [[*k, v] for k, v in rows.items()]
    )
    told = _liftcast(
        "mix", "predict", "--result", files / "fit", "--plan", plan, "--out", files / "next"
    )
    assert told.returncode == 0, told.stderr
    ours = defaultdict(float)
    explained = _read(files / "out" / "explain.csv")
    for row in explained:
        if row["part"] == "media:tv":
            ours[row["region"], row["ds"]] += float(row["value"])
    mix = {
        (row["territory_id"], row["date_day"]): float(row["mean"])
        for row in _read(files / "next" / "contributions.csv")
        if row["driver"] == "tv"
    }
    assert ours == pytest.approx(mix, abs=1e-4)
    assert min(mix.values()) > 50
    # Television is not raced as well.
    assert not any(row["part"].startswith("plan:") for row in explained)


def _zoned(path, to):
    """A table with its dates as local midnights of a zone whose clock changes."""
    rows = _read(path)
    for row in rows:
        row["week"] = pd.Timestamp(row["week"], tz="Europe/Berlin").isoformat()
    return _write(to, list(rows[0]), [list(row.values()) for row in rows])


def test_dates_with_a_zone_and_a_panel_with_dates_of_its_own_are_the_same_media(files):
    plain = _run(files, "plan.csv", "plain")
    assert plain.returncode == 0, plain.stderr
    rows = [[row["region"], f"{row['week'][8:]}.{row['week'][5:7]}.{row['week'][:4]}",
             row["units"], row["tv_S"]] for row in _read(files / "panel.csv")]  # fmt: skip
    _write(files / "german.csv", ["region", "week", "units", "tv_S"], rows)
    spec = files / "german.yml"
    spec.write_text(SPEC.replace("date: week", 'date: week\n  date_format: "%d.%m.%Y"'))
    fit = ("mix", "fit", "--panel", files / "german.csv", "--spec", spec, "--out")
    done = _liftcast(*fit, files / "german")
    assert done.returncode == 0, done.stderr
    history = _zoned(files / "history.csv", files / "zoned.csv")
    _zoned(files / "plan.csv", files / "zoned_plan.csv")
    for name, *more in (("zone", "--history", history), ("format", "--mix", files / "german")):
        plan = "zoned_plan.csv" if name == "zone" else "plan.csv"
        done = _run(files, plan, name, *more)
        assert done.returncode == 0, done.stderr
        assert (files / name / "forecast.csv").read_bytes() == (
            files / "plain" / "forecast.csv"
        ).read_bytes()


def test_a_history_that_ends_before_the_mix_is_refused_whatever_its_plan(files):
    early = files / "early.csv"
    rows = [row for row in _read(files / "history.csv") if row["week"] < "2025-01-01"]
    _write(early, list(rows[0]), [list(row.values()) for row in rows])
    done = _run(files, "plan.csv", "no", "--history", early)
    assert done.returncode == 1
    assert "knows what is to be forecast" in done.stderr


def test_a_plan_that_does_not_fit_the_panel_is_refused_in_words(files):
    rows = [list(row.values()) for row in _read(files / "plan.csv")]
    header = ["region", "product", "week", "tv_S"]
    _write(files / "lacking.csv", header[:3], [row[:3] for row in rows])
    lacking = _run(files, "lacking.csv", "no")
    assert lacking.returncode == 1
    assert "tv_S" in lacking.stderr
    rows[0][3] = "1"
    _write(files / "uneven.csv", header, rows)
    uneven = _run(files, "uneven.csv", "no")
    assert uneven.returncode == 1
    assert "tv_S differs between series" in uneven.stderr.replace("\n", " ")
    assert not (files / "no").exists()


def test_plans_of_television_differ_by_what_the_mix_says(files):
    rows = _read(files / "plan.csv")
    header = list(rows[0])
    more = [[*list(row.values())[:-1], float(row["tv_S"]) + 100] for row in rows]
    _write(files / "more.csv", header, more)
    done = _liftcast(
        "forecast", "scenario", "--history", files / "history.csv", "--plan", files / "plan.csv",
        "--plan", files / "more.csv", "--series", "region,product", "--date", "week",
        "--target", "units", "--horizon", H, "--out", files / "whatif", "--mix", files / "fit",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [row for row in _read(files / "whatif" / "scenario.csv") if row["level"] == "total"]
    whole = {row["driver"]: row for row in told if row["ds"] != row["ds_last"]}
    assert whole["media:tv"]["mean"] == whole["all"]["mean"]
    # 100 more a week on a curve of 500 x / (x + 100) in each of two regions.
    assert 200 < float(whole["media:tv"]["mean"]) < 2 * H * 250
    assert 0 < float(whole["media:tv"]["p025"]) < float(whole["media:tv"]["p975"])


def test_a_backtest_with_a_mix_judges_what_run_would_have_said_then(files):
    """At the origin where the mix ends; at the one before it the mix knew too much."""
    asked = (
        "--series", "region,product", "--date", "week", "--target", "units", "--horizon", H,
        "--plan-columns", "tv_S", "--mix", files / "fit", "--reconcile", "bottom_up",
    )  # fmt: skip
    done = _liftcast("forecast", "backtest", "--history", files / "longer.csv", *asked,
                     "--origins", 2, "--out", files / "scores")  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, end = (str(np.datetime64("2024-01-01") + 7 * (WEEKS - 1 - n)) for n in (H, 0))
    assert f"not judged, because the mix was fitted up to {end}: {first}" in done.stderr
    rows = {row["model"]: row for row in _read(files / "scores" / "scores.csv")}
    assert {row["origin"] for row in rows.values()} == {end}
    assert [m for m, row in rows.items() if row["step"]] == [
        "seasonal_naive", "best_single", "mix", "corrected", "reconciled", "with_media",
    ]  # fmt: skip
    then = _run(files, "plan.csv", "then", "--reconcile", "bottom_up")
    assert then.returncode == 0, then.stderr
    keys = ("region", "product")
    sold = {(*(r[k] for k in keys), r["week"]): float(r["units"])
            for r in _read(files / "longer.csv")}  # fmt: skip
    missed = whole = 0.0
    for row in _read(files / "then" / "forecast.csv"):
        actual = sold[(*(row[k] for k in keys), row["ds"])]
        missed, whole = missed + abs(float(row["mean"]) - actual), whole + actual
    assert float(rows["with_media"]["wape"]) == pytest.approx(missed / whole, rel=1e-8)
    assert float(rows["with_media"]["coverage_80"]) > 0

    none = _liftcast("forecast", "backtest", "--history", files / "history.csv", *asked,
                     "--origins", 1, "--out", files / "none")  # fmt: skip
    assert none.returncode == 1
    assert f"cannot judge any of these origins: {first}" in none.stderr.replace("\n", " ")
    assert not (files / "none").exists()


def test_a_mix_by_the_week_beside_a_daily_history(files):
    """Its plan is a file by its weeks; without it the error says what to give."""
    weekday = [0.1, 0.1, 0.15, 0.15, 0.15, 0.2, 0.15]
    days = [
        [row["region"], row["product"], np.datetime64(row["week"]) + n, float(row["units"]) * w]
        for row in _read(files / "history.csv")
        for n, w in enumerate(weekday)
        if row["product"] == "tea" and row["week"] >= "2024-12-01"
    ]
    history = _write(files / "days.csv", ["region", "product", "day", "units"], days)
    plan = {(row["region"], row["week"]): row["tv_S"] for row in _read(files / "plan.csv")}
    weekly = _write(
        files / "weekly.csv", ["region", "week", "tv_S"], [[*k, v] for k, v in plan.items()]
    )
    asked = ("forecast", "run", "--history", history, "--series", "region,product", "--date",
             "day", "--target", "units", "--horizon", 14, "--mix", files / "fit")  # fmt: skip
    done = _liftcast(*asked, "--mix-plan", weekly, "--out", files / "daily")
    assert done.returncode == 0, done.stderr
    facts = json.loads((files / "daily" / "facts.json").read_text(encoding="utf-8"))
    assert len(facts["inputs"]["plan_sha256"]) == 64  # the mix's plan is of the version's plan
    told = _liftcast(
        "mix", "predict", "--result", files / "fit", "--plan", weekly, "--out", files / "weeks"
    )
    assert told.returncode == 0, told.stderr
    weeks = sorted({week for _, week in plan})[:2]
    mix = [
        sum(float(row["mean"]) for row in _read(files / "weeks" / "contributions.csv")
            if (row["date_day"], row["driver"]) == (week, "tv"))
        for week in weeks
    ]  # fmt: skip
    ours = [0.0, 0.0]
    for row in _read(files / "daily" / "explain.csv"):
        if row["part"] == "media:tv":
            ours[row["ds"] >= weeks[1]] += float(row["value"])
    # Tea is 60 % of what the mix knows, rounded to pieces; the horizon's two weeks are whole.
    share = sum(d[3] for d in days) / sum(
        float(row["units"]) for row in _read(files / "panel.csv") if row["week"] >= "2024-12-01"
    )
    assert ours == pytest.approx([share * one for one in mix], rel=1e-3)
    more = _write(
        files / "weekly_more.csv", ["region", "week", "tv_S"],
        [[*k, float(v) + 100 * (k[1] == weeks[0])] for k, v in plan.items()],
    )  # fmt: skip
    ahead = sorted({d[2] for d in days})[-1] + np.arange(1, 15)
    same = _write(files / "plain.csv", ["day", "leaflet"], [[day, 0] for day in ahead])
    flagged = _write(files / "flagged.csv", ["region", "product", "day", "units", "leaflet"],
                     [[*d, int(n % 9 == 0)] for n, d in enumerate(days)])  # fmt: skip
    whatif = [flagged if word is history else word for word in asked]
    plans = ("--plan", same, "--plan", same, "--mix-plan", weekly)
    done = _liftcast("forecast", "scenario", *whatif[2:], *plans, "--mix-plan", more,
                     "--out", files / "media")  # fmt: skip
    assert done.returncode == 0, done.stderr
    moved = [row for row in _read(files / "media" / "scenario.csv")
             if (row["level"], row["driver"]) == ("total", "media:tv")]  # fmt: skip
    whole = next(
        row for row in moved if row["ds_last"] == str(ahead[-1]) and row["ds"] == str(ahead[0])
    )
    assert 0 < float(whole["mean"]) < 2 * 250
    few = _liftcast("forecast", "scenario", *whatif[2:], *plans, "--out", files / "none")
    assert (few.returncode, "not one plan of the mix for each" in few.stderr) == (1, True)
    without = _liftcast(*asked, "--out", files / "none")
    assert without.returncode == 1
    assert "the mix is by the week and the history by the day" in without.stderr
    assert "--mix-plan" in without.stderr
    alone = _liftcast(*asked[:-2], "--mix-plan", weekly, "--out", files / "none")
    assert (alone.returncode, "--mix as well" in alone.stderr) == (1, True)
