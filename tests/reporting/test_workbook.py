"""The workbook, read back by other programs: types, totals, formulas, and no name that acts."""

from __future__ import annotations

import csv
import subprocess
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from reporting.sheets import MOST_ROWS
from reporting.workbook import SHEETS, write_workbook
from warehouse.errors import LiftcastError


@pytest.fixture(scope="module")
def file(hostile, facts, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("workbook") / "liftcast.xlsx"
    write_workbook(hostile, out, facts)
    return out


@pytest.fixture(scope="module")
def book(file):
    return openpyxl.load_workbook(file)


def _column(sheet, heading: str) -> list:
    place = next(c.column for c in sheet[1] if c.value == heading)
    return [row[place - 1].value for row in sheet.iter_rows(min_row=2)]


def test_sheets_are_there_in_order_with_frozen_filtered_headings(book):
    assert tuple(book.sheetnames) == SHEETS
    for name in (
        "Attribution",
        "Second opinion",
        "Contributions",
        "Forecast",
        "Forecast revenue",
        "Forecast parts",
        "Versions",
        "Bridge",
        "Accuracy",
        "Ledger",
        "Checks",
        "Freshness",
    ):
        sheet = book[name]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref.startswith("A1:")
        assert all(d.width >= 9 for d in sheet.column_dimensions.values())


def test_only_the_reconciliation_holds_formulas(book, file):
    for sheet in book:
        formulas = [c.coordinate for row in sheet.iter_rows() for c in row if c.data_type == "f"]
        assert bool(formulas) == (sheet.title == "Reconciliation"), (sheet.title, formulas)
    with zipfile.ZipFile(file) as parts:
        links = "".join(parts.read(n).decode() for n in parts.namelist() if n.endswith(".rels"))
    assert 'TargetMode="External"' not in links


def test_text_that_looks_like_a_formula_stays_text(book):
    drivers = _column(book["Attribution"], "Driver")
    assert '=HYPERLINK("http://evil.example/","click")' in drivers
    assert "=cmd|' /C calc'!A0" in _column(book["Contributions"], "Territory name")
    names = _column(book["Ledger"], "Product name")
    assert {"<script>alert(1)</script>", "@SUM(1+1)"} == set(names)
    for row in book["Attribution"].iter_rows(min_row=2, max_col=2):
        assert all(cell.data_type in ("s", "inlineStr") for cell in row)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1+2", "@A1", "\t=1", "\r=1", "http://a.example"])
def test_every_dangerous_start_is_written_as_text(start, hostile, facts, tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    for source in hostile.glob("*.parquet"):
        (tables / source.name).write_bytes(source.read_bytes())
    products = pd.read_parquet(hostile / "dim_products.parquet")
    products["product_name"] = start + " name"
    products.to_parquet(tables / "dim_products.parquet")
    write_workbook(tables, tmp_path / "out.xlsx", facts, most_rows=1_000)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Ledger"]
    cell = sheet["E2"]
    assert cell.data_type in ("s", "inlineStr") and cell.hyperlink is None
    assert cell.value.endswith(f"{start.strip()} name")


def test_cells_have_the_type_of_their_column(book):
    contributions = book["Contributions"]
    assert all(isinstance(d, datetime) for d in _column(contributions, "Date from"))
    assert contributions["A2"].number_format == "yyyy-mm-dd"
    amounts = _column(contributions, "Contribution, EUR")
    assert all(isinstance(a, int | float) for a in amounts)
    assert '"EUR"' in contributions["F2"].number_format
    assert "%" in book["Attribution"]["G2"].number_format
    fresh = book["Freshness"]
    assert fresh["C2"].value.isoformat() == "2024-12-29T00:00:00" and fresh["C2"].is_date
    assert fresh["D2"].value.isoformat() == "2025-01-06T05:02:00"


def test_what_is_missing_is_blank(book):
    organic = next(
        row for row in book["Attribution"].iter_rows(min_row=2) if row[0].value == "organic"
    )
    assert [cell.value for cell in organic[9:13]] == [None] * 4
    unknown = next(r for r in book["Checks"].iter_rows(min_row=2) if r[1].value == "unique_key")
    assert unknown[5].value is None and unknown[7].value is None


def test_totals_equal_the_tables(book, hostile):
    table = pd.read_parquet(hostile / "attr_contributions.parquet")
    written = _column(book["Contributions"], "Contribution, EUR")
    assert len(written) == len(table)
    assert round(sum(written), 2) == float(sum(table["contribution"]))
    second = pd.read_parquet(hostile / "attr_summary_classical.parquet")
    classical = [x for x in _column(book["Second opinion"], "Classical, EUR") if x is not None]
    assert round(sum(classical), 2) == float(sum(second["contribution"]))
    ledger = pd.read_parquet(hostile / "fct_ledger.parquet")
    booked = _column(book["Ledger"], "Net revenue, EUR")
    assert round(sum(booked), 2) == float(sum(ledger["net_revenue"]))
    volume = pd.read_parquet(hostile / "fcst_volume.parquet")
    assert round(sum(_column(book["Forecast"], "Mean, EUR")), 2) == float(sum(volume["mean"]))


def test_versions_their_bridge_and_their_accuracy_have_sheets(book):
    assert _column(book["Versions"], "Final") == [200.0, 200.5]
    assert _column(book["Versions"], "Submitted by")[0].startswith("=HYPERLINK")
    assert _column(book["Versions"], "Locked at (UTC)")[0] == "2025-01-06 10:00:00"
    steps = dict(
        zip(_column(book["Bridge"], "Step"), _column(book["Bridge"], "Amount"), strict=True)
    )
    assert steps == {"old": 200.5, "override": -0.5, "new": 200.0}
    assert _column(book["Accuracy"], "Level") == ["total", "territory_id"]
    assert _column(book["Accuracy"], "WAPE, final") == [0.05, None]


def test_the_reconciliation_is_stored_with_its_results(file, hostile):
    values = openpyxl.load_workbook(file, data_only=True)["Reconciliation"]
    found = {row[0].value: row[1].value for row in values.iter_rows(min_row=4)}
    booked = float(sum(pd.read_parquet(hostile / "fct_ledger.parquet")["net_revenue"]))
    assert found["Ledger net revenue"] == found["Sum of the contributions"] == booked
    assert found["Difference"] == 0


def test_a_long_table_is_summed_by_month_and_says_so(hostile, facts, tmp_path):
    write_workbook(hostile, tmp_path / "out.xlsx", facts, most_rows=1_000)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    days = {d.day for d in _column(book["Contributions"], "Date from")}
    assert days == {1}
    table = pd.read_parquet(hostile / "attr_contributions.parquet")
    written = _column(book["Contributions"], "Contribution, EUR")
    assert len(written) < 1_000 < len(table) < MOST_ROWS
    assert round(sum(written), 2) == float(sum(table["contribution"]))
    said = [row[1].value for row in book["About"].iter_rows() if row[0].value == "Contributions"]
    assert "by month" in said[0] and "to fit" in said[0]


def test_equal_input_gives_equal_bytes(hostile, facts, file, tmp_path):
    write_workbook(hostile, tmp_path / "again.xlsx", facts)
    assert (tmp_path / "again.xlsx").read_bytes() == file.read_bytes()
    assert openpyxl.load_workbook(file).properties.created.isoformat() == "2025-01-06T06:31:00"


def test_about_names_the_run_and_links_to_every_sheet(book, facts):
    about = book["About"]
    text = " ".join(str(c.value) for row in about.iter_rows() for c in row if c.value)
    assert facts["run_id"] in text and facts["release_id"] in text
    links = {c.hyperlink.location for row in about.iter_rows() for c in row if c.hyperlink}
    assert links == {f"'{name}'!A1" for name in SHEETS[1:]}


def test_units_are_not_written_as_money(daily, facts, tmp_path):
    write_workbook(daily, tmp_path / "out.xlsx", facts)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Forecast"]
    assert sheet["H1"].value == "Mean, units"
    assert "EUR" not in sheet["H2"].number_format


def test_net_revenue_stands_beside_units_in_a_sheet_of_its_own(daily, facts, tmp_path):
    write_workbook(daily, tmp_path / "out.xlsx", facts)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    sheet = book["Forecast revenue"]
    revenue = pd.read_parquet(daily / "fcst_revenue.parquet")
    assert round(sum(_column(sheet, "Mean, EUR")), 2) == float(sum(revenue["mean"]))
    assert _column(sheet, "Units, mean") == _column(book["Forecast"], "Mean, units")
    assert _column(sheet, "Net price, EUR a unit")[0] == pytest.approx(7, abs=1e-3)
    assert "EUR" in sheet["I2"].number_format


def test_parts_of_the_forecast_sum_to_it_in_each_territory(daily, facts, tmp_path):
    write_workbook(daily, tmp_path / "out.xlsx", facts)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Forecast parts"]
    told = pd.DataFrame({c.value: _column(sheet, c.value) for c in sheet[1]})
    volume = pd.read_parquet(daily / "fcst_volume.parquet")
    volume = volume[(volume["period"] == "day") & (volume["level"] == "territory")]
    wanted = volume.assign(mean=volume["mean"].astype(float)).groupby("territory_id")["mean"].sum()
    wanted["all"] = wanted.sum()
    assert told["Territory"].iloc[0] == "all"
    for place, own in told.groupby("Territory"):
        assert own["Part"].iloc[0] == "level: what sells without the rest"
        assert own["Part"].iloc[-1] == "forecast"
        sums = own[["Volume, units", "Net revenue, EUR"]].iloc[:-1].sum()
        np.testing.assert_allclose(sums.astype(float), own.iloc[-1, 2:].astype(float))
        assert sums.iloc[0] == pytest.approx(wanted[place], abs=0.01)
        assert sums.iloc[1] == pytest.approx(7 * wanted[place], abs=0.5)
    assert "<script>alert(1)</script> (media)" in set(told["Part"])


def test_without_units_the_sheet_of_net_revenue_says_what_the_forecast_says(book):
    sheets = book["Forecast revenue"], book["Forecast"]
    assert _column(sheets[0], "Mean, EUR") == _column(sheets[1], "Mean, EUR")
    assert set(_column(sheets[0], "Net price, EUR a unit")) == {None}


def test_a_missing_folder_is_one_clear_sentence(facts, tmp_path):
    with pytest.raises(LiftcastError, match="published tables are missing"):
        write_workbook(tmp_path / "nowhere", tmp_path / "out.xlsx", facts)
    assert not list(tmp_path.glob("*.xlsx"))


def test_libreoffice_computes_the_same_zero(soffice, file, book, hostile, tmp_path):
    """A spreadsheet program opens the file, computes the formulas, and the difference is 0."""
    stripped = tmp_path / "liftcast.xlsx"
    book.save(stripped)  # without our stored results, so that the program has to compute
    subprocess.run(
        [
            soffice,
            "--headless",
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--convert-to",
            # comma, quote, UTF-8, values as stored, every sheet (-1) to its own file
            "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1",
            "--outdir",
            str(tmp_path / "csv"),
            str(stripped),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    with (tmp_path / "csv" / "liftcast-Reconciliation.csv").open(encoding="utf-8") as lines:
        found = {row[0]: row[1] for row in csv.reader(lines)}
    booked = sum(pd.read_parquet(hostile / "fct_ledger.parquet")["net_revenue"])
    assert Decimal(found["Ledger net revenue"]) == booked
    assert Decimal(found["Sum of the contributions"]) == booked
    assert Decimal(found["Difference"]) == 0
    with (tmp_path / "csv" / "liftcast-Attribution.csv").open(encoding="utf-8") as lines:
        drivers = {row[1] for row in csv.reader(lines)}
    assert '=HYPERLINK("http://evil.example/","click")' in drivers


def test_a_channel_that_leaves_no_touch_has_empty_credit_and_nobody_has_some(book):
    sheet = book["Channels"]
    names, touches, sold = (_column(sheet, name) for name in ("Channel", "Touches", "Conversions"))
    found = {
        (name == "(unattributed)", count): conversions
        for name, count, conversions in zip(names, touches, sold, strict=True)
    }
    assert found == {(False, 7): 4.5, (False, 0): None, (True, 0): 4.5}
