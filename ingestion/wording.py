"""How errors and quarantine reasons quote what came from outside."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from warehouse.errors import printable


def quoted(text: object, limit: int = 60) -> str:
    """Foreign text in quotes, short and safe for a terminal."""
    return f"'{printable(text, limit)}'"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word` (case aside), or None when none is like it."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; nearest is 'x'`, or nothing."""
    found = nearest(word, known)
    return f"; nearest is {quoted(found)}" if found else ""


def listed(words: Iterable[str], limit: int = 12) -> str:
    """Words in quotes, the tail cut with its count."""
    every = list(words)
    shown = ", ".join(quoted(word) for word in every[:limit])
    return shown + (f" and {len(every) - limit} more" if len(every) > limit else "")
