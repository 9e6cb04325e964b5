"""Who does something to a version."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from forecasting.versions.wording import said


@dataclass(frozen=True)
class Actor:
    """Who does something and why; `account` is the operating system's, not theirs to choose."""

    by: str
    why: str

    def fields(self) -> dict[str, str]:
        return {
            "by": said(self.by, "name of who does it (--by)", 120),
            "account": account(),
            "why": said(self.why, "reason (--why)", 1000),
        }


def account() -> str:
    """Login name of the account this process runs as, its number where it has none."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
