"""From text to the types of a contract, cell by cell and exactly, naming every cell that fails.

Landing converts plain cells in SQL (`plain_forms.py`); what is written otherwise comes here, each
distinct text once. Both give the same value wherever the plain form applies; a test holds them
together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import pyarrow as pa

from ingestion import moments, numerals
from ingestion.contracts.contract import ARROW_TYPES
from ingestion.mapping.inputs import Writing
from ingestion.wording import quoted

# Between the cells of a product or a sum: no text of a file is likely to hold it.
JOINT = "\x1f"
# Before a cell that a lookup does not list.
UNLISTED = "\x1e"

_PLACES = Decimal("0.000001")
_MONEY_LIMIT = Decimal(10) ** 12
_BIGINT_DIGITS = 18
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Reader:
    """How the cells of one contract column are read.

    Args:
        type_name: the contract's type.
        writing: how numbers and dates are written.
        signs: of a product or sum (cells joined by `JOINT`): `*` or `+`/`-` for each; else empty.
    """

    type_name: str
    writing: Writing
    signs: tuple[str, ...] = ()


def convert(reader: Reader, cells: Sequence[str]) -> tuple[pa.Array, list[str | None]]:
    """Values (null where a cell does not fit) and for each of those the reason.

    Args:
        reader: type and writing.
        cells: texts, trimmed, none empty.
    """
    read = _CONVERTERS[reader.type_name]
    values: list[Any] = []
    reasons: list[str | None] = []
    with localcontext() as context:
        context.prec, context.rounding = 80, ROUND_HALF_EVEN
        for cell in cells:
            value: Any
            reason: str | None
            if cell.startswith(UNLISTED):
                value, reason = None, f"{quoted(cell[1:])} is not listed in its lookup"
            elif reader.signs:
                value, reason = _combined(reader, cell)
            else:
                value, reason = read(cell, reader.writing)
            values.append(value)
            reasons.append(reason)
    return pa.array(values, ARROW_TYPES[reader.type_name]), reasons


def shown(cell: str, signs: Sequence[str]) -> str:
    """A product or sum as people would write it."""
    texts = cell.split(JOINT)
    if not signs or len(texts) != len(signs):
        return cell.removeprefix(UNLISTED)
    spoken = [f" {'x' if sign == '*' else sign} {text}" for sign, text in zip(signs, texts)]  # noqa: B905
    return "".join(spoken).removeprefix(" x ").removeprefix(" + ").removeprefix(" ")


Value = tuple[Any, str | None]


def _combined(reader: Reader, cell: str) -> Value:
    """A product (an empty factor empties it) or a sum (an empty term counts as zero)."""
    whole: Decimal | None = None
    for sign, text in zip(reader.signs, cell.split(JOINT), strict=True):
        plain = numerals.normal(text, reader.writing) if text else "0"
        if plain is None:
            return _not_a_number(shown(cell, reader.signs), reader.writing)
        value = Decimal(plain)
        if whole is None:
            whole = -value if sign == "-" else value
        elif sign == "*":
            whole = whole * value
        else:
            whole = whole + value if sign == "+" else whole - value
    assert whole is not None
    # Beyond a contract's range there are no places to keep.
    exact = whole.quantize(_PLACES) if abs(whole) < Decimal("1e40") else whole
    found, reason = _CONVERTERS[reader.type_name](f"{exact:f}", Writing())
    if reason is not None:
        reason = f"{quoted(shown(cell, reader.signs))} gives {reason}"
    return found, reason


def _not_a_number(cell: str, writing: Writing, wanted: str = "") -> Value:
    if _NOT_FINITE.fullmatch(cell):
        return None, f"{quoted(cell)} is not a finite number"
    example = "1234.50".replace(".", writing.decimal)
    return None, f"{quoted(cell)} is not {wanted or f'a number (such as {example})'}"


def _decimal(cell: str, writing: Writing) -> Value:
    """Money: exact to 6 places, further places rounded half to even."""
    plain = numerals.normal(cell, writing)
    if plain is None:
        return _not_a_number(cell, writing)
    value = Decimal(plain)
    # Rounded before the second look: 999999999999.9999999 becomes the limit.
    if abs(value) <= _MONEY_LIMIT:
        value = value.quantize(_PLACES)
    if abs(value) >= _MONEY_LIMIT:
        return None, f"{quoted(cell)} is out of range (below 10^12)"
    return value, None


def _double(cell: str, writing: Writing) -> Value:
    plain = numerals.normal(cell, writing)
    if plain is None:
        return _not_a_number(cell, writing)
    value = float(plain)
    if value in (float("inf"), float("-inf")):
        return None, f"{quoted(cell)} is out of range"
    # -0.0 would be another content than 0.0 for the same number.
    return value + 0.0, None


def _whole(cell: str, writing: Writing) -> Value:
    plain = numerals.normal(cell, writing)
    if plain is None or not re.fullmatch(r"[+-]?[0-9]+(?:\.0*)?", plain):
        return _not_a_number(cell, writing, "a whole number")
    digits = plain.split(".")[0]
    # Long digit strings are refused before int() would labour on them.
    if len(digits.lstrip("+-0")) > _BIGINT_DIGITS:
        return None, f"{quoted(cell)} is out of range"
    return int(digits), None


def _day(cell: str, writing: Writing) -> Value:
    day = moments.day_of(cell, writing.date_format, writing.time_zone)
    if day is None:
        return None, (
            f"{quoted(cell)} is not a possible date (such as 2025-12-31, or as `date_format` "
            f"says; years {moments.FIRST_DAY.year} to {moments.LAST_DAY.year})"
        )
    return day, None


def _moment(cell: str, writing: Writing) -> Value:
    moment = moments.moment_of(cell, writing.date_format, writing.time_zone)
    if moment is None:
        return None, (
            f"{quoted(cell)} is not a possible time in {writing.time_zone} (such as "
            "2025-12-31T18:30:00+01:00, or as `date_format` says)"
        )
    return moment, None


def _text(cell: str, _: Writing) -> Value:
    return cell, None


_CONVERTERS: dict[str, Callable[[str, Writing], Value]] = {
    "DECIMAL(18,6)": _decimal,
    "DOUBLE": _double,
    "BIGINT": _whole,
    "DATE": _day,
    "TIMESTAMP": _moment,
    "VARCHAR": _text,
}
