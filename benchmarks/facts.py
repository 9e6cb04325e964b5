"""Is it quicker to copy the rows of the two large facts into the warehouse, or to read them where
they landed?

    python benchmarks/facts.py --lake LAKE

On a lake that `liftcast transform` has built: each fact of staging is copied into a DuckDB table
(`copy`), and the models that sum it up are run on the copy (`sums of copy`) and on the view
(`sums of view`). Seconds are the median of three, with the least and the most.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from warehouse.lake import Lake

SUMS = {
    "stg_raw__sales": ("int_sales__daily", "int_sales__referenced"),
    "stg_raw__touchpoints": (
        "int_touchpoints__counted",
        "int_touchpoints__referenced",
        "int_touchpoints__repeated",
    ),
}


def seconds(work: Callable[[], object]) -> list[float]:
    """Seconds of three runs."""
    found = []
    for _ in range(3):
        start = time.monotonic()
        work()
        found.append(time.monotonic() - start)
    return found


def shown(runs: list[float]) -> str:
    return f"{statistics.median(runs):.2f} ({min(runs):.2f} to {max(runs):.2f})"


def main() -> int:
    parser = argparse.ArgumentParser(description="Copy the large facts, or read where they landed")
    parser.add_argument("--lake", required=True)
    lake = Lake.at(parser.parse_args().lake)
    compiled = lake.scratch / "dbt/target/compiled/liftcast/models/intermediate"
    threads = os.cpu_count() or 1
    table = Table(title=f"DuckDB {duckdb.__version__}, {threads} threads", title_justify="left")
    for heading in ("fact", "rows", "copy s", "sums of copy s", "sums of view s"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory(dir=lake.scratch) as folder, duckdb.connect() as db:
        db.execute(f"attach '{Path(folder) / 'copies.duckdb'}' as copies")
        db.execute(f"attach '{lake.warehouse}' as warehouse (read_only)")
        db.execute(f"set threads to {threads}")
        db.execute("set memory_limit to '5GB'")
        db.execute("set preserve_insertion_order to false")
        db.execute("set enable_progress_bar to false")
        for fact, models in SUMS.items():
            view = f'"warehouse"."main"."{fact}"'
            copied = seconds(
                lambda fact=fact, view=view: db.execute(
                    f"create or replace table copies.{fact} as select * from {view}"
                )
            )
            queries = [(compiled / f"{model}.sql").read_text(encoding="utf-8") for model in models]

            def run(of: str, fact: str = fact, queries: list[str] = queries) -> None:
                for query in queries:
                    told = query.replace(f'"warehouse"."main"."{fact}"', of)
                    db.execute(f"create or replace temp table sums as ({told})")

            rows = db.execute(f"select count(*) from copies.{fact}").fetchall()[0][0]
            table.add_row(
                fact,
                f"{rows:,}",
                shown(copied),
                shown(seconds(lambda run=run, fact=fact: run(f"copies.{fact}"))),
                shown(seconds(lambda run=run, view=view: run(view))),
            )
            db.execute(f"drop table copies.{fact}")
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
