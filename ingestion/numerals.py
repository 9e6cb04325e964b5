"""How numbers are written: patterns of a declared writing, and the readings of an undeclared one.

The patterns are plain enough to mean the same to Python's `re` and to DuckDB's RE2.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from ingestion.mapping.inputs import Writing

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"

# What people type for one declared mark: a blank may be a no-break one, an apostrophe a curly one.
_SPELLINGS = {" ": " \u00a0\u202f", "'": "'\u2019"}


def pattern(writing: Writing) -> str:
    """Regular expression of a number as declared."""
    mark = re.escape(writing.decimal)
    whole = "[0-9]+"
    if writing.thousands:
        between = f"[{re.escape(spellings(writing.thousands))}]"
        whole = f"(?:[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|[0-9]+)"
    return f"[+-]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?"


def spellings(mark: str) -> str:
    """Characters that count as a declared mark."""
    return _SPELLINGS.get(mark, mark)


def is_plain(writing: Writing) -> bool:
    """Whether numbers are written as programs write them."""
    return (writing.decimal, writing.thousands) == (".", "")


@lru_cache(maxsize=64)
def _compiled(decimal: str, thousands: str) -> re.Pattern[str]:
    marks = {"decimal": decimal, "thousands": thousands}
    return re.compile(pattern(Writing.model_validate(marks)), re.ASCII)


def normal(cell: str, writing: Writing) -> str | None:
    """A number as declared, rewritten with a decimal point and nothing else; None if it is none."""
    if not _compiled(writing.decimal, writing.thousands).fullmatch(cell):
        return None
    for character in spellings(writing.thousands) if writing.thousands else "":
        cell = cell.replace(character, "")
    return cell.replace(writing.decimal, ".")


_WRITINGS = tuple(
    Writing.model_validate({"decimal": marks[0], "thousands": marks[1:]})
    for marks in (".,", ",", ",.", ". ", ".'", ", ", ",'")
)


def readings(cell: str) -> dict[str, Decimal]:
    """What a number written with undeclared marks may mean: value by the keys that would say so.

    Empty for what is no number in any writing.
    """
    found: dict[str, Decimal] = {}
    for writing in _WRITINGS:
        plain = normal(cell, writing)
        if plain is None or len(plain) > 60:
            continue
        keys = f"decimal: {writing.decimal!r}"
        keys += f", thousands: {writing.thousands!r}" if writing.thousands else ""
        if Decimal(plain) not in found.values():
            found[keys] = Decimal(plain)
    return found
