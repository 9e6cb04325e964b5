"""A proposed mapping reads back as a mapping, and says what it guessed and what it could not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import plain_yaml
from ingestion.mapping import SourceMapping, TableMapping, parse_mapping
from ingestion.plain_writing import scalar
from ingestion.proposing import Proposal, propose
from warehouse.errors import SourceError

DAYS = [date(2025, 1, 6) + timedelta(days=n) for n in range(28)]
WEEKS = DAYS[::7]


def _proposed(folder: Path, *lines: str, name: str = "in.csv", encoding: str = "utf-8") -> Proposal:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return propose(file, folder=folder)


def _read(proposal: Proposal) -> SourceMapping:
    return parse_mapping(proposal.text.encode(), "the proposal")


def _table(proposal: Proposal, name: str) -> TableMapping:
    return next(table for table in _read(proposal).tables if table.table == name)


def test_media_in_columns_become_channels(tmp_path: Path) -> None:
    rows = [f"{day},100.5,10,2000,5,7" for day in WEEKS]
    found = _proposed(tmp_path, "week,Revenue EUR,tv_S,tv_I,Search spend,search_clicks_P", *rows)
    spend = _table(found, "ad_spend")
    assert spend.constants["grain"] == "week"
    assert [entry.set_["channel"] for entry in spend.unpivot] == ["tv", "search"]
    assert spend.unpivot[0].columns == {"spend": "tv_S", "impressions": "tv_I"}
    assert spend.unpivot[1].columns == {"spend": "Search spend", "clicks": "search_clicks_P"}
    sales = _table(found, "sales")
    assert sales.columns["net_revenue"] == "Revenue EUR"
    assert sales.constants["currency_code"] == "EUR"


def test_a_platforms_report_is_advertising(tmp_path: Path) -> None:
    header = "Day;Campaign;Ad set name;Impr.;Link clicks;Amount spent (USD)"
    rows = [f"{day:%d.%m.%Y};Spring;Women;1.000;12;1.234,50" for day in DAYS]
    found = _proposed(tmp_path, header, *rows)
    (entry,) = _read(found).files.values()
    assert (entry.delimiter, entry.decimal, entry.thousands) == (";", ",", ".")
    assert entry.date_format == "%d.%m.%Y"
    spend = _table(found, "ad_spend")
    assert spend.columns == {
        "date_day": "Day",
        "campaign_name": "Campaign",
        "ad_group_name": "Ad set name",
        "impressions": "Impr.",
        "clicks": "Link clicks",
        "spend": "Amount spent (USD)",
    }
    assert spend.constants["currency_code"] == "USD"
    assert "platform: FILL_IN  # fill in" in found.text


def test_what_has_two_meanings_is_left_to_be_chosen(tmp_path: Path) -> None:
    rows = [f"0{n}/02/2025,{n},1,234" for n in range(1, 5)]
    header = "date,shop,sales"
    found = _proposed(tmp_path, header, *[row.replace("1,234", '"1,234"') for row in rows])
    (entry,) = _read(found).files.values()
    assert not entry.model_fields_set & {"date_format", "decimal", "thousands"}
    assert '# choose: date_format, one of "%d/%m/%Y", "%m/%d/%Y"' in found.text
    assert "(1,234 is 1.234), or" in found.text
    assert "(1,234 is 1234)" in found.text
    assert any("several ways" in remark for remark in found.remarks)


def test_one_cell_settles_the_order_of_day_and_month(tmp_path: Path) -> None:
    found = _proposed(tmp_path, "date,sales", "01/02/2025,1", "13/02/2025,2")
    assert next(iter(_read(found).files.values())).date_format == "%d/%m/%Y"


def test_no_currency_is_guessed(tmp_path: Path) -> None:
    found = _proposed(tmp_path, "date,sales", *[f"{day},1" for day in DAYS])
    assert _table(found, "sales").constants["currency_code"] == "FILL_IN"
    assert "currency_code: FILL_IN  # fill in: ISO 4217 code of the amounts" in found.text


def test_an_order_of_several_lines_gets_them_counted(tmp_path: Path) -> None:
    rows = [f"{order},2025-01-0{order},tea,2,5.00" for order in (1, 1, 2)]
    found = _proposed(tmp_path, "Order Number,Order Date,SKU,Qty,Net Sales", *rows)
    assert _table(found, "sales").from_ == "lines"
    assert 'partition by "Order Number"' in _read(found).queries["lines"].sql
    assert _table(found, "products").distinct


def test_encoding_sheet_and_empty_words_are_declared(tmp_path: Path) -> None:
    rows = [f"{day};Köln;{'n/a' if n else 5}" for n, day in enumerate(DAYS)]
    found = _proposed(tmp_path, "Datum;Filiale;Umsatz", *rows, encoding="cp1252")
    (entry,) = _read(found).files.values()
    assert (entry.encoding, entry.na_values) == ("cp1252", ("n/a",))
    book = xlsxwriter.Workbook(tmp_path / "in.xlsx")
    for name in ("Sheet #1", "Notes"):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, ["date", "sales"])
        sheet.write_row(1, 0, ["2025-01-01", 1.5])
    book.close()
    found = propose(tmp_path / "in.xlsx")
    assert next(iter(_read(found).files.values())).sheet == "Sheet #1"
    assert '# choose: sheet, one of "Sheet #1", Notes' in found.text


@pytest.mark.parametrize(
    ("header", "row", "table"),
    [
        ("mql_id,first_contact_date,origin", "a,2025-01-31,social", "opportunities"),
        ("EmployeeKey,Start Date,End Date,Quota", "7,2025-01-01,2025-03-31,100", "quotas"),
        ("promo_id,start_date,end_date,discount_pct", "a,2025-01-01,2025-01-09,0.2", "promotions"),
        ("ds,holiday,country", "2025-01-01,New Year,DE", "holidays"),
        ("sku,product_name,brand", "1,Tea,House", "products"),
        ("household_id,segment", "1,families", "customers"),
        ("user_id,event_time,channel", "u,2025-01-01T10:00:00Z,email", "touchpoints"),
    ],
)
def test_other_tables_are_known_by_their_columns(
    tmp_path: Path, header: str, row: str, table: str
) -> None:
    assert _table(_proposed(tmp_path, header, row), table)


def test_columns_that_fit_nothing_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"fit no table.*got the columns 'foo', 'bar'"):
        _proposed(tmp_path, "foo,bar", "1,2")


@pytest.mark.parametrize(
    "name", ["a: b #c.csv", "${HOME}.csv", "s3::x.csv", '"\\q.csv', "ü\n- x.csv", "[*]?.csv"]
)
def test_a_hostile_file_name_stays_a_name(tmp_path: Path, name: str) -> None:
    found = _proposed(tmp_path, "date,sales", "2025-01-01,1", name=name)
    path = next(iter(_read(found).files.values())).path
    assert path.removeprefix("./") == name.replace("${", "?{")


HOSTILE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(text=HOSTILE)
def test_any_text_is_a_scalar_that_reads_back(text: str) -> None:
    for content in (f"key: {scalar(text)}", f"{{key: {scalar(text)}}}"):
        assert plain_yaml.parse(content.encode()) == {"key": text}


@settings(max_examples=25, deadline=None)
@given(names=st.lists(HOSTILE.filter(str.strip), min_size=2, max_size=4, unique_by=str.casefold))
def test_any_names_of_columns_leave_a_mapping_that_reads(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    cells = ["date", "sales", *(name.strip() + "!" for name in names), "x: y_spend", "'- b_spend"]
    header = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    row = ",".join(["2025-01-01", "1", *("2" for _ in cells[2:])])
    folder = tmp_path_factory.mktemp("names")
    spend = _table(_proposed(folder, header, row), "ad_spend")
    used = {column for entry in spend.unpivot for column in entry.columns.values()}
    assert {"x: y_spend", "'- b_spend"} <= used
