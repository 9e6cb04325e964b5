"""`liftcast forecast version`: versions of a forecast that finance can lock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from liftcast import forecast_versions_reports
from liftcast.forecast_versions_screens import (
    by_period_table,
    origin_table,
    overrides_table,
    steps_table,
    versions_table,
)
from liftcast.speaking import noting
from warehouse.errors import LiftcastError, printable
from warehouse.lake import Lake
from warehouse.settings import Settings

if TYPE_CHECKING:
    from forecasting.versions.states import Version
    from liftcast.version_store import VersionStore

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of versions, outside of a lake.")
]
LakeOption = Annotated[
    Path | None, typer.Option("--lake", help="Lake whose versions they are [lake/].")
]
VersionArgument = Annotated[str, typer.Argument(help="Name of the version.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it, by name.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why, in a few words.")]
DayOption = datetime | None
_DAY: Any = {"formats": ["%Y-%m-%d"]}


def add_commands(forecast: typer.Typer, console: Console) -> None:
    """Register `forecast version` with its commands."""
    version = typer.Typer(
        no_args_is_help=True,
        help="Versions that finance can lock: draft, submitted, approved, locked.",
    )
    forecast.add_typer(version, name="version")
    note = noting()

    _making(version, console, note)
    _moving(version, console, note)
    _reading(version, console, note)
    forecast_versions_reports.add_commands(version, console, note)


Note = Callable[[str], None]


def _told(store: VersionStore, note: Note) -> None:
    for text in store.notes:
        note(text)


def _making(app: typer.Typer, console: Console, note: Note) -> None:
    @app.command(
        epilog="Example: `liftcast forecast version create --store versions --from build/next "
        "--by ana --why 'November close'`"
    )
    def create(  # noqa: PLR0917 - options have names
        by: ByOption,
        why: WhyOption,
        source: Annotated[
            Path | None,
            typer.Option(
                "--from", help="Folder of `liftcast forecast run`; else the lake's newest."
            ),
        ] = None,
        store: StoreOption = None,
        lake: LakeOption = None,
        name: Annotated[
            str | None, typer.Option("--name", help="Name [period-scenario-number].")
        ] = None,
        scenario: Annotated[str, typer.Option("--scenario", help="Scenario.")] = "base",
        calendar: Annotated[
            str | None,
            typer.Option(
                "--calendar",
                help="CSV: period, starts_on, ends_on; or a rule, as 445:2026-02-01 "
                "[calendar months].",
            ),
        ] = None,
        as_of: Annotated[
            DayOption, typer.Option("--as-of", help="Last day known to the forecast.", **_DAY)
        ] = None,
        measure: Annotated[
            str | None,
            typer.Option(
                "--measure",
                help="What is forecast [the target's name]; of a lake units or net_revenue "
                "[what its volume counts].",
            ),
        ] = None,
        currency: Annotated[
            str | None, typer.Option("--currency", help="ISO 4217 code, where it is money.")
        ] = None,
        supersedes: Annotated[
            str | None, typer.Option("--supersedes", help="Locked version this one is to replace.")
        ] = None,
        carry: Annotated[
            str | None,
            typer.Option("--carry-overrides", help="Version whose overrides still hold here."),
        ] = None,
        bridge_from: Annotated[
            str | None, typer.Option("--bridge-from", help="Version a bridge is to come from.")
        ] = None,
        old_plan: Annotated[
            Path | None,
            typer.Option("--old-plan", help="Run on these data with the plan of --bridge-from."),
        ] = None,
        old_data: Annotated[
            Path | None,
            typer.Option("--old-data", help="Run on the data and plan of --bridge-from."),
        ] = None,
    ) -> None:
        """Keep a forecast as a draft: its numbers, its fiscal calendar, what it was made of."""
        from liftcast.version_actor import Actor
        from liftcast.version_making import draft
        from liftcast.version_store import opened

        place = opened(store, lake)
        known = as_of.date() if as_of else None
        made = _made(source, store, lake, known, measure, currency)
        for text in made.notes:
            note(text)
        within = None if source else Lake.at(lake or Settings().lake)
        stops = {
            key: _made(folder, store, lake, None, measure, currency)
            for key, folder in (("old_plan", old_plan), ("old_data", old_data))
            if folder is not None
        }
        if within is not None and bridge_from is not None and not stops:
            from liftcast.version_bridging import stops_in_lake

            old = place.history().version(bridge_from)
            stops = stops_in_lake(within, old, made, progress=_said(console), note=note)
        kept = draft(
            place,
            made,
            Actor(by, why),
            name=name,
            scenario=scenario,
            calendar=calendar,
            lake=within,
            supersedes=supersedes,
            carry=carry,
            bridge_from=bridge_from,
            stops=stops,
            note=note,
        )
        _told(place, note)
        console.print(versions_table([kept], "kept as a draft"))
        console.print("next: `liftcast forecast version override`, then `submit`", style="dim")

    @app.command(
        epilog="Example: `liftcast forecast version override 2026-11-base-1 --store versions "
        "--kind percent --value=-5 --where territory=north --from-day 2026-12-01 "
        "--to-day 2026-12-31 --expires 2026-12-15 --by ana --why 'dealer strike'`"
    )
    def override(  # noqa: PLR0917 - options have names
        version: VersionArgument,
        by: ByOption,
        why: WhyOption,
        kind: Annotated[
            Literal["absolute", "percent", "delta"] | None,
            typer.Option("--kind", help="What the value is: the sum itself, % of it, or a change."),
        ] = None,
        value: Annotated[str | None, typer.Option("--value", help="As 1250.00 or -5.")] = None,
        where: Annotated[
            list[str] | None,
            typer.Option("--where", help="column=value of series; several narrow it down [all]."),
        ] = None,
        period: Annotated[
            str | None, typer.Option("--period", help="Fiscal period it reaches.")
        ] = None,
        first: Annotated[DayOption, typer.Option("--from-day", help="First day.", **_DAY)] = None,
        last: Annotated[DayOption, typer.Option("--to-day", help="Last day.", **_DAY)] = None,
        expires: Annotated[
            DayOption,
            typer.Option("--expires", help="Last day on which it may be locked.", **_DAY),
        ] = None,
        withdraw: Annotated[
            int | None, typer.Option("--withdraw", help="Take this override back.")
        ] = None,
        store: StoreOption = None,
        lake: LakeOption = None,
    ) -> None:
        """Set a number beside the statistical one, of a draft; the sum is spread to the cent."""
        from liftcast.version_actor import Actor
        from liftcast.version_making import asked
        from liftcast.version_store import opened

        place = opened(store, lake)
        if withdraw is not None:
            place.withdraw(version, withdraw, Actor(by, why))
            _told(place, note)
            console.print(f"override {withdraw} is withdrawn; its row stays")
            return
        if kind is None or value is None or expires is None:
            raise typer.BadParameter("give --kind, --value and --expires (or --withdraw)")
        days = (first.date() if first else None, last.date() if last else None)
        wish = asked(
            place, version, kind=kind, value=value, where=where or [], period=period, days=days,
            expires=expires.date(), by=by, why=why,
        )  # fmt: skip
        one, applied = place.override(version, wish, Actor(by, why))
        _told(place, note)
        effect = applied.effects.set_index("number").loc[one.number]
        console.print(
            f"override {one.number}: {escape(printable(one.scope))}, {one.first_day} to "
            f"{one.last_day}: {effect['before']:,} becomes {effect['after']:,}, spread over "
            f"{effect['rows']:,} rows; until {one.expires_on}"
        )


def _said(console: Console) -> Note:
    return lambda text: console.print(escape(printable(text)), style="dim")


def _made(  # noqa: PLR0917
    source: Path | None,
    store: Path | None,
    lake: Path | None,
    as_of: date | None,
    measure: str | None,
    currency: str | None,
) -> Any:
    from liftcast.version_sources import from_folder, from_lake

    if source is not None:
        return from_folder(source, as_of=as_of, measure=measure, currency=currency)
    if store is not None:
        raise typer.BadParameter("--store needs --from: the folder of `liftcast forecast run`")
    if as_of or currency:
        raise typer.BadParameter("--as-of and --currency are the lake's own: leave out")
    return from_lake(Lake.at(lake or Settings().lake), measure)


def _moving(app: typer.Typer, console: Console, note: Note) -> None:
    def move(  # noqa: PLR0917
        store: Path | None, lake: Path | None, version: str, event: str, by: str, why: str
    ) -> Version:
        from liftcast.version_actor import Actor
        from liftcast.version_store import opened

        place = opened(store, lake)
        moved = place.move(version, event, Actor(by, why), Settings().four_eyes)
        _told(place, note)
        console.print(versions_table([moved], f"now {moved.state}"))
        return moved

    @app.command(epilog="Example: `liftcast forecast version submit V --by ana --why 'ready'`")
    def submit(
        version: VersionArgument, by: ByOption, why: WhyOption,
        store: StoreOption = None, lake: LakeOption = None,
    ) -> None:  # fmt: skip
        """Hand a draft over: from here on its numbers are fixed."""
        move(store, lake, version, "submitted", by, why)

    @app.command(
        "return", epilog="Example: `liftcast forecast version return V --by bo --why 'too high'`"
    )
    def back(
        version: VersionArgument, by: ByOption, why: WhyOption,
        store: StoreOption = None, lake: LakeOption = None,
    ) -> None:  # fmt: skip
        """Give a submitted or approved version back to draft."""
        move(store, lake, version, "returned", by, why)

    @app.command(epilog="Example: `liftcast forecast version approve V --by bo --why 'reviewed'`")
    def approve(
        version: VersionArgument, by: ByOption, why: WhyOption,
        store: StoreOption = None, lake: LakeOption = None,
    ) -> None:  # fmt: skip
        """Approve what somebody else has submitted."""
        move(store, lake, version, "approved", by, why)

    @app.command(epilog="Example: `liftcast forecast version lock V --by bo --why 'P11 close'`")
    def lock(
        version: VersionArgument, by: ByOption, why: WhyOption,
        store: StoreOption = None, lake: LakeOption = None,
    ) -> None:  # fmt: skip
        """Lock an approved version: it never changes again, and the receipt is printed."""
        moved = move(store, lake, version, "locked", by, why)
        console.print(f"receipt: {moved.steps[-1].hash}")
        console.print(
            "keep it outside of the store: `verify --receipt` proves by it that nothing was taken "
            "back", style="dim",
        )  # fmt: skip


def _reading(app: typer.Typer, console: Console, note: Note) -> None:
    @app.command("list", epilog="Example: `liftcast forecast version list --store versions`")
    def listed(store: StoreOption = None, lake: LakeOption = None) -> None:
        """Versions and their states, oldest first."""
        from liftcast.version_store import opened

        history = opened(store, lake).history()
        console.print(versions_table(list(history.versions.values()), "versions"))

    @app.command(epilog="Example: `liftcast forecast version show 2026-11-base-1 --out numbers`")
    def show(
        version: VersionArgument,
        out: Annotated[
            Path | None, typer.Option("--out", help="New folder to write the numbers to, as CSV.")
        ] = None,
        store: StoreOption = None,
        lake: LakeOption = None,
    ) -> None:
        """One version: who did what and why, its overrides, its numbers by fiscal period."""
        from liftcast.version_store import opened

        place = opened(store, lake)
        found = place.history().version(version)
        applied = place.numbers(found)
        for table in (
            versions_table([found], "version"),
            origin_table(found),
            steps_table(found),
            overrides_table(found, applied),
            by_period_table(found, applied),
        ):
            console.print(table)
        if out is not None:
            from liftcast.version_making import write_numbers

            write_numbers(out, found, applied)
            console.print(f"numbers.csv and overrides.csv lie in {escape(printable(out))}")

    @app.command(epilog="Example: `liftcast forecast version verify --store versions`")
    def verify(
        receipt: Annotated[
            str | None, typer.Option("--receipt", help="A receipt that `lock` printed.")
        ] = None,
        store: StoreOption = None,
        lake: LakeOption = None,
    ) -> None:
        """Check every event, table and rule; name what was touched (exit code 1 then)."""
        from liftcast.version_store import opened
        from liftcast.version_verify import verify as check

        place = opened(store, lake)
        findings = check(place, receipt)
        reading = place.journal.read()
        if not reading.events and not findings:
            raise LiftcastError(
                "there are no versions here",
                where=printable(place.root),
                remedy="Give the folder with --store or --lake",
            )
        touched = [finding for finding in findings if finding.state == "touched"]
        for finding in findings:
            colour = "red" if finding.state == "touched" else "yellow"
            console.print(
                f"[{colour}]{finding.state}[/] {escape(printable(finding.what))}: "
                f"{escape(printable(finding.text, 400))}"
            )
        if touched:
            raise typer.Exit(1)
        kinds = [event["event"] for event in reading.events]
        console.print(
            f"nothing was touched: {kinds.count('created')} versions, {kinds.count('locked')} "
            f"locked, {kinds.count('closed')} closes, {len(kinds)} events; the last is "
            f"{reading.head}"
        )
