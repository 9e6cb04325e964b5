"""A publication is whole or invisible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from warehouse.errors import LiftcastError
from warehouse.lake import Lake
from warehouse.publication import publish, read_current, verify


def _fill(text: str) -> Any:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "tables").mkdir()
        (folder / "tables" / "a.parquet").write_text(text)
        return {"release_id": text}

    return build


def test_nothing_published_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(LiftcastError, match="liftcast run"):
        read_current(Lake.at(tmp_path / "lake").ensure())


def test_readers_see_the_newest_whole_publication(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    publish(lake, "1", _fill("one"))
    publish(lake, "2", _fill("two"))
    folder, facts = read_current(lake)
    assert (folder.name, facts["release_id"]) == ("2", "two")
    assert verify(folder) == []


def test_a_failed_build_leaves_yesterdays_publication_and_no_litter(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    publish(lake, "1", _fill("one"))

    def broken(folder: Path) -> dict[str, Any]:
        _fill("half")(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(lake, "2", broken)
    assert read_current(lake)[1]["release_id"] == "one"
    assert sorted(p.name for p in lake.published.iterdir()) == ["1", "current"]


def test_a_change_after_publication_is_found(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    folder = publish(lake, "1", _fill("one"))
    (folder / "tables" / "a.parquet").write_text("forged")
    (folder / "more").write_text("")
    assert verify(folder) == ["extra: more", "changed: tables/a.parquet"]
    (folder / "tables" / "a.parquet").unlink()
    assert "missing: tables/a.parquet" in verify(folder)


def test_only_the_newest_publications_are_kept(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    for number in range(5):
        publish(lake, str(number), _fill(str(number)), keep=3)
    assert sorted(p.name for p in lake.published.iterdir()) == ["2", "3", "4", "current"]
