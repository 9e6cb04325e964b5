"""Cells become values exactly; the plain forms in SQL and the closer look never disagree."""

# ruff: noqa: DTZ001 - landed times are UTC without a zone

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import moments, plain_forms
from ingestion.contracts.contract import TypeName
from ingestion.conversion import Reader, convert
from ingestion.mapping import TableMapping, Writing
from warehouse.errors import SourceError

digits = st.text("0123456789", min_size=1, max_size=14)
numbers = st.one_of(
    st.builds("{}{}.{}".format, st.sampled_from(["", "-", "+"]), digits, digits),
    st.builds("{}{}".format, st.sampled_from(["", "-"]), digits),
    st.floats().map(str),
    st.text("0123456789.,-+eE ", max_size=10),
)
days = st.one_of(
    st.dates().map(str),
    st.datetimes().map(lambda then: then.strftime("%d.%m.%Y")),
    st.text("0123456789-", max_size=10),
)
times = st.one_of(
    st.datetimes(datetime(1850, 1, 1), datetime(2250, 1, 1)).map(str),
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)).map(
        lambda then: then.isoformat(timespec="seconds") + "+02:00"
    ),
    # Around the changes of the clock in Berlin.
    st.builds(
        "2025-{}T{:02}:{:02}:00".format,
        st.sampled_from(["03-29", "03-30", "03-31", "10-25", "10-26", "10-27"]),
        st.integers(0, 24),
        st.sampled_from([0, 30]),
    ),
)


def _plainly(bench: Any, reader: Reader, cells: list[str]) -> list[Any]:
    form = plain_forms.form("VARCHAR", reader.type_name, reader.writing, "c", "n", "p")
    relation = bench.relation({"c": cells}, reader.writing)
    return [
        row["v"]
        for row in bench.query(
            f"select {form.value} as v from (select *, {form.parsed} as p from (select *, "
            f"{form.rewritten} as n from (select c0 as c, _row_number from ({relation.sql})))) "
            "order by _row_number"
        )
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_sql_takes_is_what_the_closer_look_finds(bench: Any, data: st.DataObject) -> None:
    type_name: TypeName = data.draw(
        st.sampled_from(["DECIMAL(18,6)", "DOUBLE", "BIGINT", "DATE", "TIMESTAMP"])
    )
    texts, writings = {
        "DATE": (days, [Writing(), Writing(date_format="%d.%m.%Y")]),
        "TIMESTAMP": (times, [Writing(), Writing(time_zone="Europe/Berlin")]),
    }.get(type_name, (numbers, [Writing(), Writing(decimal=",", thousands=".")]))
    reader = Reader(type_name, data.draw(st.sampled_from(writings)))
    cells = [cell.strip() or "0" for cell in data.draw(st.lists(texts, min_size=1, max_size=20))]
    exact, reasons = convert(reader, cells)
    for cell, plain, value, reason in zip(
        cells, _plainly(bench, reader, cells), exact.to_pylist(), reasons, strict=True
    ):
        assert plain is None or plain == value, cell
        assert (value is None) == (reason is not None), cell


def _value(type_name: str, cell: str, **writing: Any) -> Any:
    found, _ = convert(Reader(type_name, Writing(**writing)), [cell])
    return found.to_pylist()[0]


def test_money_is_rounded_half_to_even_at_six_places() -> None:
    halves = ["0.0000005", "0.0000015", "-0.0000025", "1e-7", "12.3456785"]
    assert [_value("DECIMAL(18,6)", cell) for cell in halves] == [
        Decimal(text) for text in ("0", "0.000002", "-0.000002", "0", "12.345678")
    ]


def test_a_local_time_that_does_not_exist_is_none_and_the_first_of_two_is_taken() -> None:
    zone = {"time_zone": "Europe/Berlin"}
    assert _value("TIMESTAMP", "2025-03-30T02:30", **zone) is None
    assert _value("TIMESTAMP", "2025-10-26T02:30", **zone) == datetime(2025, 10, 26, 0, 30)
    assert _value("TIMESTAMP", "2025-10-26T02:30+01:00", **zone) == datetime(2025, 10, 26, 1, 30)
    assert date(2025, 3, 30) in moments.changes("Europe/Berlin")
    assert moments.changes("UTC") == ()


def test_epochs_are_days_and_seconds() -> None:
    assert _value("DATE", "20089", date_format="epoch_days") == date(2025, 1, 1)
    moment = _value("TIMESTAMP", "1735732800.5", date_format="epoch_seconds")
    assert moment == datetime(2025, 1, 1, 12, 0, 0, 500000)
    tokyo = {"date_format": "epoch_seconds", "time_zone": "Asia/Tokyo"}
    assert _value("DATE", "1735743600", **tokyo) == date(2025, 1, 2)


SALE = {
    "table": "sales", "from": "f",
    "constants": {"order_id": "o", "line_number": 1, "grain": "day", "product_id": "p",
                  "territory_id": "north", "sales_channel": "web", "sales_level": "shop",
                  "customer_kind": "B2C", "currency_code": "EUR"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("day", "amount", "says"),
    [
        ("2025-01-01", "1,234", r"'1,234'.*1234 with `thousands: ','|1234 with `decimal: '.', tho"),
        ("2025-01-01", "1.234,50", r"1234\.50 with `decimal: ',', thousands: '\.'`"),
        ("03/04/2025", "1", r"2025-04-03 with `date_format: '%d/%m/%Y'`, or 2025-03-04 with"),
    ],
)
def test_an_undeclared_writing_fails_the_source_and_names_its_meanings(
    bench: Any, day: str, amount: str, says: str
) -> None:
    columns = {"date_day": ["2025-01-01", day], "net_revenue": ["1", amount]}
    entry = TableMapping.model_validate(SALE)
    with pytest.raises(SourceError, match=says) as caught:
        bench.checked(entry, columns)
    assert "not declared" in str(caught.value)
    # Declared, it is a value or an ordinary misfit.
    declared = Writing(decimal=".", date_format="%Y-%m-%d")
    kept, rejected = bench.checked(entry, columns, declared)
    assert (len(kept), len(rejected)) == (1, 1)


def test_the_closer_look_keeps_odd_rows_whole(bench: Any) -> None:
    columns = {
        "date_day": ["20250101", "20250102", "2025013"],
        "net_revenue": ["1.0000005", "1e3", "5"],
    }
    kept, rejected = bench.checked(
        TableMapping.model_validate(SALE | {"constants": SALE["constants"] | {"order_id": "x"}}
                                    | {"templates": {}}),
        columns, Writing(date_format="%Y%m%d"),
    )  # fmt: skip
    assert [(row["date_day"], row["net_revenue"]) for row in kept] == [
        (date(2025, 1, 1), Decimal("1.000000"))
    ]
    assert [row["column"] for row in rejected] == ["order_id", "date_day"]
