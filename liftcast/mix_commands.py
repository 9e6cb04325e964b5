"""`liftcast mix`: the mix model on a plain CSV, without the warehouse."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from liftcast.speaking import noting, stepping
from liftcast.threads import one_thread
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    from liftcast.mix_files import CsvTable
    from models.mix.sheet.layout import SpecFile
    from models.mix.sheet.reading import Sheet

PanelOption = Annotated[
    Path, typer.Option("--panel", help="CSV: one row a date (and territory, product).")
]
SpecOption = Annotated[Path, typer.Option("--spec", help="Spec file (YAML), see `mix spec new`.")]
Say = Callable[[str], None]


def read_spec_file(path: Path) -> SpecFile:
    """The spec file at a path.

    Raises:
        LiftcastError, SpecFileError: it cannot be read, or is not of the schema.
    """
    from models.mix.sheet.layout import read_spec

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LiftcastError(
            f"the spec cannot be read ({printable(error)})",
            where=printable(path),
            expected="a YAML file",
            remedy="Write one with `liftcast mix spec new PANEL.csv --out SPEC.yml`",
        ) from error
    return read_spec(text, printable(path))


def read_panel_file(panel: Path, spec: SpecFile, say: Say) -> tuple[CsvTable, Sheet]:
    """A CSV and what its columns mean, checked; what was found out is said."""
    from liftcast.mix_files import read_csv
    from models.mix.sheet.reading import read_sheet

    table = read_csv(panel)
    sheet = read_sheet(table.frame, spec.panel, str(panel))
    for note in (*table.notes, *sheet.notes):
        say(note)
    return table, sheet


def add_commands(app: typer.Typer, console: Console) -> None:
    """Register `mix` with `fit`, `priors`, `spec new`, `spec schema`."""
    mix = typer.Typer(no_args_is_help=True, help="Mix model on a plain CSV, without the warehouse.")
    spec_app = typer.Typer(no_args_is_help=True, help="Which column is what, and the settings.")
    app.add_typer(mix, name="mix")
    mix.add_typer(spec_app, name="spec")
    wide = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 110)

    note = noting()

    @mix.command(
        epilog="Example: `liftcast mix fit --panel weekly.csv --spec weekly.yml --out build/fit`"
    )
    def fit(  # noqa: PLR0917
        panel: PanelOption,
        spec: SpecOption,
        out: Annotated[Path, typer.Option("--out", help="Folder to write into; a new one.")],
        experiments: Annotated[
            Path | None, typer.Option("--experiments", help="CSV of read-outs to calibrate by.")
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 0,
        engine: Annotated[
            Literal["bayes", "statsmodels"] | None,
            typer.Option(help="Instead of the spec's: the classical estimate is statsmodels."),
        ] = None,
        force: Annotated[
            bool, typer.Option("--force", help="Put the new fit in the place of an old one.")
        ] = False,
    ) -> None:
        """Estimate what every driver brought: contributions.csv, summary.csv and the rest.

        Contributions of all drivers, baseline and residual sum to the outcome in every row.
        """
        begun = time.monotonic()
        one_thread()
        from liftcast import mix_fitting

        facts = mix_fitting.fit_files(
            mix_fitting.Request(panel, spec, out, experiments, seed, engine, force),
            begun,
            say=stepping(console, begun),
            note=note,
        )
        for part in mix_fitting.screen(facts):
            console.print(part)

    @mix.command(epilog="Example: `liftcast mix priors --panel weekly.csv --spec weekly.yml`")
    def priors(
        panel: PanelOption,
        spec: SpecOption,
        out: Annotated[
            Path | None, typer.Option("--out", help="Folder to write priors.csv into.")
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    ) -> None:
        """What the priors expect of every driver, before the outcome is fitted."""
        one_thread()
        from liftcast import mix_fitting

        for part in mix_fitting.prior_screen(panel, spec, out, seed, note):
            console.print(part)

    @spec_app.command("new", epilog="Example: `liftcast mix spec new weekly.csv --out weekly.yml`")
    def new(
        panel: Annotated[Path, typer.Argument(help="CSV: one row a date.")],
        out: Annotated[
            Path | None, typer.Option("--out", help="Spec to write; default: shown on the screen.")
        ] = None,
        outcome: Annotated[str | None, typer.Option(help="Column of the outcome.")] = None,
        date: Annotated[str | None, typer.Option(help="Column of dates.")] = None,
        force: Annotated[bool, typer.Option("--force", help="Overwrite --out.")] = False,
    ) -> None:
        """Propose a spec from a file's columns, with what was guessed and why."""
        _propose(panel, out, outcome, date, force, wide if out is None else console, note)

    @spec_app.command("schema", epilog="Example: `liftcast mix spec schema > spec.schema.json`")
    def schema() -> None:
        """Print the JSON schema of spec files."""
        from models.mix.sheet.layout import SpecFile

        typer.echo(json.dumps(SpecFile.model_json_schema(), indent=2))

    if importlib.util.find_spec("liftcast.mix_planning_commands") is not None:
        planning = importlib.import_module("liftcast.mix_planning_commands")
        planning.add_commands(mix, console)


def _propose(  # noqa: PLR0917
    panel: Path,
    out: Path | None,
    outcome: str | None,
    date: str | None,
    force: bool,
    console: Console,
    note: Say,
) -> None:
    if out is not None and out.exists() and not force:
        raise LiftcastError(
            "the spec stands already",
            where=printable(out),
            remedy="Give another --out, or --force to overwrite it",
        )
    from liftcast.mix_files import read_csv
    from models.mix.sheet.drafting import spec_text
    from models.mix.sheet.proposal import propose
    from models.mix.sheet.reading import read_sheet

    table = read_csv(panel)
    for found in table.notes:
        note(found)
    proposal = propose(table.frame, str(panel), outcome=outcome, date=date)
    text = spec_text(proposal, panel.name)
    if out is None:
        typer.echo(text, nl=False)
    else:
        from warehouse.files import replacing

        with replacing(out) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for part in _guess_table(proposal):
        console.print(part)
    try:
        sheet = read_sheet(table.frame, proposal.spec.panel, str(panel))
        for found in (*sheet.notes, *(review.text for review in sheet.reviews)):
            note(found)
        told = f"`liftcast mix fit --panel {printable(panel)} --spec {out} --out DIR`"
    except ValueError as error:
        note(f"this spec cannot be fitted yet: {error}")
        told = "mend what the note says"
    if out is not None:
        console.print(f"written to {escape(printable(out))}; next: {escape(printable(told, 400))}")


def _guess_table(proposal: Any) -> list[Any]:
    from rich.table import Table

    table = Table(title="what each column was taken for", title_justify="left")
    for heading in ("column", "taken for", "because"):
        table.add_column(heading, overflow="fold")
    for guess in proposal.guesses:
        colour = "" if guess.sure else "[yellow]look:[/yellow] "
        table.add_row(
            escape(printable(guess.column, 60)),
            escape(printable(guess.role, 80)),
            colour + escape(printable(guess.why, 300)),
        )
    return [table]
