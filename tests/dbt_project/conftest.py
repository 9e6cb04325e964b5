"""A raw lake written by hand, and dbt on it in a process of its own, forked with dbt loaded."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.contracts import CONTRACTS as RAW

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

CONTRACTS: dict[str, dict[str, str]] = {
    name: {column: str(contract.type_of(column)) for column in contract.columns}
    for name, contract in RAW.items()
}
PARTITIONED_BY = {name: contract.partition for name, contract in RAW.items()}
_TRACE = {"_source": "VARCHAR", "_file_hash": "VARCHAR", "_row_number": "BIGINT"}

Rows = Sequence[Mapping[str, Any]]


@cache
def _writer() -> duckdb.DuckDBPyConnection:
    """One database in memory for some hundred small files."""
    return duckdb.connect()


def write_parquet(path: Path, columns: Mapping[str, str], rows: Rows) -> None:
    """Write rows (missing columns are null) under the given column names and types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection = _writer()
    connection.execute(f"CREATE OR REPLACE TABLE rows_to_write ({declared})")
    if rows:
        marks = ", ".join("?" for _ in columns)
        connection.executemany(
            f"INSERT INTO rows_to_write VALUES ({marks})",
            [[row.get(name) for name in columns] for row in rows],
        )
    content = [{name: row[name] for name in row if name[0] != "_"} for row in rows]
    digest = hashlib.sha256(repr(content).encode()).hexdigest()
    connection.execute(
        "COPY rows_to_write TO $1 "
        f"(FORMAT parquet, KV_METADATA {{'liftcast.content_hash': '{digest}'}})",
        [str(path)],
    )


def write_raw_lake(lake: Path, tables: Mapping[str, Rows]) -> None:
    """Land rows under the raw contracts, with the zero-row contract files and a manifest."""
    for table, contract in CONTRACTS.items():
        columns = {**contract, **_TRACE}
        folder = lake / "raw" / table
        write_parquet(folder / "source=_contract" / "date_day=all" / "part.parquet", columns, [])
        partitions: dict[str, list[dict[str, Any]]] = {}
        by = PARTITIONED_BY[table]
        for number, row in enumerate(tables.get(table, []), start=2):
            traced = {"_source": "hand", **row, "_file_hash": "0" * 64, "_row_number": number}
            partitions.setdefault("all" if by is None else str(row[by]), []).append(traced)
        for day, rows in partitions.items():
            part = folder / "source=hand" / f"date_day={day}" / "part.parquet"
            write_parquet(part, columns, rows)
    manifest = lake / "manifest" / "_contract" / "_contract.jsonl"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"table": "_contract"}) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class DbtRun:
    """One dbt process: exit code, printed text, and where its artifacts lie."""

    lake: Path
    target: Path
    returncode: int
    output: str
    results: Mapping[str, Mapping[str, Any]]
    """Results of a build by node name; empty for other commands."""

    def not_passed(self) -> dict[str, str]:
        """Names and status of tests and models that neither passed nor were skipped."""
        return {
            name: result["status"]
            for name, result in self.results.items()
            if result["status"] not in ("success", "pass", "skipped")
        }

    def rows_of(self, node: str) -> list[dict[str, Any]]:
        """Failing rows of a test, as the pipeline prints them: its compiled SQL, run again."""
        return self.query(self.results[node]["compiled_code"])

    def query(self, sql: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.lake / "warehouse.duckdb"), read_only=True) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True)
class Lakes:
    """What writes a lake, handed to tests as a fixture (test folders are no packages)."""

    write_parquet: Callable[[Path, Mapping[str, str], Rows], None]
    write_raw: Callable[[Path, Mapping[str, Rows]], None]


@pytest.fixture(scope="session")
def lakes() -> Lakes:
    return Lakes(write_parquet, write_raw_lake)


class DbtServer:
    """Starts dbt in a process forked from one that has loaded it: the import is paid once."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("dbt_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> int:
        """Start `dbt ARGUMENTS`; returns its process id. One at a time: wait for it."""
        command = {"arguments": arguments, "environment": dict(environment), "output": str(output)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        return self._answer()

    def has_ended(self, seconds: float = 0) -> bool:
        """Whether what was started has ended, or does so within some seconds."""
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def wait(self, dbt: int, seconds: float = 300) -> int:
        """Exit code of what was started, minus the signal that killed it."""
        if not self.has_ended(seconds):
            os.kill(dbt, signal.SIGKILL)
        return self._answer()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture(scope="session")
def dbt_server() -> Iterator[DbtServer]:
    server = DbtServer()
    yield server
    server.end()


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory, dbt_server: DbtServer) -> Callable[..., DbtRun]:
    """Run dbt on a lake: `dbt(lake, "build", "--select", "tag:publish", release_id="abc")`."""

    workshop = tmp_path_factory.mktemp("dbt")
    name, target = workshop / "lake", workshop / "target"

    def run(lake: Path, *arguments: str, **moment: str) -> DbtRun:
        # Every lake under one name and one target folder: dbt then parses the project once, not
        # once for each lake, which is half of a small run's time.
        name.unlink(missing_ok=True)
        name.symlink_to(lake)
        environment = {
            **os.environ,
            **{f"LIFTCAST_{key.upper()}": value for key, value in moment.items()},
            "LIFTCAST_LAKE": str(name),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target),
            # A file of every debug event costs a third of a small build.
            "DBT_LOG_LEVEL_FILE": "none",
        }
        command = [*arguments, "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        command += ["--vars", json.dumps({"reporting_currency": "USD"})]
        output = workshop / "output.txt"
        code = dbt_server.wait(dbt_server.start(command, environment, output))
        results: dict[str, Any] = {}
        if arguments[0] == "build":
            found = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
            results = {result["unique_id"].split(".")[2]: result for result in found["results"]}
        return DbtRun(lake, target, code, output.read_text(encoding="utf-8"), results)

    return run
