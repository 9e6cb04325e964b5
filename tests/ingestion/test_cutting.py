"""Days are cut out of sorted rows the same way, however many rows are sorted or held at once."""

from __future__ import annotations

import resource
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import cutting, partitions
from ingestion.contracts import CONTRACTS
from ingestion.fingerprint import Chunk, Fingerprint
from ingestion.mapping import TableMapping

CONTRACT = CONTRACTS["ad_spend"]


def test_days_sorted_in_many_spans_are_the_same_bytes(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(*reversed(shop.good_rows(20)))
    shop.land()
    for sorted_at_once in (1, 7):
        monkeypatch.setattr(cutting, "_SORTED", sorted_at_once)
        twin = shop.twin(f"spans_{sorted_at_once}")
        twin.land()
        assert twin.raw_bytes() == shop.raw_bytes()


def test_a_day_of_several_row_groups_is_whole_and_lands_once(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (cutting, partitions):
        monkeypatch.setattr(module, "ROW_GROUP", 5)
    rows = [f"o{n:02},2025-01-{1 + n // 17:02},north,1,{n}.5" for n in range(40)]
    shop.write(*rows)
    assert {t.table: t.partitions_new for t in shop.land().tables}["sales"] == 3
    assert [row["order_id"] for row in shop.rows()] == [f"o{n:02}" for n in range(40)]
    totals = [line["money"] for line in shop.manifest() if line["kind"] == "new"]
    assert sum(Decimal(text.split()[1]) for text in totals) == Decimal("0.5") * 40 + sum(range(40))
    before = shop.raw_files()
    shop.land()
    assert shop.raw_files() == before


_texts = st.one_of(st.none(), st.text(max_size=4))
_rows = st.lists(
    st.tuples(
        st.integers(1, 3), _texts, st.one_of(st.none(), st.integers(0, 9)), st.sampled_from("AB")
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(rows=_rows)
def test_a_slice_of_a_chunk_has_the_fingerprint_of_its_rows_alone(rows: Any) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    cells: dict[str, list[Any]] = {name: [None] * len(rows) for name in CONTRACT.arrow_schema.names}
    cells["date_day"] = [date(2025, 1, row[0]) for row in rows]
    cells["campaign_name"] = [row[1] for row in rows]
    cells["spend"] = [None if row[2] is None else Decimal(row[2]) for row in rows]
    cells["currency_code"] = [row[3] for row in rows]
    table = pa.table(cells, schema=CONTRACT.arrow_schema)
    together = Chunk(CONTRACT, table)
    for day in sorted({row[0] for row in rows}):
        places = [n for n, row in enumerate(rows) if row[0] == day]
        start, end = places[0], places[-1] + 1
        name = str(date(2025, 1, day))
        one, other = Fingerprint(CONTRACT, name), Fingerprint(CONTRACT, name)
        one.add(together, start, end)
        alone = pa.table(
            {key: column[start:end] for key, column in cells.items()}, schema=CONTRACT.arrow_schema
        )
        other.add(Chunk(CONTRACT, alone), 0, end - start)
        assert (one.digest(), one.money, one.rows) == (other.digest(), other.money, other.rows)


def test_many_distinct_bad_cells_take_bounded_memory_and_are_each_named(shop: Any) -> None:
    size = 30_000
    bad = (f"b{n},2025-01-01,north,1,x{n}" for n in range(size))
    shop.write(*shop.good_rows(1), *bad)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = next(t for t in shop.land(bad_row_share=1).tables if t.table == "sales")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6
    assert (report.rows_kept, report.rows_rejected) == (2, size)
    assert grown < 1.5, f"{grown} GB"
    named = [row for row in shop.quarantined() if row["reason"].startswith("'x")]
    assert len({row["reason"] for row in named}) == size


def test_a_cell_of_megabytes_is_kept_whole_and_its_reason_is_short(bench: Any) -> None:
    long = "a" * 5_000_000
    columns = {
        "date_day": ["2025-01-01"] * 2, "territory_id": ["north"] * 2,
        "control": [long, "rain"], "value": ["1", long], "grain": ["day"] * 2,
    }  # fmt: skip
    known = {name: columns[name] for name in CONTRACTS["controls"].columns if name in columns}
    table = TableMapping.model_validate({"table": "controls", "from": "f"})
    kept, rejected = bench.checked(table, known)
    assert [row["_row_number"] for row in kept] == [2]
    assert max(len(str(cell)) for cell in kept[0].values()) == len(long)
    (one,) = rejected
    assert one["_row_number"] == 3
    assert len(one["reason"]) < 300
