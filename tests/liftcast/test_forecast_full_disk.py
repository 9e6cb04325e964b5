"""A disk that is full, and kill -9, while a forecast, a backtest, a scenario or a version is
written: one sentence, nothing half, what stood stays, and the same command goes through later."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.versions.overrides import Override
from forecasting.versions.tables import NUMBERS
from liftcast.forecast_files import whole_folder, write_tables
from liftcast.version_actor import Actor
from liftcast.version_ledgers import Ledger
from liftcast.version_making import draft
from liftcast.version_reports import close_period
from liftcast.version_sources import Made
from liftcast.version_store import VersionStore, today
from liftcast.version_verify import verify
from tests.liftcast.typed import liftcast
from tests.small_disk import mounted
from warehouse.errors import LiftcastError

PAGE = 4096
DAYS, H = 36, 7
ANA, BO = Actor("Ana", "close"), Actor("Bo", "seen")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    with mounted(tmp_path / "disk", "2m") as folder:
        yield folder


def fill(disk: Path, left: int) -> Path:
    """A file that leaves so many bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    ballast.write_bytes(b"\0" * (shutil.disk_usage(disk).free - left))
    return ballast


def files_of(folder: Path) -> dict[str, bytes]:
    found = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    return {name: data for name, data in found.items() if name != "ballast"}


def write(place: Path, header: list[str], rows: list[list[object]]) -> Path:
    with place.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
    return place


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path, Path]:
    """History of three shops, and two plans."""
    days = np.datetime64("2026-09-01") + np.arange(DAYS + H)
    shops = ("a", "b", "c")
    rows = [[shop, day, 10 + at % 7 + 5 * (at % 3 == 0), int(at % 3 == 0)]
            for shop in shops for at, day in enumerate(days)]  # fmt: skip
    past = [row for row in rows if row[1] < days[DAYS]]
    history = write(tmp_path / "history.csv", ["shop", "day", "units", "promo"], past)
    plans = [
        write(tmp_path / f"{name}.csv", ["shop", "day", "promo"],
              [[shop, day, flag] for shop in shops for day in days[DAYS:]])
        for name, flag in (("none", 0), ("more", 1))
    ]  # fmt: skip
    return history, *plans


def test_a_full_disk_stops_each_command_and_loses_nothing(
    disk: Path, given: tuple[Path, Path, Path]
) -> None:
    history, plan, other = given
    common = ["--history", history, "--series", "shop", "--date", "day", "--target", "units",
              "--horizon", H]  # fmt: skip
    typed = {
        "run": (["run", "--plan", plan], 0),
        # Room for the work folder, none for the part that a worker makes.
        "parts": (["run", "--plan", plan, "--chunk", "2", "--workers", "1"], 3 * PAGE),
        "backtest": (["backtest", "--plan-columns", "promo", "--origins", "1"], 0),
        "scenario": (["scenario", "--plan", plan, "--plan", other], 0),
    }
    for name, (command, left) in typed.items():
        words = ["forecast", *command, *common, "--out", disk / name]
        before = files_of(disk)
        ballast = fill(disk, left)
        done = liftcast(*words)
        assert done.returncode == 1, (name, done.stderr)
        assert "the disk is full" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not (disk / name).exists()
        assert not list(disk.glob("**/.*.tmp"))
        ballast.unlink()
        kept = files_of(disk).items()
        assert before.items() <= kept
        assert {n.split("/")[0] for n, _ in kept - before.items()} <= {".parts.parts"}
        if command[0] == "run":
            done = liftcast(*words)
            assert done.returncode == 0, done.stderr
            assert files_of(disk).items() > before.items()
            assert [p.name for p in disk.iterdir() if p.name.startswith(".")] == []


def forecast_of(first: str) -> Made:
    days = pd.date_range(first, periods=31)
    frame = pd.DataFrame({"shop": np.repeat(["a", "b"], 31), "ds": [*days, *days]})
    frame = frame.assign(**dict.fromkeys(NUMBERS, "10.00"))
    known = (days[0] - pd.Timedelta(days=1)).date()
    naive = frame[["shop", "ds"]].assign(naive="8.00")
    return Made(frame, ("shop",), known, "units", None, "c", "d", "p", naive=naive)


def test_a_full_disk_stops_every_step_of_a_version_and_none_is_half_done(disk: Path) -> None:
    store = VersionStore(disk / "versions")
    wish = Override(0, "percent", Decimal(5), (), date(2026, 12, 1), date(2026, 12, 31), "Ana",
                    "x", today())  # fmt: skip
    sold = forecast_of("2026-12-01").frame[["shop", "ds", "mean"]]
    ledger = Ledger(sold, ("shop",), "ds", "mean", "units", None, "csv")
    steps = {
        "create": lambda: draft(store, forecast_of("2026-12-01"), ANA, name="v"),
        "override": lambda: store.override("v", wish, ANA),
        "submit": lambda: store.move("v", "submitted", ANA),
        "approve": lambda: store.move("v", "approved", BO),
        "lock": lambda: store.move("v", "locked", BO),
        "close": lambda: close_period(store, "2026-12", [ledger], ANA),
    }
    for name, do in steps.items():
        refused, pages = 0, 0
        while True:
            events = len(store.journal.read().events)
            ballast = fill(disk, pages * PAGE)
            try:
                do()
            except LiftcastError as error:
                assert "the disk is full" in str(error), (name, pages)
                refused += 1
            else:
                break
            finally:
                ballast.unlink()
            assert len(store.journal.read().events) == events, (name, pages)
            assert [f for f in verify(store) if f.state == "touched"] == []
            pages += 1
        assert len(store.journal.read().events) == events + 1
        assert refused > 0 or name in {"override", "submit", "approve"}
    assert store.history().version("v").state == "locked"
    # Its event stood when there was no room for its receipt: the close wrote that.
    assert any("v is locked, but locked/v.seal could not be written" in n for n in store.notes)
    assert (store.root / "locked" / "v.seal").is_file()
    assert verify(store) == ()


def test_kill_9_while_a_folder_is_written_leaves_what_stood_and_nothing_half(
    tmp_path: Path,
) -> None:
    frame = pd.DataFrame({"shop": "a", "value": np.arange(100_000.0)})
    old, new = tmp_path / "old", tmp_path / "new"
    with whole_folder(old) as place:
        write_tables(place, {"forecast.csv": (frame, ["shop"])})
    before = files_of(old)
    child = os.fork()
    if child == 0:
        with whole_folder(new) as place:
            write_tables(place, {f"{n}.csv": (frame, ["shop"]) for n in range(500)})
        os._exit(0)
    while not list(tmp_path.glob(".new.*.tmp/1.csv")):
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert not new.exists()
    assert files_of(old) == before
    # What is half lies hidden beside it, and is in nobody's way.
    with whole_folder(new) as place:
        write_tables(place, {"forecast.csv": (frame, ["shop"])})
    assert files_of(new) == before
