"""Files are read as they are, or refused with the place and the remedy."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.reading import read_csv
from warehouse.errors import SourceError


def _file(folder: Path, content: bytes | str) -> Path:
    path = folder / "in.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_cells_are_text_and_rows_have_the_line_they_begin_on(tmp_path: Path) -> None:
    path = _file(tmp_path, 'id,note\n1,"two\nlines"\n\n007,"a ""b"", c"\n')
    file = read_csv(path, "shop, f")
    assert file.cells["id"].tolist() == ["1", "007"]
    assert file.cells["note"].tolist() == ["two\nlines", 'a "b", c']
    assert file.row_numbers.tolist() == [2, 5]


def test_byte_order_mark_line_ends_and_gzip_do_not_matter(tmp_path: Path) -> None:
    plain = read_csv(_file(tmp_path, "a,b\n1,2\n"), "f")
    for content in (
        b"\xef\xbb\xbfa,b\r\n1,2\r\n",
        b"a,b\n1,2",
        gzip.compress(b"a,b\n1,2\n"),
        b" a , b \n1,2\n",
    ):
        other = read_csv(_file(tmp_path, content), "f")
        assert other.cells.equals(plain.cells)
        assert other.row_numbers.tolist() == [2]
        assert other.hash != plain.hash


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a;b;c\n1;2;3\n", "looks separated by a semicolon.*`delimiter: ';'`"),
        (b"a\tb\n1\t2\n", "looks separated by a tab"),
        (b"a|b\n1|2\n", "looks separated by a pipe"),
        (b"a,b,a\n1,2,3\n", "names 'a' more than once"),
        (b"a,b\n1,2\n1,2,3\n", "row 3: .*expected 2 cells; got 3"),
        (b"a,b\n1,2\n\n1\n", "row 4: .*expected 2 cells; got 1"),
        (b"a,b\nx,\xe4\n", "row 2: the file is not UTF-8"),
        (b"a,b\n" + b"1,2\n" * 5000 + b"x,\xe4\n", "row 5002: the file is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not UTF-8"),
        (b"a,b\n1,2\n1,\x002\n", "row 3: there is a NUL byte"),
        (b'a,b\n1,"2\n', "cannot be parsed as CSV"),
        (b'a,b\n1,"2"3\n', "row 2: .*cannot be parsed as CSV"),
        (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "gzip file is damaged"),
        (gzip.compress(b"a,b\n1,\xe4\n"), "row 2: the file is not UTF-8"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_csv(_file(tmp_path, content), "shop, sales")
    assert str(caught.value).startswith("shop, sales")
    assert caught.value.remedy


def test_a_comma_file_read_with_another_delimiter_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="looks separated by a comma"):
        read_csv(_file(tmp_path, "a,b\n1,2\n"), "f", delimiter=";")


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "sales_2025.csv").write_text("a\n")
    with pytest.raises(SourceError, match=r"no file .*sale_2025\.csv.*nearest is 'sales_2025"):
        read_csv(tmp_path / "sale_2025.csv", "f")
    with pytest.raises(SourceError, match="its folder does not exist either"):
        read_csv(tmp_path / "no" / "sales.csv", "f")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        read_csv(tmp_path, "f")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not a regular file"):
        read_csv(tmp_path / "pipe", "f")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match="cannot be read"):
        read_csv(tmp_path / "loop", "f")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "a\n1\n")
    path.chmod(0)
    with pytest.raises(SourceError, match="cannot be read"):
        read_csv(path, "f")


@pytest.mark.parametrize("change", ["grows", "replaced", "gone"])
def test_a_file_that_changes_after_it_was_read_is_noticed(tmp_path: Path, change: str) -> None:
    path = _file(tmp_path, "a,b\n1,2\n")
    file = read_csv(path, "f")
    file.check_unchanged()
    if change == "grows":
        with path.open("a") as handle:
            handle.write("3,4\n")
    elif change == "replaced":
        other = tmp_path / "other.csv"
        other.write_text("a,b\n9,9\n")
        other.replace(path)
    else:
        path.unlink()
    with pytest.raises(SourceError, match="changed while it was read"):
        file.check_unchanged()


@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
            min_size=2,
            max_size=2,
        ),
        max_size=20,
    )
)
def test_any_text_survives_the_reading(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    lines = ["a,b", *(",".join(f'"{c.replace(chr(34), chr(34) * 2)}"' for c in r) for r in rows)]
    file = read_csv(_file(tmp_path_factory.mktemp("any"), "\n".join(lines) + "\n"), "f")
    assert file.cells.to_numpy().tolist() == rows
    assert len(file.row_numbers) == len(rows)
