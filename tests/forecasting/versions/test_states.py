"""The rules a journal is held to."""

import pytest

from forecasting.versions.errors import VersionError
from forecasting.versions.states import replay

AT = "2026-11-03T10:00:00+00:00"


def made(name="v1", **more):
    return {
        "event": "created", "version": name, "as_of": "2026-10-31", "fiscal_period": "2026-10",
        "scenario": "base", "code_version": "1", "data_hash": "d", "plan_hash": "p",
        "measure": "units", "currency": None, "series": ["shop"], "content_hash": "c", "files": {},
        "by": "Ana", "why": "close", "account": "one", "at": AT,
    } | more  # fmt: skip


def moved(event, by="Ana", name="v1", **more):
    fields = {"event": event, "version": name, "by": by, "why": "so", "account": "one", "at": AT}
    if event != "returned":
        fields["final_hash"] = "f"
    if event == "submitted":
        fields["on"] = AT[:10]
    if event == "approved":
        fields["four_eyes"] = "names"
    if event == "locked":
        fields["files"] = {}
    return fields | more


def overridden(number=1, name="v1", author="Ana"):
    return moved(
        "overridden", name=name,
        override={"number": number, "kind": "delta", "value": "5", "where": [],
                  "first_day": "2026-11-01", "last_day": "2026-11-30", "author": author,
                  "reason": "x", "expires_on": "2026-12-01"},
    )  # fmt: skip


LOCKED = [made(), moved("submitted"), moved("approved", "Bo"), moved("locked", "Bo")]


def test_a_version_goes_from_draft_to_locked():
    version = replay(LOCKED).version("v1")
    assert [step.state for step in version.steps] == ["draft", "submitted", "approved", "locked"]
    assert version.locked_at == AT


@pytest.mark.parametrize(
    "event",
    [moved("submitted"), moved("returned"), moved("approved", "Cy"), moved("locked"), overridden(),
     moved("withdrawn", number=1), made()],
)  # fmt: skip
def test_a_locked_version_takes_no_event_at_all(event):
    with pytest.raises(VersionError, match=r"Event .* breaks a rule"):
        replay([*LOCKED, event])


@pytest.mark.parametrize("event", [moved("approved", "Bo"), moved("locked"), moved("returned")])
def test_no_state_is_skipped(event):
    with pytest.raises(VersionError, match="is draft and cannot be"):
        replay([made(), event])


@pytest.mark.parametrize("name", ["Ana", " ana ", "ANA", "\uff21na"])
def test_who_submits_cannot_approve_however_the_name_is_typed(name):
    with pytest.raises(VersionError, match="a second person approves"):
        replay([made(), moved("submitted"), moved("approved", name)])


def test_who_overrode_cannot_approve():
    events = [made(), overridden(author="Bo"), moved("submitted"), moved("approved", "Bo")]
    with pytest.raises(VersionError, match="overrode it"):
        replay(events)


def test_overrides_are_judged_on_a_day_that_has_come():
    with pytest.raises(VersionError, match="a day to come"):
        replay([made(), moved("submitted", on="2026-11-04")])


def test_four_eyes_may_ask_for_accounts_or_be_off():
    with pytest.raises(VersionError, match="account of their own"):
        replay([made(), moved("submitted"), moved("approved", "Bo", four_eyes="accounts")])
    off = [made(), moved("submitted"), moved("approved", "Ana", four_eyes="off")]
    assert replay(off).version("v1").state == "approved"


def test_what_is_approved_and_locked_is_what_was_submitted():
    with pytest.raises(VersionError, match="not those that were submitted"):
        replay([made(), moved("submitted"), moved("approved", "Bo", final_hash="other")])
    with pytest.raises(VersionError, match="not those that were submitted"):
        replay([*LOCKED[:3], moved("locked", "Bo", final_hash="other")])


def test_a_second_locked_version_has_to_supersede_the_first():
    second = [moved(e, by, "v2") for e, by in
              (("submitted", "Ana"), ("approved", "Bo"), ("locked", "Bo"))]  # fmt: skip
    with pytest.raises(VersionError, match="--supersedes v1"):
        replay([*LOCKED, made("v2"), *second])
    history = replay([*LOCKED, made("v2", supersedes="v1"), *second])
    assert history.version("v1").superseded_by == "v2"
    assert history.version("v1").state == "locked"
    standing = history.standing("2026-10", "base", "units")
    assert standing is not None
    assert standing.name == "v2"


def test_a_period_has_one_locked_version_of_each_measure():
    def locked(name, **more):
        return [made(name, **more), *(moved(e, by, name) for e, by in
                (("submitted", "Ana"), ("approved", "Bo"), ("locked", "Bo")))]  # fmt: skip

    money = {"measure": "net_revenue", "currency": "EUR"}
    history = replay([*LOCKED, *locked("v2", **money)])
    standing = [history.standing("2026-10", "base", one) for one in ("units", "net_revenue")]
    assert [one.name for one in standing] == ["v1", "v2"]
    with pytest.raises(VersionError, match=r"base, net_revenue: .*--supersedes v2"):
        replay([*LOCKED, *locked("v2", **money), *locked("v3", **money)])
    # A store of before that, in which another measure had to supersede, still reads the same.
    older = replay([*LOCKED, *locked("v2", supersedes="v1", **money)])
    assert older.version("v1").superseded_by == "v2"
    assert older.standing("2026-10", "base", "units") is None


@pytest.mark.parametrize(
    "name", ["../v1", "a/b", "", ".hidden", "v 1", "v1\n", "a" * 81, "V1", "v1.seal"]
)
def test_names_are_safe_as_folders_and_not_taken(name):
    with pytest.raises(VersionError, match=r"no name for a version|already"):
        replay([made(), made(name)])


@pytest.mark.parametrize("why", ["", "  ", "line\nbreak", "\x1b[31m", "\u202eright to left"])
def test_a_reason_is_needed_and_printable(why):
    with pytest.raises(VersionError, match="reason"):
        replay([made(why=why)])


def test_an_event_of_another_program_is_named():
    with pytest.raises(VersionError, match="Event 2"):
        replay([made(), {"event": "submitted", "seq": 2, "version": "v1", "by": "Ana"}])
