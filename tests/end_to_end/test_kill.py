"""Kill -9 inside any stage: readers keep yesterday's publication, the next run is right."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from warehouse.lake import Lake
from warehouse.publication import read_current, verify
from warehouse.runlog import history

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

STAGES = ("ingest", "transform", "attribute", "forecast", "publish")
KILLS = 20
# Seconds until a process has loaded what its stage needs.
START = 3.0


def _gap(publication: Path) -> object:
    """The largest difference between a date's ledger and its contributions."""
    with duckdb.connect(str(publication / "liftcast.duckdb"), read_only=True) as published:
        return published.execute(
            """
            select max(abs(ledger.total - parts.total)) from
            (select date_day, sum(net_revenue) as total from fct_ledger group by 1) as ledger
            full join
            (select date_day, sum(contribution) as total from attr_contributions group by 1)
            as parts using (date_day)
            """
        ).fetchall()[0][0]


def test_twenty_kills_never_leave_half_a_publication(
    company: Path,
    lake: Path,
    today: Callable[[], dict[str, bytes]],
    liftcast: Callable[..., subprocess.Popen[str]],
    published_bytes: Callable[[Path], dict[str, bytes]],
) -> None:
    before = read_current(Lake.at(lake))[1]["run_id"]
    seconds = {run["stage"]: START + run["seconds"] for run in history(Lake.at(lake))}
    draw = random.Random(2025)
    killed = 0
    for number in range(KILLS):
        stage = STAGES[number % len(STAGES)]
        process = liftcast(stage, lake, company)
        try:
            process.communicate(timeout=draw.uniform(0.05, seconds[stage]))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
        folder, facts = read_current(Lake.at(lake))
        assert verify(folder) == []
        assert _gap(folder) == 0, facts
    assert killed >= KILLS // 2, "the kills came too late to mean anything"

    last = liftcast("run", lake, company)
    said = last.communicate(timeout=900)[1]
    assert last.returncode == 0, said
    assert read_current(Lake.at(lake))[1]["run_id"] > before
    assert published_bytes(lake) == today()
    assert not list(lake.glob("published/.*.tmp"))
