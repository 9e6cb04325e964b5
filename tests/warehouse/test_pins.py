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


def files_of(lake: Lake) -> list[Path]:
    """Every pinned file; nothing else may lie there."""
    found = [file for file in lake.pinned.rglob("*") if file.is_file()]
    assert {file.name for file in found} <= {"part.parquet"}
    return found


def pinned(lake: Lake) -> dict[str, str]:
    return {
        f"{file.parts[-4]} {file.parent.name[9:]}": file.read_text(encoding="utf-8")
        for file in files_of(lake)
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


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without hard links, which cannot be made without being root."""

    def refuse(_: str, name: str) -> None:
        # As Linux does: a name that is taken is told before the missing ability.
        raise FileExistsError(name) if Path(name).exists() else PermissionError(1, "refused")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("links", [True, False])
def test_a_pin_killed_half_way_is_made_good(
    lake: Lake, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        refuse_links(monkeypatch)
    land(lake, "sales", "2024-01-01", "old")
    pin(lake)
    land(lake, "sales", "2024-01-01", "new")
    # Killed between the new file's link and its new name, or in the middle of a copy.
    (held,) = files_of(lake)
    held.with_name("part.parquet.tmp").write_text("ne", encoding="utf-8")
    pin(lake)
    assert pinned(lake) == {"sales 2024-01-01": "new"}


def test_files_are_copied_where_there_are_no_hard_links(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch)
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
