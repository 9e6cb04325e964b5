"""What the events of a store add up to: versions, their states, who moved them and why.

`replay` takes the events from the first on and refuses one that the rules do not allow, so that a
journal is held to the rules again each time it is read, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from forecasting.versions.errors import VersionError
from forecasting.versions.overrides import Override, from_event
from forecasting.versions.wording import name_of, said, same_person, shown

State = Literal["draft", "submitted", "approved", "locked"]
#: event -> (states it may start from, state it leads to).
MOVES: dict[str, tuple[tuple[State, ...], State]] = {
    "submitted": (("draft",), "submitted"),
    "returned": (("submitted", "approved"), "draft"),
    "approved": (("submitted",), "approved"),
    "locked": (("approved",), "locked"),
}
_COMMANDS = {
    "draft": "submit it", "submitted": "approve it, or return it to draft",
    "approved": "lock it, or return it to draft",
    "locked": "make a new version that supersedes it: a locked one never changes",
}  # fmt: skip
FourEyes = Literal["names", "accounts", "off"]


@dataclass(frozen=True)
class Step:
    """A move of a version: to which state, when (UTC), by whom, from which account, why."""

    state: State
    at: str
    by: str
    account: str
    why: str
    seq: int
    hash: str


@dataclass(frozen=True)
class Version:
    """One version: its key, its states so far, its overrides, the hashes its tables must have.

    The key is (name, as_of, fiscal_period, scenario, code_version, data_hash). `final_hash` is of
    the number that was submitted; `files` are SHA-256 of the files written when it was made,
    `locked_files` of those written when it was locked.
    """

    name: str
    as_of: date
    fiscal_period: str
    scenario: str
    code_version: str
    data_hash: str
    plan_hash: str
    measure: str
    currency: str | None
    series: tuple[str, ...]
    content_hash: str
    files: Mapping[str, str]
    facts: Mapping[str, Any]
    steps: tuple[Step, ...]
    overrides: tuple[Override, ...] = ()
    supersedes: str | None = None
    superseded_by: str | None = None
    bridge_from: str | None = None
    final_hash: str | None = None
    submitted_on: date | None = None
    locked_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """draft, submitted, approved or locked."""
        return self.steps[-1].state

    @property
    def locked_at(self) -> str | None:
        """When it was locked (UTC, ISO 8601); None for one that is not."""
        return self.steps[-1].at if self.state == "locked" else None

    def last(self, state: State) -> Step | None:
        """The newest step to a state."""
        return next((step for step in reversed(self.steps) if step.state == state), None)


@dataclass(frozen=True)
class Close:
    """Actuals as the ledger said them when a fiscal period was closed (or closed again)."""

    period: str
    starts_on: date
    ends_on: date
    number: int
    at: str
    by: str
    why: str
    measure: str
    currency: str | None
    series: tuple[str, ...]
    folder: str
    content_hash: str
    files: Mapping[str, str]
    facts: Mapping[str, Any]
    seq: int

    @property
    def key(self) -> tuple[str, str, str | None, tuple[str, ...]]:
        """What was closed: closes with one key are of the same thing, at other times."""
        return self.period, self.measure, self.currency, tuple(sorted(self.series))


@dataclass(frozen=True)
class History:
    """Everything a journal says: versions by name, in order; closes, in order."""

    versions: Mapping[str, Version] = field(default_factory=dict)
    closes: tuple[Close, ...] = ()

    def version(self, name: str) -> Version:
        """A version by name.

        Raises:
            VersionError: there is none of this name.
        """
        found = self.versions.get(name)
        if found is None:
            known = ", ".join(list(self.versions)[-6:]) or "none yet"
            raise VersionError(f"There is no version {shown(name)}; there are: {known}.")
        return found

    def standing(self, fiscal_period: str, scenario: str, measure: str) -> Version | None:
        """The locked version of a period, scenario and measure that no other supersedes."""
        return next(
            (
                v for v in self.versions.values()
                if v.state == "locked" and v.superseded_by is None
                and (v.fiscal_period, v.scenario, v.measure) == (fiscal_period, scenario, measure)
            ),
            None,
        )  # fmt: skip


def replay(events: Iterable[Mapping[str, Any]]) -> History:
    """The history that events add up to.

    Raises:
        VersionError: an event breaks a rule; the message names it.
    """
    history = History()
    for event in events:
        try:
            history = after(history, event)
        except VersionError as error:
            raise VersionError(f"Event {event.get('seq')} breaks a rule: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise VersionError(
                f"Event {event.get('seq')} is not one this program writes ({error!r:.80})."
            ) from error
    return history


def after(history: History, event: Mapping[str, Any]) -> History:
    """The history after one more event.

    Raises:
        VersionError: the rules do not allow it; the message says what to do instead.
    """
    kind = str(event["event"])
    if kind == "repaired":
        return history
    said(event["by"], "name of who does it", 120)
    if kind == "created":
        return _with(history, _created(history, event))
    if kind == "closed":
        return _closed(history, event)
    version = history.version(str(event["version"]))
    if kind in MOVES:
        return _moved(history, version, event)
    if kind == "overridden":
        _only(version, ("draft",), "overridden")
        override = from_event(event["override"], str(event["at"]))
        if override.number != len(version.overrides) + 1:
            raise VersionError(f"Override {override.number} is out of its order.")
        return _with(history, replace(version, overrides=(*version.overrides, override)))
    if kind == "withdrawn":
        _only(version, ("draft",), "changed")
        return _with(history, _without(version, int(event["number"]), str(event["at"])))
    raise VersionError(f"{shown(kind)} is no event of a version.")


def _with(history: History, version: Version) -> History:
    return replace(history, versions={**history.versions, version.name: version})


def _only(version: Version, states: tuple[State, ...], done: str) -> None:
    if version.state not in states:
        raise VersionError(
            f"Version {version.name} is {version.state} and cannot be {done}: "
            f"{_COMMANDS[version.state]}."
        )


def _created(history: History, event: Mapping[str, Any]) -> Version:
    name = name_of(event["version"])
    if any(name.casefold() == known.casefold() for known in history.versions):
        raise VersionError(f"There is a version {name} already: give another name.")
    scenario = said(event["scenario"], "scenario", 80)
    period = said(event["fiscal_period"], "fiscal period", 40)
    earlier = event.get("supersedes")
    if earlier is not None:
        old = history.version(str(earlier))
        if (old.fiscal_period, old.scenario) != (period, scenario):
            raise VersionError(
                f"{old.name} is of {old.fiscal_period}, {old.scenario}, the new version of "
                f"{period}, {scenario}: a version supersedes one of its own period and scenario."
            )
        _only(old, ("locked",), "superseded")
    overrides = tuple(from_event(one, str(event["at"])) for one in event.get("overrides", ()))
    return Version(
        name=name,
        as_of=date.fromisoformat(event["as_of"]),
        fiscal_period=period,
        scenario=scenario,
        code_version=str(event["code_version"]),
        data_hash=str(event["data_hash"]),
        plan_hash=str(event["plan_hash"]),
        measure=str(event["measure"]),
        currency=event.get("currency"),
        series=tuple(event["series"]),
        content_hash=str(event["content_hash"]),
        files=dict(event["files"]),
        facts=dict(event.get("facts", {})),
        steps=(_step("draft", event),),
        overrides=overrides,
        supersedes=earlier,
        bridge_from=event.get("bridge_from"),
    )


def _step(state: State, event: Mapping[str, Any]) -> Step:
    return Step(
        state=state, at=str(event["at"]), by=str(event["by"]),
        account=str(event.get("account", "")), why=said(event["why"], "reason (why)", 1000),
        seq=int(event.get("seq", 0)), hash=str(event.get("hash", "")),
    )  # fmt: skip


def _moved(history: History, version: Version, event: Mapping[str, Any]) -> History:
    kind = str(event["event"])
    states, state = MOVES[kind]
    _only(version, states, kind)
    if kind == "approved":
        _four_eyes(version, event)
    moved = replace(version, steps=(*version.steps, _step(state, event)))
    if kind == "submitted":
        # The day its overrides were judged on; the event may be written after midnight.
        day = date.fromisoformat(event["on"])
        if day.isoformat() > str(event["at"])[:10]:
            raise VersionError(f"{version.name} was submitted on {day}, a day to come.")
        moved = replace(moved, final_hash=str(event["final_hash"]), submitted_on=day)
    elif kind == "returned":
        moved = replace(moved, final_hash=None, submitted_on=None)
    elif event["final_hash"] != version.final_hash:
        raise VersionError(
            f"The numbers of {version.name} are not those that were submitted: return it to draft."
        )
    if kind == "locked":
        return _locked(history, moved, event)
    return _with(history, moved)


def _four_eyes(version: Version, event: Mapping[str, Any]) -> None:
    """Who approves has neither submitted the version nor written one of its overrides."""
    rule = event["four_eyes"]
    if rule == "off":
        return
    submitted = version.last("submitted")
    assert submitted is not None
    theirs = [("submitted it", submitted.by)]
    theirs += [("overrode it", o.author) for o in version.overrides if o.withdrawn_at is None]
    for what, name in theirs:
        if same_person(name, str(event["by"])):
            raise VersionError(
                f"{shown(event['by'])} {what} and cannot approve {version.name}: a second person "
                "approves (LIFTCAST_FOUR_EYES=off lets one person do both, and is recorded)."
            )
    if rule == "accounts" and submitted.account == event["account"]:
        raise VersionError(
            f"{version.name} was submitted from the account {shown(submitted.account)}: a second "
            "person approves from an account of their own (LIFTCAST_FOUR_EYES=accounts)."
        )


def _locked(history: History, version: Version, event: Mapping[str, Any]) -> History:
    standing = history.standing(version.fiscal_period, version.scenario, version.measure)
    if standing is not None and standing.name != version.supersedes:
        raise VersionError(
            f"{standing.name} is locked for {version.fiscal_period}, {version.scenario}, "
            f"{version.measure}: make a new version with --supersedes {standing.name}."
        )
    history = _with(history, replace(version, locked_files=dict(event["files"])))
    replaced = version.supersedes and history.version(version.supersedes)
    # Stores in which each period had one measure let one supersede another.
    if not replaced or replaced.superseded_by is not None:
        return history
    return _with(history, replace(replaced, superseded_by=version.name))


def _without(version: Version, number: int, at: str) -> Version:
    overrides = list(version.overrides)
    if not 1 <= number <= len(overrides):
        raise VersionError(f"Version {version.name} has no override {number}.")
    if overrides[number - 1].withdrawn_at is not None:
        raise VersionError(f"Override {number} of {version.name} is withdrawn already.")
    overrides[number - 1] = replace(overrides[number - 1], withdrawn_at=at)
    return replace(version, overrides=tuple(overrides))


def _closed(history: History, event: Mapping[str, Any]) -> History:
    period = said(event["period"], "fiscal period", 40)
    earlier = [close for close in history.closes if close.period == period]
    measure, currency = str(event["measure"]), event.get("currency")
    key = (period, measure, currency, tuple(sorted(event["series"])))
    close = Close(
        period=period,
        starts_on=date.fromisoformat(event["starts_on"]),
        ends_on=date.fromisoformat(event["ends_on"]),
        number=sum(one.key == key for one in earlier) + 1,
        measure=measure,
        currency=currency,
        at=str(event["at"]), by=str(event["by"]), why=said(event["why"], "reason (why)", 1000),
        series=tuple(event["series"]), folder=str(event["folder"]),
        content_hash=str(event["content_hash"]), files=dict(event["files"]),
        facts=dict(event.get("facts", {})), seq=int(event.get("seq", 0)),
    )  # fmt: skip
    if earlier and (earlier[0].starts_on, earlier[0].ends_on) != (close.starts_on, close.ends_on):
        raise VersionError(
            f"{period} was closed as {earlier[0].starts_on} to {earlier[0].ends_on}, not "
            f"{close.starts_on} to {close.ends_on}: the fiscal calendar must not move."
        )
    return replace(history, closes=(*history.closes, close))
