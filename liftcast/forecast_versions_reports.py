"""`liftcast forecast version bridge`, `close`, `accuracy`: what kept versions say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from liftcast.forecast_versions_screens import (
    accuracy_table,
    bridge_table,
    held_table,
    restated_table,
)
from warehouse.errors import LiftcastError, printable
from warehouse.lake import Lake
from warehouse.settings import Settings

Note = Callable[[str], None]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of versions, outside of a lake.")
]
LakeOption = Annotated[
    Path | None, typer.Option("--lake", help="Lake whose versions they are [lake/].")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="New folder to write every row to, as CSV.")
]


def add_commands(app: typer.Typer, console: Console, note: Note) -> None:
    """Register `bridge`, `close` and `accuracy`."""
    _bridge(app, console)
    _close(app, console, note)
    _accuracy(app, console, note)


def _bridge(app: typer.Typer, console: Console) -> None:
    @app.command(
        epilog="Example: `liftcast forecast version bridge 2026-11-base-1 --old 2026-10-base-1 "
        "--by period --store versions`"
    )
    def bridge(  # noqa: PLR0917 - options have names
        version: Annotated[str, typer.Argument(help="Name of the newer version.")],
        old: Annotated[
            str | None,
            typer.Option("--old", help="Older version [the one it follows]."),
        ] = None,
        by: Annotated[
            str | None, typer.Option("--by", help="`period` or a series column to show it by.")
        ] = None,
        out: OutOption = None,
        store: StoreOption = None,
        lake: LakeOption = None,
    ) -> None:
        """Why a version says something else than the one before: steps that sum to the cent."""
        from liftcast.version_reports import bridge_of
        from liftcast.version_store import opened

        place = opened(store, lake)
        made = bridge_of(place, place.history(), old, version)
        if by is not None and by not in ("period", *made.new.series):
            raise LiftcastError(
                "no such column",
                where="--by",
                expected=", ".join(("period", *made.new.series)),
                got=printable(by, 60),
            )
        console.print(bridge_table(made.steps, f"{made.old.name} to {made.new.name}", by))
        for text in made.told:
            console.print(escape(text), style="dim")
        if out is not None:
            from liftcast.version_making import write_rows

            named = made.steps.assign(old=made.old.name, new=made.new.name)
            write_rows(out, "bridge", named, ("step", "period", "old", "new", *made.new.series))
            console.print(f"bridge.csv lies in {escape(printable(out))}")


def _close(app: typer.Typer, console: Console, note: Note) -> None:
    @app.command(
        epilog="Example: `liftcast forecast version close --period 2026-10 --actuals sales.csv "
        "--series shop --date day --target units --store versions --by Ana --why 'P10 close'`"
    )
    def close(  # noqa: PLR0917 - options have names
        period: Annotated[str, typer.Option("--period", help="Fiscal period to close.")],
        by: Annotated[str, typer.Option("--by", help="Who does it, by name.")],
        why: Annotated[str, typer.Option("--why", help="Why, in a few words.")],
        actuals: Annotated[
            Path | None, typer.Option("--actuals", help="CSV of sales; else the lake's ledger.")
        ] = None,
        series: Annotated[
            str | None, typer.Option("--series", help="Columns that tell series apart, as `run`.")
        ] = None,
        date: Annotated[str | None, typer.Option("--date", help="Column of dates.")] = None,
        target: Annotated[str | None, typer.Option("--target", help="Column of amounts.")] = None,
        measure: Annotated[
            str | None,
            typer.Option(
                "--measure",
                help="What it measures [the target's name]; of a lake units or net_revenue "
                "[each one that a version is locked in].",
            ),
        ] = None,
        currency: Annotated[
            str | None, typer.Option("--currency", help="ISO 4217 code, where it is money.")
        ] = None,
        calendar: Annotated[
            str | None,
            typer.Option(
                "--calendar",
                help="CSV: period, starts_on, ends_on; or a rule, as 445:2026-02-01 "
                "[the versions' own].",
            ),
        ] = None,
        store: StoreOption = None,
        lake: LakeOption = None,
    ) -> None:
        """Keep the actuals of a fiscal period as the ledger says them now."""
        from liftcast.version_actor import Actor
        from liftcast.version_ledgers import ledger_from_csv, ledger_from_lake, locked_measures
        from liftcast.version_reports import close_period
        from liftcast.version_store import opened

        within = Lake.at(lake or Settings().lake) if actuals is None else None
        if actuals is not None:
            if not (series and date and target):
                raise typer.BadParameter("--actuals needs --series, --date and --target")
            ledgers = [ledger_from_csv(actuals, series, date, target, measure, currency)]
            place = opened(store, lake)
        elif store is not None:
            raise typer.BadParameter("--store needs --actuals")
        else:
            assert within is not None
            place = opened(store, lake)
            found = [measure] if measure else locked_measures(within, place.history())
            ledgers = [ledger_from_lake(within, one) for one in found]
        with _naming(actuals):
            closes = close_period(
                place, period, ledgers, Actor(by, why), calendar=calendar, lake=within
            )
        for text in place.notes:
            note(text)
        for made, changes in closes:
            total = sum(place.closed(made)["actual"].tolist())
            unit = " ".join(word for word in (made.currency, made.measure) if word)
            again = f", for the {made.number}. time" if made.number > 1 else ""
            console.print(
                f"{escape(printable(made.period))} ({made.starts_on} to {made.ends_on}) is closed"
                f"{again}: {total:,} {escape(printable(unit, 60))}"
            )
            if len(changes):
                console.print(restated_table(changes))


@contextmanager
def _naming(actuals: Path | None) -> Iterator[None]:
    """Errors about the cells of actuals say which file they are in."""
    from forecasting.errors import ForecastError

    try:
        yield
    except ForecastError as error:
        if actuals is None or not str(error).startswith("The actuals"):
            raise
        raise type(error)(f"{printable(actuals)}: {error}") from error


def _accuracy(app: typer.Typer, console: Console, note: Note) -> None:
    @app.command(epilog="Example: `liftcast forecast version accuracy --store versions`")
    def accuracy(
        restated: Annotated[
            bool,
            typer.Option("--restated", help="Against the ledger of the newest close."),
        ] = False,
        out: OutOption = None,
        store: StoreOption = None,
        lake: LakeOption = None,
    ) -> None:
        """Errors of the versions that were locked then, by lag; what model and overrides added."""
        from forecasting.versions.accuracy import by_lag
        from liftcast.version_reports import accuracy_of
        from liftcast.version_store import opened

        place = opened(store, lake)
        rows = accuracy_of(place, place.history(), as_restated=restated, note=note)
        if rows.empty:
            console.print(
                "no closed period has a version that was locked before it ended: lock versions, "
                "and close periods with `liftcast forecast version close`"
            )
            return
        lags = by_lag(rows)
        console.print(accuracy_table(lags))
        console.print(held_table(lags))
        if (lags["periods_naive"] < lags["periods"]).any():
            note(
                "versions made before the naive's number was kept do not say it: what is told of "
                "the naive and of the model's step is of the others alone"
            )
        if out is not None:
            from liftcast.version_making import write_rows

            text = ("period", "scenario", "version", "made_in", "covers", "level", "key")
            write_rows(out, "accuracy", rows, text)
            console.print(f"accuracy.csv lies in {escape(printable(out))}")
