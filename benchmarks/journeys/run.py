"""Removal effects by liftcast and by ChannelAttribution, side by side on the same paths.

python benchmarks/journeys/run.py --paths 100000 1000000 5000000 --orders 1 3
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import exact
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "bench-journeys"
PEER = ROOT / "build" / "peers" / "channelattribution"
SIDES = ("liftcast", "channelattribution-1", "channelattribution-2")
CHANNELS = 10
LONGEST = 20
CAP = 900.0


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


def peer() -> Path:
    """The peer's Python, its environment made when there is none."""
    python = PEER / "bin" / "python"
    mark = PEER / ".complete"
    pins = HERE / "peers.txt"
    if not mark.exists() or mark.read_text() != pins.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEER)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "-r", str(pins)]
        subprocess.run(pip, check=True)
        mark.write_text(pins.read_text())
    return python


def measure(side: str, file: Path, order: int, repeats: int) -> dict[str, Any] | None:
    """What a side told; None where it took more than `CAP` seconds."""
    python = sys.executable if side == "liftcast" else str(peer())
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    surroundings["PYTHONPATH"] = str(ROOT) if side == "liftcast" else ""
    command = [python, str(HERE / "side.py"), side, str(file), str(order), str(repeats)]
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--orders", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=101)
    told = parser.parse_args()
    out = Console(width=120)
    freeze = (HERE / "peers.txt").read_text().lower().split()
    version = next(line for line in freeze if line.startswith("channelattribution"))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    out.print(f"{version}, {machine}, seed {told.seed}, {told.repeats} repeats")
    table = Table(title="removal effects, from DataFrame to effects")
    for heading in ("paths", "order", "side", "s: median (least to most)", "MB", "largest error",
                    "times liftcast"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "side" else "right")
    BUILD.mkdir(parents=True, exist_ok=True)
    for count in told.paths:
        file = BUILD / f"paths-{count}-{told.seed}.csv"
        frame = paths(count, told.seed)
        frame.to_csv(file, index=False)
        for order in told.orders:
            truth = exact.effects(frame, order)
            own = np.nan
            for side in SIDES:
                found = measure(side, file, order, told.repeats)
                if found is None:
                    table.add_row(f"{count:,}", str(order), side, f"over {CAP:.0f}", "", "", "")
                    continue
                seconds = found["seconds"]
                middle = float(np.median(seconds))
                own = middle if side == "liftcast" else own
                error = (pd.Series(found["effects"]).reindex(truth.index) - truth).abs().max()
                spread = f"{middle:.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
                cells = (f"{found['peak_mb']:,.0f}", f"{error:.1e}", f"{middle / own:.1f}")
                table.add_row(f"{count:,}", str(order), side, spread, *cells)
    out.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
