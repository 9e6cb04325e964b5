"""The forecast beside its peers on public shop sales, all in one run.

    python benchmarks/forecast/run.py [--shops 100] [--arima 8] [--out proof.jsonl]

42 days, four origins, the oldest over Christmas. The shops judged here were used for no choice:
settings were set on other shops of the chain, on days that overlap (docs/decisions/0017).
A line of JSON a model and origin is appended to --out as soon as it is made; what is there already
is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
import warnings
from dataclasses import dataclass, field
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
from forecasting.grid import Floats, Grid
from forecasting.race import Race

HORIZON = 42
#: Days before the end of the data: June, May and April 2015, and 22 November 2014.
CUTS = (42, 84, 126, 252)
OURS = ("liftcast", "liftcast, closures as planned")
#: AutoARIMA's shops, on which liftcast's error is kept too.
ARIMA_SHOPS = 8


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


@dataclass
class Kept:
    """Rows of the file of results; those of this run's shops are not made again."""

    path: Path
    shops: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.rows = [row for row in map(json.loads, lines) if row["shops"] == self.shops]

    def has(self, origin: str, model: str) -> bool:
        return any((row["origin"], row["model"]) == (origin, model) for row in self.rows)

    def keep(self, origin: str, model: str, spent: Spent, **figures: Any) -> None:
        row = {
            "origin": origin, "model": model, "shops": self.shops,
            "series": figures.pop("series"), "seconds": round(time.monotonic() - spent.begun, 2),
            "cpu_seconds": round(cpu() - spent.cpu, 2),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, **figures,
        }  # fmt: skip
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        Console(width=160).print(row)


@dataclass
class Spent:
    begun: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=cpu)


def main() -> int:
    parser = argparse.ArgumentParser(description="The forecast beside its peers")
    parser.add_argument("--shops", type=int, default=100, help="of the hundred; 0: all 558")
    parser.add_argument(
        "--arima", type=int, default=ARIMA_SHOPS, help="shops for AutoARIMA (10 s each)"
    )
    parser.add_argument("--cuts", type=int, nargs="*", default=CUTS)
    names = [*PEERS, *OURS]
    parser.add_argument("--models", nargs="*", choices=names, default=names)
    parser.add_argument("--tuning", action="store_true", help="on shops kept for tuning")
    parser.add_argument("--out", type=Path, default=Path("build/forecast.jsonl"))
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    days = table()
    if asked.shops:
        days = sample(days, asked.shops, judged=not asked.tuning)
    grid = laid(days, HORIZON).grid
    series = len(grid.ids)
    kept = Kept(asked.out, f"{series} {'for tuning' if asked.tuning else 'judged'}")
    for cut in sorted(asked.cuts, reverse=True):
        origin = str(grid.dates[grid.known - 1 - cut].date())
        todo = [name for name in asked.models if not kept.has(origin, name)]
        actual = Race(grid).actual(cut)
        window = Window(grid.at(cut), 0)
        for name in todo:
            if name in PEERS:
                spent = Spent()
                told = PEERS[name](window)
                kept.keep(origin, name, spent, series=series, **point(actual, told))
        if any(name in todo for name in OURS):
            _ours(grid, cut, origin, actual, kept)
        arima = f"AutoARIMA with plan ({min(asked.arima, series)} shops)"
        if asked.arima and not kept.has(origin, arima):
            some = np.arange(min(asked.arima, series))
            spent = Spent()
            told = auto_arima_plan(Window(grid.at(cut).only(some), 0))
            kept.keep(origin, arima, spent, series=len(some), **point(actual[some], told))
    Console(width=140).print(_shown(kept.rows))
    return 0


def _ours(grid: Grid, cut: int, origin: str, actual: Floats, kept: Kept) -> None:
    """With closures as they were, and, of the same race, as they could be planned."""
    some = np.arange(min(ARIMA_SHOPS, len(grid.ids)))
    spent = Spent()
    # A race of its own: nothing another origin has paid for is free here.
    alone = Race(grid.at(cut), seed=0)
    at = forecast_at(alone, 0, {})
    if not kept.has(origin, OURS[0]):
        kept.keep(
            origin, OURS[0], spent, series=len(grid.ids), **point(actual, at.mean),
            **intervals(actual, at),
            wape_of_arimas_shops=point(actual[some], at.mean[some])["wape"],
        )  # fmt: skip
    spent = Spent()
    planned = forecast_at(alone.standing_at(0, planned_closures(grid, cut)), 0, {})
    if not kept.has(origin, OURS[1]):
        kept.keep(
            origin, OURS[1], spent, series=len(grid.ids), **point(actual, planned.mean),
            **intervals(actual, planned),
        )  # fmt: skip


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
            f"{np.mean([row['cpu_seconds'] / row['series'] for row in own.values()]):.2f}",
        )
    return made


if __name__ == "__main__":
    raise SystemExit(main())
