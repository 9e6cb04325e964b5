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
from collections.abc import Iterator
from pathlib import Path

from warehouse.files import disk_errors, sweep_leftovers
from warehouse.lake import Lake

Stamp = tuple[int, int]


def pin(lake: Lake) -> None:
    """Make `pinned/` hold the files that `raw/` holds; files that have not changed stay.

    Call it while no landing runs and under the warehouse's lock. Killed half way it is made good
    by the next build, which starts here. Where the file system has no hard links, files are
    copied.

    Raises:
        LiftcastError: the disk is full, or the lake cannot be written.
    """
    with disk_errors(lake.pinned):
        lake.pinned.mkdir(parents=True, exist_ok=True)
        sweep_leftovers(lake.pinned)
        wanted, held = dict(_files(lake.raw)), dict(_files(lake.pinned))
        for name, stamp in wanted.items():
            if held.get(name) != stamp:
                _hold(lake.raw / name, lake.pinned / name)
        for name in held.keys() - wanted.keys():
            (lake.pinned / name).unlink(missing_ok=True)


def _files(root: Path) -> Iterator[tuple[str, Stamp]]:
    """Every landed file below `root`, with what tells two versions of one file apart.

    Size and nanosecond of writing: a link shares both with its file, and a copy is given both.
    """
    for folder, _, files in os.walk(root):
        if "part.parquet" in files:
            path = os.path.join(folder, "part.parquet")  # noqa: PTH118 (tens of thousands)
            found = os.stat(path)  # noqa: PTH116
            yield os.path.relpath(path, root), (found.st_size, found.st_mtime_ns)


def _hold(landed: Path, pinned: Path) -> None:
    pinned.parent.mkdir(parents=True, exist_ok=True)
    temporary = pinned.with_name(f".{pinned.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(landed)
    except OSError:
        shutil.copy2(landed, temporary)
    # Not flushed: after a loss of power the next build looks at every file again.
    temporary.replace(pinned)
