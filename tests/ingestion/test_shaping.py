"""Foreign columns become contract columns: each key of a mapping, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from ingestion.mapping import parse_mapping
from ingestion.reading import read_csv
from ingestion.shaping import Cells, shape, shape_records
from warehouse.errors import SourceError


def _shape(
    folder: Path, csv: str, table: dict[str, object], file: dict[str, object] | None = None
) -> pd.DataFrame:
    path = folder / "f.csv"
    path.write_text(csv)
    mapping = parse_mapping(
        yaml.safe_dump(
            {
                "version": 1,
                "source": "shop",
                "files": {"f": {"path": "f.csv", **(file or {})}},
                "tables": [{"from": "f", **table}],
            }
        ).encode(),
        "m",
    )
    spec = mapping.files["f"]
    file = read_csv(path, "shop, f", spec.delimiter or ",")
    cells = Cells(file.label, file.hash, file.cells, file.row_numbers)
    frame = shape(mapping.tables[0], cells, spec)
    return frame.astype(object).where(frame.notna(), None)


CONTROL = {"grain": "week", "territory_id": "all"}


def test_wide_becomes_long_in_the_order_of_the_file(tmp_path: Path) -> None:
    frame = _shape(
        tmp_path,
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
    assert frame["value"].tolist() == ["1", "2", "3", "4"]
    assert frame["control"].tolist() == ["x", "y", "x", "y"]
    assert frame["_row_number"].tolist() == [2, 2, 3, 3]


def test_a_number_of_the_same_name_is_not_repeated_by_unpivot(tmp_path: Path) -> None:
    frame = _shape(
        tmp_path,
        "date_day,territory_id,tv,conversions\n2025-01-06,n,5,70\n",
        {
            "table": "ad_spend",
            "constants": {"grain": "week", "currency_code": "EUR", "platform": "p",
                          "channel_kind": "paid"},
            "unpivot": [{"set": {"channel": "tv"}, "columns": {"spend": "tv"}}],
        },
    )  # fmt: skip
    assert frame.loc[0, ["territory_id", "spend", "conversions"]].tolist() == ["n", "5", None]


def test_multiply_is_exact_and_rounds_half_to_even(tmp_path: Path) -> None:
    frame = _shape(
        tmp_path,
        "day,a,b\n1,0.1,0.2\n2,3,1.0000005\n3,1,0.0000005\n4,,2\n5,abc,2\n6,1e2,-1.5\n",
        {"table": "controls", "constants": {**CONTROL, "control": "c"},
         "columns": {"date_day": "day"}, "multiply": {"value": ["a", "b"]}},
    )  # fmt: skip
    assert frame["value"].tolist() == [
        "0.020000", "3.000002", "0.000000", None, "abc x 2", "-150.000000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "kept"),
    [("present", ["1", "2", "3", "5"]), ("not_zero", ["1", "5"]), (["0.5", "x"], ["1", "5"])],
)
def test_where_keeps_lines(tmp_path: Path, condition: object, kept: list[str]) -> None:
    frame = _shape(
        tmp_path,
        "date_day,value,promo\nd,1,0.5\nd,2,0\nd,3,-0.00\nd,4,na\nd,5,x\n",
        {"table": "controls", "constants": {**CONTROL, "control": "c"},
         "where": {"promo": condition}},
        {"na_values": ["na"]},
    )  # fmt: skip
    assert frame["value"].tolist() == kept


def test_dates_are_read_in_their_format_moved_and_woven_into_ids(tmp_path: Path) -> None:
    frame = _shape(
        tmp_path,
        "start;territory_id\n27.02.2024;n\n30.02.2025;n\n;n\n",
        {
            "table": "promotions",
            "columns": {"starts_on": "start"},
            "constants": {"kind": "coupon", "fixed_cost": 0, "variable_cost": 0,
                          "currency_code": "EUR"},
            "offset_days": {"ends_on": ["starts_on", 6]},
            "templates": {"promotion_id": "{kind}/{starts_on}"},
        },
        {"delimiter": ";", "date_format": "%d.%m.%Y"},
    )  # fmt: skip
    assert frame["starts_on"].tolist() == ["2024-02-27", "30.02.2025", None]
    assert frame["ends_on"].tolist() == ["2024-03-04", "30.02.2025", None]
    assert frame["promotion_id"].tolist() == ["coupon/2024-02-27", "coupon/30.02.2025", None]


def test_empty_cells_mean_what_the_mapping_says(tmp_path: Path) -> None:
    frame = _shape(
        tmp_path,
        "product_id,list_price,brand\na, ,-\nb,2,x\n",
        {"table": "products", "columns": {"product_name": "product_id"},
         "missing": {"list_price": "zero"}, "constants": {"category": ""}},
        {"na_values": ["-"]},
    )  # fmt: skip
    assert frame["list_price"].tolist() == ["0", "2"]
    assert frame["brand"].tolist() == [None, "x"]
    assert frame["category"].tolist() == [None, None]


def test_distinct_keeps_the_first_of_equal_rows(tmp_path: Path) -> None:
    frame = _shape(
        tmp_path,
        "geo,population,sales\nn,10,1\ns,20,2\nn,10,3\nn,11,4\n",
        {"table": "territories", "distinct": True, "constants": {"currency_code": "EUR"},
         "columns": {"territory_id": "geo", "territory_name": "geo"}},
    )  # fmt: skip
    assert frame["territory_id"].tolist() == ["n", "s", "n"]
    assert frame["_row_number"].tolist() == [2, 3, 5]


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column 'tv_S'.*nearest is 'TV_s'.*'date_day'"):
        _shape(
            tmp_path,
            "date_day,TV_s\n2025-01-06,1\n",
            {"table": "controls", "columns": {"value": "tv_S"}, "constants": CONTROL},
        )
    with pytest.raises(SourceError, match=r"no column 'value', which controls needs.*'valeu'"):
        _shape(
            tmp_path,
            "date_day,valeu\n2025-01-06,1\n",
            {"table": "controls", "constants": {**CONTROL, "control": "c"}},
        )


def test_records_are_rows() -> None:
    mapping = parse_mapping(
        b"version: 1\nsource: a\ntables:\n - table: products\n   constants: {brand: Acme}\n"
        b"   templates: {product_name: 'Tea {product_id}'}\n"
        b"   records: [{product_id: 1}, {product_id: 2, list_price: 3.50}]\n",
        "m",
    )
    frame = shape_records(mapping.tables[0])
    assert frame["product_name"].tolist() == ["Tea 1", "Tea 2"]
    assert frame["brand"].tolist() == ["Acme", "Acme"]
    assert frame["list_price"].fillna("").tolist() == ["", "3.50"]
    assert frame["_row_number"].tolist() == [1, 2]
