"""A check tells all problems at once and what the first rows would become, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.checking import MappingReport, TableCheck, check
from tests.ingestion.conftest import Shop
from warehouse import Lake, Settings


def _checked(shop: Shop, **options: object) -> MappingReport:
    (report,) = check([shop.mapping], settings=Settings(), **options)  # type: ignore[arg-type]
    return report


def _table(report: MappingReport, name: str) -> TableCheck:
    return next(table for table in report.tables if table.table == name)


def test_a_sound_mapping_tells_what_will_land(shop: Shop) -> None:
    shop.write(*shop.good_rows(600), header="order_id,day,territory_id,units,amount")
    report = _checked(shop)
    assert (report.source, report.problems) == ("shop", ())
    (sales,) = report.inputs
    assert (sales.said, sales.rows) == ("reads sales.csv", 1000)
    table = _table(report, "sales")
    assert (table.rows_kept, table.rows_rejected, table.not_mapped) == (1000, 0, ())
    assert table.origins["date_day"] == "'day'"
    assert table.origins["units"] == "'units', by its name"
    assert table.origins["grain"] == "always 'day'"
    assert _table(report, "territories").rows_kept == 2


def test_rejected_rows_are_named_by_their_line(shop: Shop) -> None:
    rows = shop.good_rows(10)
    rows[7] = "x,2025-02-30,north,1,1"
    shop.write(*rows)
    table = _table(_checked(shop), "sales")
    assert (table.rows_kept, table.rows_rejected) == (19, 1)
    assert table.reasons[0].startswith("row 9, date_day: '2025-02-30' is not a possible date")


def test_too_many_bad_rows_are_a_problem(shop: Shop) -> None:
    shop.write(*[f"{n},2025-01-01,nowhere,1,1" for n in range(10)])
    (problem,) = _checked(shop).problems
    assert problem.startswith("sales: 10 of the first 10 rows would be rejected: row 2, ")


def test_every_problem_is_told_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_FOLDER", raising=False)
    shop.write(*shop.good_rows(2))
    text = shop.mapping.read_text()
    text = text.replace("day, net_revenue: amount", "dya, net_revenue: amuont")
    text = text.replace("product_id: tea, ", "")
    text = text.replace(
        "  sales: {path: sales.csv}",
        "  sales: {path: sales.csv}\n  gone: {path: sales.cvs}\n"
        "  away: {path: '${NO_SUCH_FOLDER}/x.csv'}",
    )
    shop.mapping.write_text(text)
    problems = _checked(shop).problems
    for part in (
        "away: the environment variable NO_SUCH_FOLDER is not set",
        "nearest is 'sales.csv'",
        "sales: columns: there is no column 'dya'; nearest is 'day'",
        "sales: columns: there is no column 'amuont'; nearest is 'amount'",
        "sales: the column product_id needs a value and has no origin",
    ):
        assert [problem for problem in problems if part in problem], part
    assert len(problems) == 5


def test_every_wrong_key_is_named(shop: Shop) -> None:
    shop.write()
    text = shop.mapping.read_text().replace("path: sales.csv", "path: sales.csv, delimeter: ;")
    shop.mapping.write_text(text.replace("currency_code: EUR", "curency_code: EUR"))
    report = _checked(shop)
    assert report.source == ""
    assert any("delimeter" in p and "nearest is 'delimiter'" in p for p in report.problems)
    assert sum("nearest is 'currency_code'" in p for p in report.problems) == 2


@pytest.mark.parametrize("content", [b"", b"a: [", b"\xff\xfe\0", b"- 1\n"])
def test_what_is_no_mapping_is_said_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yml").write_bytes(content)
    (report,) = check([tmp_path / "x.yml", tmp_path / "none.yml"][:1])
    assert report.problems
    (report,) = check([tmp_path / "none.yml"])
    assert "cannot be read" in report.problems[0]


def test_two_mappings_of_one_source_are_a_problem_of_both(shop: Shop) -> None:
    shop.write(*shop.good_rows(1))
    twin = shop.folder / "twin.yml"
    twin.write_text(shop.mapping.read_text())
    one, other = check([shop.mapping, twin])
    assert "also that of" in one.problems[0]
    assert "shop.yml" in other.problems[0]


def test_the_lake_is_only_looked_at(shop: Shop) -> None:
    shop.write(*shop.good_rows(3))
    shop.land()
    before = {p: p.stat().st_mtime_ns for p in shop.lake.root.rglob("*")}
    # The lake's territories are known; the mapping itself has none any more.
    text = shop.mapping.read_text()
    start, end = text.index("  - table: territories"), text.index("  - table: sales")
    other = shop.folder / "other.yml"
    other.write_text((text[:start] + text[end:]).replace("source: shop", "source: other"))
    with shop.sales.open("a") as file:
        file.write("z,2025-01-09,nroth,1,1\n")
    (report,) = check([other], lake=shop.lake)
    assert "nearest is 'north'" in _table(report, "sales").reasons[0]
    assert {p: p.stat().st_mtime_ns for p in shop.lake.root.rglob("*")} == before
    missing = Lake.at(shop.folder / "no lake yet")
    assert check([other], lake=missing)[0].problems == ()
    assert not missing.root.exists()


def test_what_has_two_meanings_is_a_problem(shop: Shop) -> None:
    shop.write(*[f"{n},03/04/2025,north,1,1" for n in range(3)])
    (problem,) = _checked(shop).problems
    assert "03/04/2025" in problem
    assert "date_format" in problem


def test_databases_and_platforms_are_told_and_not_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARES_PASSWORD", "canary-81c")
    shop.write()
    text = shop.mapping.read_text().replace(
        "tables:",
        "databases:\n  erp: {url: 'postgresql+psycopg://u:${WARES_PASSWORD}@127.0.0.1:9/erp', "
        "table: lines}\ntables:",
    )
    shop.mapping.write_text(text.replace("from: sales", "from: erp"))
    report = _checked(shop)
    assert report.problems == ()
    erp = next(one for one in report.inputs if one.name == "erp")
    assert erp.rows is None
    assert erp.said == (
        "asks for the table lines at postgresql+psycopg://u:${WARES_PASSWORD}@127.0.0.1:9/erp"
    )
    assert _table(report, "sales").rows_kept is None
    assert "canary-81c" not in repr(report)


def test_declared_writing_holds_for_the_first_rows(shop: Shop) -> None:
    shop.write("1,31.01.2025,north,1,'1.234,50'".replace("'", '"'))
    text = shop.mapping.read_text().replace(
        "path: sales.csv", "path: sales.csv, decimal: ',', thousands: '.', date_format: '%d.%m.%Y'"
    )
    shop.mapping.write_text(text)
    report = _checked(shop)
    assert report.problems == ()
    assert _table(report, "sales").rows_kept == 1
