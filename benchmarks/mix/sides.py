"""The sides of the comparison: how each is started on a panel, and how its answer is read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environments
import pandas as pd
from measuring import Measured, measure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIFTCAST = Path(sys.executable).parent / "liftcast"
#: Seconds that proposing a spec or predicting a holdout may take; neither is part of the fit.
ERRAND = 120.0


class SideError(RuntimeError):
    """A side did not answer as agreed; the text says what it said."""


@dataclass(frozen=True)
class Answer:
    """What a side found on one panel.

    Attributes:
        contributions: driver, mean, p05, p95, a row a paid channel, in the panel's currency.
        diagnostics: r_hat_max, ess_min (least of bulk and tail), draws, divergences, ...
        holdout: date, [territory,] predicted; None where the side predicted nothing.
        beyond: wall and cpu seconds of the measured command that the fit is not charged for.
        told: versions, settings and anything else worth a line in the results.
    """

    contributions: pd.DataFrame
    diagnostics: Mapping[str, Any]
    holdout: pd.DataFrame | None
    beyond: Mapping[str, float]
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """One side: what makes it ready, its command, the reader of its answer, its own files.

    `prepare(folder, out)` runs before the clock, `command(folder, out)` under it, `read(folder,
    out)` after it; `folder` holds the panel, `out` is the side's own folder.
    """

    name: str
    prepare: Callable[[Path, Path], dict[str, Any]]
    command: Callable[[Path, Path], list[str]]
    read: Callable[[Path, Path], Answer]
    sources: tuple[Path, ...]

    def version(self) -> str:
        """A word for the code that answers: other code, other word."""
        digest = hashlib.sha256()
        own = [path for source in self.sources for path in _files(source)]
        for path in [HERE / "simulator.py", HERE / "spending.py", *own]:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:12]


def _files(source: Path) -> list[Path]:
    return sorted(source.rglob("*.py")) if source.is_dir() else [source]


def surroundings() -> dict[str, str]:
    """The environment every side runs in: this one, with one thread a linear-algebra call (more
    only burn CPU on arrays of this size) and nothing of ours on the path."""
    told = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return told | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}


# --- liftcast ---------------------------------------------------------------------------------


def propose_spec(folder: Path, out: Path) -> dict[str, Any]:
    """`liftcast mix spec new` once, outside the clock but recorded.

    Raises:
        SideError: the command failed.
    """
    spec = out / "spec.yml"
    spec.unlink(missing_ok=True)
    shutil.rmtree(out / "fit", ignore_errors=True)
    done = measure(
        [str(LIFTCAST), "mix", "spec", "new", str(folder / "panel.csv"), "--out", str(spec)],
        cap=ERRAND,
        log=out / "spec.log",
        environment=surroundings(),
    )
    if done.code or not spec.exists():
        raise SideError(f"`liftcast mix spec new` ended with {done.code}: {done.said}")
    return {"spec_wall": done.wall, "spec": spec.read_text(encoding="utf-8")}


def fit_liftcast(folder: Path, out: Path) -> list[str]:
    files = ["--panel", str(folder / "panel.csv"), "--spec", str(out / "spec.yml")]
    return [str(LIFTCAST), "mix", "fit", *files, "--out", str(out / "fit"), "--seed", "0"]


def predict_liftcast(folder: Path, out: Path) -> pd.DataFrame:
    """The holdout as the fit predicts it: date, [territory,] predicted.

    `liftcast mix predict` reads the holdout without revenue; not charged to the fit.

    Raises:
        SideError: the command failed, or its file has other columns.
    """
    rows = pd.read_csv(folder / "holdout.csv").drop(columns=["revenue", "expectation"])
    rows.to_csv(out / "ahead.csv", index=False)
    shutil.rmtree(out / "predicted", ignore_errors=True)
    files = ["--plan", str(out / "ahead.csv"), "--out", str(out / "predicted")]
    done = measure(
        [str(LIFTCAST), "mix", "predict", "--result", str(out / "fit"), *files],
        cap=ERRAND,
        log=out / "predict.log",
        environment=surroundings(),
    )
    if done.code:
        raise SideError(f"`liftcast mix predict` ended with {done.code}: {done.said}")
    predicted = pd.read_csv(_there(out / "predicted" / "outcome.csv"))
    named = {"date_day": "date", "mean": "predicted"}
    if "territory" in rows:
        named["territory_id"] = "territory"
    if missing := set(named) - set(predicted):
        raise SideError(f"outcome.csv has no {sorted(missing)}, only {sorted(predicted)}")
    predicted = predicted.rename(columns=named)[list(named.values())]
    return predicted.assign(date=pd.to_datetime(predicted["date"]))


def read_liftcast(folder: Path, out: Path) -> Answer:
    """`summary.csv`, `diagnostics.json` and `fit.json` of the fit's folder.

    Raises:
        SideError: a file or column is missing.
    """
    summary = pd.read_csv(_there(out / "fit" / "summary.csv"))
    named = {"contribution": "mean", "contribution_p05": "p05", "contribution_p95": "p95"}
    if missing := {"driver", *named} - set(summary):
        raise SideError(f"summary.csv has no {sorted(missing)}, only {sorted(summary)}")
    media = summary[summary["driver"].astype(str).str.startswith("spend_")]
    diagnostics = json.loads(_there(out / "fit" / "diagnostics.json").read_text(encoding="utf-8"))
    fit = json.loads(_there(out / "fit" / "fit.json").read_text(encoding="utf-8"))
    if missing := {"r_hat_max", "ess_min"} - set(diagnostics):
        raise SideError(f"diagnostics.json has no {sorted(missing)}")
    return Answer(
        contributions=media.rename(columns=named)[["driver", "mean", "p05", "p95"]],
        diagnostics=diagnostics,
        holdout=predict_liftcast(folder, out),
        beyond={"wall": 0.0, "cpu": 0.0},
        told={"versions": fit.get("versions", {}), "settings": {"seed": fit.get("seed")}},
    )


def _there(path: Path) -> Path:
    if not path.exists():
        raise SideError(f"{path.name} is missing: the fit wrote no such file")
    return path


# --- peers ------------------------------------------------------------------------------------


def _peer(name: str, environment: str, script: str, *options: str) -> Side:
    made = environments.ENVIRONMENTS[environment]

    def prepare(folder: Path, out: Path) -> dict[str, Any]:
        environments.make(made)
        (out / "answer.json").unlink(missing_ok=True)
        return {}

    def command(folder: Path, out: Path) -> list[str]:
        files = ["--panel", str(folder / "panel.csv"), "--holdout", str(folder / "holdout.csv")]
        program = [str(made.python), str(HERE / "peers" / script)]
        return [*program, *files, "--out", str(out / "answer.json"), *options]

    def read(folder: Path, out: Path) -> Answer:
        told = json.loads(_there(out / "answer.json").read_text(encoding="utf-8"))
        holdout = pd.DataFrame(told["holdout"])
        holdout["date"] = pd.to_datetime(holdout["date"])
        return Answer(
            contributions=pd.DataFrame(told["contributions"]),
            diagnostics=told["diagnostics"],
            holdout=holdout,
            beyond=told["beyond"],
            told={name: told[name] for name in ("versions", "settings", "media")},
        )

    files = (HERE / "peers" / script, HERE / "peers" / "handing.py", made.pins)
    return Side(name, prepare, command, read, files)


SIDES = {
    side.name: side
    for side in (
        Side(
            "liftcast",
            propose_spec,
            fit_liftcast,
            read_liftcast,
            (
                ROOT / "models" / "mix",
                *sorted((ROOT / "liftcast").glob("*mix*")),
                HERE / "sides.py",
            ),
        ),
        _peer("pymc", "pymc", "fit_pymc.py"),
        _peer("meridian", "meridian", "fit_meridian.py"),
        _peer("meridian-one-knot", "meridian", "fit_meridian.py", "--knots", "one"),
    )
}


def commit() -> str:
    """The checkout's commit, with a word where files differ from it."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def run(side: Side, folder: Path, cap: float) -> tuple[Measured, Answer | None, dict[str, Any]]:
    """Prepare, measure and read one side on the panel in `folder`.

    Returns:
        The measurement; the answer, None where the side was capped or failed; what else to record.

    Raises:
        SideError: the side ended well but its files are not as agreed.
    """
    out = folder / side.name
    out.mkdir(parents=True, exist_ok=True)
    told = side.prepare(folder, out)
    done = measure(
        side.command(folder, out), cap=cap, log=out / "log", environment=surroundings(), folder=out
    )
    answer = None if done.capped or done.code else side.read(folder, out)
    return done, answer, told
