"""`liftcast journeys`: credit for every touch from a plain CSV of paths, without the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from liftcast.journeys_events import add_command as add_from_events
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    from models.journeys import Attribution

#: Channels shown on the screen; the files hold all.
_SHOWN = 20


def add_commands(app: typer.Typer, console: Console) -> None:
    """Register `journeys` with `attribute`."""
    journeys = typer.Typer(
        no_args_is_help=True, help="Credit for every touch, from a CSV of paths, no warehouse."
    )
    app.add_typer(journeys, name="journeys")
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    add_from_events(journeys, console, errors)

    @journeys.callback()
    def _group() -> None:
        """Keeps `attribute` a command of its own while it is the only one."""

    @journeys.command(
        epilog="Example: `liftcast journeys attribute --paths paths.csv --out build/journeys`"
    )
    def attribute(  # noqa: PLR0917
        paths: Annotated[
            Path,
            typer.Option(
                "--paths", help="CSV: path (a > b > c), conversions, and if known value, nulls."
            ),
        ],
        out: Annotated[Path, typer.Option("--out", help="Folder to write the two tables into.")],
        order: Annotated[
            str, typer.Option(help="Touches the Markov graph remembers: 1, 2, ... or auto.")
        ] = "1",
        rules: Annotated[
            str | None,
            typer.Option(
                help="Of first, last, last_non_direct, linear, position, time_decay, "
                "markov, shapley, shapley_rate; separated by commas [all but last_non_direct, "
                "shapley_rate]."
            ),
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 0,
        draws: Annotated[
            int, typer.Option(min=0, help="Bootstrap replicates of the intervals; 0: none.")
        ] = 200,
        direct: Annotated[
            str | None, typer.Option(help="Channel that last_non_direct passes over.")
        ] = None,
        drop_direct: Annotated[
            bool,
            typer.Option("--drop-direct", help="Leave --direct out of paths with other channels."),
        ] = False,
        collapse: Annotated[
            bool,
            typer.Option("--collapse/--keep-repeats", help="Count repeats in a row as one touch."),
        ] = False,
        longest: Annotated[
            int | None, typer.Option(min=1, help="Keep the last so many touches of a path.")
        ] = None,
        separator: Annotated[str, typer.Option(help="What stands between two touches.")] = ">",
        force: Annotated[
            bool, typer.Option("--force", help="Replace the tables of an earlier run.")
        ] = False,
    ) -> None:
        """Credit conversions to channels: credit.csv and removal.csv, with 90 % intervals."""
        remembered = _order(order)
        if drop_direct and direct is None:
            raise typer.BadParameter("--drop-direct does not know which channel: add --direct NAME")
        check_place(out, force)
        from liftcast.mix_commands import one_thread

        one_thread()
        from liftcast.journeys_files import paths_of
        from models.journeys import DEFAULT_RULES
        from models.journeys import attribute as credit_of

        walked, told = paths_of(
            paths,
            separator=separator,
            direct=direct if drop_direct else None,
            collapse=collapse,
            longest=longest,
        )
        result = credit_of(
            walked,
            tuple(rule.strip() for rule in rules.split(",")) if rules else DEFAULT_RULES,
            remembered,
            draws,
            seed,
            direct=direct,
        )
        write_result(out, result)
        for text in (*told, *result.notes):
            errors.print(f"[yellow]note:[/yellow] {escape(printable(text, 400))}")
        console.print(screen(result))
        console.print(f"written to {escape(printable(out))}: credit.csv, removal.csv")


def _order(text: str) -> int | Literal["auto"]:
    """Touches to remember, or "auto"."""
    if text == "auto":
        return "auto"
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise typer.BadParameter(
            f"--order is {printable(text)!r}; expected 1 or more touches, or auto"
        )
    return int(text)


def check_place(folder: Path, replace: bool) -> None:
    """Refuse, before any work, a folder that may not be written.

    Raises:
        LiftcastError: it is no folder, or holds an earlier run and `replace` is not wished.
    """
    if folder.exists() and not folder.is_dir():
        raise LiftcastError(
            "this is not a folder", where=printable(folder), remedy="Give another --out"
        )
    standing = [name for name in ("credit.csv", "removal.csv") if (folder / name).exists()]
    if standing and not replace:
        raise LiftcastError(
            f"{standing[0]} stands already",
            where=printable(folder),
            remedy="Give another --out, or --force to replace the tables in it",
        )


def write_result(folder: Path, result: Attribution) -> None:
    """Write credit.csv and removal.csv; both are complete before either takes its name."""
    from liftcast.mix_files import write_table
    from warehouse.files import replacing

    credit, removal = result.credit(), result.removal()
    with (
        replacing(folder / "credit.csv") as credit_file,
        replacing(folder / "removal.csv") as removal_file,
    ):
        write_table(credit_file, {str(c): credit[c].tolist() for c in credit}, ["channel", "rule"])
        write_table(removal_file, {str(c): removal[c].tolist() for c in removal}, ["channel"])


def screen(result: Attribution) -> Any:
    """Conversions by channel and rule, the largest channels first."""
    from rich.table import Table

    total = float(result.paths.conversions.sum())
    memory = "" if result.order is None else f", Markov order {result.order}"
    table = Table(
        title=f"{total:,.10g} conversions of {len(result.paths):,} distinct paths{memory}",
        title_justify="left",
    )
    table.add_column("channel", overflow="fold")
    for rule in result.rules:
        table.add_column(rule, justify="right")
    largest = (-result.conversions.mean(axis=0)).argsort(kind="stable")
    for place in largest[:_SHOWN]:
        cells = [f"{credited:,.1f}" for credited in result.conversions[:, place]]
        table.add_row(escape(printable(result.paths.channels[place], 40)), *cells)
    if len(largest) > _SHOWN:
        table.caption = f"{len(largest) - _SHOWN:,} more channels are in credit.csv"
    return table
