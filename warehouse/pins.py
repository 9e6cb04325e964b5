"""The landed files a warehouse was built from, kept as they were for as long as it stands.

Two facts of many rows are views over landed files, since copying fifty million rows costs several
times what reading them does. A landing replaces files whenever it likes; a view must not change
under its reader between two builds. So a build first links every landed file under `pinned/`, and
dbt reads there: a hard link keeps the old bytes when landing puts a new file in its place, and
takes no room of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from warehouse.files import disk_errors
from warehouse.lake import Lake

Stamp = tuple[int, int]

# Plain strings and `os` here: tens of thousands of files, and a Path for each costs seconds.
# ruff: noqa: PTH103, PTH105, PTH116, PTH120


def pin(lake: Lake) -> None:
    """Make `pinned/` hold the files that `raw/` holds; files that have not changed stay.

    Call it while no landing runs and under the warehouse's lock. Killed half way it is made good
    by the next build, which starts here. Where the file system has no hard links, files are
    copied.

    Raises:
        LiftcastError: the disk is full, or the lake cannot be written.
    """
    with disk_errors(lake.pinned):
        wanted, held = _files(lake.raw), _files(lake.pinned)
        for name, stamp in wanted.items():
            landed, pinned = f"{lake.raw}/{name}", f"{lake.pinned}/{name}"
            if name not in held:
                _hold(landed, pinned)
            elif held[name] != stamp:
                beside = f"{pinned}.tmp"
                # A killed build may have left one.
                Path(beside).unlink(missing_ok=True)
                _hold(landed, beside)
                os.replace(beside, pinned)
        for name in held.keys() - wanted.keys():
            (lake.pinned / name).unlink(missing_ok=True)


def _files(root: Path) -> dict[str, Stamp]:
    """Every `<table>/<source>/<day>/part.parquet` below `root`, and what tells two versions apart.

    Size and nanosecond of writing: a link shares both with its file, and a copy is given both.
    """
    found = {}
    days = _folders(root, _folders(root, _folders(root, [""])))
    for day in days:
        name = f"{day}/part.parquet"
        try:
            stat = os.stat(f"{root}/{name}")
        except FileNotFoundError:
            continue
        found[name] = (stat.st_size, stat.st_mtime_ns)
    return found


def _folders(root: Path, names: Iterable[str]) -> Iterator[str]:
    """The folders directly below each of `names`, itself below `root`."""
    for name in names:
        try:
            with os.scandir(f"{root}/{name}") as entries:
                yield from [f"{name}/{e.name}".lstrip("/") for e in entries if e.is_dir()]
        except FileNotFoundError:
            continue


def _hold(landed: str, pinned: str) -> None:
    # Not flushed: after a loss of power the next build looks at every file again.
    try:
        _link(landed, pinned)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(pinned), exist_ok=True)
        _link(landed, pinned)


def _link(landed: str, pinned: str) -> None:
    try:
        os.link(landed, pinned)
    except FileNotFoundError:
        raise
    except OSError:
        # No hard links here. Whatever else is wrong, a full disk say, the copy meets it again.
        shutil.copy2(landed, pinned)
