"""Runs dbt as a process of its own and tells what it did in words a person can act on.

dbt runs as a subprocess because `dbtRunner` keeps DuckDB's lock after it returns, and one
process a stage because importing dbt's command line costs seconds.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from liftcast.errands import FINISHED
from warehouse.errors import CheckFailedError, LiftcastError, printable
from warehouse.files import disk_errors
from warehouse.lake import Lake
from warehouse.settings import Settings

Progress = Callable[[str], None]
_ROWS_SHOWN = 5


@dataclass(frozen=True)
class BuildOutcome:
    """What a dbt build did: its nodes as run_results.json has them."""

    nodes: tuple[dict[str, Any], ...]

    def tests(self) -> list[dict[str, Any]]:
        return [n for n in self.nodes if n["unique_id"].startswith("test.")]


def _environment(lake: Lake, moment: Mapping[str, str]) -> dict[str, str]:
    workshop = lake.scratch / "dbt"
    named = {f"LIFTCAST_{name.upper()}": value for name, value in moment.items()}
    ours = {
        "LIFTCAST_LAKE": str(lake.root),
        "LIFTCAST_RAW": str(lake.pinned),
        "DBT_TARGET_PATH": str(workshop / "target"),
        "DBT_LOG_PATH": str(workshop / "log"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    return os.environ | named | ours


@dataclass(frozen=True)
class Workshop:
    """Where and with what dbt runs: under the held warehouse lock, in one reporting currency.

    `lock` is the lock's descriptor; dbt inherits it, so that the lock outlives a killed parent
    for as long as dbt still writes. `moment` is what to publish (`release_id`, `mix_run_id`,
    `journeys_run_id`, `forecast_run_id`). It goes in by the environment: another var would have
    dbt parse the whole project again, in every run of either stage.
    """

    lake: Lake
    settings: Settings
    lock: int
    currency: str
    progress: Progress
    moment: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> Path:
        """Folder of dbt's artifacts (run_results.json, sources.json, static_index.html)."""
        return self.lake.scratch / "dbt" / "target"


def run_dbt(shop: Workshop, *commands: Sequence[str]) -> int:
    """Run dbt commands in one process, report each finished node; 0 green, 1 red.

    Raises:
        LiftcastError: dbt could not run at all, or the disk is full.
    """
    settings = shop.settings
    # The errand tells what matters itself; its file keeps what a person reads after a failure.
    flags = ["--log-level", "none", "--log-level-file", "info", "--no-use-colors-file"]
    places = [
        "--project-dir", str(settings.dbt_project),
        "--profiles-dir", str(settings.dbt_project),
        "--vars", json.dumps({"reporting_currency": shop.currency}),
    ]  # fmt: skip
    errands = json.dumps([[*flags, *command, *places] for command in commands])
    arguments = [sys.executable, "-m", "liftcast.errands", errands]
    last_words: list[str] = []
    disk_full = False
    with subprocess.Popen(
        arguments,
        env=_environment(shop.lake, shop.moment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=[shop.lock],
        cwd=settings.dbt_project,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                disk_full = disk_full or os.strerror(errno.ENOSPC) in line
                said = _heard(line)
                if said is None:
                    continue
                level, message, finished = said
                if finished:
                    shop.progress(_short(message))
                if level == "error" or not line.startswith("{"):
                    last_words.append(printable(message, 400))
        except BaseException:
            process.terminate()
            raise
    if process.returncode and disk_full:
        with disk_errors(shop.lake.root):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if process.returncode not in (0, 1):
        raise LiftcastError(
            "dbt could not run",
            where=printable(settings.dbt_project),
            got=" | ".join(last_words[-6:]) or f"exit code {process.returncode}",
            remedy="`liftcast doctor` says what is missing; the lake is unchanged for readers",
        )
    return process.returncode


def _short(message: str) -> str:
    """dbt's line of a finished node without the dots that fill it up."""
    return printable(" ".join(part for part in message.split() if set(part) != {"."}), 96)


def _heard(line: str) -> tuple[str, str, bool] | None:
    try:
        said = json.loads(line)
        level, message, name = said["level"], said["msg"], said["name"]
    except (ValueError, KeyError, TypeError):
        return ("error", line.strip(), False) if line.strip() else None
    return str(level), str(message), name in FINISHED


def build(shop: Workshop, select: str, *then: Sequence[str]) -> BuildOutcome:
    """`dbt build` of one selection and, when it is green, the commands after it.

    Raises:
        CheckFailedError: a model or a *fail* test is red; the message names it and shows its
            first offending rows.
    """
    lake, results = shop.lake, shop.target / "run_results.json"
    results.unlink(missing_ok=True)
    # Unit tests speak of the SQL, not of today's rows: they belong to `make test`.
    command = ["build", "--select", select, "--exclude-resource-type", "unit_test"]
    code = run_dbt(shop, command, *then)
    if not results.is_file():
        raise LiftcastError(
            "dbt ended before it ran anything",
            where=printable(lake.scratch / "dbt" / "log" / "dbt.log"),
            remedy="Read the last lines of that log",
        )
    nodes = tuple(json.loads(results.read_text(encoding="utf-8"))["results"])
    outcome = BuildOutcome(nodes)
    if code:
        red = [n for n in nodes if n["status"] in ("error", "fail", "runtime error")]
        raise CheckFailedError(
            f"{len(red)} of {len(nodes)} dbt nodes failed",
            got="\n  " + "\n  ".join(_in_words(lake, node) for node in red[:6]) + "\n",
            remedy="Mend the named rows at their source and run again; "
            "what was published before still stands",
        )
    return outcome


def _in_words(lake: Lake, node: dict[str, Any]) -> str:
    name = node["unique_id"].split(".")[2]
    message = printable(node.get("message") or node["status"], 500)
    lines = [f"{name}: {message}"]
    if node["unique_id"].startswith("test.") and node.get("compiled_code"):
        lines += [f"    {row}" for row in offending_rows(lake, node["compiled_code"])]
    return "\n".join(lines)


def offending_rows(lake: Lake, query: str) -> list[str]:
    """The first rows a failed test selects, one readable line each (empty when it cannot run)."""
    try:
        with duckdb.connect(str(lake.warehouse), read_only=True) as connection:
            relation = connection.execute(query)
            names = [column[0] for column in relation.description or []]
            rows = relation.fetchmany(_ROWS_SHOWN)
    except duckdb.Error:
        return []
    return [
        ", ".join(
            f"{name}={printable(value, 60)}"
            for name, value in zip(names, row, strict=True)
            if value is not None
        )
        for row in rows
    ]
