"""Pins: what a warehouse was built from stands until the next build, whatever lands meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from warehouse import LiftcastError
from warehouse.files import replacing
from warehouse.lake import Lake
from warehouse.pins import pin


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.at(tmp_path / "lake").ensure()


def land(lake: Lake, table: str, day: str, content: str) -> None:
    """Put a file in its place as landing does."""
    path = lake.raw / table / "source=hand" / f"date_day={day}" / "part.parquet"
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def pinned(lake: Lake) -> dict[str, str]:
    return {
        f"{file.parts[-4]} {file.parent.name[9:]}": file.read_text(encoding="utf-8")
        for file in lake.pinned.rglob("*")
        if file.is_file()
    }


def test_a_landing_between_builds_shows_only_after_the_next_pin(lake: Lake) -> None:
    land(lake, "sales", "2024-01-01", "old")
    land(lake, "sales", "2024-01-02", "gone soon")
    land(lake, "products", "all", "tea")
    pin(lake)
    stood = pinned(lake)
    assert stood == {
        "sales 2024-01-01": "old",
        "sales 2024-01-02": "gone soon",
        "products all": "tea",
    }
    land(lake, "sales", "2024-01-01", "new")
    land(lake, "sales", "2024-01-03", "late")
    (lake.raw / "sales/source=hand/date_day=2024-01-02/part.parquet").unlink()
    assert pinned(lake) == stood
    pin(lake)
    assert pinned(lake) == {
        "sales 2024-01-01": "new",
        "sales 2024-01-03": "late",
        "products all": "tea",
    }


def test_a_pin_takes_no_room_and_leaves_what_has_not_changed(lake: Lake) -> None:
    land(lake, "sales", "2024-01-01", "rows")
    landed = lake.raw / "sales/source=hand/date_day=2024-01-01/part.parquet"
    held = lake.pinned / landed.relative_to(lake.raw)
    pin(lake)
    assert held.samefile(landed)
    before = held.stat()
    pin(lake)
    assert held.stat() == before


def test_a_pin_killed_half_way_is_made_good(lake: Lake) -> None:
    land(lake, "sales", "2024-01-01", "rows")
    landed = lake.raw / "sales/source=hand/date_day=2024-01-01/part.parquet"
    held = lake.pinned / landed.relative_to(lake.raw)
    held.parent.mkdir(parents=True)
    held.with_name("part.parquet.tmp").hardlink_to(landed)
    pin(lake)
    assert pinned(lake) == {"sales 2024-01-01": "rows"}


def test_files_are_copied_where_there_are_no_hard_links(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    # A file system without hard links cannot be made without being root.
    monkeypatch.setattr(os, "link", refuse)
    land(lake, "sales", "2024-01-01", "rows")
    landed = lake.raw / "sales/source=hand/date_day=2024-01-01/part.parquet"
    held = lake.pinned / landed.relative_to(lake.raw)
    pin(lake)
    assert pinned(lake) == {"sales 2024-01-01": "rows"}
    assert not held.samefile(landed)
    before = held.stat()
    pin(lake)
    assert held.stat().st_ino == before.st_ino


def test_a_full_disk_is_told(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr("shutil.copy2", full)
    land(lake, "sales", "2024-01-01", "rows")
    with pytest.raises(LiftcastError, match="the disk is full"):
        pin(lake)
