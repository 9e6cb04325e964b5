"""Versions on disk: locked ones do not change, killed commands leave nothing half done."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import liftcast.version_store as module
from forecasting.versions.errors import VersionError
from forecasting.versions.overrides import Override
from liftcast.version_actor import Actor
from liftcast.version_making import asked, draft, write_numbers
from liftcast.version_sources import Made, from_folder, periods_from
from liftcast.version_store import VersionStore
from liftcast.version_verify import verify
from warehouse.errors import LiftcastError
from warehouse.lake import Lake

ANA, BO = Actor("Ana", "November close"), Actor("Bo", "reviewed")
SERIES = ("territory", "product")
HOSTILE = "=cmd|\"<script>alert(1)</script>'; drop table x; --"


def forecast(first="2026-11-01", days=61, level="10.00", **more) -> Made:
    rows = [
        {"territory": place, "product": what, "ds": str(day.date()), "mean": level,
         "p025": "1", "p10": "5", "p50": "10", "p90": "15", "p975": "20", "model": "mix"}
        for place, what in (("north", "tea"), ("north", HOSTILE), ("south", "tea"))
        for day in pd.date_range(first, periods=days)
    ]  # fmt: skip
    known = {"as_of": date.fromisoformat(first) - timedelta(days=1), "measure": "net_revenue",
             "currency": "EUR", "code_version": "0.1.0+abc", "data_hash": "d1", "plan_hash": "p1",
             "facts": {}}  # fmt: skip
    return Made(pd.DataFrame(rows), SERIES, **(known | more))


def override(kind="delta", value="100", expires=None, **more) -> Override:
    asked = {"where": (("territory", "north"),), "first_day": date(2026, 11, 1),
             "last_day": date(2026, 11, 30), "author": "Ana", "reason": HOSTILE}  # fmt: skip
    until = expires or module.today() + timedelta(days=30)
    return Override(0, kind, Decimal(value), expires_on=until, **(asked | more))


def locked(store: VersionStore, made: Made | None = None, **more) -> str:
    name = draft(store, made or forecast(), ANA, **more).name
    store.override(name, override(), ANA)
    for event, actor in (("submitted", ANA), ("approved", BO), ("locked", BO)):
        store.move(name, event, actor)
    return name


@pytest.fixture
def store(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path / "versions", timeout=5)


def test_a_version_is_kept_overridden_and_locked(store: VersionStore) -> None:
    name = locked(store)
    version = store.history().version(name)
    assert name == "2026-10-base-1"
    assert version.state == "locked"
    table = store.numbers(version).table
    assert table["period"].unique().tolist() == ["2026-11", "2026-12"]
    assert sum(table["mean"]) == 1830
    assert sum(table["final"]) == 1930
    assert (
        sum(table[(table["territory"] == "north") & (table["period"] == "2026-11")]["final"]) == 700
    )
    assert [step.by for step in version.steps] == ["Ana", "Ana", "Bo", "Bo"]
    assert verify(store, version.steps[-1].hash) == ()


@pytest.mark.parametrize("event", ["submitted", "returned", "approved", "locked"])
def test_a_locked_version_cannot_be_moved(store: VersionStore, event: str) -> None:
    name = locked(store)
    before = (store.root / "events.jsonl").read_bytes()
    with pytest.raises(VersionError, match="a locked one never changes"):
        store.move(name, event, Actor("Cy", "because"))
    assert (store.root / "events.jsonl").read_bytes() == before


def test_a_locked_version_takes_no_override_and_gives_none_back(store: VersionStore) -> None:
    name = locked(store)
    with pytest.raises(VersionError, match="is locked and cannot be overridden"):
        store.override(name, override(), ANA)
    with pytest.raises(VersionError, match="is locked and cannot be changed"):
        store.withdraw(name, 1, ANA)
    with pytest.raises(VersionError, match="already"):
        draft(store, forecast(), ANA, name=name)


@pytest.mark.parametrize("file", ["final.parquet", "overrides.parquet"])
@pytest.mark.parametrize("tamper", ["change", "swap", "remove"])
def test_a_touched_locked_table_is_refused_and_named(
    store: VersionStore, file: str, tamper: str
) -> None:
    name = locked(store)
    place = store.root / "locked" / name
    assert not (place / file).stat().st_mode & 0o222
    place.chmod(0o755)
    (place / file).chmod(0o644)
    if tamper == "change":
        data = bytearray((place / file).read_bytes())
        data[len(data) // 2] ^= 1
        (place / file).write_bytes(bytes(data))
    elif tamper == "swap":
        frame = pd.read_parquet(place / file).iloc[::-1]
        frame.to_parquet(place / file)
    else:
        (place / file).unlink()
    with pytest.raises(LiftcastError, match="touched after it was written"):
        store.numbers(store.history().version(name))
    assert [one.what for one in verify(store)] == [f"locked/{name}/{file}"]


def test_statistical_numbers_of_a_draft_are_held_to_their_hash_too(store: VersionStore) -> None:
    name = draft(store, forecast(), ANA).name
    file = store.root / "versions" / name / "statistical.parquet"
    file.chmod(0o644)
    frame = pd.read_parquet(file)
    frame.loc[0, "mean"] = Decimal("11.00")
    frame.to_parquet(file)
    with pytest.raises(LiftcastError, match="touched"):
        store.move(name, "submitted", ANA)
    assert [one.state for one in verify(store)] == ["touched"]


def _events(store: VersionStore) -> list[bytes]:
    return (store.root / "events.jsonl").read_bytes().splitlines(keepends=True)


def test_an_event_changed_or_taken_out_stops_everything(store: VersionStore) -> None:
    name = locked(store)
    lines, file = _events(store), store.root / "events.jsonl"
    file.write_bytes(b"".join(lines).replace(b'"by":"Bo"', b'"by":"Al"'))
    with pytest.raises(LiftcastError, match="the store of versions was touched"):
        store.history()
    assert verify(store)[0].what == "events.jsonl"
    # Taking the lock back by taking its line out: the receipt in the store gives it away,
    file.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(LiftcastError, match="does not hold that event"):
        store.move(name, "returned", ANA)
    # and one kept elsewhere does, when that is removed as well.
    receipt = json.loads(lines[-1])["hash"]
    (store.root / "locked" / f"{name}.seal").unlink()
    assert "is not in it" in verify(store, receipt)[0].text


def test_forged_events_with_right_hashes_are_held_to_the_rules(store: VersionStore) -> None:
    name = draft(store, forecast(), ANA).name
    forged = {"event": "locked", "version": name, "by": "Bo", "why": "x", "account": "x",
              "final_hash": "x", "files": {}}  # fmt: skip
    store.journal.append(store.journal.read(), forged)
    with pytest.raises(LiftcastError, match="is draft and cannot be locked"):
        store.history()
    assert "Event 2 breaks a rule" in verify(store)[0].text


def test_an_override_that_expires_after_submission_stops_the_lock(
    store: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = draft(store, forecast(), ANA).name
    store.override(name, override(expires=module.today()), ANA)
    store.move(name, "submitted", ANA)
    later = module.today() + timedelta(days=1)
    monkeypatch.setattr(module, "today", lambda: later)
    assert sum(store.numbers(store.history().version(name)).table["final"]) == 1930
    with pytest.raises(VersionError, match="expired on"):
        store.move(name, "approved", BO)
    store.move(name, "returned", BO)
    assert sum(store.numbers(store.history().version(name)).table["final"]) == 1830


def test_a_submission_around_midnight_keeps_what_it_was_judged_with(
    store: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = module.today() - timedelta(days=1)
    name = draft(store, forecast(), ANA).name
    store.override(name, override(expires=module.today()), ANA)
    monkeypatch.setattr(module, "today", lambda: yesterday)
    store.override(name, override(value="1", expires=yesterday), ANA)
    store.move(name, "submitted", ANA)  # written today, begun yesterday
    assert sum(store.numbers(store.history().version(name)).table["final"]) == 1931
    assert verify(store) == ()


def test_an_event_that_the_rules_would_refuse_later_is_not_written(
    store: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules see the event as it will stand, with the journal's clock."""
    name = draft(store, forecast(), ANA).name
    tomorrow = module.today() + timedelta(days=1)
    monkeypatch.setattr(module, "today", lambda: tomorrow)
    with pytest.raises(VersionError, match="a day to come"):
        store.move(name, "submitted", ANA)
    assert store.history().version(name).state == "draft"


def test_a_new_version_supersedes_and_carries_overrides_that_hold(store: VersionStore) -> None:
    old = locked(store)
    with pytest.raises(VersionError, match=r"supersedes one of its own period"):
        draft(store, forecast("2026-12-01", 31), ANA, supersedes=old)
    new = draft(store, forecast(level="11.00"), ANA, supersedes=old, carry=old)
    assert [o.author for o in new.overrides] == ["Ana"]
    for event, actor in (("submitted", ANA), ("approved", BO), ("locked", BO)):
        store.move(new.name, event, actor)
    history = store.history()
    assert history.version(old).superseded_by == new.name
    assert sum(store.numbers(history.version(old)).table["final"]) == 1930
    assert sum(store.numbers(history.version(new.name)).table["final"]) == 2113


def test_hostile_text_is_a_text_in_every_file(store: VersionStore, tmp_path: Path) -> None:
    name = locked(store)
    version = store.history().version(name)
    write_numbers(tmp_path / "out", version, store.numbers(version))
    with (tmp_path / "out" / "overrides.csv").open(encoding="utf-8", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert row["reason"] == f"'{HOSTILE}"
    with (tmp_path / "out" / "numbers.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["product"] for row in rows} == {"tea", f"'{HOSTILE}"}
    assert sum(Decimal(row["final"]) for row in rows) == 1930
    assert {row["data_hash"] for row in rows} == {"d1"}
    for bad in ("line\nbreak", "\x1b[2J", "x" * 2000):
        with pytest.raises(VersionError):
            store.move(name, "returned", Actor("Ana", bad))


@pytest.mark.parametrize("moment", ["create", "lock"])
def test_a_command_killed_between_table_and_event_has_done_nothing(
    store: VersionStore, moment: str
) -> None:
    """A real process, killed by the kernel after the tables are whole and before the event."""
    script = (
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_version_store import *\n"
        "import warehouse.journal\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = VersionStore(Path(sys.argv[1]), 5)\n"
        "if sys.argv[2] == 'lock':\n"
        "    name = draft(store, forecast(), ANA).name\n"
        "    store.move(name, 'submitted', ANA); store.move(name, 'approved', BO)\n"
        "    warehouse.journal.Journal.append = die\n"
        "    store.move(name, 'locked', BO)\n"
        "warehouse.journal.Journal.append = die\n"
        "draft(store, forecast(), ANA)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(store.root), moment], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    left = "versions" if moment == "create" else "locked"
    assert [one.what for one in verify(store)] == [f"{left}/2026-10-base-1"]
    if moment == "create":
        assert store.history().versions == {}
        name = draft(store, forecast(), ANA).name
    else:
        name = "2026-10-base-1"
        assert store.history().version(name).state == "approved"
        store.move(name, "locked", BO)
    assert name == "2026-10-base-1"
    assert "put aside as unfinished" in store.notes[0]
    assert verify(store) == ()


def test_a_receipt_lost_to_a_kill_is_written_anew(store: VersionStore) -> None:
    name = locked(store)
    seal = store.root / "locked" / f"{name}.seal"
    kept = seal.read_bytes()
    seal.unlink()
    draft(store, forecast(), ANA, scenario="low")
    assert seal.read_bytes() == kept


def test_two_people_at_once_both_get_in(store: VersionStore) -> None:
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_version_store import *\n"
        "store = VersionStore(Path(sys.argv[1]), 60)\n"
        "for n in range(3): store.override('v', override(value='1', author=sys.argv[2]), ANA)\n"
    )
    draft(store, forecast(), ANA, name="v")
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(store.root), who])
        for who in ("Ana", "Cy")
    ]
    assert [one.wait(60) for one in both] == [0, 0]
    version = store.history().version("v")
    assert [o.number for o in version.overrides] == [1, 2, 3, 4, 5, 6]
    assert sum(store.numbers(version).table["final"]) == 1836


def test_fiscal_periods_of_4_4_5_weeks_with_a_53rd(store: VersionStore, tmp_path: Path) -> None:
    """A year of 53 weeks: the last period has six."""
    start, lines = date(2025, 12, 29), ["period,starts_on,ends_on"]
    for number, weeks in enumerate([4, 4, 5] * 3 + [4, 4, 6], start=1):
        end = start + timedelta(days=7 * weeks - 1)
        lines.append(f"FY26-P{number:02},{start},{end}")
        start = end + timedelta(days=1)
    calendar = tmp_path / "calendar.csv"
    calendar.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert start == date(2027, 1, 4)
    version = draft(store, forecast("2026-10-26", 70), ANA, calendar=str(calendar))
    assert (version.fiscal_period, version.name) == ("FY26-P10", "FY26-P10-base-1")
    table = store.statistical(version)
    days = table[table["territory"] == "south"]["period"].value_counts()
    assert days.to_dict() == {"FY26-P11": 28, "FY26-P12": 42}
    one = asked(
        store, version.name, kind="absolute", value="4200.00", where=[], period="FY26-P12",
        days=(None, None), expires=module.today(), by="Ana", why="53rd week",
    )  # fmt: skip
    _, applied = store.override(version.name, one, ANA)
    sums = applied.table.groupby("period")["final"].sum()
    assert sums.to_dict() == {"FY26-P11": 840, "FY26-P12": 4200}
    with pytest.raises(VersionError, match="no period of 2027-01-03"):
        short = tmp_path / "short.csv"
        short.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
        draft(store, forecast("2026-10-26", 70), ANA, calendar=str(short))


def test_a_landed_fiscal_calendar_counts_without_the_days_that_fill_the_table(
    tmp_path: Path,
) -> None:
    """Months of the vars stand before and after landed 4-4-5 periods of the same names."""
    lake = Lake.at(tmp_path).ensure()
    days = pd.date_range("2025-11-01", "2026-01-31")
    landed = (days >= "2025-11-03") & (days <= "2025-12-28")
    own = pd.DataFrame({
        "date_day": days.date, "is_fiscal_landed": landed, "fiscal_year": days.year,
        "fiscal_period": np.where(landed & (days <= "2025-11-30"), 10, days.month),
    })  # fmt: skip
    own.loc[landed & (days > "2025-11-30"), "fiscal_period"] = 11
    folder = lake.published / "p" / "tables"
    folder.mkdir(parents=True)
    own.to_parquet(folder / "dim_calendar.parquet")
    lake.current.symlink_to("p")
    periods, _ = periods_from(None, lake, date(2025, 11, 9), date(2025, 12, 20))
    assert periods.astype(str).to_numpy().tolist() == [
        ["2025-P10", "2025-11-03", "2025-11-30"], ["2025-P11", "2025-12-01", "2025-12-28"],
    ]  # fmt: skip
    with pytest.raises(VersionError, match=r"no period of 2026-01-10.*reaches further"):
        periods_from(None, lake, date(2025, 11, 9), date(2026, 1, 10))
    own.assign(is_fiscal_landed=False, fiscal_period=days.month).to_parquet(
        folder / "dim_calendar.parquet"
    )
    periods, _ = periods_from(None, lake, date(2025, 11, 9), date(2025, 12, 20))
    assert periods["period"].tolist() == ["2025-P11", "2025-P12"]


def test_fiscal_periods_by_a_rule(store: VersionStore) -> None:
    version = draft(store, forecast("2026-10-26", 70), ANA, calendar="445:2025-12-29")
    assert version.fiscal_period == "FY2025-P10"
    table = store.statistical(version)
    days = table[table["territory"] == "south"]["period"].value_counts()
    assert days.to_dict() == {"FY2025-P11": 28, "FY2025-P12": 35, "FY2026-P01": 7}


def test_a_calendar_that_moves_a_locked_period_is_refused(
    store: VersionStore, tmp_path: Path
) -> None:
    locked(store)
    moved = tmp_path / "moved.csv"
    moved.write_text(
        "period,starts_on,ends_on\n2026-10,2026-10-01,2026-11-01\n"
        "2026-11,2026-11-02,2026-11-30\n2026-12,2026-12-01,2027-01-31\n"
    )
    with pytest.raises(VersionError, match=r"2026-10' is 2026-10-01 to 2026-11-01 here"):
        draft(store, forecast(), ANA, calendar=str(moved))
    assert [one.name for one in (store.root / "versions").iterdir()] == ["2026-10-base-1"]


def test_the_last_period_of_a_calendar_may_have_landed_in_part(
    store: VersionStore, tmp_path: Path
) -> None:
    """Later it goes on, and is the same; one that began or went on otherwise has moved."""
    calendar = tmp_path / "calendar.csv"
    head = "period,starts_on,ends_on\nP10,2026-10-01,2026-10-31\n"
    calendar.write_text(f"{head}P11,2026-11-01,2026-11-05\n")
    first = locked(store, forecast(days=5), calendar=str(calendar))
    calendar.write_text(f"{head}P11,2026-11-01,2026-11-30\n")
    made = forecast(days=5)
    second = draft(store, made, ANA, calendar=str(calendar), supersedes=first, carry=first).name
    for event, actor in (("submitted", ANA), ("approved", BO), ("locked", BO)):
        store.move(second, event, actor)
    calendar.write_text(f"{head}P11,2026-11-01,2026-11-04\nP12,2026-11-05,2026-12-31\n")
    with pytest.raises(VersionError, match="P11' is 2026-11-01 to 2026-11-04 here"):
        draft(store, made, ANA, calendar=str(calendar))
    assert verify(store) == ()


def _folder(place: Path, edit: str = "") -> Path:
    place.mkdir()
    made = forecast(days=2).frame
    text = made.rename(columns={}).to_csv(index=False, lineterminator="\n")
    (place / "forecast.csv").write_text(text.replace("10.00", edit or "10.00", 1), encoding="utf-8")
    total = "level,key,ds,ds_last,mean\ntotal,,2026-11-01,2026-11-01,30.00\n"
    (place / "totals.csv").write_text(total + "total,,2026-11-01,2026-11-02,60.00\n")
    inputs = {"history_sha256": "h", "plan_sha256": None, "code_version": "c", "target": "units",
              "as_of": "2026-10-31"}  # fmt: skip
    (place / "facts.json").write_text(json.dumps({"inputs": inputs, "seed": 0}))
    return place


def test_a_folder_of_a_run_says_what_it_was_made_of(tmp_path: Path) -> None:
    made = from_folder(_folder(tmp_path / "run"), as_of=None, measure=None, currency=None)
    assert (made.data_hash, made.plan_hash, made.code_version) == ("h", "none", "c")
    assert (made.as_of, made.measure, made.series) == (date(2026, 10, 31), "units", SERIES)


def test_totals_of_fiscal_periods_that_begin_in_history_are_passed_over(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "run")
    (folder / "totals.csv").write_text(
        "level,key,ds,ds_last,mean,period\ntotal,,2026-11-01,2026-11-02,60.00,\n"
        "total,,2026-10-15,2026-11-02,75.00,P11\ntotal,,2026-11-01,2026-11-02,60.00,P12\n"
    )
    made = from_folder(folder, as_of=None, measure=None, currency=None)
    assert made.as_of == date(2026, 10, 31)


def test_a_forecast_edited_by_hand_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LiftcastError, match="a changed number is an override"):
        from_folder(_folder(tmp_path / "run", "12.00"), as_of=None, measure=None, currency=None)


def test_many_rows_take_seconds(store: VersionStore) -> None:
    days = pd.date_range("2026-11-01", periods=61)
    frame = pd.DataFrame(
        {"shop": [f"s{n:03}" for n in range(300) for _ in days], "ds": list(days) * 300}
    )
    for name in ("mean", "p025", "p10", "p50", "p90", "p975"):
        frame[name] = "12.34"
    begun = time.process_time()
    made = Made(frame, ("shop",), date(2026, 10, 31), "units", None, "c", "d", "p")
    name = draft(store, made, ANA).name
    store.override(name, override("percent", "7", where=()), ANA)
    store.move(name, "submitted", ANA)
    assert time.process_time() - begun < 10
