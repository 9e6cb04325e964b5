"""Removal effects by liftcast and by two packages, side by side on the same paths.

python benchmarks/journeys/run.py --paths 100000 1000000 5000000 --orders 1 3
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What makes the peers' environments is shared by all benchmarks.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import environments
import exact
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "bench-journeys"
SIDES = (
    "liftcast",
    "channelattribution-1",
    "channelattribution-2",
    "marketing-attribution-models",
    "marketing-attribution-models-shapley",
)
CHANNELS = 10
LONGEST = 20
CAP = 300.0


def paths(count: int, seed: int) -> pd.DataFrame:
    """A person a row: path, conversions, nulls. The next channel depends on the last two."""
    rng = np.random.default_rng(seed)
    names = np.array([f"channel_{i}" for i in range(CHANNELS)])
    nexts = rng.dirichlet(np.full(CHANNELS, 0.6), size=(CHANNELS, CHANNELS)).cumsum(axis=2)
    lengths = np.minimum(rng.geometric(0.3, count), LONGEST)
    touches = np.empty((count, LONGEST), dtype=np.int64)
    touches[:, 0] = rng.choice(CHANNELS, count, p=rng.dirichlet(np.full(CHANNELS, 2.0)))
    before = touches[:, 0]
    for step in range(1, LONGEST):
        now = touches[:, step - 1]
        chance = nexts[before, now]
        touches[:, step] = (rng.random(count)[:, None] > chance[:, :-1]).sum(axis=1)
        before = now
    last = touches[np.arange(count), lengths - 1]
    sold = rng.random(count) < rng.uniform(0.02, 0.18, CHANNELS)[last]
    text = names[touches[:, 0]].astype(object)
    for step in range(1, LONGEST):
        longer = lengths > step
        text[longer] = text[longer] + " > " + names[touches[longer, step]]
    return pd.DataFrame(
        {"path": text, "conversions": sold.astype(int), "nulls": (~sold).astype(int)}
    )


def campaigns(count: int, channels: int, seed: int) -> pd.DataFrame:
    """Paths of thousands of campaigns, of which few are common: a person a row."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, channels + 1) ** 0.8
    lengths = np.minimum(rng.geometric(0.3, count), LONGEST)
    names = np.array([f"campaign_{i}" for i in range(channels)], dtype=object)
    flat = names[rng.choice(channels, int(lengths.sum()), p=weight / weight.sum())]
    ends = np.cumsum(lengths)
    text = [" > ".join(flat[end - n : end]) for n, end in zip(lengths, ends, strict=True)]
    sold = rng.random(count) < 0.1
    return pd.DataFrame(
        {"path": text, "conversions": sold.astype(int), "nulls": (~sold).astype(int)}
    )


def python_of(side: str) -> Path:
    """The Python of a side, its environment made when there is none."""
    for name, environment in environments.ENVIRONMENTS.items():
        if side.startswith(name):
            return environments.make(environment)
    return Path(sys.executable)


def measure(side: str, file: Path, order: int, repeats: int) -> dict[str, Any] | None:
    """What a side told; None where it took more than `CAP` seconds."""
    python = python_of(side)
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    surroundings["PYTHONPATH"] = str(ROOT) if side in {"liftcast", "intervals"} else ""
    command = [str(python), str(HERE / "side.py"), side, str(file), str(order), str(repeats)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=CAP, env=surroundings
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{side} ended with {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def of(found: dict[str, Any], name: str) -> float:
    """The median over repeats."""
    return float(np.median([repeat[name] for repeat in found["repeats"]]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--orders", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--intervals", type=int, default=1_000_000, help="paths; 0: none")
    parser.add_argument("--campaigns", type=int, default=5_000, help="of 1 M paths; 0: none")
    told = parser.parse_args()
    out = Console(width=140)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    pins = [
        line
        for environment in environments.ENVIRONMENTS.values()
        if environment.benchmark == "journeys"
        for line in environment.pins.read_text(encoding="utf-8").splitlines()
        if line.lower().replace("_", "-").startswith(environment.name)
    ]
    load = os.getloadavg()[0]
    out.print(f"{', '.join(pins)}; {machine}; seed {told.seed}; {told.repeats} repeats")
    out.print(f"processes running when it began: {load:.1f}; a side is given {CAP:.0f} s")
    BUILD.mkdir(parents=True, exist_ok=True)
    for count in told.paths:
        # A table a size: what is done stands when the run is broken off.
        file = written(f"paths-{count}-{told.seed}", lambda n=count: paths(n, told.seed))
        out.print(compared(file, count, told.orders, told.repeats))
    if told.intervals:
        count = told.intervals
        file = written(f"paths-{count}-{told.seed}", lambda: paths(count, told.seed))
        out.print(with_intervals(file, count, told.orders, told.repeats))
    if told.campaigns:
        wide = told.campaigns
        file = written(
            f"campaigns-{wide}-{told.seed}", lambda: campaigns(1_000_000, wide, told.seed)
        )
        found = measure("liftcast", file, 1, told.repeats)
        assert found is not None
        out.print(
            f"{len(found['effects']):,} campaigns, 1,000,000 paths, order 1: "
            f"{of(found, 'wall'):.1f} s, {of(found, 'wall_user'):.1f} user s, "
            f"{found['peak_mb']:,.0f} MB"
        )
    return 0


def written(name: str, make: Callable[[], pd.DataFrame]) -> Path:
    """A file of paths, made when there is none."""
    file = BUILD / f"{name}.csv"
    if not file.exists():
        make().to_csv(file, index=False)
    return file


def compared(file: Path, count: int, orders: list[int], repeats: int) -> Table:
    """Seconds, memory and error of every side."""
    table = Table(title=f"{count:,} paths: from DataFrame to removal effects")
    for heading in ("order", "side", "s: median (least to most)", "user s", "MB", "largest error",
                    "times liftcast", "in user s"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "side" else "right")
    frame = pd.read_csv(file)
    for order in orders:
        truth = exact.effects(frame, order)
        own, own_user = np.nan, np.nan
        for side in SIDES:
            if order > 1 and side.startswith("marketing-attribution-models"):
                continue  # it knows order 1 only
            found = measure(side, file, order, repeats)
            if found is None:
                table.add_row(str(order), side, f"over {CAP:.0f}", "", "", "", "", "")
                continue
            wall, user = of(found, "wall"), of(found, "wall_user")
            if side == "liftcast":
                own, own_user = wall, user
            seconds = [repeat["wall"] for repeat in found["repeats"]]
            error = (pd.Series(found["effects"]).reindex(truth.index) - truth).abs().max()
            table.add_row(
                str(order), side, f"{wall:.2f} ({min(seconds):.2f} to {max(seconds):.2f})",
                f"{user:.2f}", f"{found['peak_mb']:,.0f}",
                "" if side.endswith("shapley") else f"{error:.1e}",
                f"{wall / own:.1f}", f"{user / own_user:.1f}",
            )  # fmt: skip
    return table


def with_intervals(file: Path, count: int, orders: list[int], repeats: int) -> Table:
    """What 200 intervals cost beside the estimate alone."""
    table = Table(title=f"{count:,} paths: 200 intervals, user s")
    for heading in ("order", "rules", "read", "estimate", "with intervals",
                    "times estimate, with reading", "without reading"):  # fmt: skip
        table.add_column(heading, justify="right")
    for order in orders:
        found = measure("intervals", file, order, repeats)
        assert found is not None
        read = of(found, "read_user")
        for rules, before in (("markov", ""), ("all seven", "all_")):
            point, drawn = of(found, f"{before}estimate_user"), of(found, f"{before}intervals_user")
            table.add_row(
                str(order), rules, f"{read:.2f}", f"{point:.2f}", f"{drawn:.2f}",
                f"{(read + drawn) / (read + point):.1f}", f"{drawn / point:.1f}",
            )  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
