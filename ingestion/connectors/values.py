"""Values of a database driver as exact text, and the type that a whole column turns out to have.

A column is written as text first: a driver tells the type of a value, not always of a column, and
a column may be empty for a million rows. What all its values have in common is its type, which the
scan gives back; where they have nothing in common it stays text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ingestion.connectors.scratch import identifier
from ingestion.wording import quoted
from warehouse.errors import SourceError

_DECIMAL_DIGITS = 38
_BIGINT = 2**63
_SQL_TYPES = {
    "date": "DATE",
    "time": "TIMESTAMP",
    "instant": "TIMESTAMPTZ",
    "whole": "BIGINT",
    "float": "DOUBLE",
    "yes": "BOOLEAN",
}


class Column:
    """One column as its values go by.

    Args:
        name: as the database calls it.
        place: what errors call it.
    """

    def __init__(self, name: str, place: str) -> None:
        self.name = name
        self._place = place
        self._kinds: set[str] = set()
        self._whole_digits = 0
        self._places = 0
        self._digest = hashlib.sha256()

    def texts(self, values: Sequence[Any], first_row: int) -> pa.Array:
        """Values as text, null where there is none.

        Raises:
            SourceError: a value is bytes, or of a kind that has no exact text.
        """
        kinds: dict[type, str] = {}
        said: list[str | None] = []
        for offset, value in enumerate(values):
            if value is None:
                said.append(None)
                continue
            kind = kinds.get(type(value))
            if kind is None:
                kind = kinds[type(value)] = _kind(value)
            if kind == "time" and value.tzinfo is not None:
                kind = "instant"
            if kind == "decimal":
                kind = self._fit(value)
            elif kind == "whole" and not -_BIGINT <= value < _BIGINT:
                kind = self._fit(Decimal(value))
            elif kind == "bytes":
                raise self._refused(value, first_row + offset)
            self._kinds.add(kind)
            said.append(_text(kind, value))
        # Length before text: no two columns of cells read the same.
        for text in said:
            self._digest.update(b"-" if text is None else f"{len(text)}:{text}".encode())
        return pa.array(said, pa.string())

    @property
    def digest(self) -> bytes:
        return self._digest.digest()

    def sql(self, stored: str) -> str:
        """The column of text `stored` with its own type and name, as an SQL expression."""
        type_name = self._type()
        cast = f"CAST({stored} AS {type_name})" if type_name else stored
        return f"{cast} AS {identifier(self.name)}"

    def _type(self) -> str | None:
        kinds = self._kinds
        if len(kinds) == 1 and (type_name := _SQL_TYPES.get(next(iter(kinds)))):
            return type_name
        if kinds and kinds <= {"decimal", "whole"}:
            # Whole numbers between decimals are at most 19 digits long.
            whole = max(self._whole_digits, 19 if "whole" in kinds else 0)
            if whole + self._places <= _DECIMAL_DIGITS:
                return f"DECIMAL({max(1, whole + self._places)},{self._places})"
        return None

    def _fit(self, value: Decimal) -> str:
        if not value.is_finite():
            return "text"
        exponent = int(value.as_tuple().exponent)
        self._places = max(self._places, -exponent)
        self._whole_digits = max(self._whole_digits, value.adjusted() + 1)
        return "decimal"

    def _refused(self, value: Any, row: int) -> SourceError:
        return SourceError(
            f"the column {quoted(self.name)} holds bytes",
            where=f"{self._place}, row {row}",
            expected="numbers, text, dates, times",
            got=f"{len(value):,} bytes",
            remedy="Leave the column out with a `query`, or turn it to text there",
        )


# In this order: a truth value is a whole number to Python, a time is a date.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "yes"),
    (int, "whole"),
    (float, "float"),
    (Decimal, "decimal"),
    (datetime, "time"),
    (date, "date"),
    ((bytes, bytearray, memoryview), "bytes"),
    ((dict, list, tuple, set), "json"),
)


def _kind(value: Any) -> str:
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "text")


def _json(value: Any) -> str:
    plain = sorted(value, key=str) if isinstance(value, set) else value
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, default=str)


_TEXTS: dict[str, Callable[[Any], str]] = {
    "decimal": lambda value: format(Decimal(value), "f"),
    "time": lambda value: value.isoformat(" "),
    "instant": lambda value: value.astimezone(UTC).isoformat(" "),
    "date": lambda value: value.isoformat(),
    "yes": lambda value: "true" if value else "false",
    "float": repr,
    "json": _json,
}


def _text(kind: str, value: Any) -> str:
    return _TEXTS.get(kind, str)(value)
