"""What a command says beside its answer: notes on the error stream, steps with their seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

from warehouse.errors import printable

Say = Callable[[str], None]


def noting() -> Say:
    """Notes, one a line; text from outside is harmless in them."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    return lambda text: errors.print(f"[yellow]note:[/yellow] {escape(printable(text, 400))}")


def stepping(console: Console, begun: float | None = None) -> Say:
    """Steps of a run with the seconds since `begun` (of `time.monotonic`; None: now)."""
    start = time.monotonic() if begun is None else begun
    return lambda text: console.print(
        f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {escape(printable(text))}"
    )
