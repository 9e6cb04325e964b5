"""A raw lake written by hand, and dbt on it as the pipeline runs it: a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


def write_parquet(path: Path, columns: Mapping[str, str], rows: Rows) -> None:
    """Write rows (missing columns are null) under the given column names and types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rows_to_write ({declared})")
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


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DbtRun]:
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
        command = [str(Path(sys.executable).with_name("dbt")), *arguments]
        command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        command += ["--vars", json.dumps({"reporting_currency": "USD"})]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        results: dict[str, Any] = {}
        if arguments[0] == "build":
            found = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
            results = {result["unique_id"].split(".")[2]: result for result in found["results"]}
        return DbtRun(lake, target, done.returncode, done.stdout + done.stderr, results)

    return run
