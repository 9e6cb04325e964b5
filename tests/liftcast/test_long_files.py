"""Large CSV files, read in blocks: what is laid out of them is what a small file gives."""

import gzip

import numpy as np
import pytest

from forecasting.errors import BadValueError
from forecasting.longframe import lay_out
from liftcast import long_files
from liftcast.forecast_options import naming
from liftcast.long_files import read_large
from liftcast.mix_files import read_csv
from warehouse.errors import LiftcastError

ROWS = "".join(
    f'"a, ""{shop}""",00{shop},2024-01-{day:02d}, {day + shop},{("x", "ä y")[day % 2]},{day % 3}\n'
    for shop in range(40)
    for day in range(1, 29)
)
HEAD = "\ufeffshop, code ,day,units,kind,price\n"


def _laid(table):
    return lay_out(
        table.frame, None, series=["shop", "code"], date="day", target="units", horizon=2,
        plan_columns=["kind", "price"],
    )  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(HEAD + ROWS, encoding="utf-8")
    return path


def test_blocks_give_what_a_small_file_gives(file, tmp_path, monkeypatch):
    monkeypatch.setattr(long_files, "_BLOCK", 4096)
    packed = tmp_path / "history.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    small = _laid(read_csv(file))
    for path in (file, packed):
        table = read_large(path, ["shop", "code", "day"])
        laid = _laid(table)
        assert laid.grid.ids == small.grid.ids
        assert laid.keys.equals(small.keys)
        assert laid.grid.columns == small.grid.columns
        np.testing.assert_array_equal(laid.grid.y, small.grid.y)
        np.testing.assert_array_equal(laid.grid.plan, small.grid.plan)
    assert table.frame["price"].dtype == float
    assert table.frame["kind"].cat.categories.tolist() == ["ä y", "x"]
    assert laid.keys["code"].iloc[0] == "000"


@pytest.mark.parametrize("cell", ["twelve", ""])
def test_what_is_no_number_is_named_with_file_and_row(file, cell):
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[7] = lines[7].replace(", 7,", f",{cell},")
    file.write_text("".join(lines), encoding="utf-8")
    with (
        pytest.raises(BadValueError, match=r"history\.csv: The history's 'units' is .*\(row 8\)"),
        naming(file, None),
    ):
        _laid(read_large(file, ["shop", "code", "day"]))


def test_a_row_of_another_length_is_refused_with_its_file(file):
    with file.open("a", encoding="utf-8") as handle:
        handle.write("a,b,2024-01-01\n")
    with pytest.raises(LiftcastError, match=r"history\.csv: the file cannot be read in blocks"):
        read_large(file, ["shop"])
