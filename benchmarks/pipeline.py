"""How fast does a company's data land and transform, beside DuckDB's own bare reading of it?

    python benchmarks/pipeline.py --millions 1 5 25 50

Each size is a simulated company (simulation/README.md) with so many million touchpoints and 0.4
ledger lines for each of them. Everything but its last day lands and is transformed in full; then
its last day lands and the warehouse takes it up. A stage is a process of its own, as a user would
start it: seconds are wall seconds from the command to its end, memory is the largest process.

The floor: DuckDB alone, on the same machine with the same threads, reads every column of the same
Parquet once and aggregates it by day (sums of numbers, greatest text and time); the median of
three. `in dbt` are the seconds between the start of the first and the end of the last dbt node.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from ingestion.contracts import CONTRACTS
from warehouse.settings import PROJECT

THREADS = os.cpu_count() or 1
MAPPING = PROJECT / "sources" / "simulated.yml"
FLOOR = """
import json, sys, time, duckdb
db = duckdb.connect()
db.execute(f"set threads to {sys.argv[2]}")
db.execute("set memory_limit to '6GB'")
db.execute("set enable_progress_bar to false")
start = time.monotonic()
for query in json.loads(sys.stdin.read()):
    db.execute(query).fetchall()
print(time.monotonic() - start)
"""


@dataclass(frozen=True)
class Timed:
    """One process: wall seconds from start to end, and the memory of its largest process."""

    seconds: float
    gigabytes: float
    said: str


def timed(*arguments: str, said: str = "", **environment: str) -> Timed:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; its last words are in the message.
    """
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(said)
        process.stdin.close()
        words = process.stdout.read()
        # wait4 counts the process and what it has waited for: dbt under liftcast.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{words[-2000:]}")
    return Timed(seconds, usage.ru_maxrss / 1e6, words)


def bare_readings(folders: dict[str, str]) -> list[str]:
    """A scan-and-aggregate of every column, a query for each table.

    Args:
        folders: table: glob of its Parquet files.
    """
    queries = []
    for table, files in folders.items():
        with duckdb.connect() as db:
            described = db.execute(
                f"describe select * from read_parquet('{files}', hive_partitioning = false)"
            ).fetchall()
        day = CONTRACTS[table].partition
        sums = [
            f'{"sum" if kind.startswith(("DECIMAL", "DOUBLE", "BIGINT")) else "max"}("{name}")'
            for name, kind, *_ in described
            if name != day
        ]
        group = f'group by "{day}"' if day else ""
        queries.append(
            f"select count(*), {', '.join(sums)} "
            f"from read_parquet('{files}', hive_partitioning = false) {group}"
        )
    return queries


def floor(folders: dict[str, str]) -> float:
    """Seconds of the bare reading, the median of three processes."""
    queries = json.dumps(bare_readings(folders))
    runs = [float(timed("-c", FLOOR, "", str(THREADS), said=queries).said) for _ in range(3)]
    return statistics.median(runs)


def split_last_day(company: Path, parts: Path) -> tuple[date, Path, Path]:
    """The company's files twice: all but its last day, and its last day alone."""
    before, last = parts / "before", parts / "last"
    with duckdb.connect() as db:
        db.execute(f"set threads to {THREADS}")
        db.execute("set preserve_insertion_order to true")
        found = db.execute(
            f"select max(date_day) from read_parquet('{company}/sales.parquet')"
        ).fetchone()
        assert found is not None
        day: date = found[0]
        for folder in (before, last):
            folder.mkdir(parents=True)
        for file in sorted(company.glob("*.parquet")):
            contract = CONTRACTS[file.stem]
            for folder, wanted in ((before, f"< date '{day}'"), (last, f"= date '{day}'")):
                dated = contract.actual and contract.partition is not None
                where = f"where {contract.partition} {wanted}" if dated else ""
                db.execute(
                    f"copy (select * from read_parquet('{file}') {where}) "
                    f"to '{folder / file.name}' (format parquet, compression zstd)"
                )
    return day, before, last


def in_dbt(lake: Path) -> float:
    """Seconds from the first node's start to the last node's end of the last dbt build."""
    results = json.loads((lake / "scratch/dbt/target/run_results.json").read_text(encoding="utf-8"))
    times = [
        datetime.fromisoformat(moment[key].replace("Z", "+00:00"))
        for node in results["results"]
        for moment in node["timing"]
        for key in ("started_at", "completed_at")
    ]
    return (max(times) - min(times)).total_seconds()


@dataclass(frozen=True)
class Measured:
    """One size, seconds and gigabytes."""

    millions: float
    rows: int
    simulate: Timed
    land: Timed
    land_floor: float
    transform: Timed
    transform_dbt: float
    transform_floor: float
    day_land: Timed
    day_transform: Timed
    day_dbt: float


def measure(millions: float, workshop: Path, console: Console) -> Measured:
    """Simulate, land and transform one size, then one more day."""
    shutil.rmtree(workshop, ignore_errors=True)
    company, lake = workshop / "company", workshop / "lake"
    simulated = timed(
        "-m", "liftcast", "simulate", "--size", "l", "--touchpoints", str(int(millions * 1e6)),
        "--out", str(company),
    )  # fmt: skip
    console.print(f"{millions:g} M: simulated in {simulated.seconds:.0f} s")
    day, before, last = split_last_day(company, workshop / "parts")
    sources = {file.stem: str(file) for file in before.glob("*.parquet")}
    with duckdb.connect() as db:
        rows = sum(
            db.execute(f"select count(*) from read_parquet('{file}')").fetchall()[0][0]
            for file in sources.values()
        )
    shutil.rmtree(company)
    ingest = ["-m", "liftcast", "ingest", "--sources", str(MAPPING), "--lake", str(lake)]
    transform = ["-m", "liftcast", "transform", "--lake", str(lake)]
    land_floor = floor(sources)
    landed = timed(*ingest, LIFTCAST_SIMULATED=str(before))
    console.print(f"{millions:g} M: landed {rows:,} rows in {landed.seconds:.0f} s")
    shutil.rmtree(before)
    raw = {
        table: f"{lake}/raw/{table}/*/*/part.parquet"
        for table in CONTRACTS
        if any((lake / "raw" / table).glob("source=simulated/*/part.parquet"))
    }
    transform_floor = floor(raw)
    built = timed(*transform)
    built_dbt = in_dbt(lake)
    console.print(f"{millions:g} M: transformed in {built.seconds:.0f} s, {built_dbt:.0f} in dbt")
    window = ["--start", day.isoformat()]
    day_landed = timed(*ingest, *window, LIFTCAST_SIMULATED=str(last))
    day_built = timed(*transform)
    measured = Measured(
        millions, rows, simulated, landed, land_floor, built, built_dbt, transform_floor,
        day_landed, day_built, in_dbt(lake),
    )  # fmt: skip
    shutil.rmtree(workshop)
    return measured


def landing_table(found: list[Measured]) -> Table:
    """Simulating and landing, a row for each size."""
    table = Table(title="simulate and land", title_justify="left")
    for heading in (
        "touches", "rows", "simulate s", "GB", "land s", "GB", "rows a second", "floor s",
        "one more day s",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for m in found:
        table.add_row(
            f"{m.millions:g} M", f"{m.rows:,}",
            f"{m.simulate.seconds:.1f}", f"{m.simulate.gigabytes:.1f}",
            f"{m.land.seconds:.1f}", f"{m.land.gigabytes:.1f}",
            f"{m.rows / m.land.seconds:,.0f}", f"{m.land_floor:.2f}",
            f"{m.day_land.seconds:.1f}",
        )  # fmt: skip
    return table


def transform_table(found: list[Measured]) -> Table:
    """Transforming in full and one more day, beside the floor."""
    table = Table(title="transform", title_justify="left")
    for heading in (
        "touches", "floor s", "whole s", "GB", "in dbt s", "whole / floor", "in dbt / floor",
        "rows a second", "one more day s", "in dbt s", "day / whole", "in dbt",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for m in found:
        table.add_row(
            f"{m.millions:g} M", f"{m.transform_floor:.2f}",
            f"{m.transform.seconds:.1f}", f"{m.transform.gigabytes:.1f}", f"{m.transform_dbt:.1f}",
            f"{m.transform.seconds / m.transform_floor:.1f}",
            f"{m.transform_dbt / m.transform_floor:.1f}",
            f"{m.rows / m.transform.seconds:,.0f}",
            f"{m.day_transform.seconds:.1f}", f"{m.day_dbt:.1f}",
            f"{m.day_transform.seconds / m.transform.seconds:.2f}",
            f"{m.day_dbt / m.transform_dbt:.2f}",
        )  # fmt: skip
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 5, 25, 50])
    parser.add_argument("--out", type=Path, default=PROJECT / "build" / "pipeline")
    asked = parser.parse_args()
    console = Console(width=140)
    free = shutil.disk_usage(asked.out.parent if asked.out.parent.is_dir() else PROJECT).free / 1e9
    console.print(
        f"DuckDB {duckdb.__version__}, Python {platform.python_version()}, {THREADS} cores, "
        f"{platform.machine()}, {free:.0f} GB of disk free; one run of each stage"
    )
    found = [measure(millions, asked.out / f"{millions:g}", console) for millions in asked.millions]
    console.print(landing_table(found))
    console.print(transform_table(found))
    first, last = found[0], found[-1]
    if last is not first:
        more = last.millions / first.millions
        console.print(
            f"{more:g} times the touches take "
            f"{last.land.seconds / first.land.seconds:.1f} times the seconds to land, "
            f"{last.transform.seconds / first.transform.seconds:.1f} to transform"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
