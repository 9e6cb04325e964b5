"""Full disk, two runs at once, a broken source, rows that break a check: nothing half published."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from liftcast.publishing import MARTS
from liftcast.releasing import STAR
from tests.small_disk import mounted
from warehouse.lake import Lake
from warehouse.publication import read_current, verify
from warehouse.settings import PROJECT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

STAGES = ("ingest", "transform", "attribute", "forecast", "publish")
Start = Callable[..., "subprocess.Popen[str]"]
Bytes = Callable[[Path], dict[str, bytes]]


def _ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what was said on standard error."""
    said = run.communicate(timeout=900)[1]
    return run.returncode, said


@pytest.fixture
def small_disk(tmp_path: Path, yesterday: Path) -> Iterator[Path]:
    """A disk of 120 MB with a copy of yesterday's lake."""
    with mounted(tmp_path, "120m"):
        shutil.copytree(yesterday, tmp_path / "lake", symlinks=True)
        yield tmp_path


def test_a_full_disk_stops_each_stage_and_loses_nothing(
    small_disk: Path,
    company: Path,
    today: Callable[[], dict[str, bytes]],
    liftcast: Start,
    published_bytes: Bytes,
) -> None:
    lake = small_disk / "lake"
    before = read_current(Lake.at(lake))[1]["run_id"]
    ballast = small_disk / "ballast"
    for stage in STAGES:
        free = shutil.disk_usage(small_disk).free
        ballast.write_bytes(b"\0" * (free - 4096))
        code, said = _ended(liftcast(stage, lake, company))
        assert code == 1, (stage, said)
        assert "Traceback" not in said
        assert "disk is full" in said, said
        folder, facts = read_current(Lake.at(lake))
        assert facts["run_id"] == before
        assert verify(folder) == []
        ballast.unlink()
    code, said = _ended(liftcast("run", lake, company))
    assert code == 0, said
    assert read_current(Lake.at(lake))[1]["run_id"] > before
    assert published_bytes(lake) == today()


def test_two_runs_at_once_both_publish_the_same_though_a_source_of_one_is_broken(
    company: Path,
    lake: Path,
    today: Callable[[], dict[str, bytes]],
    liftcast: Start,
    published_bytes: Bytes,
) -> None:
    broken = lake.parent / "broken.yml"
    broken.write_text(
        "version: 1\nsource: broken\ndescription: a file that is not there\n"
        "files: {spend: {path: nowhere.csv}}\n"
        "tables: [{table: ad_spend, from: spend}]\n"
    )
    before = read_current(Lake.at(lake))[1]["run_id"]
    sources = ["-s", str(broken), "-s", str(PROJECT / "sources/simulated.yml")]
    both = [liftcast("run", lake, company, *more) for more in ([], sources)]
    (sound, _), (left_out, said) = [_ended(run) for run in both]
    # A source that was left out must show in the exit code.
    assert (sound, left_out) == (0, 1), said
    assert "nowhere.csv" in said
    assert len(list(lake.glob("published/2*"))) >= 3
    assert read_current(Lake.at(lake))[1]["run_id"] > before
    # The same input, code and seed: the same bytes.
    tables = published_bytes(lake)
    assert tables == today()
    # All marts but the checks, and the star.
    assert len(tables) == len(MARTS) - 1 + len(STAR)


def test_a_red_check_stops_publication_and_names_the_rows(
    company: Path,
    lake: Path,
    liftcast: Start,
    with_first_sale: Callable[..., Path],
) -> None:
    before = read_current(Lake.at(lake))[1]["run_id"]
    odd = with_first_sale(company, lake.parent / "odd", currency_code="JPY")
    code, said = _ended(liftcast("run", lake, odd))
    assert code == 1
    assert "JPY" in said
    assert "Traceback" not in said
    folder, facts = read_current(Lake.at(lake))
    assert facts["run_id"] == before
    assert verify(folder) == []
