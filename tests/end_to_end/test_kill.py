"""Kill -9 inside any stage: readers keep yesterday's publication, the next run is right."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from simulation import simulate
from warehouse.lake import Lake
from warehouse.publication import read_current, verify

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

STAGES = ("ingest", "transform", "attribute", "forecast", "publish")
KILLS = 20
LIFTCAST = [sys.executable, "-m", "liftcast"]


def _start(stage: str, lake: Path, company: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*LIFTCAST, stage, "--lake", str(lake)],
        env=os.environ | {"LIFTCAST_SIMULATED": str(company)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _finish(stage: str, lake: Path, company: Path) -> float:
    start = time.monotonic()
    process = _start(stage, lake, company)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said.decode()
    return time.monotonic() - start


def _hold_back(company: Path, first_day: str) -> dict[str, str]:
    """Take the sales and spend from a day on out of a company's files; return the whole files."""
    whole = {name: (company / name).read_text() for name in ("sales.csv", "ad_spend.csv")}
    for name, text in whole.items():
        header, *rows = csv.reader(text.splitlines())
        day = header.index("date_day")
        with (company / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if row[day] < first_day)])
    return whole


def test_twenty_kills_never_leave_half_a_publication(
    tmp_path: Path, published_bytes: Callable[[Path], dict[str, bytes]]
) -> None:
    company, lake, clean = tmp_path / "company", tmp_path / "lake", tmp_path / "clean"
    simulate(company, seed=101, days=140, territories=2)
    whole = _hold_back(company, "2025-12-22")
    seconds = {stage: _finish(stage, lake, company) for stage in STAGES}
    before = read_current(Lake.at(lake))[1]["run_id"]

    # Its last week comes in: now every stage has something new to do.
    for name, text in whole.items():
        (company / name).write_text(text)
    draw = random.Random(2025)
    killed = 0
    for number in range(KILLS):
        stage = STAGES[number % len(STAGES)]
        process = _start(stage, lake, company)
        try:
            process.wait(timeout=draw.uniform(0.05, seconds[stage]))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        folder, facts = read_current(Lake.at(lake))
        assert verify(folder) == []
        with duckdb.connect(str(folder / "liftcast.duckdb"), read_only=True) as published:
            gap = published.execute(
                """
                select max(abs(ledger.total - parts.total)) from
                (select date_day, sum(net_revenue) as total from fct_ledger group by 1) as ledger
                full join
                (select date_day, sum(contribution) as total from attr_contributions group by 1)
                as parts using (date_day)
                """
            ).fetchall()[0][0]
        assert gap == 0, facts
    assert killed >= KILLS // 2, "the kills came too late to mean anything"

    _finish("run", lake, company)
    _finish("run", clean, company)
    assert read_current(Lake.at(lake))[1]["run_id"] > before
    assert published_bytes(lake) == published_bytes(clean)
    assert not list(lake.glob("published/.*.tmp"))
