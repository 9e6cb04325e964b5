"""`liftcast journeys from-events`: from rows of touches to credit, without a warehouse."""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

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
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

    from liftcast.journeys_building import Built, Wishes
    from liftcast.journeys_crediting import Credit

FILES = ("credit.csv", "removal.csv", "left_out.csv")
#: Estimated over all paths, not shared touch by touch.
_ESTIMATED = ("markov", "shapley_rate")
_SHOWN = 20


def add_command(journeys: typer.Typer, console: Console, errors: Console) -> None:
    """Register `from-events` in the group `journeys`."""
    note = noting()

    @journeys.command(
        "from-events",
        epilog="Example: `liftcast journeys from-events --touches touches.parquet "
        "--conversions orders.csv --out build/journeys --lookback 30`",
    )
    def from_events(  # noqa: PLR0917
        touches: Annotated[
            Path,
            typer.Option(help="CSV or Parquet: person_id or account_id, occurred_at, channel."),
        ],
        conversions: Annotated[
            Path,
            typer.Option(help="CSV or Parquet: person_id or account_id, converted_at, value ..."),
        ],
        out: OutOption,
        kind: Annotated[
            str | None, typer.Option(help="Kind of conversion, where the file has several.")
        ] = None,
        lookback: Annotated[
            list[str] | None,
            typer.Option(help="Days before a conversion, or kind=days; may be given again. [30]"),
        ] = None,
        grain: Annotated[str, typer.Option(help="channel, campaign or territory.")] = "channel",
        rules: Annotated[
            str | None,
            typer.Option(
                help="Of first, last, last_non_direct, linear, position, time_decay, w_shaped, "
                "markov, shapley, shapley_rate; separated by commas [all but last_non_direct, "
                "w_shaped, shapley_rate]."
            ),
        ] = None,
        order: OrderOption = "1",
        direct: DirectOption = None,
        drop_direct: DropDirectOption = False,
        collapse: CollapseOption = False,
        longest: LongestOption = None,
        keep_first: Annotated[
            bool, typer.Option("--keep-first", help="With --longest: the first touch stays too.")
        ] = False,
        reuse: Annotated[
            bool,
            typer.Option("--reuse", help="A touch before an earlier conversion counts again."),
        ] = False,
        identities: Annotated[
            Path | None, typer.Option(help="CSV or Parquet: person_id, customer_id, merged_at.")
        ] = None,
        time_zone: Annotated[
            str, typer.Option("--time-zone", help="Zone of moments without an offset.")
        ] = "UTC",
        until: Annotated[
            str | None, typer.Option(help="End of observation, UTC [the last row].")
        ] = None,
        bots: Annotated[
            str, typer.Option(help="Most touches of a person in minutes, N/MINUTES; or none.")
        ] = "100/60",
        half_life: Annotated[
            float, typer.Option("--half-life", help="Days after which time decay counts half.")
        ] = 7.0,
        seed: SeedOption = 0,
        draws: DrawsOption = 200,
        touch_credit: Annotated[
            str | None,
            typer.Option("--touch-credit", help="Also write every touch's credit: csv or parquet."),
        ] = None,
        memory: Annotated[
            str, typer.Option(help="Memory before the scratch disk is used.")
        ] = "3GB",
        force: ForceOption = False,
    ) -> None:
        """Credit of raw touches: credit.csv, removal.csv, and what was left out."""
        from liftcast.journeys_building import Wishes
        from liftcast.threads import one_thread

        wished = _rules(rules, direct)
        remembered = order_of(order)
        wishes = Wishes(
            kind=kind, lookback=_lookback(lookback or []), grain=_grain(grain, direct),
            direct=direct, drop_direct=dropped(direct, drop_direct), collapse=collapse,
            longest=longest, keep_first=keep_first, reuse=reuse, zone=_zone(time_zone),
            until=_until(until), bots=_bots(bots), half_life=_half_life(half_life),
            stages="w_shaped" in wished,
        )  # fmt: skip
        if touch_credit not in (None, "csv", "parquet"):
            raise typer.BadParameter("--touch-credit is csv or parquet")
        if not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)? ?(MB|GB|MiB|GiB)", memory):
            raise typer.BadParameter("--memory is a size such as 3GB")
        files = [*FILES, *([f"touch_credit.{touch_credit}"] if touch_credit else [])]
        check_place(out, files, force)
        one_thread()
        with scratch(out) as folder:
            built, result = _credited(
                folder, (touches, conversions, identities), wishes,
                (wished, remembered, draws, seed), memory, touch_credit,
            )  # fmt: skip
            _write(out, folder, result, built, files)
        for reason, count, example in built.left_out.rows:
            shown = f", such as {printable(example, 40)!r}" if example else ""
            errors.print(f"[yellow]left out:[/yellow] {count:,} x {escape(reason + shown)}")
        for text in result.notes:
            note(text)
        console.print(_screen(result, built))
        console.print(f"written to {escape(printable(out))}: {', '.join(files)}")


# --- options --------------------------------------------------------------------------------------


def _rules(text: str | None, direct: str | None) -> tuple[str, ...]:
    from liftcast.journeys_building import SHARED_RULES
    from models.journeys import DEFAULT_RULES

    wished = tuple(rule.strip() for rule in text.split(",")) if text else DEFAULT_RULES
    known = (*SHARED_RULES, *_ESTIMATED)
    unknown = [rule for rule in wished if rule not in known]
    if unknown or len(set(wished)) < len(wished):
        raise typer.BadParameter(
            f"--rules has {printable(unknown[0] if unknown else 'one twice')!r}; "
            f"expected of {', '.join(known)}, each once"
        )
    if "last_non_direct" in wished and direct is None:
        raise typer.BadParameter("last_non_direct does not know which channel is direct: --direct")
    return wished


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not 0 < days <= 36_500:
        raise typer.BadParameter(f"--lookback has {printable(text)!r}; expected days above 0")
    return days


def _lookback(texts: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        kind, mark, days = text.rpartition("=")
        found[kind if mark else ""] = _days(days)
    return found


def _grain(text: str, direct: str | None) -> str:
    if text not in ("channel", "campaign", "territory"):
        raise typer.BadParameter(
            f"--grain is {printable(text)!r}; expected channel, campaign or territory"
        )
    if text == "territory" and direct is not None:
        raise typer.BadParameter("--direct is a channel: it has no meaning with --grain territory")
    return text


def _zone(text: str) -> str:
    from zoneinfo import available_timezones

    if text not in available_timezones():
        raise typer.BadParameter(
            f"--time-zone is {printable(text)!r}; expected a name such as Europe/Berlin"
        )
    return text


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"--until is {printable(text)!r}; expected a moment such as 2024-06-30T23:59"
        ) from error
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _bots(text: str) -> tuple[int, float] | None:
    if text == "none":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,8})/([0-9]{1,6}(?:\.[0-9]{1,3})?)", text, re.ASCII)
    if match is None:
        raise typer.BadParameter(
            f"--bots is {printable(text)!r}; expected touches/minutes such as 100/60, or none"
        )
    return int(match[1]), float(match[2])


def _half_life(days: float) -> float:
    if not (math.isfinite(days) and days > 0):
        raise typer.BadParameter(f"--half-life is {days}; expected days above 0")
    return days


# --- places ---------------------------------------------------------------------------------------


@contextmanager
def scratch(out: Path) -> Iterator[Path]:
    """A folder within `out` for what does not fit into memory; it goes, whatever happens.

    A folder `out` that was not there and into which nothing was written goes too.
    """
    from warehouse.files import disk_errors

    was_there = out.exists()
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".scratch-", dir=out))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if not was_there and not any(out.iterdir()):
                out.rmdir()


# --- credit ---------------------------------------------------------------------------------------


def _credited(  # noqa: PLR0917
    folder: Path,
    files: tuple[Path, Path, Path | None],
    wishes: Wishes,
    asked: tuple[tuple[str, ...], Any, int, int],
    memory: str,
    touch_credit: str | None,
) -> tuple[Built, Credit]:
    import duckdb

    from liftcast.journeys_building import build, open_scratch
    from liftcast.journeys_crediting import credit_of, write_touches

    whole = (files[0].absolute(), files[1].absolute(), files[2] and files[2].absolute())
    given = [file for file in whole if file is not None]
    threads = os.cpu_count() or 1
    connection = open_scratch(folder.absolute(), given, memory, threads)
    try:
        built = build(connection, folder.absolute(), whole, wishes)
        if touch_credit:
            write_touches(connection, built, folder.absolute() / f"touch_credit.{touch_credit}")
        return built, credit_of(connection, built, *asked)
    except duckdb.OutOfMemoryException as error:
        raise LiftcastError(
            "the memory does not suffice", expected=f"to stay below {memory}",
            got=printable(str(error).splitlines()[0], 200), remedy="Give more with --memory",
        ) from error  # fmt: skip
    except duckdb.Error as error:
        raise LiftcastError(
            "a file cannot be read to its end",
            where=printable(", ".join(map(str, given)), 300),
            got=printable(str(error).splitlines()[0], 300),
            remedy="Mend the named row, or export the file again",
        ) from error
    finally:
        connection.close()


def _write(out: Path, folder: Path, result: Credit, built: Built, files: Sequence[str]) -> None:
    """Every table is complete before any takes its name."""
    from contextlib import ExitStack

    from liftcast.mix_files import write_table
    from warehouse.files import replacing

    left = built.left_out.rows
    tables: dict[str, tuple[dict[str, list[Any]], list[str]]] = {
        "credit.csv": (_columns(result.table), ["channel", "rule"]),
        "removal.csv": (_columns(result.removal), ["channel"]),
        "left_out.csv": (
            {
                "reason": [reason for reason, _, _ in left],
                "rows": [count for _, count, _ in left],
                "example": [example for _, _, example in left],
            },
            ["reason", "example"],
        ),
    }
    with ExitStack() as stack:
        for name in files:
            file = stack.enter_context(replacing(out / name))
            if name in tables:
                write_table(file, *tables[name])
            else:
                shutil.move(folder / name, file)


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): frame[name].tolist() for name in frame}


def _screen(result: Credit, built: Built) -> Any:
    """Conversions by channel and rule, the largest channels first."""
    from rich.table import Table

    counts = built.counts
    table = Table(
        title=f"{counts['touches']:,} touches, {counts['conversions']:,} conversions, "
        f"{counts['reached']:,} of which reach a touch",
        title_justify="left",
    )
    table.add_column("channel", overflow="fold")
    wide = result.table.pivot(index="channel", columns="rule", values="conversions")
    wide = wide[list(dict.fromkeys(result.table["rule"]))]
    for rule in wide.columns:
        table.add_column(str(rule), justify="right")
    largest = wide.mean(axis=1).sort_values(ascending=False, kind="stable").index
    for channel in largest[:_SHOWN]:
        cells = [f"{credited:,.1f}" for credited in wide.loc[channel]]
        table.add_row(escape(printable(channel, 40)), *cells)
    if len(largest) > _SHOWN:
        table.caption = f"{len(largest) - _SHOWN:,} more channels are in credit.csv"
    return table
