"""What settings serve LightGBM alone and Prophet best, on shops that no benchmark judges.

    python benchmarks/forecast/tuning.py [--shops 100] [--prophet-shops 20]

WAPE in % at the benchmark's own four origins: kinder to peers than to liftcast, whose settings were
chosen on other days. The best is what run.py calls "tuned".
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import prophets
import trees
from judging import Answer, plain
from peers import SLOW, TUNED_PROPHET, TUNED_TREES
from rich.console import Console
from rich.table import Table
from run import CUTS, HORIZON
from shops import PLAN, laid, sample, table

from forecasting.candidates import Window
from forecasting.grid import Grid

#: Name -> what differs from the row above it that it names, or from the documented defaults.
DEFAULT = {"n_estimators": 500, "learning_rate": 0.05, "num_leaves": 63}
NEAR = {"ids": True, "around": True}
L1 = DEFAULT | {"objective": "l1"}
FEW = {"closed": "filled", "scaled": True, "ids": True, "around": True}
TREES: dict[str, dict[str, Any]] = {
    "lags beyond the horizon (documented)": {},
    "lags from yesterday, fed back": {"lags": "recursive"},
    "no lags, shop as category": {"lags": "none", "ids": True},
    "beyond + shop as category": {"ids": True},
    "beyond + plan around": {"around": True},
    "beyond + closed days filled": {"closed": "filled"},
    "beyond + filled, scaled": {"closed": "filled", "scaled": True},
    "beyond + filled, scaled, shop, around": FEW,
    "recursive + filled, scaled, shop, around": FEW | {"lags": "recursive"},
    "no lags + filled, scaled, shop, around": FEW | {"lags": "none"},
    "no lags + the same, l1": FEW | {"lags": "none", "model": L1},
    "beyond + the same, l1": FEW | {"model": L1},
    "recursive + the same, l1": FEW | {"lags": "recursive", "model": L1},
    "beyond + shop, around": NEAR,
    "beyond + filled, shop, around": NEAR | {"closed": "filled"},
    "beyond + the same, 1,500 slow trees": NEAR | {"closed": "filled", "model": SLOW},
    "beyond + the same, slow, l1 (taken)": TUNED_TREES,
}
PLANNED = {"planned": True}
OPENED = PLANNED | {"opened": True}
PROPHETS: dict[str, dict[str, Any]] = {
    "with plan (documented)": PLANNED,
    "+ multiplicative": PLANNED | {"multiplicative": True},
    "+ closed days left out": OPENED,
    "+ left out, multiplicative": OPENED | {"multiplicative": True},
    "+ left out, log": OPENED | {"log": True},
    "+ left out, log, year (taken)": TUNED_PROPHET,
    "+ left out, log, year, Germany's holidays": OPENED
    | {"log": True, "yearly": 10, "country": "DE"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--prophet-shops", type=int, default=20)
    parser.add_argument("--cuts", type=int, nargs="*", default=CUTS)
    parser.add_argument(
        "--only", nargs="*", default=[""], help="settings whose name has one of these"
    )
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    days = table()

    def tree(settings: dict[str, Any]) -> Callable[[Window], Answer]:
        return lambda window: trees.answer(window, settings, intervals=False)

    def prophet(settings: dict[str, Any]) -> Callable[[Window], Answer]:
        return lambda window: prophets.answer(window, settings | {"samples": 0})

    for title, ways, shops in (
        ("LightGBM with plan", {name: tree(one) for name, one in TREES.items()}, asked.shops),
        ("Prophet", {name: prophet(one) for name, one in PROPHETS.items()}, asked.prophet_shops),
    ):
        if shops:
            grid = laid(sample(days, shops, judged=False), HORIZON).grid
            chosen = {
                name: way for name, way in ways.items() if any(part in name for part in asked.only)
            }
            Console(width=120).print(_tried(f"{title}, {shops} tuning shops", chosen, grid, asked))


def _tried(
    title: str, ways: dict[str, Callable[[Window], Answer]], grid: Grid, asked: argparse.Namespace
) -> Table:
    shown = Table(title=title, title_justify="left")
    cuts = sorted(asked.cuts, reverse=True)
    dates = [str(grid.dates[grid.known - 1 - cut].date()) for cut in cuts]
    for heading in ("settings", *dates, "mean", "|total|", "CPU s a shop"):
        shown.add_column(heading, justify="left" if heading == "settings" else "right")
    for name, way in ways.items():
        wapes, totals, begun = [], [], time.process_time()
        for cut in cuts:
            then = grid.at(cut)
            shut = then.plan[PLAN.index("Open"), :, then.known :] == 0
            told = plain(way(Window(then, 0)), shut).mean
            start = grid.known - cut
            actual = grid.y[:, start : start + grid.ahead]
            wapes.append(100 * float(np.abs(told - actual).sum() / actual.sum()))
            totals.append(100 * abs(float(told.sum() / actual.sum()) - 1))
        spent = (time.process_time() - begun) / len(cuts) / len(grid.ids)
        cells = [f"{w:.1f}" for w in wapes]
        last = [f"{np.mean(wapes):.2f}", f"{np.mean(totals):.1f}", f"{spent:.3f}"]
        shown.add_row(name, *cells, *last)
        Console(width=150).print(name, *cells, *last)
    return shown


if __name__ == "__main__":
    main()
