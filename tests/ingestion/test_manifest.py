"""The manifest survives kills: torn lines, and files that are ahead of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from ingestion import manifest


def test_lines_are_appended_and_a_torn_one_is_cut_off(tmp_path: Path) -> None:
    log = tmp_path / "sales" / "shop.jsonl"
    manifest.append(log, [{"date_day": "2025-01-01", "kind": "new", "content_hash": "a"}])
    with log.open("a") as handle:
        handle.write('{"source": "shop", "date_d')
    assert list(manifest.latest(log)) == ["2025-01-01"]
    manifest.append(log, [{"date_day": "2025-01-02", "kind": "new", "content_hash": "b"}])
    assert [line["content_hash"] for line in manifest.read(log)] == ["a", "b"]
    assert log.read_text().endswith("}\n")


def test_a_file_of_nothing_but_a_torn_line_starts_anew(tmp_path: Path) -> None:
    log = tmp_path / "shop.jsonl"
    log.write_text("{" * 70_000)
    manifest.append(log, [{"kind": "confirmed"}])
    assert len(manifest.read(log)) == 1


def test_lines_lost_by_a_kill_are_told_by_the_next_landing(shop: Any) -> None:
    shop.write("o1,2025-01-01,north,1,10")
    shop.land()
    log = manifest.path_of(shop.lake, "sales", "shop")
    told = log.read_bytes()
    shop.write("o1,2025-01-01,north,1,12")
    shop.land()
    # As if the kill had come between the rename and the manifest.
    log.write_bytes(told)
    report = shop.land()
    line = shop.manifest()[-2]
    assert (line["kind"], line["money_change"]) == ("restated", "EUR 2.000000")
    assert "1 partition is restated" in report.notices[0]
    assert [entry["kind"] for entry in shop.manifest()] == [
        "new", "confirmed", "restated", "confirmed",
    ]  # fmt: skip
    assert shop.land().notices == ()


def test_a_landing_ends_with_the_totals_of_the_file(shop: Any) -> None:
    shop.write(*shop.good_rows(15), "x,2025-01-01,north,1,n")
    shop.land()
    last = shop.manifest()[-1]
    assert (last["kind"], last["date_day"], last["last_day"]) == ("confirmed", "all", "2025-01-15")
    assert (last["rows_read"], last["rows_kept"], last["rows_rejected"]) == (31, 30, 1)
    changes = [line for line in shop.manifest() if line["kind"] == "new"]
    assert sum(line["rows_kept"] for line in changes) == 30


def test_a_query_reads_every_manifest(shop: Any) -> None:
    shop.write(*shop.good_rows(2))
    shop.land()
    count = duckdb.sql(
        f"select count(*) from read_json('{shop.lake.manifest}/*/*.jsonl', "
        "format='newline_delimited') where source = 'shop'"
    ).fetchall()
    # Two days and one territory file, and a line of totals for each table.
    assert count == [(2 + 1 + 1 + 1,)]
