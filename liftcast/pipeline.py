"""One function a stage: land, transform, attribute, forecast, publish.

The DAGs and the command line are two faces of these functions. Each takes the lake, does its
stage whole or leaves what stood before, and returns plain facts (JSON-able).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from warehouse import LiftcastError, Settings
from warehouse.errors import printable
from warehouse.files import sweep_leftovers
from warehouse.lake import Lake
from warehouse.locks import holding
from warehouse.pins import pin
from warehouse.runlog import code_version, recorded
from warehouse.settings import PROJECT

if TYPE_CHECKING:
    from forecasting import ForecastResult
    from models.mix.result import MixResult

Progress = Callable[[str], None]
Facts = dict[str, Any]
#: Kinds of driver that the forecast takes from history and plan.
_PLANNED_KINDS = ("media", "organic", "promotion", "publicity")


def _quiet(_: str) -> None:
    pass


def source_paths(sources: Sequence[str | Path] | None = None) -> list[Path]:
    """Mapping files to land: what is asked for, else LIFTCAST_SOURCES, else the simulated company.

    Raises:
        LiftcastError: one of them is not a file.
    """
    named = list(sources or [])
    if not named and (listed := os.environ.get("LIFTCAST_SOURCES")):
        named = [entry for entry in listed.split(os.pathsep) if entry]
    paths = [Path(entry).expanduser() for entry in named] or [PROJECT / "sources/simulated.yml"]
    for path in paths:
        if not path.is_file():
            raise LiftcastError(
                "there is no such source mapping",
                where=printable(path),
                expected="a YAML file, see sources/README.md",
                remedy="Name one with --sources, e.g. --sources sources/robyn.yml",
            )
    return [path.resolve() for path in paths]


def ingest(
    lake: Lake,
    source: Path,
    *,
    start: date | None = None,
    end: date | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Land one source: its rows of `[start, end)`, or all of them; bad rows to quarantine."""
    from dataclasses import asdict

    from ingestion import land

    settings = settings or Settings()
    with recorded(lake, "ingest", settings.seed) as run:
        report = land(
            lake,
            source,
            start=start,
            end=end,
            run_id=run.run_id,
            settings=settings,
            progress=progress or _quiet,
        )
        facts = asdict(report) | {"run_id": run.run_id}
        run.notes["source"] = report.source
    return facts


def transform(
    lake: Lake,
    *,
    release: Literal["always", "weekly"] = "always",
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Build the warehouse from what has landed and, when due, export a release.

    Args:
        release: `always`, or `weekly`: only when a week has closed since the last release, its
            history was restated noticeably, or there is none.

    Raises:
        CheckFailedError: a dbt model or a *fail* test is red; the last release stands.
    """
    from liftcast import building, releasing

    settings = settings or Settings()
    say = progress or _quiet
    with (
        recorded(lake, "transform", settings.seed) as run,
        holding(lake, "warehouse", settings.lock_timeout) as lock,
        ExitStack() as landings,
    ):
        # Until the files are pinned, and for the manifest that dbt reads: a landing between two
        # readings would show two different lakes.
        for source in sorted(lake.sources.glob("*.json")):
            name = f"landing-{source.stem}"
            landings.enter_context(holding(lake, name, settings.lock_timeout))
        if not lake.has_landed("sales"):
            raise LiftcastError(
                "no sales have landed yet",
                where=printable(lake.root),
                remedy="Run `liftcast ingest --sources FILE` first",
            )
        sweep_leftovers(lake.inputs)
        pin(lake)
        currency = releasing.declared_currency(lake, settings.reporting_currency)
        shop = building.Workshop(lake, settings, lock, currency, say)
        outcome = building.build(shop, "tag:transform")
        facts: Facts = {
            "run_id": run.run_id,
            "nodes": len(outcome.nodes),
            "warnings": [n["unique_id"] for n in outcome.nodes if n["status"] == "warn"],
            "released": release == "always" or releasing.is_due(lake, settings.restatement_share),
        }
        if facts["released"]:
            facts |= releasing.export(lake, currency)
            run.notes["release_id"] = facts["release_id"]
            say(f"release {facts['release_id']}: {facts['first_day']} to {facts['last_day']}")
    return facts


def attribute(
    lake: Lake, *, settings: Settings | None = None, progress: Progress | None = None
) -> Facts:
    """Estimate what every driver brought, and journeys, on the current release.

    Raises:
        LiftcastError: settings cannot be read, or an older version made the release.
    """
    from threadpoolctl import threadpool_limits

    from liftcast import attributing, journeying, results

    settings = settings or Settings()
    say = progress or _quiet
    with (
        recorded(lake, "attribute", settings.seed) as run,
        holding(lake, "attribution", settings.lock_timeout),
    ):
        spec = attributing.read_mix_spec(settings.mix_spec)
        sweep_leftovers(lake.results)
        folder, release, frames = _release(lake)
        touched = results.read_journeys(folder)
        run.notes["release_id"] = release["release_id"]
        say(f"mix model on {len(frames['outcome']):,} territory-dates of {folder.name}")
        # One thread: sums in one order give the same bytes, and two fits do not fight for cores.
        with threadpool_limits(1):
            panel = attributing.mix_panel(frames, release, settings.mix_kinds)
            found = attributing.estimate(panel, frames.get("experiments"), spec, settings.seed, say)
            journeys = journeying.estimate(touched, settings.seed, say)
        # Before the mix result: whoever finds that one finds its journeys.
        results.write(
            lake,
            "journeys",
            run.run_id,
            journeys.tables,
            _provenance(release, settings)
            | {"model": "journeys", "settings": {}, "diagnostics": dict(journeys.diagnostics)},
        )
        facts = _provenance(release, settings) | {
            "model": "mix",
            "settings": found.settings,
            "kinds": list(settings.mix_kinds),
            "diagnostics": found.diagnostics,
        }
        # With the estimate itself: the forecast takes media and promotions from it.
        results.write(lake, "mix", run.run_id, found.tables, facts, save=found.result.save)
        gates = found.tables["checks"]
        spoke = int((gates["status"] != "pass").sum())
        say(
            f"{len(found.tables['summary'])} drivers credited; {spoke} of {len(gates)} checks speak"
        )
        gates = journeys.tables["checks"]
        spoke = int((gates["status"] != "pass").sum())
        say(
            f"{len(journeys.tables['removal'])} removal effects; {spoke} of {len(gates)} checks of "
            "journeys speak"
        )
    return facts | {"run_id": run.run_id}


def forecast(
    lake: Lake, *, settings: Settings | None = None, progress: Progress | None = None
) -> Facts:
    """Forecast volume from history and plan of the current release, by territory, product and
    sales channel.

    Media and promotions are as the newest attribution has them, where it is of this release.
    """
    from liftcast import results

    settings = settings or Settings()
    say = progress or _quiet
    with (
        recorded(lake, "forecast", settings.seed) as run,
        holding(lake, "forecasting", settings.lock_timeout),
    ):
        _, release, frames = _release(lake)
        run.notes["release_id"] = release["release_id"]
        mix, told = results.read_mix(lake, release["release_id"])
        say("media and promotions: " + (f"of attribution {told}" if mix else f"raced, as {told}"))
        fit = volume_of(release, frames, settings, say, mix)
        facts = _provenance(release, settings) | {
            "model": "race",
            "mix_run_id": told if mix else None,
            "settings": fit.settings,
            "diagnostics": fit.diagnostics,
        }
        results.write(lake, "forecast", run.run_id, _frames(fit), facts)
    return facts | {"run_id": run.run_id}


def volume_of(
    release: Facts,
    frames: dict[str, Any],
    settings: Settings,
    say: Progress,
    mix: MixResult | None = None,
) -> ForecastResult:
    """The forecast of a release's tables; `release` is its release.json, `mix` its attribution."""
    import pandas as pd
    from threadpoolctl import threadpool_limits

    # Nixtla's libraries otherwise warn at each call that ids will be a column.
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
    from forecasting import ForecastInputs
    from forecasting import forecast as estimate

    # Prices have no plan: their future would be a guess. What the mix credits has its past.
    credited = set() if mix is None else {one.kind for one in mix.estimate.panel.drivers}
    kinds = {*_PLANNED_KINDS, *credited} - {"price", "control"}
    inputs = ForecastInputs(
        ledger=frames["ledger"],
        drivers=frames["drivers"][frames["drivers"]["kind"].isin(kinds)],
        plan=frames["plan"],
        holidays=frames["holidays"],
        territories=frames["territories"],
        products=frames["products"],
        grain=release["grain"],
        currency=release["currency"],
        last_day=pd.Timestamp(release["last_day"]),
    )
    with threadpool_limits(1):
        return estimate(
            inputs,
            horizon_weeks=settings.horizon_weeks,
            seed=settings.seed,
            progress=lambda text: say(printable(text, 120)),
            mix=mix,
        )


def publish(
    lake: Lake, *, settings: Settings | None = None, progress: Progress | None = None
) -> Facts:
    """Build and test the marts, then show tables, page and workbook in one step.

    Raises:
        CheckFailedError: a *fail* check is red; yesterday's publication stands.
        LiftcastError: attribution and forecast were estimated on different releases.
    """
    from liftcast import publishing

    settings = settings or Settings()
    with (
        recorded(lake, "publish", settings.seed) as run,
        holding(lake, "publication", settings.lock_timeout),
        holding(lake, "warehouse", settings.lock_timeout) as lock,
    ):
        sweep_leftovers(lake.published)
        facts = publishing.publish_marts(lake, settings, run.run_id, lock, progress or _quiet)
        run.notes["release_id"] = facts["release_id"]
    return facts


def run_all(
    lake: Lake,
    sources: Sequence[Path],
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Facts:
    """The whole chain once; a source that cannot land does not stop the others.

    Raises:
        LiftcastError: no source landed, or a later stage failed.
    """
    say = progress or _quiet
    landed: list[Facts] = []
    refused: list[str] = []
    for source in sources:
        say(f"[1/5] land {printable(source.name)}")
        try:
            landed.append(ingest(lake, source, settings=settings, progress=progress))
        except LiftcastError as error:
            if len(sources) == 1:
                raise
            refused.append(str(error))
            say(f"source left out: {error}")
    if not landed:
        raise LiftcastError("no source could be landed", got=" | ".join(refused))
    say("[2/5] transform")
    transform(lake, settings=settings, progress=progress)
    say("[3/5] attribute")
    attribute(lake, settings=settings, progress=progress)
    say("[4/5] forecast")
    forecast(lake, settings=settings, progress=progress)
    say("[5/5] publish")
    facts = publish(lake, settings=settings, progress=progress)
    return facts | {"landed": landed, "refused": refused}


def _release(lake: Lake) -> tuple[Path, Facts, dict[str, Any]]:
    from liftcast import releasing, results

    folder = lake.current_release()
    return folder, releasing.read_facts(folder), results.read_release(folder)


def _provenance(release: Facts, settings: Settings) -> Facts:
    from importlib.metadata import version

    return {
        "release_id": release["release_id"],
        "code_version": code_version(),
        "seed": settings.seed,
        "versions": {
            name: version(name) for name in ("duckdb", "numpy", "pandas", "prophet", "statsmodels")
        },
    }


def _frames(fit: Any) -> dict[str, Any]:
    from liftcast import results

    return {name: getattr(fit, name) for name in results.FORECAST}
