"""Both readers of delimited text give the same cells and lines, or refuse the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestion.connectors.delimited import Delimited
from ingestion.connectors.lines import blocks
from warehouse.errors import SourceError

CELL = st.text(st.sampled_from('ab ,;"\n\rü\u2028'), max_size=6)
TABLE = st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12)
# Text that nobody promised to be CSV.
NOISE = st.text(st.sampled_from('ab,,""\n\n\r'), max_size=60)


def _cut(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Blocks of whole lines, cut anew at any line feed."""
    lines = content.splitlines(keepends=True) if b"\r" not in content else [content]
    rest = [content] if len(lines) == 1 else []
    if not rest:
        at = sorted({cut % (len(lines) + 1) for cut in cuts})
        bounds = [0, *at, len(lines)]
        rest = [b"".join(lines[a:b]) for a, b in pairwise(bounds)]
    return (block for block in rest if block)


def _read(content: bytes, cuts: list[int], slowly: bool = False) -> object:
    """Header, rows and lines; or the message of the refusal."""
    try:
        table = Delimited(_cut(content, cuts), "f", ",")
        if slowly:
            table._at_once = lambda: None  # type: ignore[method-assign]
        rows: list[list[str]] = []
        numbers: list[int] = []
        for cells, lines in table.rows():
            rows += map(list, zip(*(column.to_pylist() for column in cells), strict=True))
            numbers += lines.tolist()
        return table.header, rows, numbers
    except SourceError as error:
        return str(error)


def _written(table: list[list[str]], all_quoted: bool, end: str) -> bytes:
    def cell(text: str) -> str:
        doubled = text.replace('"', '""')
        return f'"{doubled}"' if all_quoted or set(text) & set(',"\r\n') else text

    rows = [",".join(map(cell, row)) for row in [["x", "y", "z"], *table]]
    return (end.join(rows) + end).encode()


@given(
    table=TABLE,
    all_quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
@example(table=[["a", "b\nc", 'd"'], ["", "", ""]], all_quoted=True, end="\n", cuts=[2])
def test_any_table_is_read_back_with_its_lines(
    table: list[list[str]], all_quoted: bool, end: str, cuts: list[int]
) -> None:
    content = _written(table, all_quoted, end)
    reader = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    ends = [reader.line_num for _ in reader]
    begins = [line + 1 for line in ends[:-1]]
    expected = (("x", "y", "z"), table, begins)
    assert _read(content, cuts) == expected
    assert _read(content, cuts, slowly=True) == expected


@given(noise=NOISE, cuts=st.lists(st.integers(0, 40), max_size=4))
@example(noise='a,b\n"x\ny",1\n"z"', cuts=[2])
@example(noise='a,b\n1,"2"x"3"\n', cuts=[])
@example(noise='a\n""\n\n" "\n', cuts=[])
def test_the_two_readers_agree_on_any_text(noise: str, cuts: list[int]) -> None:
    content = noise.encode()
    assert _read(content, cuts) == _read(content, [], slowly=True)


def test_long_files_of_every_kind_pass_from_reader_to_reader() -> None:
    lines = [b"a,b"]
    for n in range(300_000):
        odd = {50_000: b'"two\nlines",%d' % n, 120_000: b"", 200_000: b'a"b,%d' % n}
        lines.append(odd.get(n, b"k%d,%d" % (n, n)))
    content = b"\n".join(lines) + b"\n"
    table = Delimited(blocks(io.BytesIO(content), "utf-8", "f"), "f", ",")
    rows: dict[int, tuple[str, ...]] = {}
    for cells, numbers in table.rows():
        texts = zip(*(column.to_pylist() for column in cells), strict=True)
        rows |= dict(zip(numbers.tolist(), texts, strict=True))
    assert len(rows) == 299_999
    assert rows[50_002] == ("two\nlines", "50000")
    assert rows[50_004] == ("k50001", "50001")
    assert rows[200_003] == ('a"b', "200000")
    assert rows[300_002] == ("k299999", "299999")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a;b;c\n1;2;3\n", "looks separated by a semicolon.*`delimiter: ';'`"),
        (b"a\tb\n1\t2\n", "looks separated by a tab"),
        (b"a|b\n1|2\n", "looks separated by a pipe"),
        (b"a,b\n1,2\n1,2,3\n", "row 3: .*expected 2 cells; got 3"),
        (b"a,b\n1,2\n\n1\n", "row 4: .*expected 2 cells; got 1"),
        (b'a,b\n1,"2\n', "row 2: .*cannot be parsed as CSV"),
        (b'a,b\n1,"2"3\n', "row 2: .*cannot be parsed as CSV"),
        (b"a,b\n1," + b"x" * (17 * 2**20) + b"\n", "row 2: .*field larger than field limit"),
        (b"a,b\nx,\xe4\n", "row 2: the file is not UTF-8"),
        (b"a,b\n" + b"1,2\n" * 5000 + b"x,\xe4\n", "row 5002: the file is not UTF-8"),
        (b"a,b\n1,2\n1,\x002\n", "row 3: there is a NUL byte"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        table = Delimited(blocks(io.BytesIO(content), "utf-8", "shop, sales"), "shop, sales", ",")
        list(table.rows())
    assert str(caught.value).startswith("shop, sales")
    assert caught.value.remedy


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingestion.connectors.lines._LONGEST_LINE", 10 * 2**20)
    content = io.BytesIO(b"a\n" + b"0" * 30 * 2**20)
    with pytest.raises(SourceError, match="row 2: there is no end to the line"):
        list(blocks(content, "utf-8", "f"))
