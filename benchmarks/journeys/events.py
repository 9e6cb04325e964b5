"""From raw touches to credit, by every rule and by removal effects of order 1, in one command.

python benchmarks/journeys/events.py --touches 50000000
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "bench-journeys"
sys.path.insert(0, str(HERE.parent / "mix"))
from measuring import measure  # noqa: E402

RULES = "first,last,last_non_direct,linear,position,time_decay,w_shaped,shapley,markov"
TOUCHES_PER_PERSON = 50 / 8
CAP = 1800.0


def drawn(what: str, salt: int, seed: int) -> str:
    """SQL of a number between 0 and 1 that depends on a whole number, a salt and the seed."""
    return f"(hash({what} * 64 + {salt} + {seed} * 1000003) / 18446744073709551616.0)"


def simulate(touches: int, seed: int) -> tuple[Path, Path]:
    """Files of touches and conversions, in no order, of half a year.

    About one person for 6.25 touches, some with many; ten channels, the first a fifth of all; 3 %
    of persons buy once, within 30 days of when their touches begin.
    """
    met, sold = (BUILD / f"{name}-{touches}-{seed}.parquet" for name in ("touches", "staged"))
    if met.exists() and sold.exists():
        return met, sold
    half = BUILD / "half.parquet"
    people = int(touches / TOUCHES_PER_PERSON)
    begun = f"floor({drawn('p', 1, seed)} * 150 * 86400)"
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false; set memory_limit = '4GB'")
        connection.execute(
            f"copy (select 'p' || p as person_id, timestamp '2025-01-01' + to_seconds(cast("
            f"{begun} + -ln(1 - {drawn('i', 2, seed)}) * 12 * 86400 as bigint)) as occurred_at, "
            f"'channel_' || cast(floor(10 * pow({drawn('i', 3, seed)}, 1.5)) as integer) "
            f"as channel from (select i, "
            f"cast(floor({people} * pow({drawn('i', 4, seed)}, 1.2)) as bigint) as p "
            f"from range({touches}) as r(i))) to '{half}' (format parquet, compression zstd)"
        )
        half.replace(met)
        connection.execute(
            f"copy (select 'p' || p as person_id, timestamp '2025-01-01' + to_seconds(cast("
            f"{begun} + {drawn('p', 5, seed)} * 30 * 86400 as bigint)) as converted_at, "
            f"converted_at - interval 3 day as lead_at, "
            f"round(5 + 200 * {drawn('p', 6, seed)}, 2) as value from range({people}) as r(p) "
            f"where {drawn('p', 7, seed)} < 0.03) to '{half}' (format parquet)"
        )
        half.replace(sold)
    return met, sold


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touches", type=int, nargs="+", default=[1_000_000, 50_000_000])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=101)
    told = parser.parse_args()
    console = Console(width=120)
    BUILD.mkdir(parents=True, exist_ok=True)
    console.print(
        f"DuckDB {duckdb.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"{platform.machine()}, seed {told.seed}"
    )
    table = Table(title="liftcast journeys from-events, from Parquet to credit.csv")
    for heading in ("touches", "MB of Parquet", "s", "CPU s", "peak MB"):
        table.add_column(heading, justify="right")
    for touches in told.touches:
        files = simulate(touches, told.seed)
        size = sum(file.stat().st_size for file in files) / 1e6
        for _ in range(told.repeats):
            out = BUILD / "events"
            shutil.rmtree(out, ignore_errors=True)
            command = [
                sys.executable, "-m", "liftcast", "journeys", "from-events",
                "--touches", str(files[0]), "--conversions", str(files[1]), "--out", str(out),
                "--rules", RULES, "--direct", "channel_9", "--order", "1", "--draws", "0",
            ]  # fmt: skip
            log = BUILD / "events.log"
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            found = measure(command, cap=CAP, log=log, environment=environment, folder=ROOT)
            if found.code:
                raise SystemExit(f"it ended with {found.code}: {found.said}")
            table.add_row(
                f"{touches:,}", f"{size:,.0f}", f"{found.wall:.1f}", f"{found.cpu:.1f}",
                f"{found.peak_mb:,.0f}",
            )  # fmt: skip
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
