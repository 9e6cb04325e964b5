"""What every peer's script shares: the files it is handed, and what it hands back.

Runs inside a peer's environment, so it needs no more than numpy, pandas and ArviZ. No module here
has the name of a package it would shadow.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Handed:
    """The files of one panel: `panel` (rows to fit), `holdout` (rows after it)."""

    panel: pd.DataFrame
    holdout: pd.DataFrame
    out: Path
    knots: str
    quick: bool

    @property
    def media(self) -> list[str]:
        return [column for column in self.panel if column.startswith("spend_")]

    @property
    def controls(self) -> list[str]:
        return [column for column in self.panel if column.startswith("control_")]

    @property
    def key(self) -> list[str]:
        return [column for column in ("date", "territory") if column in self.panel]


def handed(revenue_ahead: bool = False) -> Handed:
    """Read the command line and its files.

    Args:
        revenue_ahead: keep the holdout's revenue, for a peer that masks it in the model itself;
            else it is dropped unread.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--panel", type=Path, required=True)
    parser.add_argument("--holdout", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--knots", choices=("automatic", "one"), default="automatic")
    parser.add_argument("--quick", action="store_true", help="few draws: does the script run?")
    asked = parser.parse_args()
    panel = pd.read_csv(asked.panel, parse_dates=["date"])
    known = set(panel) if revenue_ahead else set(panel) - {"revenue"}
    holdout = pd.read_csv(asked.holdout, parse_dates=["date"], usecols=lambda name: name in known)
    return Handed(panel, holdout, asked.out, asked.knots, asked.quick)


def fewer(settings: dict[str, Any], quick: bool) -> dict[str, Any]:
    """The settings, or with `quick` a twentieth of every number of draws: never for a result."""
    if not quick:
        return settings
    return {
        name: max(value // 20, 4) if isinstance(value, int) else value
        for name, value in settings.items()
    }


def cpu_seconds() -> float:
    """User and system seconds of this process and its ended children."""
    return sum(os.times()[:4])


def bounds(draws: np.ndarray, **told: object) -> dict[str, Any]:
    """Mean, 5 % and 95 % quantile of a flat array of draws, with what they are of."""
    low, high = np.quantile(draws, [0.05, 0.95])
    return {**told, "mean": float(draws.mean()), "p05": float(low), "p95": float(high)}


def diagnostics(free: dict[str, np.ndarray]) -> dict[str, Any]:
    """Greatest R-hat (rank-normalised, split) and least ESS (of bulk and tail), by ArviZ.

    Args:
        free: every sampled parameter, shape (chain, draw, ...). Elements that never move (a
            parameter fixed by the model) are left out.
    """
    import arviz as az  # noqa: PLC0415

    rows = {}
    for name, draws in free.items():
        flat = np.asarray(draws, dtype=float).reshape(*draws.shape[:2], -1)
        moving = flat[:, :, np.ptp(flat, axis=(0, 1)) > 0]
        if moving.shape[2]:
            rows[name] = moving
    told = az.convert_to_dataset(rows)
    bulk, tail = az.ess(told, method="bulk"), az.ess(told, method="tail")
    r_hat = az.rhat(told, method="rank")
    worst = {name: float(r_hat[name].max()) for name in rows}
    least = {name: float(min(bulk[name].min(), tail[name].min())) for name in rows}
    chains, draws_each = next(iter(rows.values())).shape[:2]
    return {
        "r_hat_max": max(worst.values()),
        "r_hat_worst": max(worst, key=lambda name: worst[name]),
        "ess_min": min(least.values()),
        "ess_worst": min(least, key=lambda name: least[name]),
        "free_parameters": int(sum(row.shape[2] for row in rows.values())),
        "chains": int(chains),
        "draws": int(chains * draws_each),
    }


@dataclass
class Clock:
    """Seconds that belong to the benchmark, not to the peer: predicting the holdout."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Clock:
        self._start = time.monotonic(), cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall += time.monotonic() - self._start[0]
        self.cpu += cpu_seconds() - self._start[1]


def hand_back(files: Handed, result: dict[str, Any]) -> None:
    """Write the result whole: beside its place, then renamed."""
    beside = files.out.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=1, allow_nan=True), encoding="utf-8")
    beside.replace(files.out)


def predictions(rows: pd.DataFrame, key: list[str], predicted: np.ndarray) -> list[dict[str, Any]]:
    """One record a row of the holdout, dates as text."""
    told = rows[key].assign(predicted=np.asarray(predicted, dtype=float))
    told["date"] = told["date"].dt.strftime("%Y-%m-%d")
    return told.to_dict("records")
