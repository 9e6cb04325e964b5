"""Whether a store of versions is as it was written: every line, every file, every rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from forecasting.versions.errors import VersionError
from forecasting.versions.overrides import apply
from forecasting.versions.states import Close, History, Version, replay
from forecasting.versions.tables import NUMBERS, content_hash
from liftcast.version_seals import read_seals, seal_problems
from liftcast.version_store import VersionStore, final_hash
from warehouse.errors import LiftcastError, printable
from warehouse.files import sha256_file
from warehouse.journal import Event, Reading


@dataclass(frozen=True)
class Finding:
    """`what`: a file or version; `state`: touched (nothing of it counts) or note; `text`: why."""

    what: str
    state: Literal["touched", "note"]
    text: str


def verify(store: VersionStore, receipt: str | None = None) -> tuple[Finding, ...]:
    """Everything in a store that is not as it was written; nothing, where it is.

    Args:
        receipt: hash of an event that somebody kept elsewhere (`lock` prints it): the journal
            must still hold it, else it was written anew.
    """
    seals = read_seals(store.root)
    reading = store.journal.read()
    found = [*_journal(reading, receipt), *_remarks(reading.events)]
    try:
        history = replay(reading.events)
    except VersionError as error:
        return (*found, Finding("events.jsonl", "touched", str(error)))
    found += [Finding("locked/", "touched", problem) for problem in seal_problems(seals, history)]
    folders = _folders(history)
    files = [one for name, hashes in folders.items() for one in _files(store, name, hashes)]
    found += [*files, *_unknown(store, folders)]
    if all(one.state == "note" for one in files):
        for version in history.versions.values():
            found += _version(store, version)
        for close in history.closes:
            found += _close(store, close)
    return tuple(found)


def _journal(reading: Reading, receipt: str | None) -> Iterator[Finding]:
    if reading.problem:
        yield Finding("events.jsonl", "touched", reading.problem)
    if receipt is not None and all(event["hash"] != receipt for event in reading.events):
        yield Finding(
            "events.jsonl",
            "touched",
            f"the event of receipt {printable(receipt, 70)} is not in it: events were taken out or "
            "the journal was written anew",
        )
    if reading.torn:
        yield Finding(
            "events.jsonl",
            "note",
            f"its last line was cut short ({len(reading.torn)} bytes) by a killed command; the "
            "next one puts it aside",
        )


def _remarks(events: Iterable[Event]) -> Iterator[Finding]:
    """What was allowed and an auditor wants to know of."""
    for event in events:
        if "clock_at" in event:
            yield Finding(
                f"event {event['seq']}",
                "note",
                f"the clock said {event['clock_at']}, before the event before it; kept as "
                f"{event['at']}",
            )
        if event["event"] == "approved" and event.get("four_eyes") == "off":
            yield Finding(
                str(event["version"]), "note", f"approved by {event['by']} with four eyes off"
            )


def _folders(history: History) -> dict[str, Mapping[str, str]]:
    """Folder -> hashes of the files it must hold."""
    folders = {f"versions/{v.name}": v.files for v in history.versions.values()}
    folders |= {
        f"locked/{v.name}": v.locked_files for v in history.versions.values() if v.state == "locked"
    }
    return folders | {f"closes/{close.folder}": close.files for close in history.closes}


def _files(store: VersionStore, folder: str, files: Mapping[str, str]) -> Iterator[Finding]:
    place = store.root / folder
    for name, wanted in files.items():
        file = place / name
        if not file.is_file():
            yield Finding(f"{folder}/{name}", "touched", "it is missing")
        elif sha256_file(file) != wanted:
            yield Finding(f"{folder}/{name}", "touched", "its content was changed")
    found = {file.name for file in place.iterdir()} if place.is_dir() else set()
    for name in sorted(found - set(files)):
        yield Finding(f"{folder}/{printable(name)}", "note", "nobody knows this file")


def _unknown(store: VersionStore, folders: Iterable[str]) -> Iterator[Finding]:
    known = set(folders)
    for place in ("versions", "locked", "closes"):
        for found in sorted(store.root.glob(f"{place}/*")):
            if f"{place}/{found.name}" not in known and found.suffix != ".seal":
                yield Finding(
                    f"{place}/{printable(found.name)}",
                    "note",
                    "no event names it: left by a killed command, or its events were taken out "
                    "(verify with --receipt)",
                )


def _version(store: VersionStore, version: Version) -> Iterator[Finding]:
    try:
        table = store.statistical(version)
        if content_hash(table, version.series, NUMBERS) != version.content_hash:
            yield Finding(version.name, "touched", "its numbers are not those its event holds")
        if version.submitted_on is None:
            return
        if final_hash(store.numbers(version), version) != version.final_hash:
            yield Finding(version.name, "touched", "its numbers are not those submitted")
        anew = apply(table, version.overrides, version.submitted_on)
    except (LiftcastError, VersionError) as error:
        yield Finding(version.name, "touched", str(error))
        return
    if final_hash(anew, version) != version.final_hash:
        yield Finding(
            version.name,
            "note",
            "today's code would spread its overrides in another way; the kept numbers count",
        )


def _close(store: VersionStore, close: Close) -> Iterator[Finding]:
    actuals = store.closed(close)
    if content_hash(actuals, close.series, ("actual",)) != close.content_hash:
        yield Finding(
            f"closes/{close.folder}", "touched", "its actuals are not those its event holds"
        )
