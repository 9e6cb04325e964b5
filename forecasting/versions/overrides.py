"""Overrides: a person's number beside the statistical one, with author, reason and expiry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from forecasting.versions.errors import OverrideError
from forecasting.versions.tables import amounts, cents, exact
from forecasting.versions.wording import said, shown

Kind = Literal["absolute", "percent", "delta"]
EFFECTS = ["number", "rows", "before", "after", "state"]
_MOST = Decimal(10) ** 15


@dataclass(frozen=True)
class Override:
    """One override of a version.

    `where`: (series column, value) pairs; none means every series. `first_day` to `last_day`: the
    dates it reaches. `value`: the sum over all it reaches (absolute), what is added to that sum
    (delta), or per cent of it (percent). `expires_on`: the last day on which it may be approved
    and locked; after it, a version that is not locked falls back to the number without it.
    """

    number: int
    kind: Kind
    value: Decimal
    where: tuple[tuple[str, str], ...]
    first_day: date
    last_day: date
    author: str
    reason: str
    expires_on: date
    entered_at: str = ""
    withdrawn_at: str | None = None

    def in_force(self, day: date) -> bool:
        """Whether it counts on a day."""
        return self.withdrawn_at is None and self.expires_on >= day

    @property
    def scope(self) -> str:
        """Which series, in words."""
        return ", ".join(f"{name}={value}" for name, value in self.where) or "all series"

    def as_event(self) -> dict[str, Any]:
        """Fields for the journal: JSON values only."""
        fields = asdict(self) | {
            "value": str(self.value), "where": [list(pair) for pair in self.where],
            "first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat(),
            "expires_on": self.expires_on.isoformat(),
        }  # fmt: skip
        del fields["entered_at"], fields["withdrawn_at"]
        return fields


def from_event(fields: Mapping[str, Any], at: str) -> Override:
    """The override that `as_event` wrote."""
    return Override(
        number=int(fields["number"]),
        kind=fields["kind"],
        value=Decimal(fields["value"]),
        where=tuple((str(name), str(value)) for name, value in fields["where"]),
        first_day=date.fromisoformat(fields["first_day"]),
        last_day=date.fromisoformat(fields["last_day"]),
        author=str(fields["author"]),
        reason=str(fields["reason"]),
        expires_on=date.fromisoformat(fields["expires_on"]),
        entered_at=at,
    )


def checked(override: Override, table: pd.DataFrame, series: Sequence[str]) -> Override:
    """The override with its texts cleaned, if it means something on a version's table.

    Raises:
        OverrideError: kind, value, dates or scope say nothing, or reach no row.
    """
    if override.kind not in get_args(Kind):
        raise OverrideError(f"An override is absolute, percent or delta, not {override.kind!r}.")
    value = override.value
    if not value.is_finite() or abs(value) >= _MOST:
        raise OverrideError(f"The override's value is {value}: expected a number below 10^15.")
    exponent = value.normalize().as_tuple().exponent
    places = 6 if override.kind == "percent" else 2
    if isinstance(exponent, int) and exponent < -places:
        raise OverrideError(f"The override's value is {value}: give at most {places} decimals.")
    if override.kind == "absolute" and value < 0:
        raise OverrideError(f"The override's value is {value}: a forecast is never below zero.")
    if override.kind == "percent" and not -100 <= value <= 100_000:
        raise OverrideError(f"The override changes by {value} %: expected -100 to 100,000.")
    if override.first_day > override.last_day:
        raise OverrideError(
            f"The override runs from {override.first_day} to {override.last_day}: turn them round."
        )
    strange = [name for name, _ in override.where if name not in series]
    if strange:
        raise OverrideError(
            f"The version has no series column {shown(strange[0])}; it has "
            f"{', '.join(map(shown, series))}."
        )
    if len({name for name, _ in override.where}) != len(override.where):
        raise OverrideError("The override names a series column twice: one value each.")
    for name, wanted in override.where:
        if not (table[name] == wanted).any():
            known = ", ".join(shown(v) for v in sorted(table[name].unique())[:6])
            raise OverrideError(f"No series has {shown(name)} = {shown(wanted)}; there is {known}.")
    if not reached(override, table).any():
        raise OverrideError(
            f"The override reaches no row: {override.scope} from {override.first_day} to "
            f"{override.last_day}; the version runs from {table['ds'].min().date()} to "
            f"{table['ds'].max().date()}."
        )
    return Override(
        **{
            **vars(override),
            "author": said(override.author, "override's author", 120),
            "reason": said(override.reason, "override's reason", 1000),
        }
    )


def number_from(text: str) -> Decimal:
    """A value as a person types it.

    Raises:
        OverrideError: it is no number.
    """
    try:
        value = Decimal(text.strip().removesuffix("%").strip())
    except InvalidOperation:
        raise OverrideError(
            f"The override's value is {shown(text)}: expected a number as 1250.00 or -5."
        ) from None
    return value


def reached(override: Override, table: pd.DataFrame) -> np.ndarray:
    """Rows of a version's table that the override reaches, as booleans."""
    first, last = pd.Timestamp(override.first_day), pd.Timestamp(override.last_day)
    rows = table["ds"].between(first, last).to_numpy()
    for name, value in override.where:
        rows = rows & (table[name] == value).to_numpy()
    return np.asarray(rows)


@dataclass(frozen=True)
class Applied:
    """`table`: the version's with `override` (what overrides add) and `final` (mean + override),
    both Decimal. `effects`: one row an override: number, rows, before, after (sums over what it
    reaches), state (in force, expired, withdrawn)."""

    table: pd.DataFrame
    effects: pd.DataFrame


def apply(table: pd.DataFrame, overrides: Sequence[Override], day: date) -> Applied:
    """Apply the overrides in force on a day, in the order they were entered.

    Each sets the sum over what it reaches; the sum is spread by the numbers that stood before it
    (the statistical ones, where no earlier override reaches), evenly where they are all zero, in
    whole cents by largest remainders. So a sum is met to the cent at the level it was given for,
    nothing falls below zero, and a series an earlier override set to zero stays there.

    Raises:
        OverrideError: a delta takes more away than there is.
    """
    base = cents(table["mean"])
    final = list(base)
    effects: list[dict[str, Any]] = []
    for one in sorted(overrides, key=lambda o: o.number):
        rows = [int(row) for row in np.flatnonzero(reached(one, table))]
        before = sum(final[row] for row in rows)
        state = "in force" if one.in_force(day) else "expired"
        after = before
        if one.withdrawn_at is not None:
            state = "withdrawn"
        elif state == "in force":
            after = target(one, before)
            shares = spread(after, [final[row] for row in rows])
            for row, share in zip(rows, shares, strict=True):
                final[row] = share
        effects.append(
            {"number": one.number, "rows": len(rows), "before": Decimal(before).scaleb(-2),
             "after": Decimal(after).scaleb(-2), "state": state}
        )  # fmt: skip
    added = (f - b for f, b in zip(final, base, strict=True))
    out = table.reset_index(drop=True).assign(
        override=exact(amounts(added)), final=exact(amounts(final))
    )
    return Applied(out, pd.DataFrame(effects, columns=EFFECTS))


def target(override: Override, before: int) -> int:
    """The sum an override asks for, in cents, where `before` cents stand.

    Raises:
        OverrideError: it would be below zero.
    """
    if override.kind == "absolute":
        return int(override.value.scaleb(2))
    if override.kind == "delta":
        after = before + int(override.value.scaleb(2))
    else:
        exact = Decimal(before) * (100 + override.value) / 100
        after = int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
    if after < 0:
        raise OverrideError(
            f"Override {override.number} of {override.scope} takes {-override.value} away, but "
            f"only {Decimal(before).scaleb(-2)} stand: correct or withdraw it."
        )
    return after


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` cents by weights, exactly: largest remainders, the earlier row first on a tie.

    >>> spread(100, [1, 1, 1])
    [34, 33, 33]
    """
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    parts, left = [], []
    for place, weight in enumerate(weights):
        part, rest = divmod(total * weight, whole)
        parts.append(part)
        left.append((-rest, place))
    for _, place in sorted(left)[: total - sum(parts)]:
        parts[place] += 1
    return parts


def as_rows(overrides: Sequence[Override], applied: Applied) -> pd.DataFrame:
    """Overrides as rows: what was asked, by whom, why, until when, and what it did."""
    rows = [
        {"number": o.number, "kind": o.kind, "value": o.value,
         "scope": json.dumps([list(pair) for pair in o.where]), "first_day": o.first_day,
         "last_day": o.last_day, "author": o.author, "reason": o.reason,
         "expires_on": o.expires_on, "entered_at": o.entered_at,
         "withdrawn_at": o.withdrawn_at}
        for o in overrides
    ]  # fmt: skip
    columns = ["number", "kind", "value", "scope", "first_day", "last_day", "author", "reason",
               "expires_on", "entered_at", "withdrawn_at"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    done = applied.effects
    return frame.merge(done, on="number", how="left")
