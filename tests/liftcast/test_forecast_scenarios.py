"""`liftcast forecast scenario` on plain CSV files, in a process of its own."""

import csv
import os
import subprocess
import sys
from decimal import Decimal

import numpy as np

DAYS, H = 70, 7


def _liftcast(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "liftcast", *map(str, arguments)],
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


def _write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def test_plans_are_compared_and_one_plan_alone_is_refused(tmp_path):
    rng = np.random.default_rng(4)
    days = np.datetime64("2024-02-01") + np.arange(DAYS + H)
    promo = (np.arange(DAYS + H) % 10 < 3).astype(int)
    units = np.round(50 * (1 + 0.5 * promo) * np.exp(0.1 * rng.standard_normal(DAYS + H)))
    past = [["=shop", d, u, p] for d, u, p in zip(days, units, promo, strict=True)][:DAYS]
    history = _write(tmp_path / "h.csv", [["shop", "day", "units", "promo"], *past])
    none, full = (
        _write(tmp_path / f"{name}.csv", [["day", "promo"], *([d, on] for d in days[DAYS:])])
        for name, on in (("none", 0), ("=full", 1))
    )
    asked = ["forecast", "scenario", "--history", history, "--series", "shop", "--date", "day",
             "--target", "units", "--horizon", H, "--out", tmp_path / "out"]  # fmt: skip
    alone = _liftcast(*asked, "--plan", none)
    assert alone.returncode == 1
    assert "one plan only" in alone.stderr
    done = _liftcast(*asked, "--plan", none, "--plan", full)
    assert done.returncode == 0, done.stderr
    assert "plan:promo" in done.stdout
    with (tmp_path / "out" / "scenario.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["plan"] for row in rows} == {"'=full"}
    whole = [r for r in rows if r["level"] == "total" and r["ds"] != r["ds_last"]]
    told = {r["driver"]: Decimal(r["mean"]) for r in whole}
    assert told["plan:promo"] == told["all"] > 0
    both = next(r for r in whole if r["driver"] == "all")
    assert Decimal(both["mean_plan"]) - Decimal(both["mean_against"]) == told["all"]
