"""The command line: help with examples, exit codes, one clear sentence on failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from liftcast.cli import app

COMMANDS = [command.callback.__name__ for command in app.registered_commands if command.callback]
# A group that does something of its own is a command as well.
COMMANDS += [
    str(group.name)
    for group in app.registered_groups
    if group.typer_instance
    and group.typer_instance.registered_callback
    and group.typer_instance.registered_callback.invoke_without_command is True
]


def _liftcast(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "liftcast", *arguments],
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_stage_is_a_command() -> None:
    stages = {"ingest", "transform", "attribute", "forecast", "publish"}
    assert stages | {"doctor", "demo", "run", "status"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"Example: liftcast {command}" in shown.output


def test_wrong_usage_is_exit_code_two() -> None:
    assert _liftcast("ingest", "--start", "yesterday").returncode == 2
    assert _liftcast("nonsense").returncode == 2


def test_a_stage_without_its_input_says_which_to_run_first(tmp_path: Path) -> None:
    for stage, hint in {
        "transform": "liftcast ingest",
        "attribute": "liftcast transform",
        "forecast": "liftcast transform",
        "publish": "liftcast attribute",
    }.items():
        failed = _liftcast(stage, "--lake", str(tmp_path / "lake"))
        assert failed.returncode == 1
        assert hint in failed.stderr
        assert "Traceback" not in failed.stderr
        assert len(failed.stderr.splitlines()) == 1, "one sentence, and no log line beside it"
        assert failed.stderr.startswith("error: ")


def test_a_missing_mapping_names_what_was_looked_for(tmp_path: Path) -> None:
    failed = _liftcast("run", "--sources", str(tmp_path / "no.yml"), "--lake", str(tmp_path / "l"))
    assert failed.returncode == 1
    assert "no.yml" in failed.stderr
    assert "sources/README.md" in failed.stderr


def test_logs_are_structured_and_safe_to_read_by_machines(tmp_path: Path) -> None:
    failed = _liftcast(
        "transform", "--lake", str(tmp_path / "lake"),
        LIFTCAST_LOG_LEVEL="info", LIFTCAST_LOG_FORMAT="json",
    )  # fmt: skip
    lines = [json.loads(line) for line in failed.stderr.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines] == ["stage started", "stage ended"]
    assert {line["stage"] for line in lines} == {"transform"}
    assert (lines[1]["level"], lines[1]["status"]) == ("error", "failed")
    assert "no sales have landed yet" in lines[1]["error"]
    assert len({line["run_id"] for line in lines}) == 1


def test_debug_shows_the_trace_wherever_it_stands(tmp_path: Path) -> None:
    for arguments in (["--debug", "transform"], ["transform", "--debug"]):
        failed = _liftcast(*arguments, "--lake", str(tmp_path / "lake"))
        assert failed.returncode != 0
        assert "Traceback" in failed.stderr


def test_a_path_that_cannot_be_a_lake_is_refused(tmp_path: Path) -> None:
    failed = _liftcast("status", "--lake", str(tmp_path / "it's"))
    assert failed.returncode == 1
    assert "not allowed" in failed.stderr


def test_status_of_an_empty_lake_says_how_to_begin(tmp_path: Path) -> None:
    shown = _liftcast("status", "--lake", str(tmp_path / "lake"))
    assert shown.returncode == 0
    assert "nothing is published yet" in shown.stdout


def test_doctor_finds_this_installation_complete_and_makes_nothing(tmp_path: Path) -> None:
    shown = _liftcast("doctor", "--lake", str(tmp_path / "lake"))
    assert shown.returncode == 0
    assert "apache-airflow" in shown.stdout
    assert not (tmp_path / "lake").exists()


def test_a_busy_lake_is_exit_code_three(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom warehouse.lake import Lake\nfrom warehouse.locks import holding\n"
        "with holding(Lake.at(sys.argv[1]), 'warehouse', 1):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lake")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    refused = _liftcast("transform", "--lake", str(tmp_path / "lake"), LIFTCAST_LOCK_TIMEOUT="0.2")
    holder.communicate()
    assert refused.returncode == 3
    assert "liftcast status" in refused.stderr
