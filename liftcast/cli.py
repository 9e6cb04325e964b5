"""The command line: the same stages as the DAGs, for hands on a keyboard."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liftcast import forecast_commands, journeys_commands, mix_commands, source_commands
from warehouse.errors import LakeBusyError, LiftcastError, printable
from warehouse.lake import Lake
from warehouse.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="liftcast: what every campaign brought, and the volume to expect, tied to the ledger.",
    epilog="New here? `liftcast demo` runs everything on a simulated company.",
)
# A log file or a pipe has no width of its own; the tables are made for 110 columns.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

LakeOption = Annotated[
    Path | None,
    typer.Option("--lake", help="Folder that everything a run makes lies under [lake/]."),
]
SourcesOption = Annotated[
    list[Path] | None,
    typer.Option("--sources", "-s", help="Source mapping (YAML); may be given several times."),
]
DayOption = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day, as 2025-01-31.")
]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
) -> None:
    from liftcast import logs

    if debug:
        os.environ["LIFTCAST_DEBUG"] = "1"
    logs.configure(Settings())


def _lake(lake: Path | None) -> Lake:
    return Lake.at(lake or Settings().lake).ensure()


def _clock() -> Any:
    """A progress printer that says how long the run has taken so far."""
    start = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {escape(printable(text))}")

    return say


@app.command(epilog="Example: `liftcast run --sources sources/robyn.yml --lake build/robyn`")
def run(sources: SourcesOption = None, lake: LakeOption = None) -> None:
    """Run the whole chain once: land, transform, attribute, forecast, publish."""
    from liftcast import pipeline

    place = _lake(lake)
    facts = pipeline.run_all(place, pipeline.source_paths(sources), progress=_clock())
    _final_screen(place)
    for refused in facts["refused"]:
        errors.print(f"[yellow]left out:[/yellow] {escape(refused)}")
    if facts["refused"]:
        raise typer.Exit(1)


@app.command(epilog="Example: `liftcast ingest --sources sources/meridian.yml --lake build/m`")
def ingest(
    sources: SourcesOption = None,
    lake: LakeOption = None,
    start: DayOption = None,
    end: DayOption = None,
) -> None:
    """Land sources: check every row, keep the good ones, put the bad ones in quarantine.

    With --start and --end only the rows of [start, end) are landed. One source that cannot be
    read does not stop the others; the exit code then is 1.
    """
    from liftcast import pipeline

    place, say, failed = _lake(lake), _clock(), False
    for source in pipeline.source_paths(sources):
        try:
            facts = pipeline.ingest(
                place,
                source,
                start=start.date() if start else None,
                end=end.date() if end else None,
                progress=say,
            )
        except LiftcastError as error:
            failed = True
            errors.print(f"[red]error:[/red] {escape(str(error))}")
            continue
        console.print(_landed(facts))
        for notice in facts["notices"]:
            console.print(f"[yellow]notice:[/yellow] {escape(printable(notice, 400))}")
    if failed:
        raise typer.Exit(1)


def _landed(facts: dict[str, Any]) -> Table:
    table = Table(title=f"landed from {escape(printable(facts['source']))}", title_justify="left")
    columns = {
        "rows_read": "read", "rows_kept": "kept", "rows_rejected": "rejected",
        "partitions_new": "days new", "partitions_restated": "restated",
        "partitions_unchanged": "unchanged",
    }  # fmt: skip
    table.add_column("rows of")
    for heading in columns.values():
        table.add_column(heading, justify="right")
    for landed in facts["tables"]:
        table.add_row(landed["table"], *[f"{landed[column]:,}" for column in columns])
    return table


@app.command(epilog="Example: `liftcast transform --lake build/robyn`")
def transform(lake: LakeOption = None) -> None:
    """Build and test the warehouse with dbt; export the model inputs as a release."""
    from liftcast import pipeline

    facts = pipeline.transform(_lake(lake), progress=_clock())
    console.print(
        f"release [bold]{facts['release_id']}[/bold], {facts['grain']} grain, "
        f"{facts['first_day']} to {facts['last_day']}, {facts['currency']}"
    )


@app.command(epilog="Example: `liftcast attribute --lake build/robyn`")
def attribute(lake: LakeOption = None) -> None:
    """Estimate what every driver brought (mix model on the current release)."""
    from liftcast import pipeline

    facts = pipeline.attribute(_lake(lake), progress=_clock())
    console.print(f"attributed release {facts['release_id']}; next: `liftcast forecast`, `publish`")


@app.command(epilog="Example: `liftcast publish --lake build/robyn`")
def publish(lake: LakeOption = None) -> None:
    """Test the marts and publish tables, page and workbook in one step, or not at all."""
    from liftcast import pipeline

    place = _lake(lake)
    pipeline.publish(place, progress=_clock())
    _final_screen(place)


@app.command(epilog="Example: `liftcast simulate --size m --seed 7 --out build/simulated`")
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("build/simulated"),
    size: Annotated[
        Literal["s", "m", "l"],
        typer.Option(help="s: 100 thousand touchpoints, m: a million, l: 50 million."),
    ] = "s",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the company.")] = 7,
    days: Annotated[
        int | None, typer.Option(min=60, help="Days of history [by size: 730 or 1,096].")
    ] = None,
    touchpoints: Annotated[
        int | None, typer.Option(min=1000, help="So many touchpoints, 0.4 ledger lines for each.")
    ] = None,
) -> None:
    """Write a company with known truth: every raw table, the truth beside it in truth/."""
    from simulation import simulate as write_company

    company = write_company(out, seed=seed, days=days, size=size, touchpoints=touchpoints)
    console.print(
        f"a company of {sum(company.rows.values()):,} rows, {company.first_day} to "
        f"{company.last_day}, lies in {escape(str(out))}, its truth in truth/"
    )
    if out.resolve() != Path("build/simulated").resolve():
        console.print(f"to land it: LIFTCAST_SIMULATED={escape(str(out))} liftcast run")


@app.command(epilog="Example: `liftcast demo --lake build/demo`")
def demo(
    lake: LakeOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated company.")] = 7,
) -> None:
    """Simulate a company, run the five DAGs on it through Airflow, show truth beside estimate."""
    from liftcast.demo import run_demo

    run_demo(Lake.at(lake or Path("build/demo")).ensure(), seed, console)


@app.command(epilog="Example: `liftcast airflow --lake lake --port 8080`")
def airflow(
    sources: SourcesOption = None,
    lake: LakeOption = None,
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port of the screen.")] = 8080,
    home: Annotated[Path, typer.Option(help="Airflow's own folder.")] = Path(".airflow"),
) -> None:
    """Start Airflow with this project's DAGs, pool and connection ready (Ctrl-C ends it)."""
    from liftcast import airflow_home, pipeline

    place = _lake(lake)
    code = airflow_home.standalone(
        home.resolve(), place.root, pipeline.source_paths(sources), port=port
    )
    raise typer.Exit(code)


@app.command(epilog="Example: `liftcast status --lake build/demo`")
def status(lake: LakeOption = None) -> None:
    """Last runs, freshness of every source, and what is published."""
    from liftcast.status import status_screen

    for part in status_screen(_lake(lake)):
        console.print(part)


@app.command(epilog="Example: `liftcast doctor`")
def doctor(lake: LakeOption = None) -> None:
    """What is installed, what is missing, what to do about it."""
    from liftcast.doctor import examine

    findings = examine(Lake.at(lake or Settings().lake))
    table = Table(title="doctor", title_justify="left")
    for column in ("what", "state", "found", "what to do"):
        table.add_column(column, overflow="fold")
    colours = {"ok": "green", "optional": "yellow", "missing": "red"}
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state}[/]"
        table.add_row(finding.what, state, escape(finding.found), escape(finding.remedy))
    console.print(table)
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


source_commands.add_commands(app, console)
mix_commands.add_commands(app, console)
journeys_commands.add_commands(app, console)
forecast_commands.add_commands(app, console)


def _final_screen(lake: Lake) -> None:
    from liftcast.demo import show_publication

    show_publication(lake, console)


def main() -> None:
    """Entry point: one clear sentence on failure, a trace only with --debug.

    Exit codes: 0 done, 1 failed or red, 2 wrong usage, 3 the lake is busy, 70 a defect of ours.
    """
    if "--debug" in sys.argv[1:]:  # welcome anywhere on the line, not only before the command
        sys.argv = [sys.argv[0], "--debug", *[a for a in sys.argv[1:] if a != "--debug"]]
    try:
        app()
    except KeyboardInterrupt:
        errors.print("stopped; what was published before still stands")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("LIFTCAST_DEBUG"):
            raise
        known = isinstance(error, LiftcastError) or type(error).__module__.split(".")[0] in {
            "models",
            "forecasting",
        }
        if known:
            errors.print(f"[red]error:[/red] {escape(str(error))}")
            sys.exit(3 if isinstance(error, LakeBusyError) else 1)
        name = type(error).__name__
        errors.print(
            f"[red]unexpected error:[/red] {name}: {escape(printable(error, 400))}. "
            "Run again with --debug for the trace."
        )
        sys.exit(70)
