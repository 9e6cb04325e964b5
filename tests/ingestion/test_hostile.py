"""Names and text from outside are data: they are kept as they are and obeyed nowhere."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from warehouse.errors import SourceError

NASTY = [
    "'; drop table sales; --",
    '" or 1=1 --',
    "../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "right\u202eleft",
    "{order_id.__class__}",
    "${HOME}",
    "%s%n",
]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_nasty_values_land_as_they_are(shop: Any) -> None:
    shop.write(*(f"{_quoted(text)},2025-01-01,north,1,1" for text in NASTY))
    shop.land()
    assert {row["order_id"] for row in shop.rows()} == set(NASTY)
    glob = shop.lake.raw / "sales/source=shop/*/part.parquet"
    found = duckdb.sql(f"select order_id from read_parquet('{glob}', hive_partitioning=false)")
    assert {row[0] for row in found.fetchall()} == set(NASTY)


def test_nasty_values_cannot_speak_to_the_terminal(shop: Any) -> None:
    shop.write(
        *shop.good_rows(1),
        *(f"{n},2025-01-01,north,1,{_quoted(text)}" for n, text in enumerate(NASTY)),
    )
    with pytest.raises(SourceError) as caught:
        shop.land()
    assert str(caught.value).isprintable()
    assert all(row["reason"].isprintable() for row in shop.quarantined())
    assert any("\x1b[31mred" in row["original"] or "u001b" in row["original"]
               for row in shop.quarantined())  # fmt: skip


def test_nasty_headers_are_shown_safely(shop: Any) -> None:
    shop.write("1", header='"\x1b]0;title\x07","a\nb",c')
    shop.sales.write_text('"\x1b]0;title\x07","a\nb"\n1,2\n')
    with pytest.raises(SourceError, match="there is no column") as caught:
        shop.land()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["../up", "a/b", "_contract", "A", "a b", "a'b", "", "a" * 50])
def test_a_source_cannot_be_named_out_of_its_folder(shop: Any, name: str) -> None:
    shop.write(*shop.good_rows(1))
    text = shop.mapping.read_text().replace("source: shop", f"source: {name!r}")
    shop.mapping.write_text(text)
    with pytest.raises(SourceError, match="source: "):
        shop.land()
    assert not shop.lake.raw.exists()


def test_a_nasty_path_is_only_a_path(shop: Any) -> None:
    shop.write(*shop.good_rows(1))
    nasty = "'; drop.csv"
    shop.sales.rename(shop.folder / nasty)
    shop.mapping.write_text(shop.mapping.read_text().replace("sales.csv", f'"{nasty}"'))
    shop.land()
    assert len(shop.rows()) == 2
