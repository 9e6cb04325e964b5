"""Foreign columns become contract columns: each key of a mapping, worked by hand."""

# ruff: noqa: DTZ001 - landed times are UTC without a zone

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa
import pytest

from ingestion.mapping import TableMapping, Writing
from warehouse.errors import SourceError


@pytest.fixture
def shaped(bench: Any) -> Any:
    def run(
        csv: str, table: dict[str, Any], writing: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        header, *lines = [line.split(",") for line in csv.splitlines()]
        columns = {
            name: list(cells) for name, cells in zip(header, zip(*lines, strict=True), strict=True)
        }
        entry = TableMapping.model_validate({"from": "f", **table})
        return cast(
            list[dict[str, Any]],
            bench.shaped(entry, columns, Writing.model_validate(writing or {})),
        )

    return run


def _all(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


CONTROL = {"grain": "week", "territory_id": "all"}


def test_wide_becomes_long_in_the_order_of_the_file(shaped: Any) -> None:
    frame = shaped(
        "date_day,a,b\n2025-01-06,1,2\n2025-01-13,3,4\n",
        {
            "table": "controls",
            "constants": CONTROL,
            "unpivot": [
                {"set": {"control": "x"}, "columns": {"value": "a"}},
                {"set": {"control": "y"}, "columns": {"value": "b"}},
            ],
        },
    )
    assert _all(frame, "value") == [1, 2, 3, 4]
    assert _all(frame, "control") == ["x", "y", "x", "y"]
    assert _all(frame, "_row_number") == [2, 2, 3, 3]


def test_a_number_of_the_same_name_is_not_repeated_by_unpivot(shaped: Any) -> None:
    frame = shaped("date_day,territory_id,tv,conversions\n2025-01-06,n,5,70\n",
        {
            "table": "ad_spend",
            "constants": {"grain": "week", "currency_code": "EUR", "platform": "p",
                          "channel_kind": "paid"},
            "unpivot": [{"set": {"channel": "tv"}, "columns": {"spend": "tv"}}],
        },
    )  # fmt: skip
    assert [frame[0][n] for n in ("territory_id", "spend", "conversions")] == ["n", 5, None]


def test_multiply_is_exact_and_rounds_half_to_even(shaped: Any) -> None:
    frame = shaped("day,a,b\n1,0.1,0.2\n2,3,1.0000005\n3,1,0.0000005\n4,,2\n5,abc,2\n6,1e2,-1.5\n",
        {"table": "controls", "constants": {**CONTROL, "control": "c"},
         "columns": {"date_day": "day"}, "multiply": {"value": ["a", "b"]}},
    )  # fmt: skip
    # Ties and other spellings are left to the closer look.
    assert _all(frame, "value") == [0.02, None, None, None, None, None]
    assert _all(frame, "_t_value")[3] is None


@pytest.mark.parametrize(
    ("condition", "kept"),
    [("present", [1, 2, 3, 5]), ("not_zero", [1, 5]), (["0.5", "x"], [1, 5])],
)
def test_where_keeps_lines(shaped: Any, condition: object, kept: list[float]) -> None:
    frame = shaped("date_day,value,promo\nd,1,0.5\nd,2,0\nd,3,-0.00\nd,4,na\nd,5,x\n",
        {"table": "controls", "constants": {**CONTROL, "control": "c"},
         "where": {"promo": condition}},
        {"na_values": ["na"]},
    )  # fmt: skip
    assert _all(frame, "value") == kept


def test_dates_are_read_in_their_format_moved_and_woven_into_ids(shaped: Any) -> None:
    frame = shaped("start,territory_id\n27.02.2024,n\n30.02.2025,n\n,n\n",
        {
            "table": "promotions",
            "columns": {"starts_on": "start"},
            "constants": {"kind": "coupon", "fixed_cost": 0, "variable_cost": 0,
                          "currency_code": "EUR"},
            "offset_days": {"ends_on": ["starts_on", 6]},
            "templates": {"promotion_id": "{kind}/{starts_on}"},
        },
        {"date_format": "%d.%m.%Y"},
    )  # fmt: skip
    assert _all(frame, "starts_on") == [date(2024, 2, 27), None, None]
    assert _all(frame, "_t_starts_on") == ["27.02.2024", "30.02.2025", None]
    assert _all(frame, "ends_on") == [date(2024, 3, 4), None, None]
    assert _all(frame, "promotion_id") == ["coupon/2024-02-27", "coupon/30.02.2025", None]


def test_empty_cells_mean_what_the_mapping_says(shaped: Any) -> None:
    frame = shaped("product_id,list_price,brand\na, ,-\nb,2,x\n",
        {"table": "products", "columns": {"product_name": "product_id"},
         "missing": {"list_price": "zero"}, "constants": {"category": ""}},
        {"na_values": ["-"]},
    )  # fmt: skip
    assert _all(frame, "list_price") == [0, 2]
    assert _all(frame, "brand") == [None, "x"]
    assert _all(frame, "category") == [None, None]


def test_distinct_keeps_the_first_of_equal_rows(shaped: Any) -> None:
    frame = shaped("geo,population,sales\nn,10,1\ns,20,2\nn,10,3\nn,11,4\n",
        {"table": "territories", "distinct": True, "constants": {"currency_code": "EUR"},
         "columns": {"territory_id": "geo", "territory_name": "geo"}},
    )  # fmt: skip
    assert _all(frame, "territory_id") == ["n", "s", "n"]
    assert _all(frame, "_row_number") == [2, 3, 5]


def test_a_missing_column_is_named_with_the_nearest(shaped: Any) -> None:
    with pytest.raises(SourceError, match=r"no column 'tv_S'.*nearest is 'TV_s'.*'date_day'"):
        shaped(
            "date_day,TV_s\n2025-01-06,1\n",
            {"table": "controls", "columns": {"value": "tv_S"}, "constants": CONTROL},
        )
    with pytest.raises(SourceError, match=r"no column 'value', which controls needs.*'valeu'"):
        shaped(
            "date_day,valeu\n2025-01-06,1\n",
            {"table": "controls", "constants": {**CONTROL, "control": "c"}},
        )


def test_add_is_exact_and_an_empty_cell_is_zero_unless_all_are(shaped: Any) -> None:
    frame = shaped(
        "date_day,a,b\n2025-01-06,0.1,0.2\n2025-01-07,,5\n2025-01-08,,\n2025-01-09,x,1\n",
        {"table": "ad_spend", "add": {"spend": ["a", "-b"]}, "constants": {
            "territory_id": "n", "grain": "day", "currency_code": "EUR", "platform": "p",
            "channel": "tv", "channel_kind": "paid"}},
    )  # fmt: skip
    assert _all(frame, "spend") == [Decimal("-0.1"), Decimal(-5), None, None]
    assert [text is None for text in _all(frame, "_t_spend")] == [False, False, True, False]


@pytest.mark.parametrize(
    ("other", "landed"),
    [
        ("keep", ["web", "kiosk", None]),
        ("null", ["web", None, None]),
        ("error", ["web", None, None]),
    ],
)
def test_lookup_replaces_values_and_says_what_the_others_become(
    shaped: Any, other: str, landed: list[str | None]
) -> None:
    frame = shaped(
        "campaign_id,where\na,W\nb,kiosk\nc,\n",
        {"table": "campaigns", "lookup": {
            "channel": {"from": "where", "values": {"W": "web"}, "other": other}}},
    )  # fmt: skip
    assert _all(frame, "channel") == landed
    # What is refused has a text and no value: the row is rejected.
    assert (frame[1]["_t_channel"] is not None) == (other != "null")


def test_numbers_are_read_as_declared(shaped: Any) -> None:
    frame = shaped(
        "product_id|list_price\n".replace("|", ",") + "a,1.234\nb,12\nc,1.23\n",
        {"table": "products", "columns": {"product_name": "product_id"}},
        {"decimal": ",", "thousands": "."},
    )
    assert _all(frame, "list_price") == [Decimal(1234), Decimal(12), None]


def _touches(bench: Any, cells: Any, **writing: Any) -> list[dict[str, Any]]:
    columns = {"touchpoint_id": [str(n) for n in range(len(cells))], "occurred_at": cells}
    entry = TableMapping.model_validate(
        {"table": "touchpoints", "from": "f", "constants": {"kind": "call", "channel": "phone"}}
    )
    return cast(list[dict[str, Any]], bench.shaped(entry, columns, Writing(**writing)))


def test_times_become_utc_and_days_and_zones_follow(bench: Any) -> None:
    cells = ["2025-07-01T00:30:00", "2025-07-01 12:00", "2025-07-01T00:30:00+05:30", "2025-07-01"]
    rows = _touches(bench, cells, time_zone="Europe/Berlin")
    assert _all(rows, "occurred_at") == [
        datetime(2025, 6, 30, 22, 30), datetime(2025, 7, 1, 10), datetime(2025, 6, 30, 19),
        datetime(2025, 6, 30, 22),
    ]  # fmt: skip
    assert _all(rows, "date_day")[:2] == [date(2025, 6, 30), date(2025, 7, 1)]
    assert set(_all(rows, "time_zone")) == {"Europe/Berlin"}
    assert set(_all(_touches(bench, cells), "time_zone")) == {None}


def test_typed_cells_are_taken_as_they_are(bench: Any) -> None:
    local = pa.array([datetime(2025, 1, 1, 12)], pa.timestamp("us"))
    zoned = pa.array([datetime(2025, 1, 1, 12)], pa.timestamp("us", "Asia/Tokyo"))
    seconds = pa.array([1735732800], pa.int64())
    assert _touches(bench, local, time_zone="Asia/Tokyo")[0]["occurred_at"].hour == 3
    assert _touches(bench, zoned)[0]["occurred_at"] == datetime(2025, 1, 1, 12)
    found = _touches(bench, seconds, date_format="epoch_seconds")[0]
    assert (found["occurred_at"], found["date_day"]) == (
        datetime(2025, 1, 1, 12), date(2025, 1, 1),
    )  # fmt: skip


def test_unmapped_columns_are_kept_where_the_table_evolves(shaped: Any) -> None:
    csv = 'campaign_id,new "col",other\na,1,\n'
    table: dict[str, Any] = {"table": "campaigns"}
    assert shaped(csv, table)[0]["_extra"] is None
    extra = shaped(csv, table | {"drift": "evolve"})[0]["_extra"]
    assert json.loads(extra) == {'new "col"': "1", "other": ""}
