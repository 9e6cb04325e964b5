"""`liftcast forecast version` as an analyst types it."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from liftcast import cli

UNTIL = str((datetime.now(UTC) + timedelta(days=20)).date())


def write_run(place: Path, first="2026-11-01", days=61, level=Decimal("10.00"), **inputs) -> Path:
    """The folder of a run: two shops."""
    place.mkdir()
    dates = [str(day.date()) for day in pd.date_range(first, periods=days)]
    with (place / "forecast.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["shop", "ds", "mean", "p025", "p10", "p50", "p90", "p975", "model"])
        for shop in ("[red]1[/]", "'=2"):
            writer.writerows([shop, day, level, 1, 5, 10, 15, 20, "mix"] for day in dates)
    whole = ["total", "", dates[0], dates[-1], level * 2 * days]
    with (place / "totals.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([["level", "key", "ds", "ds_last", "mean"], whole])
    known = {"history_sha256": "h1", "plan_sha256": "p1", "code_version": "c1", "target": "units",
             "as_of": str((pd.Timestamp(first) - pd.Timedelta(days=1)).date())}  # fmt: skip
    (place / "facts.json").write_text(json.dumps({"inputs": known | inputs, "seed": 0}))
    return place


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """Type a command of `liftcast forecast version`; exit code, output, errors."""
    monkeypatch.setenv("COLUMNS", "220")
    cli.console.width = 220

    def run(*words, store=tmp_path / "versions"):
        where = ["--store", str(store)] if store else []
        monkeypatch.setattr(
            sys, "argv", ["liftcast", "forecast", "version", *map(str, words), *where]
        )
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return run


ANA, BO = ("--by", "Ana", "--why", "close"), ("--by", "Bo", "--why", "reviewed")


def test_from_a_run_to_a_locked_version(typed, tmp_path):
    run = write_run(tmp_path / "run")
    assert typed("create", "--from", run, *ANA).code == 0
    name = "2026-10-base-1"
    done = typed("override", name, "--kind", "percent", "--value=-5", "--where", "shop==2",
                 "--period", "2026-11", "--expires", UNTIL, *ANA)  # fmt: skip
    assert done.code == 0, done.err
    assert "300.00 becomes 285.00, spread over 30 rows" in done.out
    assert typed("submit", name, *ANA).code == 0
    alone = typed("approve", name, *ANA)
    assert alone.code == 1
    assert "a second person approves" in alone.err
    assert typed("approve", name, *BO).code == 0
    done = typed("lock", name, *BO)
    assert done.code == 0
    receipt = done.out.split("receipt: ")[1].split()[0]
    late = typed("override", name, "--withdraw", 1, *ANA)
    assert (late.code, "locked" in late.err) == (1, True)
    shown = typed("show", name, "--out", tmp_path / "numbers")
    assert shown.code == 0
    assert "1,205.00" in shown.out
    with (tmp_path / "numbers" / "numbers.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert sum(Decimal(row["final"]) for row in rows) == 1205
    assert {row["shop"] for row in rows} == {"[red]1[/]", "'=2"}
    assert "nothing was touched" in typed("verify", "--receipt", receipt).out
    table = tmp_path / "versions" / "locked" / name / "final.parquet"
    table.chmod(0o644)
    table.write_bytes(table.read_bytes() + b" ")
    checked = typed("verify")
    assert checked.code == 1
    assert f"touched locked/{name}/final.parquet" in checked.out
    assert typed("show", name).code == 1


def test_wrong_usage_and_missing_places_are_one_sentence(typed, tmp_path):
    assert typed("create", *ANA).code == 2
    missing = typed("create", "--from", tmp_path, *ANA)
    assert (missing.code, "holds no forecast" in missing.err) == (1, True)
    unknown = typed("submit", "nobody", *ANA)
    assert (unknown.code, "There is no version 'nobody'" in unknown.err) == (1, True)
    assert typed("list").code == 0
    run = write_run(tmp_path / "run")
    bad = typed("create", "--from", run, "--by", "Ana", "--why", " ")
    assert (bad.code, "reason" in bad.err) == (1, True)
    assert not (tmp_path / "versions" / "versions").exists()
