"""`liftcast journeys`: credit for every touch from a plain CSV of paths, without the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from liftcast.journeys_events import add_command as add_from_events
from liftcast.journeys_options import (
    CollapseOption,
    DirectOption,
    DrawsOption,
    DropDirectOption,
    ForceOption,
    LongestOption,
    OrderOption,
    OutOption,
    SeedOption,
    check_place,
    dropped,
    order_of,
)
from liftcast.speaking import noting
from warehouse.errors import printable

if TYPE_CHECKING:
    from models.journeys import Attribution

FILES = ("credit.csv", "removal.csv")
#: Channels shown on the screen; the files hold all.
_SHOWN = 20


def add_commands(app: typer.Typer, console: Console) -> None:
    """Register `journeys` with `attribute` and `from-events`."""
    journeys = typer.Typer(
        no_args_is_help=True, help="Credit for every touch, from a CSV of paths, no warehouse."
    )
    app.add_typer(journeys, name="journeys")
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    note = noting()
    add_from_events(journeys, console, errors)

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
        out: OutOption,
        order: OrderOption = "1",
        rules: Annotated[
            str | None,
            typer.Option(
                help="Of first, last, last_non_direct, linear, position, time_decay, w_shaped, "
                "markov, shapley, shapley_rate; separated by commas [all but last_non_direct, "
                "w_shaped, shapley_rate]."
            ),
        ] = None,
        seed: SeedOption = 0,
        draws: DrawsOption = 200,
        direct: DirectOption = None,
        drop_direct: DropDirectOption = False,
        collapse: CollapseOption = False,
        longest: LongestOption = None,
        separator: Annotated[str, typer.Option(help="What stands between two touches.")] = ">",
        force: ForceOption = False,
    ) -> None:
        """Credit conversions to channels: credit.csv and removal.csv, with 90 % intervals."""
        remembered = order_of(order)
        left_out = direct if dropped(direct, drop_direct) else None
        check_place(out, FILES, force)
        from liftcast.threads import one_thread

        one_thread()
        from liftcast.journeys_files import paths_of
        from models.journeys import DEFAULT_RULES
        from models.journeys import attribute as credit_of

        wished = tuple(rule.strip() for rule in rules.split(",")) if rules else DEFAULT_RULES
        walked, told = paths_of(
            paths,
            separator=separator,
            direct=left_out,
            collapse=collapse,
            longest=longest,
            stages="w_shaped" in wished,
        )
        result = credit_of(
            walked,
            wished,
            remembered,
            draws,
            seed,
            direct=direct,
        )
        write_result(out, result)
        for text in (*told, *result.notes):
            note(text)
        console.print(screen(result))
        console.print(f"written to {escape(printable(out))}: credit.csv, removal.csv")


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
