"""YAML of a proposed mapping: foreign names quoted so that they stay names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingestion.drafting import FILL_IN, Draft
from warehouse.errors import printable

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def scalar(text: str) -> str:
    """Text as a YAML scalar on one line that reads back as itself."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(ch: str) -> str:
    if ch in _ESCAPES:
        return _ESCAPES[ch]
    if ch.isprintable():
        return ch
    code = ord(ch)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def comment(text: str, limit: int = 300) -> str:
    """Foreign text for a comment: no line end in it."""
    return printable(text, limit)


def table_lines(draft: Draft, default_input: str) -> list[str]:
    """One entry under `tables`."""
    lines = [f"  - table: {draft.table}"]
    if draft.records:
        lines.append("    records:")
        for record in draft.records:
            lines.append(f"      - {_flow(record)}{_fill_in(record, draft)}")
        return lines
    lines.append(f"    from: {draft.from_ or default_input}")
    if draft.where:
        lines.append(f"    where: {_flow(draft.where)}")
    if draft.distinct:
        lines.append("    distinct: true")
    lines += _block("columns", draft.columns, {})
    lines += _block("constants", draft.constants, draft.hints)
    for name, factors in draft.multiply.items():
        lines += ["    multiply:", f"      {name}: [{', '.join(map(scalar, factors))}]"]
    if draft.unpivot:
        lines.append("    unpivot:")
        for set_, columns in draft.unpivot:
            lines += [f"      - set: {_flow(set_)}", f"        columns: {_flow(columns)}"]
    lines += _block("templates", draft.templates, {})
    return lines


def _block(key: str, pairs: Mapping[str, str], hints: Mapping[str, str]) -> list[str]:
    lines = [f"    {key}:"] if pairs else []
    for name, value in pairs.items():
        hint = hints.get(name)
        lines.append(f"      {name}: {scalar(value)}" + (f"  # fill in: {hint}" if hint else ""))
    return lines


def _flow(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in pairs.items()) + "}"


def _fill_in(record: Mapping[str, str], draft: Draft) -> str:
    wanting = [draft.hints.get(name, name) for name, value in record.items() if value == FILL_IN]
    wanting += [
        hint for name, hint in draft.hints.items() if record.get(name) not in (None, FILL_IN)
    ]
    return f"  # fill in: {'; '.join(wanting)}" if wanting else ""
