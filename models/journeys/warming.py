"""Compile the loops over touches for this machine, so that the first journeys need not wait.

python -m models.journeys.warming
"""

from __future__ import annotations

import pandas as pd

from models.journeys.credit import attribute
from models.journeys.markov import removal_effects
from models.journeys.paths import read_paths


def tiny_paths() -> pd.DataFrame:
    """Two channels, a few people: enough to touch every loop."""
    return pd.DataFrame(
        {
            "path": ["a > b", "b > a > b", "a", "b", "a > b"],
            "conversions": [1, 0, 2, 0, 300.5],
            "value": [10.0, 0.0, 15.0, 0.0, 20.0],
            "nulls": [0, 3, 1, 2, 300],
        }
    )


def many_pairs() -> pd.DataFrame:
    """So many states at order 2 that journeys are followed step by step."""
    names = [f"c{i}" for i in range(20)]
    return pd.DataFrame(
        {
            "path": [f"{one} > {other}" for one in names for other in names],
            "conversions": 1,
            "nulls": 1,
        }
    )


def main() -> None:
    """Call every loop once."""
    removal_effects(read_paths(many_pairs()), 2)
    for collapse in (False, True):
        paths = read_paths(tiny_paths(), collapse=collapse)
        for order in (1, 2):
            attribute(paths, ("linear", "markov", "shapley_rate"), order=order, draws=2)


if __name__ == "__main__":
    main()
