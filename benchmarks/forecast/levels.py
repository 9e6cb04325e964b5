"""Ways to make levels agree, on Rossmann's tuning shops: errors as a share of bottom-up's.

    python benchmarks/forecast/levels.py [--shops 16]

Levels: total, store type, assortment, both, shops; 42 days from three origins. What `auto` takes
is chosen at origins before each of these.
"""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table
from shops import laid_with_kinds

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.regression import LogOls
from forecasting.correcting import mix_at
from forecasting.grid import Floats
from forecasting.hierarchy import groups_of, levels_of, reconcile
from forecasting.race import Race
from forecasting.weighing import weights_at

HORIZON = 42
CUTS = (42, 84, 168)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=16)
    asked = parser.parse_args()
    laid = laid_with_kinds(asked.shops, HORIZON)
    race = Race(laid.grid, candidates=(SeasonalNaive(), RecentMean(), LogOls(), PooledTrees()))
    groups = groups_of(laid.keys, [("StoreType",), ("Assortment",), ("StoreType", "Assortment")])
    levels = levels_of(groups, len(laid.keys))
    shown = Table(title="error as a share of bottom-up's: of the total / of shops")
    for heading in ("origin", "bottom_up WAPE", "top_down", "mint_shrink", "auto takes"):
        shown.add_column(heading, justify="right")
    for cut in CUTS:
        weights, cuts = weights_at(race, cut)
        told = race.at(cut, whole=True)
        actual = race.actual(cut)

        def missed(mean: Floats, actual: Floats = actual) -> Floats:
            gap = np.where(np.isfinite(actual), mean - actual, 0.0)
            return np.array([np.abs(gap.sum(axis=0)).sum(), np.abs(gap).sum()])

        mean = mix_at(race, told, weights, cuts).mean
        before = missed(mean)
        ways = [
            reconcile(race, cut, weights, mean, told, levels, way)
            for way in ("top_down", "mint_shrink")
        ]
        taken = reconcile(race, cut, weights, mean, told, levels, "auto").method
        cells = [" / ".join(f"{v:.3f}" for v in missed(w.mean) / before) for w in ways]
        base = " / ".join(f"{v:.4f}" for v in before / np.nansum(actual))
        origin = str(laid.grid.dates[laid.grid.known - 1 - cut].date())
        shown.add_row(origin, base, *cells, taken)
    Console().print(shown)


if __name__ == "__main__":
    main()
