"""A release to an attribution: settings, read-outs of experiments, both engines, one set of tables.

Frames in, frames out; files, locks and the run log are `pipeline`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ingestion.plain_yaml import NotPlainError, parse
from models.errors import ExperimentError
from models.mix import MixInputs, MixModel, MixResult, MixSpec
from models.mix.experiments import examine
from models.mix.gates.gate import Row, gates_frame, row
from models.mix.panel import Panel, read_panel
from models.mix.problem import Problem, pose
from models.mix.spec import DRIVER_KINDS
from warehouse.errors import LiftcastError, printable

Say = Callable[[str], None]
Frames = Mapping[str, pd.DataFrame]
#: Tables of a result that the first engine writes.
_TABLES = ("contributions", "summary", "curves", "parameters")


@dataclass(frozen=True)
class Attribution:
    """Tables of `results.MIX` by name, what the first engine says of itself, and its result."""

    tables: Frames
    settings: Mapping[str, Any]
    diagnostics: Mapping[str, Any]
    result: MixResult


def read_mix_spec(path: Path | None) -> MixSpec:
    """The model's settings at a path: a YAML of MixSpec's fields, or of a spec file's `model:`.

    None gives the defaults.

    Raises:
        LiftcastError: the file cannot be read, or does not hold such settings.
    """
    if path is None:
        return MixSpec()
    try:
        found = parse(path.read_bytes())
        if isinstance(found, dict) and "model" in found and set(found) <= {"model", "panel"}:
            found = found["model"]
        return MixSpec.model_validate(found or {})
    except NotPlainError as error:
        raise _wrong(path, f"{error} (line {error.line})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _wrong(path, f"{place}: {first['msg']}" if place else first["msg"]) from error
    except OSError as error:
        raise _wrong(path, error.strerror or str(error)) from error


def _wrong(path: Path, got: str) -> LiftcastError:
    return LiftcastError(
        "the settings of the mix model cannot be read",
        where=printable(path),
        expected="a YAML file of MixSpec's fields (docs/reference/mix.md, `liftcast mix spec "
        "schema`)",
        got=printable(got, 300),
        remedy="Correct LIFTCAST_MIX_SPEC or the file, or unset it for the defaults",
    )


def mix_panel(frames: Frames, release: Mapping[str, Any], kinds: tuple[str, ...]) -> Panel:
    """The panel of a release, of the kinds of driver that are to be credited.

    Raises:
        LiftcastError: a kind is none that the model knows.
        ModelInputError: the release cannot be estimated on.
    """
    odd = sorted(set(kinds) - set(DRIVER_KINDS))
    if odd:
        raise LiftcastError(
            "a kind of driver is not known",
            where="LIFTCAST_MIX_KINDS",
            expected=", ".join(kind for kind in DRIVER_KINDS if kind != "control"),
            got=printable(odd[0], 60),
            remedy="Correct the setting, or unset it",
        )
    drivers = frames["drivers"]
    return read_panel(
        MixInputs(
            outcome=frames["outcome"],
            drivers=drivers[drivers["kind"].isin(kinds)],
            controls=frames["controls"],
            holidays=frames["holidays"],
            territories=frames["territories"],
            grain=release["grain"],
            currency=release["currency"],
        )
    )


def estimate(
    panel: Panel, experiments: pd.DataFrame | None, spec: MixSpec, seed: int, say: Say
) -> Attribution:
    """What every driver brought, by the spec's engine, and by the classical one beside it.

    Args:
        experiments: `experiments` of the release; None or empty: there are none.

    Raises:
        ModelInputError: the panel cannot be estimated under the settings; before any sampling.
    """
    problem = pose(panel, spec)
    tests, rows = usable_experiments(experiments, problem)
    if tests is not None:
        say(f"experiments: {tests['experiment_id'].nunique()} fit the panel, {len(rows)} do not")
    fit = MixModel(spec).fit(panel, experiments=tests, seed=seed, progress=say)
    tables = {name: getattr(fit, name)() for name in _TABLES}
    classical: pd.DataFrame | None = tables["summary"]
    if spec.engine != "statsmodels":
        classical, check = second_estimate(panel, spec, seed, say)
        rows.append(check)
    tables["summary_classical"] = tables["summary"].iloc[:0] if classical is None else classical
    tables["checks"] = pd.concat([fit.gates(), gates_frame(rows)]) if rows else fit.gates()
    return Attribution(tables, fit.settings, fit.diagnostics(), fit)


def usable_experiments(
    frame: pd.DataFrame | None, problem: Problem
) -> tuple[pd.DataFrame | None, list[Row]]:
    """Experiments that fit the panel, and a check on each that does not.

    One that was read badly must not stop the chain, nor hide the others. A test of one campaign is
    compared with the estimate: it is of that campaign's money, not of the driver's.
    """
    if frame is None or frame.empty:
        return None, []
    frame = frame.assign(spend=frame["spend"].astype(float))
    named = frame["campaign_id"].notna() & (frame["campaign_id"].astype(str) != "")
    of_campaign = named.groupby(frame["experiment_id"]).transform("any")
    frame["use"] = np.where(of_campaign, "compare", "calibrate")
    kept, rows = [], []
    for name, test in frame.groupby("experiment_id", sort=True):
        done = (test["status"] == "done").all()
        try:
            if done and (test["use"] == "compare").any() and test["spend"].sum() <= 0:
                raise ExperimentError(
                    f"Experiment {name!r} tests one campaign and names no money: which part of "
                    f"{test['driver'].iloc[0]} it read is not known; give the spend."
                )
            examine(test, problem)
        except ExperimentError as error:
            rows.append(
                row(
                    "experiment_fits", str(name), "warn", not done, np.nan, np.nan,
                    f"{error} It is not used.",
                )
            )  # fmt: skip
            continue
        kept.append(test)
    return (pd.concat(kept) if kept else None), rows


def second_estimate(
    panel: Panel, spec: MixSpec, seed: int, say: Say
) -> tuple[pd.DataFrame | None, Row]:
    """The classical engine's summary, and a check that says whether it could be made.

    Whatever it fails of, the first engine's estimate stands.
    """
    say("the classical estimate, for comparison")
    text = "The classical engine estimated the same panel; its figures stand beside these."
    summary = None
    try:
        classical = spec.model_copy(update={"engine": "statsmodels"})
        summary = MixModel(classical).fit(panel, seed=seed).summary()
    except Exception as error:
        text = (
            f"The classical engine could not estimate this panel ({type(error).__name__}: "
            f"{printable(error, 200)}): there is nothing to hold the estimate against. The "
            "figures of the first engine stand."
        )
    done = summary is not None
    return summary, row("classical_engine", "model", "warn", done, float(done), 1.0, text)
