"""Commands about sources: what a mapping lands, a file's first mapping, what was restated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from warehouse.errors import LiftcastError, printable
from warehouse.lake import Lake

if TYPE_CHECKING:
    from ingestion.checking import MappingReport, TableCheck
    from ingestion.restatements import Restatement

_REASONS_SHOWN = 3
_ROWS_SHOWN = 40


def check_screen(reports: list[MappingReport]) -> Iterator[RenderableType]:
    """What each mapping will land, and every problem of it."""
    for report in reports:
        title = report.source or printable(report.path)
        state = "[red]will not land[/red]" if report.problems else "[green]can land[/green]"
        yield f"[bold]{escape(title)}[/bold] ({escape(printable(report.path, 200))}): {state}"
        for problem in report.problems:
            yield f"  [red]problem:[/red] {escape(printable(problem, 600))}"
        for notice in report.notices:
            yield f"  [yellow]notice:[/yellow] {escape(printable(notice, 400))}"
        for one in report.inputs:
            yield f"  input {escape(one.name)}: {escape(printable(one.said, 300))}"
        if report.tables:
            yield _tables(report.tables)
        for table in report.tables:
            yield from _details(table)
        yield ""


def _tables(tables: tuple[TableCheck, ...]) -> Table:
    shown = Table(title="of the rows looked at", title_justify="left")
    for column in ("table", "kept", "rejected"):
        shown.add_column(column, justify="left" if column == "table" else "right")
    for table in tables:
        counts = (table.rows_kept, table.rows_rejected)
        shown.add_row(table.table, *["not read" if n is None else f"{n:,}" for n in counts])
    return shown


def _details(table: TableCheck) -> Iterator[str]:
    for reason in table.reasons[:_REASONS_SHOWN]:
        yield f"  {table.table}: rejected: {escape(printable(reason, 300))}"
    origins = ", ".join(f"{column} = {origin}" for column, origin in table.origins.items())
    yield f"  {table.table}: [dim]{escape(printable(origins, 4000))}[/dim]"
    if table.not_mapped:
        left = ", ".join(printable(name, 40) for name in table.not_mapped)
        yield f"  {table.table}: [dim]not mapped: {escape(left)}[/dim]"


def restatement_table(found: list[Restatement]) -> Table:
    """Restatements, newest last, with the money that moved."""
    title = f"{len(found):,} restatements" if found else "nothing was restated"
    table = Table(title=title, title_justify="left")
    for column in ("landed at (UTC)", "source", "table", "day", "rows", "money", "file", "run"):
        right = column in ("rows", "money")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for one in found[-_ROWS_SHOWN:]:
        table.add_row(
            f"{one.landed_at:%Y-%m-%d %H:%M}",
            one.source,
            one.table,
            str(one.date_day or "all"),
            f"{one.rows_before:,} -> {one.rows_after:,}",
            _money(one.money_change),
            f"{one.previous_file_hash[:8] or '?'} -> {one.file_hash[:8]}",
            one.run_id,
        )
    return table


def _money(change: dict[str, Decimal]) -> str:
    return "\n".join(f"{amount:+,.2f} {code}" for code, amount in sorted(change.items())) or "none"


def total_moved(found: list[Restatement]) -> str:
    """All money that moved, by table and currency, in words."""
    total: dict[tuple[str, str], Decimal] = {}
    for one in found:
        for code, amount in one.money_change.items():
            key = (one.table, code)
            total[key] = total.get(key, Decimal(0)) + amount
    parts = [f"{table} {amount:+,.2f} {code}" for (table, code), amount in sorted(total.items())]
    return "; ".join(parts) or "no money moved"


def add_commands(app: typer.Typer, console: Console) -> None:
    """Register `check`, `restatements` and `sources new`."""
    sources = typer.Typer(no_args_is_help=True, help="Source mappings.")
    app.add_typer(sources, name="sources")

    @app.command(epilog="Example: `liftcast check sources/robyn.yml`")
    def check(
        mappings: Annotated[list[Path], typer.Argument(help="Source mappings (YAML).")],
        lake: Annotated[
            Path | None, typer.Option("--lake", help="Lake whose territories are known.")
        ] = None,
        connect: Annotated[
            bool, typer.Option("--connect", help="Ask databases and platforms as well.")
        ] = False,
    ) -> None:
        """Say what mappings would land, and every problem at once. Nothing is written.

        Looks at the first thousand rows of each file. The exit code is 1 where a mapping has a
        problem.
        """
        from ingestion.checking import check as look_through

        known = Lake.at(lake) if lake else None
        reports = look_through(mappings, lake=known, connect=connect)
        for part in check_screen(reports):
            console.print(part)
        if any(report.problems for report in reports):
            raise typer.Exit(1)

    @app.command(epilog="Example: `liftcast restatements --lake lake --since 2026-01-31`")
    def restatements(
        lake: Annotated[Path | None, typer.Option("--lake", help="The lake [lake/].")] = None,
        source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
        table: Annotated[str | None, typer.Option(help="Only of this raw table.")] = None,
        since: Annotated[
            datetime | None,
            typer.Option(formats=["%Y-%m-%d"], help="Only landed on this day or later."),
        ] = None,
    ) -> None:
        """List what sources changed after it had landed: when, which day, by how much money."""
        from ingestion.contracts import CONTRACTS
        from ingestion.restatements import restatements as listed
        from ingestion.wording import did_you_mean, quoted
        from warehouse.settings import Settings

        if table is not None and table not in CONTRACTS:
            raise LiftcastError(
                f"there is no raw table {quoted(table)}{did_you_mean(table, CONTRACTS)}",
                expected="a table of docs/reference/contracts.md",
                remedy="Correct --table",
            )
        place = Lake.at(lake or Settings().lake)
        found = listed(place, source, table, since.date() if since else None)
        console.print(restatement_table(found))
        if len(found) > _ROWS_SHOWN:
            console.print(f"the newest {_ROWS_SHOWN} are shown; --since, --source, --table narrow")
        if found:
            console.print(f"together: {escape(total_moved(found))}")

    @sources.command("new", epilog="Example: `liftcast sources new exports/weekly.csv`")
    def new(
        file: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines, Parquet or XLSX file.")],
        source: Annotated[str | None, typer.Option(help="Name of the source.")] = None,
        out: Annotated[
            Path | None, typer.Option(help="Mapping to write; default: shown on the screen.")
        ] = None,
    ) -> None:
        """Propose a mapping from a file's own columns, with what was guessed and why."""
        from ingestion.proposing import propose

        proposal = propose(file, source=source, folder=out.parent if out else None)
        if out is None:
            typer.echo(proposal.text)
        elif out.exists():
            raise LiftcastError(
                "the mapping stands already",
                where=printable(out),
                remedy="Give another name with --out, or remove it first",
            )
        else:
            out.write_text(proposal.text, encoding="utf-8")
        errors = Console(stderr=True, highlight=False, soft_wrap=True)
        for remark in proposal.remarks:
            errors.print(f"[yellow]guessed:[/yellow] {escape(printable(remark, 400))}")
        if out is not None:
            console.print(f"written to {escape(printable(out))}; next: `liftcast check {out}`")
