"""The append-only log: chained, torn lines, two writers, clocks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.errors import LakeBusyError, LiftcastError
from warehouse.journal import FIRST, Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "events.jsonl")
    with made.writing():
        for number in range(4):
            made.append(made.read(), {"event": "said", "what": f"ü {number}", "by": "Ana"})
    return made


def test_events_hold_each_other(journal: Journal) -> None:
    reading = journal.read()
    assert [event["seq"] for event in reading.events] == [1, 2, 3, 4]
    assert reading.events[0]["prev"] == FIRST
    assert reading.events[3]["prev"] == reading.events[2]["hash"]
    assert reading.problem is None
    assert journal.path.read_bytes().isascii()


def _lines(journal: Journal) -> list[bytes]:
    return journal.path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"Ana", b"Bob"), *lines[2:]], 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [*lines, lines[3]], 5),
        (lambda lines: [lines[0], b"\n", *lines[1:]], 2),
        (lambda lines: [lines[0].replace(b'","', b'", "'), *lines[1:]], 1),
        (lambda lines: [*lines, b"not json\n"], 5),
        (lambda lines: [*lines, b"[" * 100_000 + b"\n"], 5),
    ],
)
def test_a_touched_line_is_named_and_nothing_is_written_after_it(journal, tamper, line) -> None:
    journal.path.write_bytes(b"".join(tamper(_lines(journal))))
    reading = journal.read()
    assert f"line {line}:" in str(reading.problem)
    with pytest.raises(LiftcastError, match="damaged"), journal.writing():
        journal.append(reading, {"event": "said"})


def test_a_line_with_a_hash_of_its_own_still_breaks_the_chain(journal: Journal) -> None:
    lines = _lines(journal)
    forged = Journal(journal.path.with_name("forged.jsonl"))
    forged.append(forged.read(), {"event": "said", "what": "forged", "by": "Mallory"})
    journal.path.write_bytes(b"".join([_lines(forged)[0], *lines[1:]]))
    assert "line 2: the event before it" in str(journal.read().problem)


def test_a_line_cut_short_never_happened_and_is_put_aside(journal: Journal) -> None:
    lines = _lines(journal)
    journal.path.write_bytes(b"".join(lines[:3]) + lines[3][:-20])
    reading = journal.read()
    assert len(reading.events) == 3
    assert reading.torn == lines[3][:-20]
    with journal.writing():
        journal.append(journal.read(), {"event": "said", "by": "Ana"})
    after = journal.read()
    assert [event["event"] for event in after.events] == ["said"] * 3 + ["repaired", "said"]
    (aside,) = (journal.path.parent / "unfinished").iterdir()
    assert aside.read_bytes() == lines[3][:-20]


def test_two_writers_wait_for_each_other(journal: Journal) -> None:
    with journal.writing(), pytest.raises(LakeBusyError), journal.writing(timeout=0.2):
        pass
    stale = journal.read()
    journal.append(stale, {"event": "said", "by": "Bo"})
    with pytest.raises(LiftcastError, match="meanwhile"):
        journal.append(stale, {"event": "said", "by": "Cy"})


def test_processes_that_write_at_once_all_get_in(journal: Journal) -> None:
    code = (
        "import sys; from pathlib import Path; from warehouse.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]))\n"
        "for n in range(10):\n"
        "    with j.writing(): j.append(j.read(), {'event': 'said', 'by': sys.argv[2]})\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(journal.path), name])
        for name in ("Ana", "Bo")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    reading = journal.read()
    assert reading.problem is None
    assert len(reading.events) == 24


def test_a_clock_that_runs_back_dates_nothing_back(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import datetime, timedelta

    import warehouse.journal as module

    before = journal.read().events[-1]["at"]

    class Slow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=30)

    monkeypatch.setattr(module, "datetime", Slow)
    event = journal.append(journal.read(), {"event": "said", "by": "Ana"})
    assert event["at"] == before
    assert event["clock_at"] < before
    assert json.loads(_lines(journal)[-1])["clock_at"] == event["clock_at"]
