"""How long does it take to write a simulated company, and how much memory?

    python benchmarks/simulating.py --touchpoints 1000000 5000000
    python benchmarks/simulating.py --sizes s m l

Each company is written by a process of its own: wall seconds from its start to its end, the
largest memory it held, the rows of ledger and touches, and the bytes of all files.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ONE = """
import json, sys
from pathlib import Path
from simulation import simulate
company = simulate(Path(sys.argv[1]), seed=7, **json.loads(sys.argv[2]))
print(json.dumps(company.rows))
"""


def write_one(arguments: dict[str, object], folder: Path) -> tuple[float, float, dict[str, int]]:
    """Seconds, gigabytes held at most by any company so far, and rows by table."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", ONE, str(folder), json.dumps(arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - start
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return seconds, held, json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=[], choices=["s", "m", "l"])
    parser.add_argument("--touchpoints", nargs="*", type=int, default=[])
    asked = parser.parse_args()
    companies = [(size, {"size": size}) for size in asked.sizes]
    # Ascending, so that the largest memory so far is that of the company just written.
    companies += [
        (f"{count / 1e6:g} M", {"size": "l", "touchpoints": count})
        for count in sorted(asked.touchpoints)
    ]
    table = Table(title="writing a company")
    for column in ("company", "seconds", "GB held", "touchpoints", "ledger lines", "GB on disk"):
        table.add_column(column, justify="right")
    for name, arguments in companies:
        with tempfile.TemporaryDirectory() as folder:
            seconds, held, rows = write_one(arguments, Path(folder))
            disk = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 1e9
        table.add_row(
            name, f"{seconds:.1f}", f"{held:.2f}", f"{rows['touchpoints']:,}",
            f"{rows['sales']:,}", f"{disk:.3f}",
        )  # fmt: skip
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
