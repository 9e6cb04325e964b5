"""The forecasts between two versions of a lake, made when a bridge is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from forecasting.versions.states import Version
from liftcast import pipeline, releasing, results
from liftcast.version_reports import same_code, same_hash
from liftcast.version_sources import Made, series_rows
from warehouse.lake import Lake
from warehouse.runlog import code_version
from warehouse.settings import Settings

Note = Callable[[str], None]


def stops_in_lake(
    lake: Lake, old: Version, made: Made, *, progress: Note = lambda _: None, note: Note
) -> dict[str, Made]:
    """What the bridge from a lake's version needs and nothing proves to be the same.

    `old_plan`: the new release with the old release's plan, where plans differ. `old_data`: the
    old release, where code or settings differ. Both with the code and settings of the new version.
    Left out, with a note, where a release is gone or the code has moved on since.
    """
    plan_moved = not same_hash(old.plan_hash, made.plan_hash)
    code_moved = not same_code(old, made)
    wanted = [
        name for name, moved in (("old_plan", plan_moved), ("old_data", code_moved)) if moved
    ]  # fmt: skip
    if not wanted or same_hash(old.data_hash, made.data_hash):
        return {}
    if code_version() != made.code_version or ".dirty" in made.code_version:
        note(
            f"the forecast was made by code {made.code_version}, and this is {code_version()}: "
            "nothing can be forecast with it again, so some steps stay joined"
        )
        return {}
    before = lake.release_dir(old.data_hash)
    if not (before / "release.json").is_file():
        note(f"release {old.data_hash[:16]} of {old.name} is gone: some steps stay joined")
        return {}
    old_facts, old_frames = releasing.read_facts(before), results.read_release(before)
    now = lake.release_dir(made.data_hash)
    stops: dict[str, Made] = {}
    if "old_plan" in wanted:
        progress("forecast with the old plan")
        facts, frames = releasing.read_facts(now), results.read_release(now)
        last = pd.Timestamp(facts["last_day"])
        plan = old_frames["plan"]
        frames = frames | {"plan": plan[plan["date_day"] > last].reset_index(drop=True)}
        stops["old_plan"] = replace(
            _forecast(lake, facts, frames, made, progress), plan_hash=old.plan_hash
        )
    told = [results.read_mix(lake, one.data_hash)[0] for one in (made, old)]
    if "old_data" in wanted and (told[0] is None) != (told[1] is None):
        note("only one of the two releases has its attribution: the step of the data stays joined")
    elif "old_data" in wanted:
        progress("forecast of the old data")
        stops["old_data"] = replace(
            _forecast(lake, old_facts, old_frames, made, progress),
            data_hash=old.data_hash,
            plan_hash=old.plan_hash,
        )
    return stops


def _forecast(
    lake: Lake, facts: dict[str, Any], frames: dict[str, pd.DataFrame], made: Made, progress: Note
) -> Made:
    """The forecast of a release with its attribution, and the horizon and seed of `made`."""
    asked = made.facts["settings"]
    settings = Settings(horizon_weeks=int(asked["horizon_weeks"]), seed=int(asked["seed"]))
    mix, _ = results.read_mix(lake, facts["release_id"])
    fit = pipeline.volume_of(facts, frames, settings, progress, mix)
    table = fit.volume if fit.settings["measure"] == made.measure else fit.revenue
    return replace(made, frame=series_rows(table, ""), notes=())
