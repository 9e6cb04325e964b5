"""The store of versions: a journal of what people did, and read-only tables it holds hashes of.

    events.jsonl                      who did what, when, why; each line holds the one before
    versions/<name>/*.parquet         statistical numbers, the fiscal calendar they were cut by
    locked/<name>/*.parquet, .seal    the numbers that were locked, their overrides; the receipt
    closes/<n>/*.parquet              actuals as a close saw them, and what was restated since
    unfinished/                       what killed commands left behind

Tables first, then the event that names them: a command killed between the two has done nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecasting.periods import COLUMNS
from forecasting.versions.errors import VersionError
from forecasting.versions.fiscal import Cut, checked_periods, refuse_moved
from forecasting.versions.overrides import EFFECTS, Applied, Override, apply, as_rows, checked
from forecasting.versions.states import Close, History, Version, after, replay
from forecasting.versions.tables import content_hash
from liftcast.version_actor import Actor
from liftcast.version_files import read_table, write_tables
from liftcast.version_seals import read_seals, seal_of, seal_problems, write_seal
from warehouse.errors import LiftcastError, printable
from warehouse.files import sweep_leftovers
from warehouse.journal import Event, Journal, Reading
from warehouse.lake import Lake
from warehouse.settings import Settings

_FINAL = ("mean", "override", "final")


def opened(store: Path | None, lake: Path | None) -> VersionStore:
    """The store `store`, else the one of a lake.

    Raises:
        LiftcastError: both are given, or the path is none for a lake.
    """
    if store is not None and lake is not None:
        raise LiftcastError(
            "two places are given", where="--store and --lake", remedy="Leave one out"
        )
    # A store's path ends up in SQL as a lake's does, and is held to the same.
    root = (
        Lake.at(store, "--store").root
        if store
        else Lake.at(lake or Settings().lake).root / "versions"
    )
    return VersionStore(root, Settings().lock_timeout)


def today() -> date:
    """The day by UTC, on which overrides expire."""
    return datetime.now(UTC).date()


@dataclass
class VersionStore:
    """A folder of versions. `notes`: what the last command found and repaired, in sentences."""

    root: Path
    timeout: float = 60
    notes: list[str] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return Journal(self.root / "events.jsonl")

    # --- reading ----------------------------------------------------------------------------------

    def history(self) -> History:
        """Every version and close.

        Raises:
            LiftcastError: the journal was touched, or something locked is not in it.
        """
        return self._read()[1]

    def _read(self) -> tuple[Reading, History]:
        # Receipts first: one that stands was written after its event, so the journal has it.
        seals = read_seals(self.root)
        reading = self.journal.read()
        if reading.problem is not None:
            raise self._damaged(reading.problem)
        try:
            history = replay(reading.events)
        except VersionError as error:
            raise self._damaged(str(error)) from error
        for problem in seal_problems(seals, history):
            raise self._damaged(problem)
        return reading, history

    def _damaged(self, got: str) -> LiftcastError:
        return LiftcastError(
            "the store of versions was touched, and nothing of it is used",
            where=printable(self.root),
            got=printable(got, 300),
            remedy="Put it back from a backup; `liftcast forecast version verify` tells more",
        )

    def statistical(self, version: Version) -> pd.DataFrame:
        """Statistical numbers of a version, as they were made.

        Raises:
            LiftcastError: they were touched.
        """
        return read_table(self.root / "versions" / version.name, "statistical", version.files)

    def made_by(self, version: Version, name: str) -> pd.DataFrame:
        """Another table made with a version: periods, naive, old_plan, old_data.

        Raises:
            LiftcastError: there is none, or it was touched.
        """
        return read_table(self.root / "versions" / version.name, name, version.files)

    def numbers(self, version: Version, on: date | None = None) -> Applied:
        """A version's numbers, statistical, overridden and final.

        Of a draft: with the overrides in force on a day (today). From submission on: as submitted.
        Of a locked one: the tables written when it was locked.

        Raises:
            LiftcastError: they were touched.
            VersionError: overrides of a draft ask for the impossible.
        """
        if version.state == "locked":
            folder = self.root / "locked" / version.name
            table = read_table(folder, "final", version.locked_files)
            rows = read_table(folder, "overrides", version.locked_files)
            return Applied(table, rows[EFFECTS])
        applied = apply(
            self.statistical(version), version.overrides, version.submitted_on or on or today()
        )
        if version.final_hash not in (None, final_hash(applied, version)):
            raise self._damaged(f"the numbers of {version.name} are not those submitted")
        return applied

    # --- writing ----------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[tuple[Reading, History]]:
        """Hold the store, repair what a killed command left, yield journal and history."""
        with self.journal.writing(self.timeout):
            reading, history = self._read()
            self._repair(reading, history)
            yield reading, history

    def _repair(self, reading: Reading, history: History) -> None:
        if reading.torn:
            self.notes.append(
                f"the last line of events.jsonl was cut short by a killed command "
                f"({len(reading.torn)} bytes): put aside in unfinished/, it never happened"
            )
        if swept := sweep_leftovers(self.root):
            self.notes.append(f"{swept} unfinished files of a killed command were removed")
        known = {
            "versions": set(history.versions),
            "locked": {v.name for v in history.versions.values() if v.state == "locked"},
            "closes": {close.folder for close in history.closes},
        }
        for place, names in known.items():
            for folder in sorted(self.root.glob(f"{place}/*")):
                if folder.name not in names and folder.suffix != ".seal":
                    self._put_aside(folder)
        for name in sorted(known["locked"]):
            if not seal_of(self.root, name).exists():
                write_seal(self.root, history.versions[name])
                self.notes.append(f"the receipt of {name} was missing and is written anew")

    def _put_aside(self, folder: Path) -> None:
        aside = (
            self.root / "unfinished" / f"{folder.parent.name}-{folder.name}-{os.urandom(3).hex()}"
        )
        aside.parent.mkdir(exist_ok=True)
        if folder.is_dir():
            folder.chmod(0o755)  # a read-only folder cannot be moved
        folder.rename(aside)
        self.notes.append(
            f"{printable(folder.parent.name)}/{printable(folder.name)} is in no event: left by a "
            f"killed command, put aside as unfinished/{printable(aside.name)}"
        )

    def _do(self, reading: Reading, history: History, fields: Mapping[str, Any]) -> Event:
        """Write an event, if the rules allow it as it will stand."""
        return self.journal.append(reading, fields, lambda event: after(history, event))

    def create(
        self, fields: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], actor: Actor
    ) -> Version:
        """Keep a new version as a draft.

        Args:
            fields: version, as_of, fiscal_period, scenario, code_version, data_hash, plan_hash,
                measure, currency, series, facts; where wished supersedes, bridge_from.
            tables: `statistical` (`version_table` with `period`), `periods`, and what the bridge
                needs; `naive` where it is known.

        Raises:
            VersionError: the rules do not allow it.
        """
        event = dict(fields) | actor.fields() | {"event": "created"}
        event["content_hash"] = content_hash(
            tables["statistical"], fields["series"], ("mean", "p025", "p10", "p50", "p90", "p975")
        )
        with self.writing() as (reading, history):
            carried = self._carried(history, event, tables["statistical"])
            if carried:
                event["overrides"] = carried
            name = str(event["version"])
            # The rules first: a refused version leaves no folder.
            after(history, event | {"files": {}, "at": f"{today()}T00:00:00+00:00"})
            refuse_moved(tables["periods"], self._cut(history))
            event["files"] = write_tables(self.root / "versions" / name, tables)
            self._do(reading, history, event)
        return self.history().version(name)

    def _carried(
        self, history: History, event: dict[str, Any], table: pd.DataFrame
    ) -> list[dict[str, Any]]:
        """Overrides of an earlier version that still hold and still reach something."""
        source = event.pop("carry_overrides", None)
        if source is None:
            return []
        version = history.version(str(source))
        out: list[dict[str, Any]] = []
        for one in version.overrides:
            if not one.in_force(today()):
                continue
            first = max(one.first_day, table["ds"].min().date())
            if first > one.first_day and one.kind != "percent":
                self.notes.append(
                    f"override {one.number} of {version.name} is not carried: it is an amount for "
                    f"{one.first_day} to {one.last_day}, part of which is no longer ahead"
                )
                continue
            moved = replace(one, number=len(out) + 1, first_day=first)
            try:
                moved = checked(moved, table, event["series"])
            except VersionError as error:
                self.notes.append(
                    f"override {one.number} of {version.name} is not carried: {error}"
                )
                continue
            out.append(moved.as_event() | {"carried_from": f"{version.name} {one.number}"})
        return out

    def override(self, name: str, asked: Override, actor: Actor) -> tuple[Override, Applied]:
        """Enter an override of a draft; returns it and the numbers with it.

        Raises:
            VersionError: it says nothing, or the version is no draft.
        """
        with self.writing() as (reading, history):
            version = history.version(name)
            table = self.statistical(version)
            one = replace(checked(asked, table, version.series), number=len(version.overrides) + 1)
            if not one.in_force(today()):
                raise VersionError(f"The override expired on {one.expires_on}: give a later day.")
            fields = {"event": "overridden", "version": name, "override": one.as_event()}
            if version.state == "draft":
                applied = apply(table, [*version.overrides, one], today())
            self._do(reading, history, fields | actor.fields())
        return one, applied

    def withdraw(self, name: str, number: int, actor: Actor) -> None:
        """Take an override of a draft back; its row stays, as withdrawn."""
        with self.writing() as (reading, history):
            fields = {"event": "withdrawn", "version": name, "number": number}
            self._do(reading, history, fields | actor.fields())

    def move(self, name: str, event: str, actor: Actor, four_eyes: str = "names") -> Version:
        """Submit, return, approve or lock a version.

        Raises:
            VersionError: the rules do not allow it.
            LiftcastError: its tables were touched.
        """
        with self.writing() as (reading, history):
            version = history.version(name)
            fields: dict[str, Any] = {"event": event, "version": name} | actor.fields()
            if event == "approved":
                fields["four_eyes"] = four_eyes
            if event != "returned":
                # Rules before work, as far as they can be told without the numbers.
                day = today()
                fields |= {"on": day.isoformat()} if event == "submitted" else {}
                known: dict[str, Any] = {"final_hash": version.final_hash, "files": {}}
                after(history, fields | known | {"at": f"{day}T00:00:00+00:00"})
                applied = self.numbers(version, day)
                fields["final_hash"] = final_hash(applied, version)
                if event != "submitted":
                    _not_expired(version)
            if event == "locked":
                refuse_moved(self.made_by(version, "periods"), self._cut(history))
                folder = self.root / "locked" / name
                rows = as_rows(version.overrides, applied)
                tables = {"final": applied.table, "overrides": rows}
                fields["files"] = write_tables(folder, tables)
            self._do(reading, history, fields)
            if event == "locked":
                self._receipt(folder, name)
        return self.history().version(name)

    def _receipt(self, folder: Path, name: str) -> None:
        """Write the receipt of a version whose event stands; without room the next command does."""
        folder.chmod(0o555)
        try:
            write_seal(self.root, self.history().version(name))
        except LiftcastError as error:
            told = f"locked, but locked/{name}.seal could not be written ({error})"
            self.notes.append(f"{name} is {told}: the next command that writes here does it")

    def close(
        self, fields: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], actor: Actor
    ) -> Close:
        """Keep the actuals of a fiscal period as they are now."""
        event = dict(fields) | actor.fields() | {"event": "closed"}
        event["content_hash"] = content_hash(tables["actuals"], fields["series"], ("actual",))
        with self.writing() as (reading, history):
            event["folder"] = f"{len(history.closes) + 1:04d}"
            after(history, event | {"files": {}, "at": f"{today()}T00:00:00+00:00"})
            period = pd.DataFrame([{name: event[name] for name in COLUMNS}])
            refuse_moved(checked_periods(period), self._cut(history))
            event["files"] = write_tables(self.root / "closes" / event["folder"], tables)
            self._do(reading, history, event)
        return self.history().closes[-1]

    def _cut(self, history: History) -> dict[str, Cut]:
        """Days of fiscal periods that are locked or closed."""
        closes = ((c.period, c.starts_on, c.ends_on) for c in history.closes)
        found = {name: Cut(first, last, f"the close of {name}") for name, first, last in closes}
        for version in history.versions.values():
            if version.state == "locked":
                rows = list(self.made_by(version, "periods").itertuples(index=False))
                for number, (name, start, end) in enumerate(rows, start=1):
                    if name not in found or found[name].ends:
                        days = start.date(), end.date()
                        found[name] = Cut(*days, version.name, number == len(rows))
        return found

    def closed(self, close: Close, name: str = "actuals") -> pd.DataFrame:
        """A table of a close: actuals, restated."""
        return read_table(self.root / "closes" / close.folder, name, close.files)


def final_hash(applied: Applied, version: Version) -> str:
    """Hash of the numbers that are submitted, approved and locked."""
    return content_hash(applied.table, version.series, _FINAL)


def _not_expired(version: Version) -> None:
    """Approved and locked numbers are those submitted: an override that ended since is in them."""
    assert version.submitted_on is not None
    for one in version.overrides:
        if one.in_force(version.submitted_on) and not one.in_force(today()):
            raise VersionError(
                f"Override {one.number} of {version.name} ({one.scope}) expired on "
                f"{one.expires_on}, after it was submitted: return the version to draft and submit "
                "it again, without it or with a new one."
            )
