"""kill -9 in the middle of a landing, and a disk that is full: the next landing is whole."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion import manifest
from tests.small_disk import mounted
from warehouse import Lake
from warehouse.errors import LiftcastError

_LAND = """
import sys
from ingestion import land
from warehouse import Lake, Settings
print("ready", flush=True)
sys.stdin.readline()
land(Lake.at(sys.argv[1]), sys.argv[2], run_id="20250101T000000-00000000", settings=Settings(),
     progress=lambda text: print(text, flush=True))
"""


def _begin(shop: Any) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _LAND, str(shop.lake.root), str(shop.mapping)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def test_killed_landings_leave_whole_partitions_and_the_next_one_ends_the_work(shop: Any) -> None:
    rows = shop.good_rows(400, date(2023, 1, 1))
    shop.write(*rows)
    clean = shop.twin("clean")
    clean.land()
    wanted = clean.raw_bytes()
    dice = random.Random(20250101)
    # Two kills while it checks and writes anywhere, three once it has begun to write.
    for from_writing in (False, False, True, True, True):
        process = _begin(shop)
        assert process.stdout is not None
        if from_writing:
            for line in process.stdout:
                if "writing" in line:
                    break
        time.sleep(dice.uniform(0, 0.25 if from_writing else 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        standing = {n: h for n, h in shop.raw_bytes().items() if n.endswith("/part.parquet")}
        assert standing.items() <= wanted.items()
    shop.land()
    assert shop.raw_bytes() == wanted
    told = manifest.latest(manifest.path_of(shop.lake, "sales", "shop"))
    assert {day: line["content_hash"] for day, line in told.items()} == {
        day: line["content_hash"]
        for day, line in manifest.latest(manifest.path_of(clean.lake, "sales", "shop")).items()
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of one megabyte."""
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


def test_a_full_disk_changes_nothing_and_says_so(shop: Any, small_disk: Path) -> None:
    shop.lake = Lake.at(small_disk / "lake")
    shop.write(*shop.good_rows(3))
    shop.land()
    before, lines = shop.raw_files(), shop.manifest()
    shop.write(*shop.good_rows(400, date(2023, 1, 1)))
    with pytest.raises(LiftcastError, match=r"the disk is full.*what stood before is unchanged"):
        shop.land()
    assert shop.raw_files() == before
    assert shop.manifest() == lines
    # With room again, the same landing goes through.
    shop.write(*shop.good_rows(5))
    assert shop.land().notices == ()


def test_a_manifest_that_cannot_be_written_whole_is_not_written(tmp_path: Path) -> None:
    log = tmp_path / "shop.jsonl"
    manifest.append(log, [{"kind": "confirmed"}])
    before = log.read_bytes()
    child = os.fork()
    if child == 0:
        # In a process of its own: the limit on file size cannot be lifted again.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            manifest.append(log, [{"kind": "new"}] * 100)
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert log.read_bytes() == before
