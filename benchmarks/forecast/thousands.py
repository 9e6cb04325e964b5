"""Thousands of daily series through `liftcast forecast run`: seconds, CPU, memory, by size.

    python benchmarks/forecast/thousands.py --series 2000 10000 --workers 2

Series are drawn (`--seed`): levels from 3 to 300 a day, weekdays, a year's course, promotions of
their own, one day of the week closed for some, a tenth launched late, a tenth selling now and then.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

DAYS, H = 912, 42


def write(folder: Path, series: int, seed: int) -> tuple[Path, Path]:
    """history.csv and plan.csv of so many series."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-02", periods=DAYS + H)
    days = dates.strftime("%Y-%m-%d").to_numpy()
    weekday, year = dates.dayofweek.to_numpy(), dates.dayofyear.to_numpy() / 365.25
    shared = 0.05 * rng.standard_normal(len(dates))
    history, plan = folder / "history.csv", folder / "plan.csv"
    with history.open("w") as past, plan.open("w") as ahead:
        past.write("product,region,day,units,promo,price\n")
        ahead.write("product,region,day,promo,price\n")
        for number in range(series):
            level = np.exp(rng.uniform(np.log(3), np.log(300)))
            week = np.exp(0.3 * rng.standard_normal(7))
            promo = (rng.random(len(dates) // 7 + 1) < 0.15).repeat(7)[: len(dates)].astype(int)
            cut = (rng.random(len(dates) // 91 + 1) < 0.3).repeat(91)[: len(dates)]
            price = np.where(cut, 9.5, 10.0) * np.where(promo, 0.8, 1.0)
            log = np.log(level * week[weekday]) + 0.2 * np.sin(2 * np.pi * (year + number % 7 / 7))
            log += 0.4 * promo - 1.2 * np.log(price / 10) + shared
            units = rng.poisson(np.exp(log + 0.2 * rng.standard_normal(len(dates)))).astype(int)
            if number % 10 == 3:
                units = units * (rng.random(len(dates)) < 0.3)
            if number % 5 == 1:
                units[weekday == 6] = 0
            start = int(rng.integers(300, DAYS - 40)) if number % 10 == 7 else 0
            name = f"p{number:05d},r{number % 25:02d}"
            for at in range(start, DAYS):
                past.write(f"{name},{days[at]},{units[at]},{promo[at]},{price[at]:.2f}\n")
            for at in range(DAYS, DAYS + H):
                ahead.write(f"{name},{days[at]},{promo[at]},{price[at]:.2f}\n")
    return history, plan


def watched(command: list[str]) -> dict[str, float]:
    """Run a command: seconds, CPU seconds, and the most memory (GB) it and its children held."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    child = subprocess.Popen(command, env=os.environ | {"NO_COLOR": "1"})
    most = {"all": 0.0, "parent": 0.0, "worker": 0.0}
    over = threading.Event()

    def look() -> None:
        process = psutil.Process(child.pid)
        while not over.wait(0.25):
            try:
                parent = process.memory_full_info().pss
                held = [one.memory_full_info().pss for one in process.children(recursive=True)]
            except psutil.Error:
                continue
            most["parent"] = max(most["parent"], parent / 2**30)
            most["worker"] = max(most["worker"], max(held, default=0) / 2**30)
            most["all"] = max(most["all"], (parent + sum(held)) / 2**30)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    code = child.wait()
    over.set()
    watcher.join()
    if code:
        raise SystemExit(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.monotonic() - begun, "cpu": cpu,
            **{f"gb_{name}": value for name, value in most.items()}}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, nargs="+", default=[2000, 10000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=61)
    told = parser.parse_args()
    for series in told.series:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            history, plan = write(folder, series, told.seed)
            found = watched(
                [sys.executable, "-m", "liftcast", "forecast", "run", "--history", str(history),
                 "--plan", str(plan), "--series", "product,region", "--date", "day", "--target",
                 "units", "--horizon", str(H), "--out", str(folder / "out"),
                 "--workers", str(told.workers)]
            )  # fmt: skip
            row = {
                "series": series,
                "history_mb": history.stat().st_size / 2**20,
                **found,
                "seconds_a_series": found["seconds"] / series,
                "cpu_a_series": found["cpu"] / series,
            }
            sys.stdout.write(json.dumps({k: round(v, 4) for k, v in row.items()}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
