"""Files of every format come as the same text, or are refused with the place and the remedy."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import hashlib
import io
import json
import lzma
import os
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from ingestion.connectors import extract
from ingestion.extract import Extract
from ingestion.mapping import LoadedMapping, SourceMapping
from warehouse.errors import SourceError


class Folder:
    """A mapping's folder, and the extract of its one input."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.scratch = path / "scratch"
        self.scratch.mkdir()

    def write(self, name: str, content: bytes | str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def extract(self, path: str = "in.csv", **declared: Any) -> Extract:
        spec = SourceMapping.model_validate(
            {
                "version": 1,
                "source": "shop",
                "files": {"sales": {"path": path, **declared}},
                "tables": [{"table": "territories", "records": [{"territory_id": "all"}]}],
            }
        )
        mapping = LoadedMapping(spec, self.path, "0" * 64)
        return extract(mapping, "sales", self.scratch, state={}, say=lambda _: None)

    def rows(self, path: str = "in.csv", **declared: Any) -> list[tuple[Any, ...]]:
        """Cells and row number of every row of every part."""
        return rows_of(self.extract(path, **declared))

    def text(self, content: bytes | str, **declared: Any) -> list[tuple[Any, ...]]:
        self.write("in.csv", content)
        return self.rows(**declared)


def rows_of(found: Extract) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return [row for part in found.parts for row in connection.execute(part.scan).fetchall()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_cells_are_text_and_rows_have_the_line_they_begin_on(folder: Folder) -> None:
    folder.write("in.csv", 'id,note\n1,"two\nlines"\n\n007,"a ""b"", c"\n')
    found = folder.extract()
    assert found.columns == ("id", "note")
    assert rows_of(found) == [("1", "two\nlines", 2), ("007", 'a "b", c', 5)]
    assert found.rows == 2


def test_a_long_cell_is_read_whole_also_row_by_row(folder: Folder) -> None:
    long = "x" * 300_000
    # The doubled quote with a line break sends the block to the reader that goes row by row.
    assert folder.text(f'id,note\n1,"a ""b""\n{long}"\n') == [("1", f'a "b"\n{long}', 2)]


def _zipped(content: bytes, *names: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda content: content,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
    "zip": lambda content: _zipped(content, "in.csv", "__MACOSX/._in.csv"),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_file_reads_as_the_plain_one(folder: Folder, kind: str) -> None:
    packed = PACKERS[kind](b"a,b\n1,2\n3,4\n")
    folder.write("in.csv", packed)
    found = folder.extract()
    assert rows_of(found) == [("1", "2", 2), ("3", "4", 3)]
    assert found.parts[0].hash == hashlib.sha256(packed).hexdigest()
    assert folder.rows(compression=kind) == rows_of(found)


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind != "none"])
def test_half_of_a_packed_file_is_damaged(folder: Folder, kind: str) -> None:
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (n * n, n) for n in range(20_000))
    packed = PACKERS[kind](content)
    folder.write("in.csv", packed[: len(packed) // 2])
    with pytest.raises(SourceError, match=f"the {kind} file is damaged|not hold exactly one"):
        folder.extract()


def test_a_zip_holds_exactly_one_file(folder: Folder) -> None:
    folder.write("in.csv", _zipped(b"a\n1\n", "one.csv", "two.csv"))
    with pytest.raises(SourceError, match=r"exactly one file; got 'one\.csv', 'two\.csv'"):
        folder.extract()


def test_what_unpacks_out_of_all_proportion_is_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.connectors.opening._BOMB_BYTES", 2**20)
    folder.write("in.csv", gzip.compress(b"a\n" + b"0\n" * 4_000_000))
    with pytest.raises(SourceError, match="unpacks to more than 500 times its size"):
        folder.extract()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_a_declared_encoding_is_read(folder: Folder, encoding: str) -> None:
    text = 'Größe,"Ort, Land"\r\n1,"Köln"\r\n2,Zürich\r\n'
    assert folder.text(text.encode(encoding), encoding=encoding) == [
        ("1", "Köln", 2),
        ("2", "Zürich", 3),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name(folder: Folder) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        folder.write("in.csv", "a,b\n1,2\n".encode(encoding))
        declared = "utf-8" if encoding == "utf-8-sig" else encoding
        assert folder.extract(encoding=declared).columns == ("a", "b")


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("a\nx\nKöln\n".encode("latin-1"), "utf-8", "row 3: .*not UTF-8.*`encoding: cp1252`"),
        ("a\nx\n10 €\n".encode("cp1252"), "latin-1", "row 3: .*`encoding: cp1252`"),
        ("a\nx\nÄ Köln\n".encode(), "latin-1", "row 3: .*`encoding: utf-8`"),
        ("a\nKöln\n".encode("utf-16"), "utf-8", "row 1: .*`encoding: utf-16`"),
        ("a\nKöln\n".encode("utf-16-le"), "utf-8", "row 2: .*`encoding: utf-16-le`"),
        (b"a\nx\n\x81\n", "cp1252", "row 3: the file is not cp1252"),
        (b"a\n1\n2", "utf-16", "row 1: the file is not utf-16.*`encoding: utf-8`"),
    ],
)
def test_a_wrong_encoding_is_named_with_the_line_and_what_to_set(
    folder: Folder, content: bytes, encoding: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        folder.text(content, encoding=encoding)


def test_tabs_and_other_delimiters(folder: Folder) -> None:
    folder.write("in.tsv", "a\tb\n1,5\t2\n")
    assert folder.rows("in.tsv") == [("1,5", "2", 2)]
    assert folder.text("a|b\n1|2\n", delimiter="|") == [("1", "2", 2)]
    assert folder.text("a→b\n1→2\n", delimiter="→") == [("1", "2", 2)]


@pytest.mark.parametrize("name", ['x"y', "a'b", "[1]", "ü\n", "select", "a;--", "{x}", "$(x)"])
def test_hostile_names_of_files_and_columns_are_only_names(folder: Folder, name: str) -> None:
    file = f"in {name}.csv"
    folder.write(file, f'"{name.replace(chr(34), chr(34) * 2)}",b\n1,2\n')
    found = folder.extract(file)
    assert found.columns == (name.strip(), "b")
    assert rows_of(found) == [("1", "2", 2 + name.count("\n"))]
    assert found.parts[0].label.isprintable()


def test_names_that_sql_cannot_tell_apart_are_refused(folder: Folder) -> None:
    with pytest.raises(SourceError, match="'Day', 'DAY', which differ by case only"):
        folder.text("Day,DAY\n1,2\n")
    with pytest.raises(SourceError, match="means the line of a row"):
        folder.text("_row_number,b\n1,2\n")


# Patterns


def test_a_pattern_brings_every_file_in_the_order_of_their_names(folder: Folder) -> None:
    folder.write("w/b.csv", "x,y\n3,4\n")
    folder.write("w/a.csv", "y,x\n2,1\n")
    folder.write("w/a.txt", "other\n")
    (folder.path / "w" / "c.csv").mkdir()
    found = folder.extract("w/*.csv")
    assert found.columns == ("y", "x")
    assert rows_of(found) == [("2", "1", 2), ("4", "3", 2)]
    assert [part.label for part in found.parts] == [
        "shop, sales (w/a.csv)",
        "shop, sales (w/b.csv)",
    ]
    assert folder.rows(str(folder.path / "w/?.csv")) == rows_of(found)


def test_a_pattern_that_matches_nothing_names_the_nearest(folder: Folder) -> None:
    folder.write("w/sales_2025.csv", "a\n1\n")
    with pytest.raises(SourceError, match=r"no file that matches .*nearest is 'sales_2025\.csv'"):
        folder.extract("w/sale_*.csv")
    with pytest.raises(SourceError, match="its folder does not exist either"):
        folder.extract("v/*.csv")


def test_files_of_one_pattern_have_the_same_columns(folder: Folder) -> None:
    folder.write("w/a.csv", "x,y\n1,2\n")
    folder.write("w/b.csv", "x,z\n1,2\n")
    with pytest.raises(SourceError, match=r"w/b\.csv.*lacks 'y', it brings 'z'"):
        folder.extract("w/*.csv")


# Addresses


def test_an_address_of_a_remote_file_system_is_read(folder: Folder) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/wares/b.csv", b"x,y\n3,4\n")
    files.pipe("/wares/a.csv.gz", gzip.compress(b"x,y\n1,2\n"))
    try:
        assert folder.rows("memory://wares/a.csv.gz") == [("1", "2", 2)]
        found = folder.extract("memory://wares/*")
        assert rows_of(found) == [("1", "2", 2), ("3", "4", 2)]
        files.pipe("/wares/b.csv", b"x,y\n3,4\n5,6\n")
        with pytest.raises(SourceError, match="changed while it was read"):
            found.parts[1].check_unchanged()
        with pytest.raises(SourceError, match=r"no file .*nearest is 'b\.csv'"):
            folder.extract("memory://wares/b.cvs")
    finally:
        files.rm("/wares", recursive=True)


def test_a_file_address_is_a_file_on_this_machine(folder: Folder) -> None:
    path = folder.write("with space.csv", "a\n1\n")
    assert folder.rows(path.as_uri()) == [("1", 2)]


def test_a_remote_parquet_file_is_copied(folder: Folder) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), buffer)
    files = fsspec.filesystem("memory")
    files.pipe("/t.parquet", buffer.getvalue())
    try:
        assert folder.rows("memory://t.parquet") == [(1, 1), (2, 2)]
    finally:
        files.rm("/t.parquet")


@pytest.mark.parametrize("url", ["nosuch://u:{s}@host/a.csv?sig={s}", "ftp://u:{s}@127.0.0.1:9/a"])
def test_secrets_of_an_address_reach_no_message(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("WARES_KEY", "canary-2f7")
    with pytest.raises(SourceError) as caught:
        folder.extract(url.replace("{s}", "${WARES_KEY}"))
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "canary-2f7" not in str(seen)
        seen = seen.__cause__


# JSON lines


def test_json_lines_keep_digits_and_find_columns_as_they_come(folder: Folder) -> None:
    folder.write(
        "in.jsonl",
        '{"a": 1234567890123456789012, "b": 0.10}\n\n'
        '{"b": 1e3, "c": {"x": [1.50, true, null, "ü"]}, "d": "1.5"}\n{"a": null, "d": false}\n',
    )
    found = folder.extract("in.jsonl")
    assert found.columns == ("a", "b", "c", "d")
    assert rows_of(found) == [
        ("1234567890123456789012", "0.10", None, None, 1),
        (None, "1e3", '{"x": [1.50, true, null, "ü"]}', "1.5", 3),
        (None, None, None, "false", 4),
    ]
    # A number of JSON is written as the mapping declares numbers; a text is as it is.
    comma = folder.rows("in.jsonl", decimal=",")
    assert (comma[0][1], comma[1][3]) == ("0,10", "1.5")


def test_columns_that_come_late_are_empty_before(folder: Folder) -> None:
    lines = [json.dumps({"a": n, **({"b": n} if n > 30_000 else {})}) for n in range(50_000)]
    folder.write("in.jsonl", "\n".join(lines))
    rows = folder.rows("in.jsonl")
    assert [row[2] for row in rows] == list(range(1, 50_001))
    assert sum(row[1] is None for row in rows) == 30_001


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": \n', "row 2: the line is not a JSON object"),
        ("[1]\n", "row 1: .*one list"),
        ('{"a": 1}\n3\n', "row 2: .*a JSON value that is no object"),
        ('{"a": 1, "a": 2}\n', "row 1: .*'a' stands twice"),
        ('{"a": "\\ud800"}\n', "row 1: .*surrogate"),
        ('{"a": ' + "[" * 100_000 + "\n", "row 1: .*nested too deeply"),
        ('{"a": 1, "A": 2}\n', "differ by case only"),
        ("\n\n", "the file is empty"),
    ],
)
def test_a_bad_line_of_json_is_refused(folder: Folder, content: str, message: str) -> None:
    folder.write("in.jsonl", content)
    with pytest.raises(SourceError, match=message):
        folder.extract("in.jsonl")


# Parquet


def test_parquet_is_read_in_place_with_its_types(folder: Folder) -> None:
    table = pa.table(
        {
            "day": [dt.date(2025, 1, 2)] * 2,
            "spend": pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)),
            'na"me': pa.array(["a", "b"]).dictionary_encode(),
            "deep": [{"x": [1, 2]}, None],
        }
    )
    file = folder.path / "we[i]rd*.parquet"
    pq.write_table(table, file)
    found = folder.extract(file.name)
    assert rows_of(found) == [
        (dt.date(2025, 1, 2), Decimal("1.25"), "a", '{"x":[1,2]}', 1),
        (dt.date(2025, 1, 2), None, "b", None, 2),
    ]
    assert list(folder.scratch.iterdir()) == []


@pytest.mark.parametrize("content", [b"PAR1 and nothing", b"a,b\n1,2\n"])
def test_what_is_no_parquet_is_refused(folder: Folder, content: bytes) -> None:
    folder.write("in.parquet", content)
    with pytest.raises(SourceError, match="not sound Parquet"):
        folder.extract("in.parquet")


# Workbooks


def _workbook(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(buffer)
    return buffer.getvalue()


def _report(book: openpyxl.Workbook) -> None:
    sheet = book.active
    assert sheet is not None
    sheet["B3"], sheet["C3"], sheet["D3"], sheet["F3"] = "Day", "Spend", "Merged", "Seen"
    sheet.merge_cells("D3:E3")
    for row, cells in enumerate(
        [
            (dt.date(2025, 1, 2), 0.1 + 0.2, "x", "007", dt.datetime(2025, 1, 2, 13, 14, 15)),  # noqa: DTZ001
            (dt.date(2025, 1, 3), 1234567, 12, True, dt.datetime(2025, 1, 3)),  # noqa: DTZ001
            (None,) * 5,
            ("later", -1e-7, "#N/A", 1.5, dt.time(9, 30)),
        ],
        4,
    ):
        for column, cell in enumerate(cells, 2):
            sheet.cell(row, column, cell)


def test_a_sheet_reads_as_text_without_noise(folder: Folder) -> None:
    folder.write("in.xlsx", _workbook(_report))
    found = folder.extract("in.xlsx")
    assert found.columns == ("(column 1)", "Day", "Spend", "Merged", "(column 5)", "Seen")
    assert rows_of(found) == [
        ("", "2025-01-02", "0.3", "x", "007", "2025-01-02 13:14:15", 4),
        ("", "2025-01-03", "1234567", "12", "true", "2025-01-03", 5),
        ("", "later", "-0.0000001", "#N/A", "1.5", "09:30:00", 7),
    ]
    assert found.notices == (
        "shop, sales (in.xlsx): 1 cell holds an error of the spreadsheet (#N/A in D7)",
    )


def test_typed_cells_are_written_as_the_mapping_declares(folder: Folder) -> None:
    """So that whoever reads them as declared gets the number and the day the sheet holds."""
    folder.write("in.xlsx", _workbook(_report))
    first = folder.rows("in.xlsx", decimal=",", thousands=".", date_format="%d.%m.%Y")[0]
    assert first[1:3] == ("02.01.2025", "0,3")
    # A time that the declared format cannot hold is not cut off in silence.
    assert first[5] == "2025-01-02 13:14:15"


def test_results_of_formulas_and_their_errors_are_read(folder: Folder) -> None:
    book = xlsxwriter.Workbook(folder.path / "in.xlsx")
    sheet = book.add_worksheet()
    for row, (formula, result) in enumerate(
        [("=1+1", 2), ('="a"&"b"', "ab"), ("=1/0", "#DIV/0!"), ("=A9", "#REF!")], 1
    ):
        sheet.write_formula(row, 0, formula, None, result)
    sheet.write(0, 0, "x")
    book.close()
    found = folder.extract("in.xlsx")
    assert [row[0] for row in rows_of(found)] == ["2", "ab", "#DIV/0!", "#REF!"]
    assert "#DIV/0! in A4, #REF! in A5" in found.notices[0]


def test_a_sheet_is_chosen_or_asked_for(folder: Folder) -> None:
    def two(book: openpyxl.Workbook) -> None:
        for name in ("Budget", "Actual <&>"):
            book.create_sheet(name).append(["x"])
            book[name].append([name])
        del book["Sheet"]

    folder.write("in.xlsx", _workbook(two))
    assert folder.rows("in.xlsx", sheet="Actual <&>") == [("Actual <&>", 2)]
    with pytest.raises(SourceError, match=r"has 2 sheets; got 'Budget', 'Actual <&>'.*Set `sheet`"):
        folder.extract("in.xlsx")
    with pytest.raises(SourceError, match="no sheet 'Budgets'; nearest is 'Budget'"):
        folder.extract("in.xlsx", sheet="Budgets")


def test_a_sheet_that_reaches_too_far_is_refused_before_it_is_built(folder: Folder) -> None:
    def far(book: openpyxl.Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        sheet["A1"], sheet["XFD1048576"] = "x", 1

    folder.write("in.xlsx", _workbook(far))
    with pytest.raises(SourceError, match="1,048,576 rows by 16,384 columns"):
        folder.extract("in.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.connectors.workbooks._MOST_BYTES", 5_000)
    folder.write("in.xlsx", _workbook(_report))
    with pytest.raises(SourceError, match="unpacks to too much"):
        folder.extract("in.xlsx")
    assert list(folder.scratch.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 and nothing", b"a,b\n1,2\n", _zipped(b"", "a")],
    ids=["torn", "text", "zip"],  # a zip holds the time it was made: no name for a test
)
def test_what_is_no_workbook_is_refused(folder: Folder, content: bytes) -> None:
    folder.write("in.xlsx", content)
    with pytest.raises(SourceError, match="not a sound XLSX workbook"):
        folder.extract("in.xlsx")


# What changes, and what cannot be read


def test_a_missing_file_is_named_with_the_nearest(folder: Folder) -> None:
    folder.write("sales_2025.csv", "a\n")
    with pytest.raises(SourceError, match=r"no file .*sale_2025\.csv.*nearest is 'sales_2025"):
        folder.extract("sale_2025.csv")
    with pytest.raises(SourceError, match="its folder does not exist either"):
        folder.extract("no/sales.csv")


def test_what_is_no_file_is_refused_and_not_waited_for(folder: Folder) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        folder.extract("scratch")
    os.mkfifo(folder.path / "pipe")
    with pytest.raises(SourceError, match="not a regular file"):
        folder.extract("pipe")
    (folder.path / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match="cannot be read"):
        folder.extract("loop")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused(folder: Folder) -> None:
    folder.write("in.csv", "a\n1\n").chmod(0)
    with pytest.raises(SourceError, match="cannot be read"):
        folder.extract()


@pytest.mark.parametrize("change", ["grows", "replaced", "gone"])
def test_a_file_that_changes_after_it_was_read_is_noticed(folder: Folder, change: str) -> None:
    path = folder.write("in.csv", "a,b\n1,2\n")
    part = folder.extract().parts[0]
    part.check_unchanged()
    if change == "grows":
        with path.open("a") as handle:
            handle.write("3,4\n")
    elif change == "replaced":
        other = folder.write("other.csv", "a,b\n9,9\n")
        other.replace(path)
    else:
        path.unlink()
    with pytest.raises(SourceError, match="changed while it was read"):
        part.check_unchanged()
