"""One side on one file of paths, in its own process: seconds of each repeat and its effects.

python side.py SIDE PATHS.csv ORDER REPEATS

SIDE: liftcast, intervals (the same with 200 intervals), channelattribution-1 or -2 (cores),
marketing-attribution-models (order 1 only), or -shapley of it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

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


def marketing_attribution_models(frame: pd.DataFrame, order: int) -> Effects:
    """As its README says for paths without times: a row a path, how often it was walked."""
    from mam.core import MAM  # noqa: PLC0415

    told = _mam(MAM, frame).run_markov(transition_to_same_state=True).metadata["removal_effect"]
    return {str(name): float(value) for name, value in told["removal_effect"].items()}


def marketing_attribution_models_shapley(frame: pd.DataFrame, order: int) -> Effects:
    """At its defaults: the last four channels of a path, worth by conversion rate."""
    from mam.core import MAM  # noqa: PLC0415

    told = _mam(MAM, frame).run_shapley().to_polars()
    return dict(zip(told["channels"].to_list(), told["attribution"].to_list(), strict=True))


def _mam(kind: Any, frame: pd.DataFrame) -> Any:
    counted = frame.assign(
        converts=frame["conversions"] > 0, occurrences=frame["conversions"] + frame["nulls"]
    )
    return kind(
        df=counted,
        format_type="grouped_journey",
        channels_colname="path",
        journey_with_conv_colname="converts",
        occurrences_colname="occurrences",
    )


def intervals(frame: pd.DataFrame, order: int) -> dict[str, float]:
    """Wall and user seconds of reading, of the estimate, and of it with 200 intervals."""
    from models.journeys import attribute, read_paths  # noqa: PLC0415

    out: dict[str, float] = {}
    clock = _Clock()
    paths = read_paths(frame)
    out |= clock.since("read")
    attribute(paths, ["markov"], order, draws=0)
    out |= clock.since("estimate")
    attribute(paths, ["markov"], order, draws=200)
    out |= clock.since("intervals")
    attribute(paths, order=order, draws=0)
    out |= clock.since("all_estimate")
    attribute(paths, order=order, draws=200)
    return out | clock.since("all_intervals")


class _Clock:
    """Wall and user seconds between calls."""

    def __init__(self) -> None:
        self.before = self.now()

    @staticmethod
    def now() -> tuple[float, float]:
        return time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime

    def since(self, name: str) -> dict[str, float]:
        before, self.before = self.before, self.now()
        wall, user = (b - a for a, b in zip(before, self.before, strict=True))
        return {name: wall, f"{name}_user": user}


def side_of(name: str) -> Callable[[pd.DataFrame, int], dict[str, float]]:
    if name.startswith("channelattribution"):
        return channelattribution(int(name[-1]))
    return {
        "liftcast": liftcast,
        "intervals": intervals,
        "marketing-attribution-models": marketing_attribution_models,
        "marketing-attribution-models-shapley": marketing_attribution_models_shapley,
    }[name]


def main() -> int:
    side, file, order, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    run = side_of(side)
    frame = pd.read_csv(file)
    run(frame.head(1000), order)  # imports and first calls are not timed
    told: list[dict[str, float]] = []
    for _ in range(repeats):
        clock = _Clock()
        found = run(frame, order)
        told.append(clock.since("wall") | (found if side == "intervals" else {}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"repeats": told, "peak_mb": peak, "effects": found}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
