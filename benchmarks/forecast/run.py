"""The forecast beside its peers on public shop sales, all in one run.

    python benchmarks/forecast/run.py [--shops 100] [--arima 3] [--out proof.jsonl]

42 days, four origins, the oldest over Christmas. The shops judged here were used for no choice:
settings were set on other shops of the chain, on days that overlap (docs/decisions/0017).
A line of JSON a model and origin is appended to
--out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
import warnings
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("NIXTLA_ID_AS_COL", "1")

import numpy as np
from peers import PEERS, auto_arima_plan
from rich.console import Console
from rich.table import Table
from shops import laid, planned_closures, sample, table

from forecasting.candidates import Window
from forecasting.framed import At, forecast_at
from forecasting.grid import Floats
from forecasting.race import Race

HORIZON = 42
#: Days before the end of the data: June, May and April 2015, and 22 November 2014.
CUTS = (42, 84, 126, 252)


def cpu() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def point(actual: Floats, forecast: Floats) -> dict[str, float]:
    size = actual.sum()
    return {
        "wape": float(np.abs(forecast - actual).sum() / size),
        "bias": float(forecast.sum() / size - 1),
    }


def intervals(actual: Floats, at: At) -> dict[str, Any]:
    q, total = at.quantiles, actual.sum()
    opened = (actual > 0) & ~at.told.shut
    low, most = at.horizon[0], at.horizon[4]
    return {
        "coverage_80": float(((actual >= q["p10"]) & (actual <= q["p90"]))[opened].mean()),
        "coverage_95": float(((actual >= q["p025"]) & (actual <= q["p975"]))[opened].mean()),
        "total_in_80": bool(at.horizon[1] <= total <= at.horizon[3]),
        "total_in_95": bool(low <= total <= most),
        "weights": at.weights,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="The forecast beside its peers")
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--arima", type=int, default=3, help="shops for AutoARIMA (10 s each)")
    parser.add_argument("--cuts", type=int, nargs="*", default=CUTS)
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--tuning", action="store_true", help="on shops kept for tuning")
    parser.add_argument("--out", type=Path, default=Path("build/forecast.jsonl"))
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    grid = laid(sample(table(), asked.shops, judged=not asked.tuning), HORIZON).grid
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    console = Console(width=120)
    race = Race(grid, seed=0)
    series = len(grid.ids)
    rows: list[dict[str, Any]] = []

    def keep(cut: int, model: str, seconds: tuple[float, float], **figures: Any) -> None:
        row = {
            "origin": str(grid.dates[grid.known - 1 - cut].date()), "model": model,
            "shops": series, "seconds": round(seconds[0], 2), "cpu_seconds": round(seconds[1], 2),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, **figures,
        }  # fmt: skip
        rows.append(row)
        with asked.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        console.print(row)

    for cut in sorted(asked.cuts, reverse=True):
        actual = race.actual(cut)
        window = Window(grid.at(cut), 0)
        for name in asked.peers:
            peer = PEERS[name]
            begun, spent = time.monotonic(), cpu()
            told = peer(window)
            keep(cut, name, (time.monotonic() - begun, cpu() - spent), **point(actual, told))
        begun, spent = time.monotonic(), cpu()
        # A race of its own: nothing another origin has paid for is free here.
        alone = Race(grid.at(cut), seed=0)
        at = forecast_at(alone, 0, {})
        keep(
            cut, "liftcast", (time.monotonic() - begun, cpu() - spent),
            **point(actual, at.mean), **intervals(actual, at),
        )  # fmt: skip
        begun, spent = time.monotonic(), cpu()
        planned = forecast_at(alone.standing_at(0, planned_closures(grid, cut)), 0, {})
        keep(
            cut, "liftcast, closures as planned", (time.monotonic() - begun, cpu() - spent),
            **point(actual, planned.mean), **intervals(actual, planned),
        )  # fmt: skip
        if asked.arima:
            some = np.arange(min(asked.arima, series))
            begun, spent = time.monotonic(), cpu()
            told = auto_arima_plan(Window(grid.at(cut).only(some), 0))
            keep(
                cut, f"AutoARIMA with plan ({len(some)} shops)",
                (time.monotonic() - begun, cpu() - spent),
                **point(actual[some], told),
                liftcast_wape=point(actual[some], at.mean[some])["wape"],
            )  # fmt: skip
    console.print(_shown(rows))
    return 0


def _shown(rows: list[dict[str, Any]]) -> Table:
    origins = sorted({row["origin"] for row in rows})
    made = Table(title="WAPE by origin; error of the chain's total", title_justify="left")
    for heading in ("model", *origins, "mean", "mean |total|", "80 %", "95 %", "CPU s a shop"):
        made.add_column(heading, justify="left" if heading == "model" else "right")
    for model in dict.fromkeys(row["model"] for row in rows):
        own = {row["origin"]: row for row in rows if row["model"] == model}
        wapes = [own[o]["wape"] if o in own else np.nan for o in origins]
        inside = [
            np.mean([row[k] for row in own.values()]) if k in next(iter(own.values())) else np.nan
            for k in ("coverage_80", "coverage_95")
        ]
        made.add_row(
            model,
            *[f"{100 * w:.1f}" for w in wapes],
            f"{100 * np.nanmean(wapes):.1f}",
            f"{100 * np.mean([abs(row['bias']) for row in own.values()]):.1f}",
            *["" if np.isnan(i) else f"{i:.2f}" for i in inside],
            f"{np.mean([row['cpu_seconds'] / row['shops'] for row in own.values()]):.2f}",
        )
    return made


if __name__ == "__main__":
    raise SystemExit(main())
