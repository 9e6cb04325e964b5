"""Names and texts from outside as parts of SQL: quoted, so that they are data and nothing else."""

from __future__ import annotations

from collections.abc import Iterable


def name(identifier: str) -> str:
    """An identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str]) -> str:
    """Identifiers in double quotes, separated by commas."""
    return ", ".join(name(identifier) for identifier in identifiers)


def text(value: str | None) -> str:
    """A text literal; `null` for None."""
    # DuckDB's parser ends a statement at a NUL byte.
    if value is None:
        return "null"
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in value.split("\0")]
    return pieces[0] if len(pieces) == 1 else "(" + " || chr(0) || ".join(pieces) + ")"


def texts(values: Iterable[str]) -> str:
    """Text literals, separated by commas."""
    return ", ".join(text(value) for value in values)


def among(expression: str, values: Iterable[str]) -> str:
    """Whether an expression is one of many texts: a hash look-up, not a chain of comparisons."""
    return f"{expression} in (select unnest([{texts(values)}]))"
