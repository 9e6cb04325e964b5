"""Landing: what is written, what is left alone, and what is said about it."""

from __future__ import annotations

import gzip
import threading
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ingestion import LandingReport
from ingestion.contracts import CONTRACTS
from warehouse.errors import LakeBusyError, SourceError
from warehouse.locks import holding


def _sales(report: LandingReport) -> Any:
    return next(table for table in report.tables if table.table == "sales")


def test_rows_land_typed_in_a_partition_a_day(shop: Any) -> None:
    shop.write("o2,2025-01-01,south,2,20.5", "o1,2025-01-01,north,1,10", "o3,2025-01-02,south,,-3")
    report = shop.land()
    rows = shop.rows()
    assert [(r["order_id"], r["date_day"], r["net_revenue"], r["_row_number"]) for r in rows] == [
        ("o1", date(2025, 1, 1), Decimal("10.000000"), 3),
        ("o2", date(2025, 1, 1), Decimal("20.500000"), 2),
        ("o3", date(2025, 1, 2), Decimal("-3.000000"), 4),
    ]
    assert (_sales(report).rows_read, _sales(report).partitions_new) == (3, 2)
    assert report.max_date == date(2025, 1, 2)
    assert report.notices == ()
    assert {row["territory_id"] for row in shop.rows("territories")} == {"north", "south"}
    file = shop.lake.raw / "sales/source=shop/date_day=2025-01-02/part.parquet"
    assert pq.read_schema(file).names == CONTRACTS["sales"].arrow_schema.names


def test_every_table_has_an_empty_file_of_the_right_types(shop: Any) -> None:
    shop.write(*shop.good_rows(1))
    shop.land()
    for table, contract in CONTRACTS.items():
        glob = shop.lake.raw / table / "*/*/part.parquet"
        found = duckdb.sql(
            f"describe select * from read_parquet('{glob}', hive_partitioning=false)"
        ).fetchall()
        assert [row[0] for row in found] == contract.arrow_schema.names
        types = {row[0]: row[1] for row in found}
        assert all(types[name] == contract.type_of(name) for name in contract.columns)
    assert len(shop.lake.manifest.glob("_contract/_contract.jsonl").__next__().read_text()) > 10


def test_landing_again_changes_no_byte_and_no_time(shop: Any) -> None:
    shop.write(*shop.good_rows(5))
    shop.land()
    before, lines = shop.raw_files(), len(shop.manifest())
    register = (shop.lake.sources / "shop.json").stat().st_mtime_ns
    report = shop.land()
    assert shop.raw_files() == before
    assert (shop.lake.sources / "shop.json").stat().st_mtime_ns == register
    assert (_sales(report).partitions_unchanged, _sales(report).partitions_new) == (5, 0)
    # One line says that the source was seen; nothing is said of each day.
    assert [line["kind"] for line in shop.manifest()[lines:]] == ["confirmed"]


def test_two_lakes_of_the_same_input_are_byte_equal(shop: Any) -> None:
    shop.write(*shop.good_rows(4))
    other = shop.twin("other")
    shop.land()
    other.land()
    assert shop.raw_bytes() == other.raw_bytes()


def test_a_file_that_only_grew_or_was_sorted_restates_nothing(shop: Any) -> None:
    rows = shop.good_rows(4)
    shop.write(*rows[:6])
    shop.land()
    before = shop.raw_files()
    shop.write(*reversed(rows))
    report = shop.land()
    assert (_sales(report).partitions_new, _sales(report).partitions_restated) == (1, 0)
    assert before.items() <= shop.raw_files().items()


def test_a_corrected_file_restates_its_partition_with_the_money(shop: Any) -> None:
    shop.write("o1,2025-01-01,north,1,10", "o2,2025-01-02,north,1,20")
    shop.land()
    untouched = shop.raw_files()["sales/source=shop/date_day=2025-01-01/part.parquet"]
    first = shop.manifest()
    shop.write("o1,2025-01-01,north,1,10", "o2,2025-01-02,north,1,17.50")
    report = shop.land()
    assert _sales(report).partitions_restated == 1
    assert report.notices == (
        "sales: 1 partition is restated (2025-01-02): EUR -2.500000",
    )  # fmt: skip
    line = next(line for line in shop.manifest() if line["kind"] == "restated")
    assert line["previous_hash"] == first[1]["content_hash"]
    assert line["content_hash"] != line["previous_hash"]
    assert (line["money"], line["money_change"]) == ("EUR 17.500000", "EUR -2.500000")
    assert [row["net_revenue"] for row in shop.rows()] == [Decimal(10), Decimal("17.5")]
    now = shop.raw_files()["sales/source=shop/date_day=2025-01-01/part.parquet"]
    assert now == untouched


def test_a_row_whose_date_was_corrected_leaves_its_old_day(shop: Any) -> None:
    shop.write("o1,2025-01-01,south,1,10", "o2,2025-01-01,south,1,20", "o3,2025-01-02,south,1,5")
    shop.land()
    shop.write("o1,2025-01-03,south,1,10", "o3,2025-01-02,south,1,5")
    report = shop.land()
    assert [(r["order_id"], str(r["date_day"])) for r in shop.rows()] == [
        ("o2", "2025-01-01"),
        ("o3", "2025-01-02"),
        ("o1", "2025-01-03"),
    ]
    assert (_sales(report).partitions_new, _sales(report).partitions_restated) == (1, 1)
    assert "1 partition is restated (2025-01-01): EUR -10.000000" in " ".join(report.notices)
    before = shop.raw_bytes()
    shop.land()
    assert shop.raw_bytes() == before


def test_a_day_left_empty_by_corrected_dates_is_told_once(shop: Any) -> None:
    shop.write("o1,2025-01-01,south,1,10")
    shop.land()
    shop.write("o1,2025-01-02,south,1,10")
    shop.land()
    assert [str(row["date_day"]) for row in shop.rows()] == ["2025-01-02"]
    assert shop.land().notices == ()


def test_days_missing_from_the_file_are_kept_and_told(shop: Any) -> None:
    shop.write(*shop.good_rows(4))
    shop.land()
    before = shop.raw_files()
    shop.write(*shop.good_rows(2))
    report = shop.land()
    assert _sales(report).partitions_kept == 2
    assert "2 partitions are in the lake but not in the file, kept (2025-01-03" in report.notices[0]
    assert shop.raw_files() == before


def test_landing_by_interval_equals_landing_at_once(shop: Any) -> None:
    shop.write(*shop.good_rows(6))
    whole = shop.twin("whole")
    whole.land()
    days = [date(2025, 1, day) for day in (1, 3, 4, 7)]
    for start, end in pairwise(days):
        report = shop.land(start, end)
        assert _sales(report).partitions_new == (end - start).days
        assert _sales(report).rows_kept == 12
    assert shop.raw_bytes() == whole.raw_bytes()
    assert sum(line["kind"] == "new" for line in shop.manifest()) == 6


def test_an_interval_leaves_other_days_alone(shop: Any) -> None:
    shop.write("o1,2025-01-01,north,1,10", "o2,2025-01-02,north,1,20")
    shop.land()
    shop.write("o1,2025-01-01,north,1,99", "o2,2025-01-02,north,1,88")
    report = shop.land(date(2025, 1, 2), date(2025, 1, 3))
    assert _sales(report).partitions_restated == 1
    assert [row["net_revenue"] for row in shop.rows()] == [Decimal(10), Decimal(88)]
    with pytest.raises(SourceError, match="window to land is empty"):
        shop.land(date(2025, 1, 2), date(2025, 1, 2))


def test_bad_rows_go_to_quarantine_with_reason_and_text(shop: Any) -> None:
    shop.write(*shop.good_rows(20), "x1,2025-02-30,north,1,5", "x2,2025-01-01,nrth,1,five")
    report = shop.land()
    assert (_sales(report).rows_kept, _sales(report).rows_rejected) == (40, 2)
    assert report.notices == ("sales: 2 of 42 rows were rejected and lie in quarantine",)
    first, second = shop.quarantined()
    assert (first["row_number"], first["column"]) == (42, "date_day")
    assert first["original"] == (
        '{"order_id": "x1", "day": "2025-02-30", "territory_id": "north", "units": "1", '
        '"amount": "5"}'
    )
    assert second["column"] == "net_revenue"
    assert "'five' is not a number" in second["reason"]
    # Mended, the file leaves nothing behind under its own name.
    assert len(list((shop.lake.quarantine / "sales").rglob("*.parquet"))) == 1


def test_too_many_bad_rows_fail_the_source_and_nothing_lands(shop: Any) -> None:
    shop.write(*shop.good_rows(5))
    shop.land()
    before = shop.raw_files()
    shop.write(*shop.good_rows(3), "x,2025-02-30,north,1,5", "y,2025-01-01,north,1,n")
    with pytest.raises(SourceError, match=r"2 of 8 rows .*at most 5.0%.*row 8, date_day") as caught:
        shop.land()
    assert "LIFTCAST_BAD_ROW_SHARE" in str(caught.value)
    assert shop.raw_files() == before
    assert len(shop.quarantined()) == 2
    assert _sales(shop.land(bad_row_share=0.5)).rows_rejected == 2


def test_one_bad_row_is_borne_unless_no_share_is(shop: Any) -> None:
    shop.write(*shop.good_rows(1), "x,2025-02-30,north,1,5")
    assert _sales(shop.land()).rows_rejected == 1
    with pytest.raises(SourceError, match="1 of 3 rows"):
        shop.land(bad_row_share=0)
    shop.write("x,2025-02-30,north,1,5")
    with pytest.raises(SourceError, match="1 of 1 rows"):
        shop.land()


def test_a_wrong_file_touches_neither_its_own_lake_nor_another_source(shop: Any) -> None:
    shop.write(*shop.good_rows(2))
    shop.land()
    before = shop.raw_files()
    for content in ("", "order_id;day\n1;2\n", "order_id,day\n1,2\n"):
        shop.sales.write_text(content)
        with pytest.raises(SourceError):
            shop.land()
    shop.sales.unlink()
    with pytest.raises(SourceError, match="no file"):
        shop.land()
    assert shop.raw_files() == before


def test_a_header_without_rows_keeps_what_stands(shop: Any) -> None:
    shop.write(*shop.good_rows(2))
    shop.land()
    before = shop.raw_files()
    shop.write()
    report = shop.land()
    assert "there is a header and no row" in report.notices[0]
    assert _sales(report).partitions_kept == 2
    assert shop.raw_files() == before


def test_a_file_that_grows_while_it_is_read_is_refused(shop: Any) -> None:
    shop.write(*shop.good_rows(2))

    def writer_at_work(text: str) -> None:
        if "checking sales" in text:
            with shop.sales.open("a") as handle:
                handle.write("late,2025-01-09,north,1,1\n")

    with pytest.raises(SourceError, match="changed while it was read"):
        shop.land(progress=writer_at_work)
    assert shop.rows() == []
    assert _sales(shop.land()).rows_kept == 5


def test_a_gzipped_export_lands_the_same_rows(shop: Any) -> None:
    shop.write(*shop.good_rows(3))
    shop.land()
    before = shop.raw_files()
    shop.sales.write_bytes(gzip.compress(shop.sales.read_bytes()))
    report = shop.land()
    assert _sales(report).partitions_unchanged == 3
    assert shop.raw_files() == before


def test_territories_of_another_source_are_known(shop: Any) -> None:
    shop.write(*shop.good_rows(1))
    shop.land()
    ads = shop.twin("unused")
    ads.lake, ads.source = shop.lake, "ads"
    ads.write(
        *(f"{n},2025-01-01,north,1,1" for n in range(30)),
        "x,2025-01-01,nort,1,1",
        mapping="version: 1\nsource: {source}\nfiles: {{f: {{path: sales.csv}}}}\ntables:\n"
        " - {{table: sales, from: f, columns: {{date_day: day, net_revenue: amount}}, constants: "
        "{{line_number: 1, grain: day, product_id: tea, sales_channel: web, sales_level: shop, "
        "customer_kind: B2C, currency_code: EUR}}}}\n",
    )
    report = ads.land()
    assert (_sales(report).rows_kept, _sales(report).rows_rejected) == (30, 1)
    assert "'nort' is an unknown territory; nearest is 'north'" in ads.quarantined()[0]["reason"]
    assert len(shop.rows()) == 2


def test_two_landings_at_once_both_end_well(shop: Any) -> None:
    shop.write(*shop.good_rows(30))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            shop.land()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = shop.twin("alone")
    alone.land()
    assert not failures
    assert shop.raw_bytes() == alone.raw_bytes()
    assert sum(line["kind"] == "new" for line in shop.manifest()) == 30


def test_a_landing_that_waits_too_long_says_so(shop: Any) -> None:
    shop.write(*shop.good_rows(1))
    with holding(shop.lake, "landing-shop", 1), pytest.raises(LakeBusyError, match="landing-shop"):
        shop.land(lock_timeout=0)


def test_a_damaged_or_deleted_partition_is_written_again(shop: Any) -> None:
    shop.write(*shop.good_rows(3))
    shop.land()
    whole = shop.raw_bytes()
    folder = shop.lake.raw / "sales/source=shop"
    (folder / "date_day=2025-01-01/part.parquet").write_bytes(b"PAR1 torn")
    (folder / "date_day=2025-01-02/part.parquet").unlink()
    shop.land()
    assert shop.raw_bytes() == whole


def test_the_register_says_what_the_source_is(shop: Any) -> None:
    shop.write(*shop.good_rows(1))
    shop.land()
    (row,) = duckdb.sql(f"from read_json('{shop.lake.sources}/*.json')").fetchall()
    assert "EUR" in row
    assert ["sales", "territories"] in row


def test_a_days_window_lands_the_plan_that_lies_ahead_of_it(shop: Any) -> None:
    shop.write(*shop.good_rows(3))
    mapping = shop.mapping.read_text(encoding="utf-8") + (
        "  - table: plans\n"
        "    records:\n"
        "      - {plan_id: spring, date_day: '2025-03-01', grain: day, kind: media, driver: tv,\n"
        "         territory_id: south, spend: 10, currency_code: EUR}\n"
    )
    shop.mapping.write_text(mapping, encoding="utf-8")
    shop.land(date(2025, 1, 1), date(2025, 1, 2))
    assert {row["date_day"] for row in shop.rows()} == {date(2025, 1, 1)}
    assert [row["date_day"] for row in shop.rows("plans")] == [date(2025, 3, 1)]
