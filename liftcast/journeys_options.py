"""What the commands of `liftcast journeys` ask alike: options, and where tables may be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from warehouse.errors import LiftcastError, printable

OutOption = Annotated[Path, typer.Option("--out", help="Folder to write the tables into.")]
OrderOption = Annotated[
    str, typer.Option("--order", help="Touches the Markov graph remembers: 1, 2, ... or auto.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, help="The same seed gives the same files.")
]
DrawsOption = Annotated[
    int, typer.Option("--draws", min=0, help="Bootstrap replicates of the intervals; 0: none.")
]
DirectOption = Annotated[
    str | None,
    typer.Option(
        "--direct", help="Channel of people who come by themselves; last_non_direct passes it over."
    ),
]
DropDirectOption = Annotated[
    bool,
    typer.Option("--drop-direct", help="Leave --direct out of paths with other channels."),
]
CollapseOption = Annotated[
    bool, typer.Option("--collapse/--keep-repeats", help="Count repeats in a row as one touch.")
]
LongestOption = Annotated[
    int | None,
    typer.Option("--longest", min=1, help="Keep the last so many touches of a path."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the tables of an earlier run.")]


def order_of(text: str) -> int | Literal["auto"]:
    """Touches to remember, or "auto".

    Raises:
        typer.BadParameter: it is neither.
    """
    if text == "auto":
        return "auto"
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise typer.BadParameter(
            f"--order is {printable(text)!r}; expected 1 or more touches, or auto"
        )
    return int(text)


def dropped(direct: str | None, drop: bool) -> bool:
    """Whether the direct channel is left out.

    Raises:
        typer.BadParameter: it should be, and nobody says which it is.
    """
    if drop and direct is None:
        raise typer.BadParameter("--drop-direct does not know which channel: add --direct NAME")
    return drop


def check_place(folder: Path, files: Sequence[str], replace: bool) -> None:
    """Refuse, before any work, a folder that may not be written.

    Raises:
        LiftcastError: it is no folder, or holds an earlier run and `replace` is not wished.
    """
    if folder.exists() and not folder.is_dir():
        raise LiftcastError(
            "this is not a folder", where=printable(folder), remedy="Give another --out"
        )
    standing = [name for name in files if (folder / name).exists()]
    if standing and not replace:
        raise LiftcastError(
            f"{standing[0]} stands already",
            where=printable(folder),
            remedy="Give another --out, or --force to replace the tables in it",
        )
