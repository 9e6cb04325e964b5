"""One error for everything a user can mend, written so that the remedy stands in the message."""

from __future__ import annotations


def printable(text: object, limit: int = 120) -> str:
    """Text from outside, made safe for a terminal or a log line.

    Control characters (terminal escapes, line breaks) are shown escaped, long text is cut.
    """
    raw = str(text)
    safe = "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in raw)
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


class LiftcastError(Exception):
    """A failure with its place and remedy.

    Args:
        what: the failure in a few words.
        where: source, file, row or column it happened in.
        expected: what should have been there.
        got: what was there.
        remedy: what the reader can do now.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.remedy = remedy
        parts = [f"{where}: {what}" if where else what]
        if expected:
            parts.append(f"expected {expected}")
        if got:
            parts.append(f"got {got}")
        sentence = "; ".join(parts).rstrip(".") + "."
        super().__init__(f"{sentence} {remedy.rstrip('.')}." if remedy else sentence)


class SourceError(LiftcastError):
    """A source cannot be landed; what the lake already holds of it stays."""


class LakeBusyError(LiftcastError):
    """Another run holds the warehouse."""


class CheckFailedError(LiftcastError):
    """A *fail* check is red: nothing new is published."""
