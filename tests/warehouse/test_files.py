"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warehouse.errors import LiftcastError
from warehouse.files import appearing, disk_errors, point, replacing, sweep_leftovers, write_json


def test_replacing_shows_the_new_file_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_replacing_keeps_the_old_file_when_the_writer_fails(tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_appearing_makes_a_folder_whole_and_never_twice(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    with appearing(folder) as temporary:
        (temporary / "a").write_text("1")
        assert not folder.exists()
    assert (folder / "a").read_text() == "1"
    with pytest.raises(FileExistsError), appearing(folder):
        pass


def test_point_swaps_a_link_while_readers_always_find_a_target(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    link = tmp_path / "current"
    point(link, "a")
    code = (
        "import sys, threading; from pathlib import Path\n"
        "ended = threading.Event()\n"
        "threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()\n"
        "seen = {Path(sys.argv[1]).read_text()}\n"
        "print('reading', flush=True)\n"
        "while not ended.is_set():\n"
        "    seen.add(Path(sys.argv[1]).read_text())\n"
        "assert seen == {'a', 'b'}, seen\n"
    )
    # The writer sets the length and the reader reads until it is told: on a
    # busy machine a count of reads would end before the swaps had begun.
    with subprocess.Popen(
        [sys.executable, "-c", code, str(link / "name")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        for turn in range(300):
            point(link, "ba"[turn % 2])
        reader.communicate(timeout=60)
        assert reader.returncode == 0


def test_a_killed_writer_leaves_the_old_file_and_a_leftover_that_is_swept(tmp_path: Path) -> None:
    target = tmp_path / "table"
    target.write_text("old")
    code = (
        "import sys,time,pathlib\nfrom warehouse.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as t:\n"
        "    t.write_text('half'); print('writing', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert target.read_text() == "old"
    assert sweep_leftovers(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_writer_left_beside_a_folder_goes_and_a_living_one_s_stays(
    tmp_path: Path,
) -> None:
    out = tmp_path / "o[u]t.1"
    code = (
        "import sys, time; from pathlib import Path; from warehouse.files import appearing\n"
        "with appearing(Path(sys.argv[1])) as place:\n"
        "    (place / 'half.csv').write_text('1'); print(place.name, flush=True); time.sleep(60)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        names = [writer.stdout.readline().strip() for writer in writers if writer.stdout]
        killed, living = names
        writers[0].kill()
        writers[0].wait()
        # Not ours: another folder's, a file, a name of another form, a link.
        others = [".other.0123abcd.tmp", f".{out.name}.0123abcd.tmp.aside", f".{out.name}.kept.tmp"]
        for name in others:
            (tmp_path / name).mkdir()
        (tmp_path / f".{out.name}.00000000.tmp").write_text("a file")
        (tmp_path / f".{out.name}.11111111.tmp").symlink_to(tmp_path / others[0])
        with appearing(out) as place:
            (place / "whole.csv").write_text("2")
        left = {path.name for path in tmp_path.iterdir()}
        assert killed not in left
        assert {living, *others, f".{out.name}.00000000.tmp", f".{out.name}.11111111.tmp"} <= left
        assert (tmp_path / living / "half.csv").exists()
        assert (out / "whole.csv").read_text() == "2"
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_a_full_disk_is_said_in_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(LiftcastError, match=r"the disk is full.*Free space"), disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_json_is_stable(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1, "a": [1, 2]})
    first = (tmp_path / "x.json").read_bytes()
    time.sleep(0.01)
    write_json(tmp_path / "x.json", {"a": [1, 2], "b": 1})
    assert (tmp_path / "x.json").read_bytes() == first
