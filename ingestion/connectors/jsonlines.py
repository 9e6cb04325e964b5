"""JSON lines as text: one object a line, numbers with the digits they were written with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ingestion.connectors.scratch import TextWriter, scan
from ingestion.wording import quoted
from warehouse.errors import SourceError, printable

_ROWS_AT_ONCE = 20_000
_MOST_COLUMNS = 5_000


class _Number(str):
    """A number's digits, so that it is not taken for a text."""

    __slots__ = ()


@dataclass(frozen=True)
class ReadLines:
    """Columns in order of first sight, the select of them, and how many rows it gives."""

    columns: tuple[str, ...]
    scan: str
    rows: int


def read_lines(
    blocks: Iterator[bytes], label: str, target: Path, decimal: str = ".", limit: int | None = None
) -> ReadLines:
    """Write the objects of JSON lines to the scratch folder.

    Args:
        blocks: UTF-8 bytes, each block of whole lines.
        label: what errors call the file.
        target: Parquet file to write; where later lines bring further columns, others beside it.
        decimal: mark that numbers get, so that they read as the mapping declares numbers.
        limit: rows to read at most.

    Raises:
        SourceError: a line is no JSON object, has a key twice, or holds what is no text.
    """
    columns: dict[str, None] = {}
    paths: list[Path] = []
    writer: TextWriter | None = None
    rows = 0
    lines = islice(_objects(blocks, label), limit)
    try:
        while chunk := list(islice(lines, _ROWS_AT_ONCE)):
            for number, found in chunk:
                if not found.keys() <= columns.keys():
                    columns.update(dict.fromkeys(found))
                    _not_too_many(columns, label, number)
            if writer is None or len(writer.columns) != len(columns):
                if writer is not None:
                    writer.__exit__(None, None, None)
                path = target.with_name(f"{target.stem}-{len(paths)}.parquet") if paths else target
                writer = TextWriter(path, tuple(columns)).__enter__()
                paths.append(path)
            cells = [_texts(chunk, name, decimal, label) for name in columns]
            writer.write(cells, np.array([number for number, _ in chunk], dtype=np.int64))
            rows += len(chunk)
    finally:
        if writer is not None:
            writer.__exit__(None, None, None)
    return ReadLines(tuple(columns), scan(paths, tuple(columns)) if paths else "", rows)


def _objects(blocks: Iterator[bytes], label: str) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    decode = json.JSONDecoder(
        parse_float=_Number, parse_int=_Number, object_pairs_hook=_once_each
    ).decode
    for block in blocks:
        for raw in block.splitlines():
            number += 1
            if not raw or raw.isspace():
                continue
            try:
                found = decode(raw.decode())
            except (ValueError, RecursionError) as error:
                raise _not_json(raw, error, f"{label}, row {number}") from error
            if not isinstance(found, dict):
                raise _not_json(raw, None, f"{label}, row {number}")
            yield number, found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} stands twice")
    return found


def _not_json(raw: bytes, error: Exception | None, where: str) -> SourceError:
    remedy = "Write one JSON object a line"
    if raw.lstrip().startswith(b"["):
        remedy = "The file is one list: write its objects one a line (jq -c '.[]' does)"
    said = "a JSON value that is no object"
    if error is not None:
        said = printable(error) if isinstance(error, ValueError) else "nested too deeply"
    return SourceError(
        "the line is not a JSON object",
        where=where,
        expected='a line such as {"day": "2025-01-31", "spend": 12.5}',
        got=f"{quoted(raw[:200].decode(errors='replace'))} ({said})",
        remedy=remedy,
    )


def _not_too_many(columns: dict[str, None], label: str, number: int) -> None:
    if len(columns) > _MOST_COLUMNS:
        raise SourceError(
            f"the objects have more than {_MOST_COLUMNS:,} different keys",
            where=f"{label}, row {number}",
            remedy="A key should name a column; put what varies into a value",
        )


def _texts(
    chunk: list[tuple[int, dict[str, Any]]], name: str, decimal: str, label: str
) -> pa.Array:
    texts = [_text(found.get(name), decimal) for _, found in chunk]
    try:
        return pa.array(texts, pa.string())
    except (UnicodeEncodeError, pa.ArrowException):
        for (number, _), text in zip(chunk, texts, strict=True):
            if text is not None and not _is_text(text):
                raise SourceError(
                    f"{quoted(name)} holds half of a surrogate pair, which is no text",
                    where=f"{label}, row {number}",
                    remedy="Correct the program that wrote the file",
                ) from None
        raise


def _is_text(text: str) -> bool:
    return not any("\ud800" <= ch <= "\udfff" for ch in text)


def _text(value: Any, decimal: str) -> str | None:
    if isinstance(value, _Number):
        return value.replace(".", decimal) if decimal != "." else str(value)
    if value is None or isinstance(value, str):
        return value
    return _json(value)


def _json(value: Any) -> str:
    """JSON text of a nested value, its numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inside = ", ".join(
            f"{json.dumps(key, ensure_ascii=False)}: {_json(one)}" for key, one in value.items()
        )
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    return json.dumps(value, ensure_ascii=False)
