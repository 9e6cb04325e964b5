"""One side on one file of paths, in its own process: seconds of each repeat and its effects.

python side.py SIDE PATHS.csv ORDER REPEATS    (SIDE: liftcast, channelattribution-1 or -2)
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

import pandas as pd

Effects = dict[str, float]


def liftcast(frame: pd.DataFrame, order: int) -> Effects:
    # Each side has an environment of its own, which lacks the other's package.
    from models.journeys import read_paths  # noqa: PLC0415
    from models.journeys.markov import removal_effects  # noqa: PLC0415

    paths = read_paths(frame)
    return dict(zip(paths.channels, removal_effects(paths, order).tolist(), strict=True))


def channelattribution(cores: int) -> Callable[[pd.DataFrame, int], Effects]:
    from ChannelAttribution import markov_model  # noqa: PLC0415

    def effects(frame: pd.DataFrame, order: int) -> Effects:
        told = markov_model(
            frame,
            "path",
            "conversions",
            var_null="nulls",
            order=order,
            out_more=True,
            ncore=cores,
            verbose=False,
            flg_pro=False,
        )
        found = told["removal_effects"]
        named = zip(found["channel_name"], found.iloc[:, 1], strict=True)
        return {str(name): float(value) for name, value in named}

    return effects


def main() -> int:
    side, file, order, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    run = liftcast if side == "liftcast" else channelattribution(int(side[-1]))
    frame = pd.read_csv(file)
    run(frame.head(1000), order)  # imports and first calls are not timed
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        effects = run(frame, order)
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "effects": effects}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
