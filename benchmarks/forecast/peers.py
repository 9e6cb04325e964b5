"""Others' forecasts of the same window, each in a process of its own with one thread."""

from __future__ import annotations

import importlib
import os
import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from judging import Answer, plain
from shops import PLAN

from forecasting.candidates import Window
from forecasting.grid import Floats, Grid


@dataclass(frozen=True)
class Peer:
    """The module that asks the library, what it is asked, and whether the plan is told.

    `part`: series forecast in one process where that takes long; None: all.
    """

    module: str
    asked: dict[str, Any]
    planned: bool = False
    part: int | None = None


SLOW = {
    "n_estimators": 1500, "learning_rate": 0.02, "num_leaves": 31, "min_child_samples": 50,
    "subsample": 0.8, "subsample_freq": 1, "colsample_bytree": 0.5,
}  # fmt: skip
#: The best of tuning.py.
TUNED_TREES = {
    "ids": True, "around": True, "closed": "filled", "model": SLOW | {"objective": "l1"}
}  # fmt: skip
TUNED_PROPHET = {"planned": True, "opened": True, "log": True, "yearly": 10}
PEERS = {
    "seasonal naive": Peer("classics", {"name": "SeasonalNaive"}),
    "AutoETS": Peer("classics", {"name": "AutoETS"}),
    "Prophet default": Peer("prophets", {}),
    "Prophet with plan": Peer("prophets", {"planned": True}, True),
    "LightGBM with plan": Peer("trees", {}, True),
    "Prophet with plan, tuned": Peer("prophets", TUNED_PROPHET, True),
    "LightGBM with plan, tuned": Peer("trees", TUNED_TREES | {"windows": 5}, True),
    "AutoARIMA with plan": Peer("classics", {"name": "AutoARIMA", "planned": True}, True, part=4),
}
OURS = "liftcast"


def made(name: str, grid: Grid) -> tuple[Answer, dict[str, float]]:
    """A model's answer for the horizon of a grid, and what it took: seconds, CPU seconds, the most
    memory of this process (MB). Call it in a process of its own, or the memory is others' too.

    Reading the data and loading the library are not counted; everything else is.
    """
    warnings.filterwarnings("ignore")
    ask = _asking(name)
    begun, before = time.monotonic(), _cpu()
    answer = ask(grid)
    took = {
        "seconds": round(time.monotonic() - begun, 2),
        "cpu_seconds": round(_cpu() - before, 2),
        "peak_mb": _peak_mb(),
    }
    return answer, took


def _asking(name: str) -> Callable[[Grid], Answer]:
    if name == OURS:
        return importlib.import_module("own").answer
    peer = PEERS[name]
    module = importlib.import_module(peer.module)

    def ask(grid: Grid) -> Answer:
        # Days the plan calls closed are nothing for whoever is told the plan, as they are for us.
        shut = grid.plan[PLAN.index("Open"), :, grid.known :] == 0 if peer.planned else None
        return plain(module.answer(Window(grid, 0), peer.asked), shut)

    return ask


def _cpu() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_mb() -> int:
    """Not `ru_maxrss`, which on Linux begins with what the parent held when it started us."""
    status = Path(f"/proc/{os.getpid()}/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20


def frames(window: Window, filled: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Long frames with the holiday's kinds as columns of their own, none of them text.

    Args:
        filled: a shop's missing days (refurbishments) are days without sales and plan; else they
            are left out of history. In the horizon they are days without plan, and not judged.
    """
    grid = window.grid
    if filled:
        whole = replace(grid, y=np.nan_to_num(grid.y), plan=np.nan_to_num(grid.plan))
        window = Window(whole, window.seed)
    out = []
    for long in (window.train, window.future.fillna(0.0)):
        frame = long.copy()
        for number, column in enumerate(grid.columns):
            if column.is_categorical:
                for code in range(1, len(column.levels)):
                    frame[f"p{number}_{code}"] = (frame[f"p{number}"] == code) * 1.0
                frame = frame.drop(columns=f"p{number}")
        out.append(frame)
    varies = out[0].drop(columns=["unique_id", "ds", "y"]).std() > 0
    dropped = list(varies.index[~varies])
    return out[0].drop(columns=dropped), out[1].drop(columns=dropped)


def in_shape(window: Window, answer: pd.DataFrame, name: str) -> Floats:
    """A column of a long frame as (S, H)."""
    ordered = answer.set_index(["unique_id", "ds"]).sort_index()[name]
    grid = window.grid
    index = pd.MultiIndex.from_product([grid.ids, grid.dates[grid.known :]])
    return ordered.reindex(index).to_numpy(dtype=float).reshape(len(grid.ids), grid.ahead)
