"""Text as UTF-8 blocks of whole lines, from whatever encoding was declared."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import IO

from ingestion.wording import quoted
from warehouse.errors import SourceError

BLOCK = 8 * 2**20
_LONGEST_LINE = 64 * 2**20
_CONTROL = re.compile("[\x80-\x9f]")
_GUESSES = ("utf-8", "cp1252", "latin-1")


def blocks(plain: IO[bytes], encoding: str, label: str) -> Iterator[bytes]:
    """Blocks of whole lines: sound UTF-8, no byte order mark, no NUL.

    Raises:
        SourceError: the bytes are not of that encoding (line and likely encoding named), a NUL
            byte, a line of more than 64 MiB.
    """
    recode = _recoder(encoding, label)
    lines, kept, ended = 0, b"", False
    while not ended:
        raw = plain.read(BLOCK)
        ended = not raw
        kept += recode(raw, ended, lines + kept.count(b"\n"))
        # A file of a Mac of old has no line feed; a carriage return at the end may be half of two.
        cut = kept.rfind(b"\n") + 1 or kept.rfind(b"\r", 0, max(len(kept) - 1, 0)) + 1
        block, kept = (kept, b"") if ended else (kept[:cut], kept[cut:])
        if len(kept) > _LONGEST_LINE:
            raise SourceError(
                "there is no end to the line",
                where=f"{label}, row {lines + block.count(10) + 1}",
                expected=f"lines of at most {_LONGEST_LINE // 2**20} MiB",
                remedy="Check that the file is text, and its `format` and `compression`",
            )
        if b"\0" in block:
            raise _nul(block, label, lines)
        if block:
            yield block
        lines += block.count(b"\n")


Recoder = Callable[[bytes, bool, int], bytes]


def _recoder(encoding: str, label: str) -> Recoder:
    """From raw bytes to UTF-8; told whether they are the last, and the lines before them."""
    latin_1 = codecs.lookup(encoding).name == "iso8859-1"
    utf_8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    decoder = codecs.getincrementaldecoder("utf-8" if utf_8 else encoding)("strict")
    first = True

    def recode(raw: bytes, last: bool, lines: int) -> bytes:
        nonlocal first
        try:
            text = decoder.decode(raw, last)
        except UnicodeDecodeError as error:
            raise _not_of(encoding, error.object, error.start, f"{label}, row", lines) from error
        except UnicodeError as error:  # UTF-16 without its mark
            raise _not_of(encoding, raw, 0, f"{label}, row", lines) from error
        if first and text:
            first, text = False, text.removeprefix("\ufeff")
        # Latin-1 gives every byte a meaning: a wrong one shows by its control characters.
        if latin_1 and (odd := _CONTROL.search(text)):
            raise _controls(text, odd.start(), label, lines)
        return text.encode()

    return recode


def _controls(text: str, place: int, label: str, lines: int) -> SourceError:
    try:
        text.encode("latin-1").decode("utf-8")
        likely = "utf-8"
    except UnicodeDecodeError:
        likely = "cp1252"
    return SourceError(
        f"the file is not Latin-1 text: it has the control character {quoted(text[place])}",
        where=f"{label}, row {lines + text.count(chr(10), 0, place) + 1}",
        remedy=f"Set `encoding: {likely}` for this file in the source mapping",
    )


def _not_of(encoding: str, raw: bytes, at: int, place: str, lines: int) -> SourceError:
    said = "UTF-8" if encoding.lower() in ("utf-8", "utf8") else encoding
    before = raw[:at].decode(encoding, "replace").count("\n") if at else 0
    likely = _likely(raw, at, encoding)
    remedy = "Save it as UTF-8 (in a spreadsheet: CSV UTF-8) and land it again"
    if likely:
        remedy = (
            f"It looks like {likely}: set `encoding: {likely}` for this file in the source "
            "mapping, or save it as UTF-8"
        )
    return SourceError(
        f"the file is not {said} text",
        where=f"{place} {lines + before + 1}",
        remedy=remedy,
    )


def _likely(raw: bytes, at: int, encoding: str) -> str | None:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if (side := _side_of_utf_16(raw)) is not None:
        return side
    near = raw[max(0, at - 200) : at + 200]
    for guess in _GUESSES:
        if codecs.lookup(guess).name == codecs.lookup(encoding).name:
            continue
        try:
            near.decode(guess)
        except UnicodeDecodeError:
            continue
        return guess
    return None


def _side_of_utf_16(raw: bytes) -> str | None:
    """UTF-16 without a mark, known by the NUL beside each letter."""
    head = raw[:2000]
    if head.count(b"\0") <= len(head) // 4:
        return None
    return "utf-16-le" if head[1::2].count(b"\0") > head[::2].count(b"\0") else "utf-16-be"


def _nul(block: bytes, label: str, lines: int) -> SourceError:
    remedy = "Fetch it again, or save it as UTF-8 text"
    if (side := _side_of_utf_16(block)) is not None:
        remedy = f"It looks like UTF-16: set `encoding: {side}` in the source mapping"
    return SourceError(
        "there is a NUL byte in the file",
        where=f"{label}, row {lines + block.count(10, 0, block.index(0)) + 1}",
        expected="text",
        remedy=remedy,
    )
