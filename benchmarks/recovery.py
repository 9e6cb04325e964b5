"""How often do published intervals hold the simulator's truth? Whole chain, many companies.

    python benchmarks/recovery.py --seeds 201 202 203

Each seed is a company of its own, landed, transformed and attributed as a user's would be. Printed
a driver: the interval's coverage over seeds and the ratio of estimate to truth. Seeds that the
model was tuned on (31 to 35, 41, 42) and the demo's (7) are refused.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from liftcast import pipeline
from simulation import simulate
from warehouse.lake import Lake
from warehouse.settings import PROJECT

TUNED = {7, 11, 23, 31, 32, 33, 34, 35, 41, 42}
KEY = ["kind", "driver"]


def one_company(seed: int, folder: Path) -> pd.DataFrame:
    """Estimate beside truth, a row a driver, with the seconds that attribution took."""
    company = folder / "company"
    simulate(company, seed=seed)
    os.environ["LIFTCAST_SIMULATED"] = str(company)
    lake = Lake.at(folder / "lake").ensure()
    pipeline.ingest(lake, PROJECT / "sources" / "simulated.yml")
    pipeline.transform(lake)
    start = time.monotonic()
    pipeline.attribute(lake)
    seconds = time.monotonic() - start
    result, _ = lake.latest_result("mix")
    estimate = pd.read_parquet(result / "summary.parquet")
    truth = pd.read_csv(company / "truth" / "summary.csv")
    both = estimate.merge(truth, on=KEY, validate="one_to_one")
    actual = both["contribution_eur"].astype(float)
    return pd.DataFrame(
        {
            "seed": seed,
            **{name: both[name] for name in KEY},
            "ratio": both["contribution"].astype(float) / actual,
            "held": (both["contribution_p05"] <= actual) & (actual <= both["contribution_p95"]),
            "seconds": seconds,
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(201, 211)))
    seeds = parser.parse_args().seeds
    if refused := sorted(TUNED & set(seeds)):
        parser.error(f"seeds {refused} were looked at while the model was made: take others")
    console = Console(width=110)
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one_company(seed, Path(folder)))
        console.print(
            f"seed {seed}: {rows[-1]['held'].sum()} of {len(rows[-1])} held, "
            f"attribution {rows[-1]['seconds'].iloc[0]:.0f} s"
        )
    found = pd.concat(rows)
    table = Table(title=f"90 % intervals over {len(seeds)} companies")
    for column in ("kind", "driver", "held", "estimate / truth: median", "least", "most"):
        table.add_column(column, justify="left" if column in KEY else "right")
    for (kind, driver), group in found.groupby(KEY):
        ratio = group["ratio"]
        table.add_row(
            str(kind),
            str(driver),
            f"{group['held'].sum()} of {len(group)}",
            *[f"{value:.2f}" for value in (ratio.median(), ratio.min(), ratio.max())],
        )
    console.print(table)
    console.print(
        f"all: {found['held'].sum()} of {len(found)} held ({found['held'].mean():.2f}); "
        f"attribution {found['seconds'].median():.0f} s in the median"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
