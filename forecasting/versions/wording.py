"""Text that people type: names, reasons, keys."""

from __future__ import annotations

import re
import unicodedata

from forecasting.versions.errors import VersionError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def shown(text: object, limit: int = 60) -> str:
    """Text from outside, safe in a message."""
    return repr(str(text)[:limit])


def said(text: object, what: str, limit: int) -> str:
    """Text as it is stored: normalised (NFC), trimmed, printable, 1 to `limit` characters.

    Raises:
        VersionError: it is empty, too long, or holds control characters.
    """
    clean = unicodedata.normalize("NFC", str(text)).strip()
    if not clean:
        raise VersionError(f"The {what} is empty: say it in a few words.")
    if len(clean) > limit:
        raise VersionError(f"The {what} has {len(clean)} characters: at most {limit}.")
    if not clean.isprintable():
        raise VersionError(
            f"The {what} holds control characters or line breaks ({shown(clean)}): take them out."
        )
    return clean


def name_of(text: object, what: str = "version") -> str:
    """A name that is safe as a folder's: letters, digits, `.`, `_`, `-`; at most 80.

    Raises:
        VersionError: it is not such a name.
    """
    name = str(text)
    if not _NAME.fullmatch(name) or ".." in name or name.casefold().endswith((".seal", ".tmp")):
        raise VersionError(
            f"{shown(name)} is no name for a {what}: use letters, digits, dot, dash and underscore "
            "(at most 80, the first a letter or digit), as 2026-P11-base-1."
        )
    return name


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, however they were typed."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
