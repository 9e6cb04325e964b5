"""Options of `liftcast forecast` that say how plan columns are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import typer

from warehouse.errors import LiftcastError, printable

AssumeOption = Annotated[
    str | None,
    typer.Option(
        "--assume",
        help="What a plan column is where the plan does not say, as promo=last-year,price=last "
        "(zero, last, last-year, mean).",
    ),
]
SignsOption = Annotated[
    str | None,
    typer.Option("--signs", help="What more of a plan column must do, as promo=+,price=-."),
]


@dataclass(frozen=True)
class PlanRules:
    """`assume`: plan column -> what it is where the plan does not say; `signs`: plan column -> what
    more of it must do; `calendar`: file or rule of fiscal periods."""

    assume: dict[str, str] = field(default_factory=dict)
    signs: dict[str, str] = field(default_factory=dict)
    calendar: str | None = None


NO_RULES = PlanRules()


def plan_rules(assume: str | None, signs: str | None, calendar: str | None) -> PlanRules:
    """What the options say.

    Raises:
        LiftcastError: no pairs, or a column twice.
    """
    return PlanRules(
        _pairs(assume, "promo=last-year,price=last"), _pairs(signs, "promo=+,price=-"), calendar
    )


def _pairs(text: str | None, example: str) -> dict[str, str]:
    """`column=word` pairs separated by commas."""
    out: dict[str, str] = {}
    for part in [] if text is None else text.split(","):
        # A column's name may have the sign, a word has none.
        name, found, word = (piece.strip() for piece in part.rpartition("="))
        if not found or not name or not word or name in out:
            raise LiftcastError(
                "no pair of column and word, or a column twice",
                where=printable(part),
                expected=f"pairs separated by commas, as {example}",
            )
        out[name] = word
    return out
