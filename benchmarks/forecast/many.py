"""Thousands of series through `liftcast forecast run`: seconds, memory, and whether it is linear.

    python benchmarks/forecast/many.py [--sizes 1000 3000 10000] [--days 730] [--out many.jsonl]
        [-- more options of `liftcast forecast run`]

Series are made from known parts (weekday, season, promotions, Sundays closed, noise that goes
together), so the error is beside one that no forecast can go below. Every size is a process of its
own, reading and writing included; a line of JSON a size is appended to --out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

HORIZON = 42
START = "2023-01-02"
#: Series written at once.
BLOCK = 500
NOISE = 0.12


def write(folder: Path, series: int, days: int, seed: int = 0) -> pd.DataFrame:
    """history.csv and plan.csv of a company; what then sold: series, day, units, and `expected`,
    the median, which no forecast can better in absolute error."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(START, periods=days + HORIZON)
    weekday, angle = dates.dayofweek.to_numpy(), 2 * np.pi * dates.dayofyear.to_numpy() / 365.25
    common = 0.03 * rng.standard_normal(len(dates))
    opened = (weekday != 6).astype(int)
    later = []
    for begin in range(0, series, BLOCK):
        names = [f"s{number:06d}" for number in range(begin, min(begin + BLOCK, series))]
        shape = (len(names), len(dates))
        promo = (rng.random((len(names), -(-len(dates) // 7))) < 0.3).repeat(7, axis=1)
        promo = promo[:, : len(dates)].astype(int)
        log = (
            rng.normal(4, 1, (len(names), 1))
            + rng.normal(0, 0.15, (len(names), 6))[:, np.minimum(weekday, 5)]
            + rng.normal(0.2, 0.1, (len(names), 1)) * np.sin(angle + 1)
            + rng.normal(0.35, 0.1, (len(names), 1)) * promo
        )
        expected = np.exp(log) * opened
        sold = np.round(expected * np.exp(common + NOISE * rng.standard_normal(shape)), 2)
        frame = pd.DataFrame(
            {
                "series": np.repeat(names, len(dates)),
                "day": np.tile(dates.strftime("%Y-%m-%d"), len(names)),
                "units": sold.ravel(),
                "promo": promo.ravel(),
                "open": np.tile(opened, len(names)),
            }
        )
        ahead = np.tile(np.arange(len(dates)) >= days, len(names))
        first = begin == 0
        frame[~ahead].to_csv(folder / "history.csv", mode="a", header=first, index=False)
        frame[ahead].drop(columns="units").to_csv(
            folder / "plan.csv", mode="a", header=first, index=False
        )
        made = frame.loc[ahead, ["series", "day", "units"]]
        later.append(made.assign(expected=expected.ravel()[ahead]))
    return pd.concat(later, ignore_index=True)


def run(series: int, days: int, more: list[str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        actual = write(folder, series, days)
        begun = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, "-m", "liftcast", "forecast", "run", "--history",
             str(folder / "history.csv"), "--plan", str(folder / "plan.csv"), "--series", "series",
             "--date", "day", "--target", "units", "--horizon", str(HORIZON),
             "--out", str(folder / "out"), *more]
        )  # fmt: skip
        # wait4 tells this child's own time and memory (workers it has waited for included).
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        row: dict[str, object] = {
            "series": series, "days": days, "options": more, "exit": child.returncode,
            "seconds": round(time.monotonic() - begun, 1),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
            "peak_mb": used.ru_maxrss // 1024,
        }  # fmt: skip
        if child.returncode == 0:
            told = pd.read_csv(
                folder / "out" / "forecast.csv", dtype={"series": str, "ds": str}
            ).rename(columns={"ds": "day"})
            both = actual.merge(told, on=["series", "day"], validate="one_to_one")
            size = both["units"].sum()
            opened = both[both["units"] > 0]
            row |= {
                "wape": round(float((both["mean"] - both["units"]).abs().sum() / size), 4),
                "least_wape": round(
                    float((both["expected"] - both["units"]).abs().sum() / size), 4
                ),
                "bias": round(float(both["mean"].sum() / size - 1), 4),
                "coverage_80": round(
                    float(opened["units"].between(opened["p10"], opened["p90"]).mean()), 3
                ),
                "rows": len(both),
            }
    return row


def main() -> int:
    own, _, more = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(description="Thousands of series")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 3000, 10_000])
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--out", type=Path, default=Path("build/forecast-many.jsonl"))
    asked = parser.parse_args(own.split())
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    console = Console(width=120)
    rows = []
    for size in asked.sizes:
        row = run(size, asked.days, more.split())
        rows.append(row)
        with asked.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        console.print(row)
    table = Table(title=f"{asked.days} days of history, {HORIZON} ahead", title_justify="left")
    shown = ("series", "seconds", "cpu_seconds", "peak_mb", "wape", "least_wape", "coverage_80")
    for heading in (*shown, "CPU s a series"):
        table.add_column(heading, justify="right")
    for row in rows:
        each = float(str(row["cpu_seconds"])) / float(str(row["series"]))
        table.add_row(*[str(row.get(name, "")) for name in shown], f"{each:.3f}")
    console.print(table)
    return max(int(str(row["exit"])) for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
