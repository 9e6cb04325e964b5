"""Fit liftcast and its peers on the same simulated panels, and print them side by side.

    python benchmarks/mix/run.py --national 101..110 --territories 101..103
    python benchmarks/mix/run.py --scale

For each seed all sides run in one go, one after the other. Every fit is a process of its own and a
line in `build/bench-mix/results.jsonl`; one that is there, made by the same code, is not run again
(`--again` does). Neither is one in `proof.jsonl` beside this file, where `--keep` puts the fits of
proof seeds, if it was made on the same kind of machine. README.md says what is simulated, each
side's settings, and the goals.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What makes the peers' environments is shared by all benchmarks.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import environments
import pandas as pd
import psutil
import records
import scoring
import simulator
import tables
from rich.console import Console
from rich.table import Table
from sides import HERE, ROOT, SIDES, Answer, Side, SideError, commit, run

BUILD = ROOT / "build" / "bench-mix"
PROOF = HERE / "proof.jsonl"
FIRST_PROOF = 100
SCALE = (
    "national-large",
    "territories-25",
    "territories-50",
    "territories-100",
    "territories-200",
    "territories-large",
)


def seeds(text: str) -> list[int]:
    """`101..110`, `101,103` or both: `1..3,7`.

    Raises:
        argparse.ArgumentTypeError: anything else.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("..")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected e.g. 101..110 or 101,103") from None
    return list(dict.fromkeys(found))


def processor() -> str:
    """Cores, model and memory: what seconds depend on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else model
    memory = psutil.virtual_memory().total / 1e9
    return f"{os.cpu_count()} cores, {model}, {memory:.0f} GB"


def machine() -> str:
    """The processor, Python, date and commit, on one line."""
    python = platform.python_version()
    return f"{processor()}, Python {python}, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}"


def known() -> list[dict[str, Any]]:
    """Fits that were made on this kind of machine: kept ones, then this checkout's own."""
    kept = [row for row in records.read(PROOF) if row["machine"] == processor()]
    return kept + records.read(BUILD / "results.jsonl")


def keep() -> int:
    """Add this checkout's finished fits of proof seeds to those that are kept; how many."""
    there = {(row["size"], row["seed"], row["side"], row["at"]) for row in records.read(PROOF)}
    added = 0
    for row in records.read(BUILD / "results.jsonl"):
        key = (row["size"], row["seed"], row["side"], row["at"])
        if row["seed"] > FIRST_PROOF and row["status"] != "failed" and key not in there:
            row.pop("said", None)  # what a tool printed names this machine's folders
            records.append(PROOF, {"machine": processor(), **row})
            added += 1
    return added


def scored(answer: Answer, truth: simulator.Truth, cpu: float) -> dict[str, float | None]:
    """The scores of an answer; its holdout is matched to the truth's by key.

    Raises:
        SideError: channels or holdout rows do not match the panel's.
    """
    holdout = None
    if answer.holdout is not None:
        key = [name for name in ("date", "territory") if name in truth.holdout]
        try:
            holdout = truth.holdout.merge(answer.holdout, on=key, how="left", validate="1:1")
        except (KeyError, pd.errors.MergeError) as error:
            raise SideError(f"the predicted holdout does not match: {error}") from error
    try:
        return scoring.score(
            answer.contributions, truth.totals, answer.diagnostics, cpu=cpu, holdout=holdout
        )
    except ValueError as error:
        raise SideError(str(error)) from error


def one_fit(side: Side, size: str, seed: int, truth: simulator.Truth, cap: float) -> dict[str, Any]:
    """Run one side on the panel that lies ready; the record of it, failed ones included."""
    record: dict[str, Any] = {
        "size": size,
        "seed": seed,
        "side": side.name,
        "version": side.version(),
        "commit": commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "usual": bool(truth.settings["usual_forms"]),
        "cap": cap,
        "floors": scoring.floors(truth.totals),
        "measured": {"wall": None, "cpu": None, "peak_mb": None},
        "scores": None,
        "diagnostics": {},
        "told": {},
    }
    try:
        done, answer, told = run(side, BUILD / f"{size}-{seed}", cap)
        beyond = answer.beyond if answer else {"wall": 0.0, "cpu": 0.0}
        cost = {"wall": done.wall - beyond["wall"], "cpu": done.cpu - beyond["cpu"]}
        record["measured"] = {**cost, "peak_mb": done.peak_mb, "beyond": dict(beyond)}
        record["told"] = told
        if answer is None:
            return record | {"status": "capped" if done.capped else "failed", "said": done.said}
        record |= {
            "diagnostics": dict(answer.diagnostics),
            "told": {**told, **answer.told},
            "contributions": answer.contributions.to_dict("records"),
        }
        record["scores"] = scored(answer, truth, cost["cpu"])
    except (SideError, environments.EnvironmentMissingError) as error:
        return record | {"status": "failed", "said": str(error)}
    return record | {"status": "done"}


def campaign(
    work: Sequence[tuple[str, int]], sides: Sequence[Side], cap: float, again: bool, out: Console
) -> pd.DataFrame:
    """Run what has not been run yet; all results of these panels and sides."""
    path = BUILD / "results.jsonl"
    versions = {side.name: side.version() for side in sides}
    changed: set[str] = set()
    for size, seed in work:
        found = records.latest(known(), versions)
        ready = set() if again or found.empty else _ready(found, cap)
        missing = [side for side in sides if (size, seed, side.name) not in ready]
        if not missing:
            continue
        simulator.write(seed, size, BUILD / f"{size}-{seed}")
        _, truth = simulator.simulate_panel(seed, size)
        for side in missing:
            record = one_fit(side, size, seed, truth, cap)
            records.append(path, record)
            out.print(_line(record), highlight=False, markup=False, soft_wrap=True)
            if record["version"] != versions[side.name]:
                changed.add(side.name)
    if changed:
        out.print(
            f"The code of {', '.join(sorted(changed))} changed while this ran: those fits are in "
            "the results, not in the tables. Run again with files left alone.",
            style="red",
        )
    results = records.latest(known(), versions)
    wanted = pd.DataFrame(work, columns=["size", "seed"])
    return results.merge(wanted, on=["size", "seed"]) if len(results) else results


def _ready(found: pd.DataFrame, cap: float) -> set[tuple[str, int, str]]:
    """What need not run again: done, or capped at no less than this cap."""
    kept = found[
        (found["status"] == "done") | ((found["status"] == "capped") & (found["cap"] >= cap))
    ]
    return set(kept[["size", "seed", "side"]].itertuples(index=False, name=None))


def _line(record: dict[str, Any]) -> str:
    """One fit on one line, or why there is none."""
    head = f"{record['size']} {record['seed']} {record['side']}: {record['status']}"
    cost = record["measured"]
    if cost["wall"] is not None:
        head += f", {cost['wall']:.1f} s, {cost['cpu']:.1f} CPU s, {cost['peak_mb']:,.0f} MB"
    if record["status"] == "done":
        scores = record["scores"]
        return (
            f"{head}, share error {scores['share_error']:.2f}, coverage {scores['coverage']:.2f}, "
            f"media {scores['media_error']:+.2f}, ESS {scores['ess']:.0f}, "
            f"R-hat {scores['r_hat']:.3f}"
        )
    return f"{head}\n{record.get('said', '')}"


def told_once(sides: Sequence[Side]) -> list[str]:
    """Versions and settings of each side, from its last answer."""
    lines = {}
    versions = {side.name: side.version() for side in sides}
    for record in known():
        if versions.get(record["side"]) == record["version"] and record["status"] == "done":
            told = record["told"]
            lines[record["side"]] = f"{record['side']}: " + ", ".join(
                f"{name} {value}"
                for part in ("versions", "settings")
                for name, value in told.get(part, {}).items()
            )
    return list(lines.values())


def scale(results: pd.DataFrame) -> Table:
    """Seconds and memory by size."""
    table = Table(title="scale: liftcast alone", title_justify="left")
    for heading in ("size", "weeks x drivers x territories", "wall s", "CPU s", "peak MB", "ESS"):
        table.add_column(heading, justify="left" if heading == "size" else "right")
    for name in SCALE:
        size, rows = simulator.SIZES[name], results[results["size"] == name]
        for _, row in rows.iterrows():
            figures = [f"{row['wall']:.1f}", f"{row['cpu']:.1f}", f"{row['peak_mb']:.0f}"]
            ess = f"{row['ess']:.0f}" if row["status"] == "done" else str(row["status"])
            shape = f"{size.weeks} x {size.channels} x {size.territories or 'national'}"
            table.add_row(name, shape, *figures, ess)
    return table


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--national", type=seeds, default=[], help="seeds, e.g. 101..110")
    parser.add_argument("--territories", type=seeds, default=[], help="seeds, e.g. 101..103")
    parser.add_argument("--sides", default=",".join(SIDES), help="comma-separated")
    parser.add_argument("--cap", type=float, default=900, help="seconds a fit may take")
    parser.add_argument("--again", action="store_true", help="run finished fits again")
    parser.add_argument("--tuning", action="store_true", help="allow seeds below 100: no proof")
    parser.add_argument("--scale", action="store_true", help="liftcast on large panels")
    parser.add_argument("--scale-seed", type=int, default=102)
    parser.add_argument("--keep", action="store_true", help="add proof fits to proof.jsonl")
    told = parser.parse_args()
    if unknown := [name for name in told.sides.split(",") if name not in SIDES]:
        parser.error(f"no side {unknown}: choose from {list(SIDES)}")
    early = sorted({s for s in (*told.national, *told.territories) if s <= FIRST_PROOF})
    if early and not told.tuning:
        parser.error(
            f"seeds {early} may have been looked at while models were made: a proof takes seeds "
            f"from {FIRST_PROOF + 1} on (--tuning runs them all the same, as no proof)"
        )
    if not (told.national or told.territories or told.scale or told.keep):
        parser.error("nothing to run: give --national, --territories, --scale or --keep")
    return told


def main() -> int:
    told = asked()
    out = Console(width=150)
    sides = [SIDES[name] for name in told.sides.split(",")]
    work = [("national", s) for s in told.national] + [("territories", s) for s in told.territories]
    out.print(machine(), highlight=False)
    if told.tuning:
        out.print("TUNING RUN: these seeds may have been looked at; this is no proof.")
    try:
        with records.only_one(BUILD):
            results = campaign(work, sides, told.cap, told.again, out)
            large = [(name, told.scale_seed) for name in SCALE] if told.scale else []
            large_results = campaign(large, [SIDES["liftcast"]], told.cap, told.again, out)
    except RuntimeError as error:
        out.print(str(error), style="red")
        return 1
    if told.keep:
        out.print(f"{keep()} fits added to {PROOF.relative_to(ROOT)}")
    for line in told_once(sides):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    for size in ("national", "territories"):
        part = results[results["size"] == size] if len(results) else results
        if len(part):
            names = [side.name for side in sides]
            out.print(tables.by_side(part, names, size))
            out.print(tables.by_seed(part, names, size))
            if found := tables.goals(part, size):
                out.print(tables.goal_table(found, size))
    if told.scale and len(large_results):
        out.print(scale(large_results))
        series = {name: simulator.SIZES[name].territories for name in SCALE[1:5]}
        found = tables.scale_goals(large_results, (SCALE[0], SCALE[-1]), series)
        out.print(tables.goal_table(found, "scale"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
