"""The forecast beside its peers on public shop sales, all in one run.

    python benchmarks/forecast/run.py [--shops 100] [--arima 24] [--out proof.jsonl]

42 days, four origins, one over Christmas. The shops judged here were used for no choice of ours:
settings were set on other shops of the chain, on days that overlap (docs/decisions/0017).
Each model and origin is a process of its own. A line of JSON is appended to --out as soon as it is
made; what is there already is not made again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np
from judging import figures, together
from peers import OURS, PEERS, made
from rich.console import Console
from rich.table import Table
from shops import laid, planned_closures, sample, table

from forecasting.grid import Grid

HORIZON = 42
#: Days before the end of the data: June, May and March 2015, and 21 November 2014.
CUTS = (42, 84, 126, 252)
PLANNED = ", closures as planned"
#: AutoARIMA's shops.
ARIMA_SHOPS = 24
#: A row of up to this many series has each series' sales and error.
LISTED = 100


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

    def has(self, origin: str, model: str, first: int) -> bool:
        asked = (origin, model, first)
        return any((row["origin"], row["model"], row["first"]) == asked for row in self.rows)

    def keep(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        shown = {k: v for k, v in row.items() if k not in {"actual", "missed"}}
        Console(width=160).print(shown)


@dataclass(frozen=True)
class Task:
    """A model at an origin, for all series or some of them."""

    model: str
    cut: int
    rows: range
    planned_closures: bool = False

    @property
    def name(self) -> str:
        return self.model + PLANNED * self.planned_closures


def tasks(asked: argparse.Namespace, series: int) -> list[Task]:
    """Quick ones first; of a model that takes parts, the first part of every origin first."""
    out = []
    everybody = range(series)
    for name in asked.models:
        peer = PEERS.get(name)
        count = series if peer is None or peer.part is None else min(asked.arima, series)
        step = count if peer is None or peer.part is None else peer.part
        for start in range(0, count, step):
            rows = everybody[start : min(start + step, count)]
            out += [Task(name, cut, rows) for cut in asked.cuts]
    told = [name for name in asked.models if name in asked.as_planned]
    out += [Task(name, cut, everybody, True) for name in told for cut in asked.cuts]
    return out


def one(task: Task, grid: Grid) -> dict[str, Any]:
    """A row of the results; the model runs in a process of its own."""
    rows = np.arange(task.rows.start, task.rows.stop)
    then = grid.at(task.cut)
    if task.planned_closures:
        then = replace(then, plan=planned_closures(grid, task.cut))
    then = then.only(rows)
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        answer, took = pool.submit(made, task.model, then).result()
    start = grid.known - task.cut
    found = figures(answer, grid.y[rows, start : start + grid.ahead], then.y)
    if len(rows) > LISTED:
        del found["actual"], found["missed"]
    return {"series": len(rows), "first": task.rows.start, **took, **found, **answer.told}


def main() -> int:
    asked = _asked()
    days = table()
    if asked.shops:
        days = sample(days, asked.shops, judged=not asked.tuning)
    grid = laid(days, HORIZON).grid
    series = len(grid.ids)
    kept = Kept(asked.out, f"{series} {'for tuning' if asked.tuning else 'judged'}")
    for task in tasks(asked, series):
        origin = str(grid.dates[grid.known - 1 - task.cut].date())
        if not kept.has(origin, task.name, task.rows.start):
            row = _same(task, grid, kept, origin) or one(task, grid)
            kept.keep({"origin": origin, "shops": kept.shops, **row, "model": task.name})
    for shown in tables(kept.rows) if kept.rows else []:
        Console(width=180).print(shown)
    return 0


def _same(task: Task, grid: Grid, kept: Kept, origin: str) -> dict[str, Any] | None:
    """The row with actual closures, where they are just those that could be planned."""
    if not task.planned_closures:
        return None
    plan = grid.at(task.cut).plan
    if not np.array_equal(planned_closures(grid, task.cut), plan, equal_nan=True):
        return None
    rows = [row for row in kept.rows if (row["origin"], row["model"]) == (origin, task.model)]
    return rows[0] if rows else None


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The forecast beside its peers")
    parser.add_argument("--shops", type=int, default=100, help="of the hundred; 0: all 558")
    parser.add_argument(
        "--arima", type=int, default=ARIMA_SHOPS, help="shops for AutoARIMA (20 s each)"
    )
    parser.add_argument("--cuts", type=int, nargs="*", default=CUTS)
    names = [*PEERS, OURS]
    parser.add_argument("--models", nargs="*", choices=names, default=names)
    told = [OURS, *(name for name, peer in PEERS.items() if peer.planned and peer.part is None)]
    parser.add_argument(
        "--as-planned", nargs="*", choices=told, default=told,
        help="models that are told the closures as planned too",
    )  # fmt: skip
    parser.add_argument("--tuning", action="store_true", help="on shops kept for tuning")
    parser.add_argument("--out", type=Path, default=Path("build/forecast.jsonl"))
    return parser.parse_args()


def tables(rows: list[dict[str, Any]]) -> list[Table]:
    """Errors, intervals and costs of everyone; and WAPE on the shops that all have, where some
    models were run on fewer."""
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: int(row["first"])):
        parts.setdefault((row["model"], row["origin"]), []).append(row)
    whole = {key: together(own) for key, own in parts.items()}
    models = list(dict.fromkeys(row["model"] for row in rows))
    origins = sorted({row["origin"] for row in rows})
    most = max(row["series"] for row in whole.values())
    out = [_errors(whole, models, origins, most), _costs(whole, models, most)]
    least = min(row["series"] for row in whole.values())
    if least < most <= LISTED:
        out.append(_on_the_first(whole, models, origins, least))
    return out


Whole = dict[tuple[str, str], dict[str, Any]]


def _of(whole: Whole, model: str, name: str) -> float:
    """The mean of a figure over a model's origins."""
    return float(np.mean([row[name] for (own, _), row in whole.items() if own == model]))


def _named(whole: Whole, model: str, most: int) -> str:
    count = max(row["series"] for (own, _), row in whole.items() if own == model)
    return model if count == most else f"{model} ({count} shops)"


def _table(title: str, headings: list[str]) -> Table:
    shown = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if number else "left")
    return shown


def _errors(whole: Whole, models: list[str], origins: list[str], most: int) -> Table:
    shown = _table(
        "WAPE by origin and its mean, %; MASE; bias of each origin and the mean of its size, %, "
        "which is the error of the chain's total",
        ["model", *origins, "mean", "MASE", *(f"bias {o[2:]}" for o in origins), "|total|"],
    )
    for model in models:
        wapes, biases = (
            [100 * whole[model, o][name] if (model, o) in whole else np.nan for o in origins]
            for name in ("wape", "bias")
        )
        shown.add_row(
            _named(whole, model, most),
            *["" if np.isnan(w) else f"{w:.1f}" for w in wapes],
            f"{np.nanmean(wapes):.1f}",
            f"{_of(whole, model, 'mase'):.2f}",
            *["" if np.isnan(b) else f"{b:+.1f}" for b in biases],
            f"{np.nanmean(np.abs(biases)):.1f}",
        )
    return shown


def _costs(whole: Whole, models: list[str], most: int) -> Table:
    shown = _table(
        "Means of origins: weighted quantile loss and open days inside intervals, %; seconds and "
        "CPU seconds a shop; the most memory, MB",
        ["model", "WQL", "80 %", "95 %", "total in 80 %", "in 95 %", "s", "CPU s", "MB"],
    )
    for model in models:
        own = [row for (name, _), row in whole.items() if name == model]
        inside = [
            f"{sum(row[k] for row in own)} of {len(own)}" if all(k in row for row in own) else ""
            for k in ("total_in_80", "total_in_95")
        ]
        shown.add_row(
            _named(whole, model, most),
            *[f"{100 * _of(whole, model, k):.1f}" for k in ("wql", "coverage_80", "coverage_95")],
            *inside,
            *[
                f"{np.mean([row[k] / row['series'] for row in own]):.3f}"
                for k in ("seconds", "cpu_seconds")
            ],
            str(max(row["peak_mb"] for row in own)),
        )
    return shown


def _on_the_first(whole: Whole, models: list[str], origins: list[str], least: int) -> Table:
    shown = _table(f"WAPE on the first {least} shops, %", ["model", *origins, "mean"])
    for model in models:
        wapes = [
            100 * sum(row["missed"][:least]) / sum(row["actual"][:least])
            if (row := whole.get((model, origin)))
            else np.nan
            for origin in origins
        ]
        cells = ["" if np.isnan(w) else f"{w:.1f}" for w in wapes]
        shown.add_row(model, *cells, f"{np.nanmean(wapes):.1f}")
    return shown


if __name__ == "__main__":
    raise SystemExit(main())
