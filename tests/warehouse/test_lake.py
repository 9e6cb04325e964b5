"""The lake's paths, its refusals, its locks and its log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warehouse.errors import LakeBusyError, LiftcastError, printable
from warehouse.lake import Lake
from warehouse.locks import holding
from warehouse.runlog import history, new_run_id, recorded
from warehouse.settings import Settings


@pytest.mark.parametrize("name", ["it's", 'a"b', "a*b", "a?b", "a[1]", "a{b}", "a\nb"])
def test_a_path_that_sql_or_a_glob_would_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LiftcastError, match="not allowed"):
        Lake.at(tmp_path / name)


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(LiftcastError, match="path of --lake is a file"):
        Lake.at(tmp_path / "x")


def test_an_empty_lake_says_what_to_run(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    with pytest.raises(LiftcastError, match="liftcast transform"):
        lake.current_release()
    with pytest.raises(LiftcastError, match="liftcast attribute"):
        lake.latest_result("mix")


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31mred\r\nb") == "a\\x1b[31mred\\r\\nb"
    assert len(printable("x" * 1000)) == 120


def test_the_error_names_place_expectation_finding_and_remedy() -> None:
    error = LiftcastError("is empty", where="a.csv", expected="rows", got="none", remedy="Fill it")
    assert str(error) == "a.csv: is empty; expected rows; got none. Fill it."


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFTCAST_SEED", "5")
    monkeypatch.setenv("LIFTCAST_REPORTING_CURRENCY", "EUR")
    settings = Settings()
    assert (settings.seed, settings.reporting_currency) == (5, "EUR")


def test_a_lock_is_waited_for_then_refused_and_freed_by_death(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    code = (
        "import sys,time\nfrom warehouse.lake import Lake\nfrom warehouse.locks import holding\n"
        "with holding(Lake.at(sys.argv[1]), 'warehouse', 1):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(lake.root)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LakeBusyError, match="liftcast status"), holding(lake, "warehouse", 0.2):
        pass
    holder.kill()
    holder.wait()
    with holding(lake, "warehouse", 1):
        pass


def test_a_child_keeps_the_lock_of_its_killed_parent(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    code = (
        "import subprocess,sys,time\nfrom warehouse.lake import Lake\n"
        "from warehouse.locks import holding\n"
        "with holding(Lake.at(sys.argv[1]), 'warehouse', 1) as fd:\n"
        "    child = subprocess.Popen(['sleep', '2'], pass_fds=[fd])\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(lake.root)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "held\n"
    parent.kill()
    parent.wait()
    start = time.monotonic()
    with holding(lake, "warehouse", 10):
        waited = time.monotonic() - start
    assert 0.5 < waited < 5


def test_the_run_log_tells_ok_failed_and_killed_and_survives_a_torn_line(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake")
    with recorded(lake, "ingest", 0) as run:
        run.notes["source"] = "robyn"
    with pytest.raises(ValueError, match="broken"), recorded(lake, "transform", 0):
        raise ValueError("broken\x1b[0m")
    gone = subprocess.Popen(["true"])
    gone.wait()
    with lake.runs.open("a") as log:
        line = {"run_id": new_run_id(), "stage": "publish", "status": "running", "pid": gone.pid}
        log.write(json.dumps(line) + "\n")
        log.write('{"run_id": "torn", "sta')
    with recorded(lake, "forecast", 0):
        running = history(lake)[-1]
        assert (running["status"], running["pid"]) == ("running", os.getpid())
    records = history(lake)
    assert [r["status"] for r in records] == ["ok", "failed", "killed", "ok"]
    assert records[0]["source"] == "robyn"
    assert "\x1b" not in records[1]["error"]


def test_run_ids_sort_by_time_and_differ() -> None:
    ids = [new_run_id() for _ in range(50)]
    assert len(set(ids)) == 50
    assert sorted(ids) == ids  # also within a second: the newest result is the last by name
