"""Versions of a forecast: do they survive kill -9, and how do they grow?

    python benchmarks/versions.py --kills 40 --series 1000 10000

Kills: two processes at once make, override, submit, approve and lock versions of one store; after
a random moment both are killed (SIGKILL); then the store is verified, and every version that was
ever seen locked must be there with the same numbers and the same receipt. Then the next two start.

Series: one version of so many series x 91 days (random amounts), CPU seconds of each command and
the peak memory of its process; the bridge is to a second version of all of them; the close is of
the first month, and accuracy holds the first version to it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.versions.overrides import Override
from forecasting.versions.tables import NUMBERS
from liftcast.version_actor import Actor
from liftcast.version_ledgers import Ledger
from liftcast.version_making import draft
from liftcast.version_reports import accuracy_of, bridge_of, close_period
from liftcast.version_sources import Made
from liftcast.version_store import VersionStore, today
from liftcast.version_verify import verify

ANA, BO = Actor("Ana", "close"), Actor("Bo", "reviewed")
#: The month after this one: it can be closed with a version that was locked before it ended.
FIRST = (today().replace(day=1) + timedelta(days=32)).replace(day=1)
MADE_IN = f"{FIRST - timedelta(days=1):%Y-%m}"
STEPS = (("draft", "submitted", ANA), ("submitted", "approved", BO), ("approved", "locked", BO))


def forecast(series: int, days: int, seed: int) -> Made:
    """Random amounts of so many series and days."""
    rng = np.random.default_rng(seed)
    names = [f"s{number:05}" for number in range(series)]
    frame = pd.DataFrame({
        "shop": np.repeat(names, days),
        "ds": np.tile(pd.date_range(FIRST, periods=days), series),
    })  # fmt: skip
    for name in NUMBERS:
        frame[name] = [f"{value:.2f}" for value in rng.uniform(0, 1000, series * days)]
    known = FIRST - timedelta(days=1)
    naive = frame[["shop", "ds"]].assign(naive=frame["p50"])
    return Made(frame, ("shop",), known, "units", None, "c", f"d{seed}", "p", naive=naive)


def ledger(series: int) -> Ledger:
    """Random sales of so many series on the days of the first month."""
    frame = forecast(series, 31, 7).frame[["shop", "ds", "mean"]]
    return Ledger(frame, ("shop",), "ds", "mean", "units", None, "random")


def override(kind: str, value: str, days: int) -> Override:
    """All series and days."""
    last = FIRST + timedelta(days=days - 1)
    return Override(0, kind, Decimal(value), (), FIRST, last, "Ana", "x", today())  # type: ignore[arg-type]


def work(store: VersionStore, scenario: str) -> None:
    """Version after version, each superseding the one before."""
    for number in range(1000):
        history = store.history()
        name = f"{scenario}{number}"
        if name not in history.versions:
            before = history.standing(MADE_IN, scenario, "units")
            draft(store, forecast(3, 10, 0), ANA, name=name, scenario=scenario,
                  supersedes=before.name if before else None)  # fmt: skip
        version = store.history().version(name)
        if version.state == "draft" and not version.overrides:
            store.override(name, override("absolute", "300", 10), ANA)
        for state, event, actor in STEPS:
            if store.history().version(name).state == state:
                store.move(name, event, actor)


def kills(rounds: int, seed: int) -> dict[str, int]:
    """Counts after so many rounds; an AssertionError where something was lost or touched."""
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    counts = {"rounds": rounds, "killed": 0, "events": 0, "locked": 0, "repairs": 0}
    locked: dict[str, tuple[str | None, str]] = {}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "store"
        for _ in range(rounds):
            children = []
            for scenario in ("a", "b"):
                child = os.fork()
                if child == 0:
                    work(VersionStore(root, 60), scenario)
                    os._exit(0)
                children.append(child)
            time.sleep(chance.uniform(0.1, 3.0))
            for child in children:
                os.kill(child, signal.SIGKILL)
                counts["killed"] += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            store = VersionStore(root, 5)
            touched = [one for one in verify(store) if one.state == "touched"]
            assert not touched, touched
            standing = store.history().versions
            for name, kept in locked.items():
                assert (standing[name].final_hash, standing[name].steps[-1].hash) == kept
            for version in standing.values():
                if version.state == "locked":
                    assert sum(store.numbers(version).table["final"]) == 300
                    locked[version.name] = (version.final_hash, version.steps[-1].hash)
        events = store.journal.read().events
        counts["repairs"] = sum(event["event"] == "repaired" for event in events)
        counts["repairs"] += len(list(root.glob("unfinished/*")))
        counts |= {"events": len(events), "locked": len(locked)}
    return counts


def growth(series: int) -> dict[str, float]:
    """CPU seconds of each command on a version of so many series x 91 days; peak memory in GB."""
    out: dict[str, float] = {"series": series}
    with tempfile.TemporaryDirectory() as place:
        store = VersionStore(Path(place) / "store")
        made, second, sold = forecast(series, 91, 0), forecast(series, 91, 1), ledger(series)
        for what, do in (
            ("create", lambda: draft(store, made, ANA, name="v1")),
            ("override", lambda: store.override("v1", override("percent", "7", 91), ANA)),
            *(
                (event, lambda e=event, a=actor: store.move("v1", e, a))
                for _, event, actor in STEPS
            ),
            ("second", lambda: draft(store, second, ANA, name="v2", supersedes="v1")),
            ("bridge", lambda: bridge_of(store, store.history(), None, "v2")),
            ("close", lambda: close_period(store, f"{FIRST:%Y-%m}", [sold], ANA)),
            ("accuracy", lambda: accuracy_of(store, store.history())),
            ("verify", lambda: verify(store)),
        ):
            begun = time.process_time()
            do()  # type: ignore[operator]
            out[what] = round(time.process_time() - begun, 1)
        (store.root / "locked" / "v1").chmod(0o755)
    out["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="rounds of two killed processes")
    parser.add_argument("--series", type=int, nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=5)
    asked = parser.parse_args()
    if asked.kills:
        sys.stdout.write(json.dumps(kills(asked.kills, asked.seed)) + "\n")
    for series in asked.series:
        if len(asked.series) == 1 and not asked.kills:
            sys.stdout.write(json.dumps(growth(series)) + "\n")
        else:  # peak memory is a process's own
            subprocess.run([sys.executable, __file__, "--series", str(series)], check=True)


if __name__ == "__main__":
    main()
