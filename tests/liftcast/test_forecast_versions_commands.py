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


def write_run(
    place: Path, first="2026-11-01", days=61, level=Decimal("10.00"), naive=None, **inputs
) -> Path:
    """The folder of a run: two shops; without the naive as an older version wrote it."""
    place.mkdir()
    dates = [str(day.date()) for day in pd.date_range(first, periods=days)]
    with (place / "forecast.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["shop", "ds", "mean", "p025", "p10", "p50", "p90", "p975", "model"])
        for shop in ("[red]1[/]", "'=2"):
            writer.writerows([shop, day, level, 1, 5, 10, 15, 20, "mix"] for day in dates)
    if naive is not None:
        with (place / "steps.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["shop", "ds", "step", "value"])
            for shop in ("[red]1[/]", "'=2"):
                writer.writerows([shop, day, "naive", naive] for day in dates)
                writer.writerows([shop, day, "mix", 9] for day in dates)
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
    nothing = typed("verify")
    assert (nothing.code, "there are no versions here" in nothing.err) == (1, True)
    run = write_run(tmp_path / "run")
    bad = typed("create", "--from", run, "--by", "Ana", "--why", " ")
    assert (bad.code, "reason" in bad.err) == (1, True)
    assert not (tmp_path / "versions" / "versions").exists()
    sales = tmp_path / "sales.csv"
    sales.write_text("shop,day,units\na,2026-10-01,many\n")
    ledger = ("--actuals", sales, "--series", "shop", "--date", "day", "--target", "units")
    text = typed("close", "--period", "2026-10", *ledger, *ANA)
    assert text.code == 1
    assert "sales.csv: The actuals' 'units' in row 2 is 'many'" in text.err
    file = typed("list", "--store", sales, store=None)
    assert (file.code, "Give another folder with --store" in file.err) == (1, True)


def test_steps_that_are_not_of_the_forecast_are_refused_and_none_is_told(typed, tmp_path):
    plain = typed("create", "--from", write_run(tmp_path / "plain"), *ANA)
    assert (plain.code, "what the naive would have been" in plain.err) == (0, True)
    kept = typed("create", "--from", write_run(tmp_path / "kept", naive=8), *ANA)
    assert (kept.code, "what the naive would have been" in kept.err) == (0, False)
    assert (tmp_path / "versions" / "versions" / "2026-10-base-2" / "naive.parquet").is_file()
    steps = tmp_path / "kept" / "steps.csv"
    lines = steps.read_text(encoding="utf-8").splitlines(keepends=True)
    steps.write_text("".join(lines[:-62]), encoding="utf-8")
    short = typed("create", "--from", tmp_path / "kept", *ANA)
    assert (short.code, "the 122 of the forecast" in short.err) == (1, True)
    steps.write_text("shop,ds,step\n", encoding="utf-8")
    lacks = typed("create", "--from", tmp_path / "kept", *ANA)
    assert (lacks.code, "steps.csv has no column value" in lacks.err) == (1, True)
    assert typed("verify").code == 0


def _locked(typed, run, *more):
    made = typed("create", "--from", run, *more, *ANA)
    assert made.code == 0, made.err
    name = next(word for word in made.out.split() if word.startswith("20"))
    for command, who in (("submit", ANA), ("approve", BO), ("lock", BO)):
        assert typed(command, name, *who).code == 0
    return name


def _bridged(out):
    with (out / "bridge.csv").open(encoding="utf-8", newline="") as handle:
        steps = {}
        for row in csv.DictReader(handle):
            steps[row["step"]] = steps.get(row["step"], Decimal(0)) + Decimal(row["amount"])
    return steps


def test_the_bridge_tells_apart_what_was_run_and_names_what_was_not(typed, tmp_path):
    settings = {"horizon": 61, "seed": 0}
    first = write_run(tmp_path / "october", settings=settings)
    old = _locked(typed, first)
    new = {"first": "2026-12-01", "days": 61, "history_sha256": "h2", "plan_sha256": "p2"}
    second = write_run(tmp_path / "november", level=Decimal("12.50"), settings=settings, **new)
    plain = typed("create", "--from", second, "--name", "plain", "--bridge-from", old, *ANA)
    assert plain.code == 0, plain.err
    told = typed("bridge", "plain", "--out", tmp_path / "b1")
    assert told.code == 0, told.err
    assert "'data and plan' cannot be told apart" in told.out
    # 31 days of December are shared, 30 of November have passed, 30 of January have begun.
    assert _bridged(tmp_path / "b1") == {
        "old": 1220, "passed": -600, "model": 0, "data and plan": 155, "begun": 750,
        "override": 0, "new": 1525,
    }  # fmt: skip
    stop = write_run(tmp_path / "stop", level=Decimal("11.00"), settings=settings,
                     **(new | {"plan_sha256": "p1", "days": 31}))  # fmt: skip
    done = typed("create", "--from", second, "--name", "whole", "--bridge-from", old,
                 "--old-plan", stop, *ANA)  # fmt: skip
    assert done.code == 0, done.err
    typed("override", "whole", "--kind", "delta", "--value", "7.77", "--period", "2026-12",
          "--expires", UNTIL, *ANA)  # fmt: skip
    told = typed("bridge", "whole", "--by", "period", "--out", tmp_path / "b2")
    assert "cannot be told apart" not in told.out
    steps = _bridged(tmp_path / "b2")
    assert steps == {
        "old": 1220, "passed": -600, "model": 0, "data": 62, "plan": 93, "begun": 750,
        "override": Decimal("7.77"), "new": Decimal("1532.77"),
    }  # fmt: skip
    assert typed("bridge", "whole", "--by", "nothing").code == 1
    wrong = typed("create", "--from", second, "--bridge-from", old, "--old-plan", second, *ANA)
    assert (wrong.code, "made with another plan (p2)" in wrong.err) == (1, True)
    seeded = write_run(tmp_path / "seeded", settings=settings | {"seed": 7},
                       **(new | {"plan_sha256": "p1", "days": 31}))  # fmt: skip
    other = typed("create", "--from", second, "--bridge-from", old, "--old-plan", seeded, *ANA)
    assert (other.code, "with other settings" in other.err) == (1, True)
    short = write_run(tmp_path / "short", settings=settings,
                      **(new | {"plan_sha256": "p1", "days": 5}))  # fmt: skip
    lacks = typed("create", "--from", second, "--bridge-from", old, "--old-plan", short, *ANA)
    assert (lacks.code, "lacks 52 rows" in lacks.err) == (1, True)
    assert typed("verify").code == 0


def _sales(place, first, last, amount):
    with place.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["shop", "day", "units"])
        for shop in ("[red]1[/]", "=2"):
            for day in pd.date_range(first, last):
                writer.writerow([shop, day.date(), amount])
    return place


def test_closes_keep_what_the_ledger_said_and_accuracy_is_by_lag(typed, tmp_path, monkeypatch):
    from liftcast import version_store
    from warehouse import journal

    class Then(datetime):
        """Versions are locked in their own month, as finance does."""

        moment = datetime(2026, 11, 4, 9, tzinfo=UTC)

        @classmethod
        def now(cls, tz=None):
            return cls.moment

    monkeypatch.setattr(journal, "datetime", Then)
    monkeypatch.setattr(version_store, "today", lambda: Then.now().date())
    run = write_run(tmp_path / "run", naive=Decimal("8.00"))
    name = typed("create", "--from", run, *ANA).out
    assert "2026-10-base-1" in name
    typed("override", "2026-10-base-1", "--kind", "percent", "--value", "10", "--period",
          "2026-11", "--expires", UNTIL, *ANA)  # fmt: skip
    for command, who in (("submit", ANA), ("approve", BO), ("lock", BO)):
        assert typed(command, "2026-10-base-1", *who).code == 0
    assert "no closed period" in typed("accuracy").out
    ledger = ("--series", "shop", "--date", "day", "--target", "units")
    sales = _sales(tmp_path / "november.csv", "2026-10-01", "2026-11-29", "11")
    early = typed("close", "--period", "2026-11", "--actuals", sales, *ledger, *ANA)
    assert (early.code, "reach 2026-11-29" in early.err) == (1, True)
    Then.moment = datetime(2026, 12, 3, 9, tzinfo=UTC)
    sales = _sales(tmp_path / "november.csv", "2026-10-01", "2026-11-30", "11")
    done = typed("close", "--period", "2026-11", "--actuals", sales, *ledger, *ANA)
    assert (done.code, "660.00 units" in done.out) == (0, True), done.err
    Then.moment = datetime(2027, 1, 4, 9, tzinfo=UTC)
    sales = _sales(tmp_path / "december.csv", "2026-11-01", "2026-12-31", "12.50")
    done = typed("close", "--period", "2026-12", "--actuals", sales, *ledger, *ANA)
    assert "+90.00" in done.out
    told = typed("accuracy", "--out", tmp_path / "scores")
    assert told.code == 0, told.err
    with (tmp_path / "scores" / "accuracy.csv").open(encoding="utf-8", newline="") as handle:
        rows = {row["lag"]: row for row in csv.DictReader(handle)}
    assert (rows["1"]["final"], rows["1"]["actual"]) == ("660.00", "660.00")
    assert float(rows["1"]["wape_final"]) == 0
    assert float(rows["1"]["added_by_override"]) == pytest.approx(60 / 660)
    assert float(rows["1"]["wape_naive"]) == pytest.approx(180 / 660)
    assert float(rows["1"]["added_by_model"]) == pytest.approx(120 / 660)
    assert (rows["1"]["cells"], rows["1"]["inside_80"]) == ("60", "60")
    assert "what model and overrides save" in told.out
    assert "locked intervals" in told.out
    assert float(rows["2"]["bias_final"]) == pytest.approx(-0.2)
    again = typed("accuracy", "--restated", "--out", tmp_path / "restated")
    assert again.code == 0, again.err
    with (tmp_path / "restated" / "accuracy.csv").open(encoding="utf-8", newline="") as handle:
        assert next(csv.DictReader(handle))["actual"] == "750.00"
    assert typed("verify").code == 0
    table = tmp_path / "versions" / "closes" / "0001" / "actuals.parquet"
    table.chmod(0o644)
    table.write_bytes(b"PAR1")
    assert typed("accuracy").code == 1
