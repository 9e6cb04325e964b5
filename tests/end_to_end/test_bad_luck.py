"""Full disk, two runs at once, a broken source, rows that break a check: nothing half published."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from liftcast.publishing import MARTS
from liftcast.releasing import STAR
from simulation import simulate
from warehouse.lake import Lake
from warehouse.publication import read_current, verify
from warehouse.settings import PROJECT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

STAGES = ("ingest", "transform", "attribute", "forecast", "publish")


def _liftcast(
    stage: str, lake: Path, company: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "liftcast", stage, "--lake", str(lake), *more],
        env=os.environ | {"LIFTCAST_SIMULATED": str(company), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def _with_first_sale(company: Path, folder: Path, **cells: str) -> Path:
    """A copy of a company whose first ledger line has other cells."""
    shutil.copytree(company, folder, dirs_exist_ok=True)
    header, first, *rest = csv.reader((folder / "sales.csv").read_text().splitlines())
    line = dict(zip(header, first, strict=True)) | cells
    with (folder / "sales.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, list(line.values()), *rest])
    return folder


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    simulate(folder, seed=102, days=120, territories=2)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, company: Path) -> Path:
    lake = tmp_path_factory.mktemp("published") / "lake"
    done = _liftcast("run", lake, company)
    assert done.returncode == 0, done.stderr
    return lake


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk (run as root)")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_stops_each_stage_and_loses_nothing(
    small_disk: Path, company: Path, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = small_disk / "lake"
    shutil.copytree(published, lake, symlinks=True)
    restated = _with_first_sale(company, tmp_path_factory.mktemp("company"), net_revenue="1234.50")
    before = read_current(Lake.at(lake))[1]["run_id"]
    ballast = small_disk / "ballast"
    for stage in STAGES:
        free = shutil.disk_usage(small_disk).free
        ballast.write_bytes(b"\0" * (free - 4096))
        failed = _liftcast(stage, lake, restated)
        assert failed.returncode == 1, (stage, failed.stdout, failed.stderr)
        assert "Traceback" not in failed.stderr
        assert "disk is full" in failed.stderr, failed.stderr
        folder, facts = read_current(Lake.at(lake))
        assert facts["run_id"] == before
        assert verify(folder) == []
        ballast.unlink()
    done = _liftcast("run", lake, restated)
    assert done.returncode == 0, done.stderr
    folder, facts = read_current(Lake.at(lake))
    assert facts["run_id"] > before
    assert verify(folder) == []


def test_two_runs_at_once_both_publish_the_same_though_a_source_of_one_is_broken(
    company: Path,
    published: Path,
    tmp_path: Path,
    published_bytes: Callable[[Path], dict[str, bytes]],
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(published, lake, symlinks=True)
    broken = tmp_path / "broken.yml"
    broken.write_text(
        "version: 1\nsource: broken\ndescription: a file that is not there\n"
        "files: {spend: {path: nowhere.csv}}\n"
        "tables: [{table: ad_spend, from: spend}]\n"
    )
    before = read_current(Lake.at(lake))[1]["run_id"]
    run = [sys.executable, "-m", "liftcast", "run", "--lake", str(lake)]
    both = [
        subprocess.Popen(
            [*run, *more],
            env=os.environ | {"LIFTCAST_SIMULATED": str(company)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for more in ([], ["-s", str(broken), "-s", str(PROJECT / "sources/simulated.yml")])
    ]
    sound, left_out = [process.communicate(timeout=900)[1] for process in both]
    # A source that was left out must show in the exit code.
    assert [process.returncode for process in both] == [0, 1], sound + left_out
    assert "nowhere.csv" in left_out
    assert len(list(lake.glob("published/2*"))) >= 3
    assert read_current(Lake.at(lake))[1]["run_id"] > before
    # The same input, code and seed: the same bytes.
    tables = published_bytes(lake)
    assert tables == published_bytes(published)
    # All marts but the checks, and the star.
    assert len(tables) == len(MARTS) - 1 + len(STAR)


def test_a_red_check_stops_publication_and_names_the_rows(
    company: Path, published: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(published, lake, symlinks=True)
    before = read_current(Lake.at(lake))[1]["run_id"]
    odd = _with_first_sale(company, tmp_path / "odd", currency_code="JPY")
    done = _liftcast("run", lake, odd)
    assert done.returncode == 1
    assert "JPY" in done.stderr
    assert "Traceback" not in done.stderr
    folder, facts = read_current(Lake.at(lake))
    assert facts["run_id"] == before
    assert verify(folder) == []
