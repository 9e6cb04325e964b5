"""Sources that change: cursors, covered days, columns that come and go, restatements, names."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion import landing, preparing
from ingestion.preparing import Prepared
from ingestion.restatements import restatements
from warehouse.errors import SourceError

DATABASE = """\
version: 1
source: {source}
databases:
  ledger: {{url: "sqlite:///${{LEDGER}}", table: lines, cursor: changed}}
tables:
  - table: sales
    from: ledger
    mode: merge
    constants: {{line_number: 1, grain: day, product_id: tea, territory_id: north,
      sales_channel: web, sales_level: shop, customer_kind: B2C, currency_code: EUR}}
"""


@pytest.fixture
def ledger(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    shop.write(mapping=DATABASE)
    path = shop.folder / "ledger.db"
    monkeypatch.setenv("LEDGER", str(path))
    with sqlite3.connect(path) as base:
        base.execute("create table lines (order_id text, date_day text, net_revenue, changed int)")

    def book(*rows: tuple[str, str, float, int]) -> Any:
        with sqlite3.connect(path) as base:
            base.executemany("delete from lines where order_id = ?", [row[:1] for row in rows])
            base.executemany("insert into lines values (?, ?, ?, ?)", rows)
        return shop.land()

    return book


def _told(shop: Any) -> list[tuple[str, str, Decimal]]:
    return [(r["order_id"], str(r["date_day"]), r["net_revenue"]) for r in shop.rows()]


def test_changed_rows_are_merged_by_key_into_what_has_landed(shop: Any, ledger: Any) -> None:
    ledger(("a", "2025-01-01", 1, 1), ("b", "2025-01-01", 2, 2), ("c", "2025-01-02", 3, 3))
    report = ledger(
        ("b", "2025-01-01", 20, 4), ("c", "2025-01-03", 3, 5), ("d", "2025-01-04", 4, 6)
    )
    assert _told(shop) == [
        ("a", "2025-01-01", 1), ("b", "2025-01-01", 20), ("c", "2025-01-03", 3),
        ("d", "2025-01-04", 4),
    ]  # fmt: skip
    assert "2 partitions are restated" in " ".join(report.notices)
    before = shop.raw_bytes()
    assert shop.land().notices == ()
    assert shop.raw_bytes() == before


def test_a_merge_over_a_restated_day_keeps_what_each_landing_brought(
    shop: Any, ledger: Any
) -> None:
    ledger(("a", "2025-01-01", 1, 1), ("b", "2025-01-01", 2, 2))
    ledger(("b", "2025-01-01", 20, 3))
    ledger(("a", "2025-01-01", 10, 4), ("c", "2025-01-01", 3, 5))
    assert _told(shop) == [
        ("a", "2025-01-01", 10), ("b", "2025-01-01", 20), ("c", "2025-01-01", 3),
    ]  # fmt: skip
    first, second, third = (line for line in shop.manifest() if line["kind"] != "confirmed")
    assert [line["kind"] for line in (first, second, third)] == ["new", "restated", "restated"]
    assert (second["previous_hash"], third["previous_hash"]) == (
        first["content_hash"], second["content_hash"],
    )  # fmt: skip
    assert (second["money_change"], third["money_change"]) == (
        f"{_currency(first)} 18.000000", f"{_currency(first)} 12.000000",
    )  # fmt: skip


def _currency(line: dict[str, Any]) -> str:
    return str(line["money"]).split()[0]


def test_a_window_does_not_lose_what_a_cursor_brings_once(shop: Any, ledger: Any) -> None:
    ledger(("a", "2025-01-01", 1, 1))
    with sqlite3.connect(shop.folder / "ledger.db") as base:
        base.execute("insert into lines values ('late', '2024-12-30', 9, 2)")
    shop.land(date(2025, 1, 1), date(2025, 1, 2))
    assert ("late", "2024-12-30", 9) in _told(shop)


def test_a_cursor_stays_where_it_is_when_nothing_lands(shop: Any, ledger: Any) -> None:
    ledger(("a", "2025-01-01", 1, 1))
    state = shop.lake.sources / "state/shop.json"
    before = state.read_bytes()
    with pytest.raises(SourceError, match="were rejected"):
        ledger(("x", "never", 1, 7), ("y", "never", 1, 8))
    assert state.read_bytes() == before
    state.write_text("torn")
    with pytest.raises(SourceError, match="state of the source is damaged"):
        shop.land()


def test_days_that_a_source_speaks_for_and_no_longer_has_are_emptied(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(*shop.good_rows(4))
    shop.land()
    shop.write(*shop.good_rows(2))
    prepare = preparing.prepare

    def covering(*args: Any, **given: Any) -> Any:
        found = prepare(*args, **given)
        tables = tuple(
            Prepared(t.contract, t.found, t.origins, covers=(date(2025, 1, 1), date(2025, 1, 3)))
            for t in found.tables
        )
        return preparing.Preparation(tables, found.notices, found.columns, found.states)

    monkeypatch.setattr(landing, "prepare", covering)
    report = shop.land()
    assert {str(row["date_day"]) for row in shop.rows()} == {
        "2025-01-01", "2025-01-02", "2025-01-04",
    }  # fmt: skip
    assert "1 partition is restated (2025-01-03): EUR -6.500000" in " ".join(report.notices)


def test_restatements_are_listed_with_both_hashes_rows_and_money(shop: Any) -> None:
    shop.write("o1,2025-01-01,north,1,10", "o2,2025-01-02,north,1,20")
    shop.land()
    shop.write("o1,2025-01-01,north,1,10", "o2,2025-01-02,north,1,17", "o3,2025-01-02,north,1,1")
    shop.land()
    (found,) = restatements(shop.lake)
    assert (found.source, found.table, found.date_day) == ("shop", "sales", date(2025, 1, 2))
    assert found.money_change == {"EUR": Decimal(-2)}
    assert (found.rows_before, found.rows_after) == (1, 2)
    assert len({found.previous_hash, found.content_hash}) == 2
    assert len({found.previous_file_hash, found.file_hash}) == 2
    assert found.previous_file_hash == shop.manifest()[0]["file_hash"]
    today = datetime.now(UTC).date()
    assert restatements(shop.lake, source="shop", table="sales", since=today) == [found]
    assert restatements(shop.lake, source="other") == []
    assert restatements(shop.lake, since=date(2999, 1, 1)) == []


def _drift(shop: Any, word: str) -> None:
    text = shop.mapping.read_text().replace("from: sales", f"from: sales\n    drift: {word}")
    shop.mapping.write_text(text)


@pytest.mark.parametrize("word", ["discard", "evolve"])
def test_new_and_vanished_columns_are_told_once(shop: Any, word: str) -> None:
    shop.write("a,2025-01-01,north,1,1,x", header="order_id,day,territory_id,units,amount,old")
    _drift(shop, word)
    assert shop.land().notices == ()
    shop.sales.write_text("order_id,day,territory_id,units,amount,new\nb,2025-01-02,north,1,1,y\n")
    told = " ".join(shop.land().notices)
    assert "'new' is new in sales and not mapped" in told
    assert "'old' is no longer in sales" in told
    assert shop.land().notices == ("sales: 1 partition is in the lake but not in the file, kept "
                                   "(2025-01-01)",)  # fmt: skip
    extra = [row["_extra"] for row in shop.rows()]
    wanted = [{"old": "x"}, {"new": "y"}] if word == "evolve" else [None, None]
    assert [json.loads(text) if text else None for text in extra] == wanted


def test_a_frozen_table_refuses_changed_columns_and_names_them(shop: Any) -> None:
    shop.write("a,2025-01-01,north,1,1")
    _drift(shop, "freeze")
    shop.land()
    before = shop.raw_bytes()
    shop.sales.write_text("order_id,day,territory_id,amount,new\na,2025-01-02,north,1,y\n")
    with pytest.raises(SourceError, match=r"table is frozen.*new: 'new'; gone: 'units'"):
        shop.land()
    assert shop.raw_bytes() == before


def test_a_second_mapping_of_one_source_is_refused(shop: Any) -> None:
    shop.write(*shop.good_rows(1))
    shop.land()
    copy = shop.folder / "mine.yml"
    copy.write_text(shop.mapping.read_text() + "# changed\n")
    before, shop_mapping = shop.raw_bytes(), shop.mapping

    class Copy(type(shop)):  # type: ignore[misc]
        mapping = copy

    other = Copy(shop.folder, shop.lake)
    with pytest.raises(SourceError, match=r"another mapping has the source name 'shop'"):
        other.land()
    assert shop.raw_bytes() == before
    # Moved, it is the same mapping in another place.
    shop_mapping.unlink()
    other.land()


_LAND = """
import sys
from ingestion import land
from warehouse import Lake, Settings
land(Lake.at(sys.argv[1]), sys.argv[2], run_id="20250101T000000-00000000", settings=Settings())
"""


def test_processes_that_land_at_once_all_end_well(shop: Any) -> None:
    shop.write(*shop.good_rows(20))
    other = type(shop)(shop.folder.parent / "second", shop.lake, "second")
    other.write(*shop.good_rows(20))
    paths = [shop.mapping, shop.mapping, other.mapping]
    running = [
        subprocess.Popen([sys.executable, "-c", _LAND, str(shop.lake.root), str(path)])
        for path in paths
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert len(shop.rows()) == len(other.rows()) == 40
    assert sum(line["kind"] == "new" for line in shop.manifest()) == 20
    assert not list(Path(shop.lake.scratch).glob("landing-*"))


def test_a_query_joins_inputs_and_reaches_nothing_else(shop: Any) -> None:
    mapping = """\
version: 1
source: {source}
files: {{sales: {{path: sales.csv}}}}
queries:
  joined: {{sql: "with s as (select * from sales) select order_id as campaign_id from s"}}
tables:
  - {{table: campaigns, from: joined}}
"""
    shop.write("a,2025-01-01,north,1,1", mapping=mapping)
    shop.land()
    assert [row["campaign_id"] for row in shop.rows("campaigns")] == ["a"]
    select = "with s as (select * from sales) select order_id as campaign_id from s"
    for sql, says in {
        "select content as campaign_id from read_text('/etc/hostname')": "the query fails",
        "select * from '/etc/hostname'": "there is no input",
        "select 1 as campaign_id; select 2": "not a single select",
        "drop table sales": "not a single select",
        "copy sales to 'x'": "not a single select",
        "select * from saels": "nearest is 'sales'",
        "select nothing from sales": "the query fails",
    }.items():
        shop.mapping.write_text(mapping.format(source="shop").replace(select, sql))
        with pytest.raises(SourceError, match=says):
            shop.land()
