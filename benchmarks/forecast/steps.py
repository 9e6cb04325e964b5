"""What each step to a forecast adds, on Rossmann's tuning shops: WAPE by step and origin.

    python benchmarks/forecast/steps.py [--shops 16] [--origins 4] [--reconcile mint_shrink]

Shops, 42 days, store types and assortments as levels; the plan (promotions, closures, holidays) is
what ran. Weights, the best single candidate and what levels do are chosen at origins before each.
"""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.table import Table
from shops import laid_with_kinds

from forecasting.backtesting import backtest_frame
from forecasting.totals import Sums

LEVELS = (("StoreType",), ("Assortment",), ("StoreType", "Assortment"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=16)
    parser.add_argument("--origins", type=int, default=4)
    parser.add_argument("--reconcile", default="mint_shrink")
    asked = parser.parse_args()
    laid = laid_with_kinds(asked.shops, 42)
    begun = time.process_time()
    scores = backtest_frame(laid, origins=asked.origins, sums=Sums(LEVELS, way=asked.reconcile))
    steps = scores.dropna(subset=["step"])
    shown = Table(title="WAPE of shops / of a day's total; saved: of shops, mean over origins")
    for heading in ("step", *steps["origin"].astype(str).unique(), "mean", "saved"):
        shown.add_column(heading, justify="right")
    for name, rows in steps.groupby("model", sort=False):
        cells = [f"{row.wape:.2%} / {row.wape_total:.2%}" for row in rows.itertuples()]
        mean = f"{rows['wape'].mean():.2%} / {rows['wape_total'].mean():.2%}"
        saved = "" if rows["added"].isna().all() else f"{rows['added'].mean():+.2%}"
        shown.add_row(str(name), *cells, mean, saved)
    console = Console(width=140)
    console.print(shown)
    single = steps[steps["model"] == "best_single"]
    console.print("best single candidates: " + "; ".join(dict.fromkeys(single["made_of"])))
    console.print(f"{time.process_time() - begun:.0f} CPU seconds")


if __name__ == "__main__":
    main()
