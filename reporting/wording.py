"""Numbers written for reading: three digits and a unit, with the exact figure at hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reporting.figures import REST
from reporting.published import Row

Number = float | int | Decimal
NONE = "–"
_SPACE = "\u00a0"  # a number and its unit stay on one line
_STEPS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))

KIND_WORDS = {
    "media": "media",
    "organic": "organic media",
    "promotion": "promotion",
    "publicity": "publicity",
    "seller": "sellers",
    "agency": "agencies",
    "price": "prices",
    "baseline": "baseline",
    "control": "controls",
    "holiday": "holidays",
    "residual": "residual",
}

HOW_TO_READ = (
    (
        "Interval",
        "A 90 % interval holds the true value nine times in ten if the model is right; when a "
        "driver's ROI interval spans 1, the data do not say whether it brought in its spend, and "
        "neither do we.",
    ),
    (
        "Attribution",
        "A driver's contribution is the net revenue the model expects would be missing had the "
        "driver not run, later effects of the spend included; it rests on how activity and sales "
        "moved together, which is weaker proof than an experiment.",
    ),
    (
        "Second opinion",
        "A classical engine, least squares without prior beliefs, estimates the same drivers on "
        "the same data. Where it agrees the figures rest on the data; where it does not they rest "
        "on beliefs, or on drivers that move together, and a test would tell.",
    ),
    (
        "Residual",
        "What the model does not explain; it is shown instead of being spread over the drivers, so "
        "baseline, drivers and residual sum to the ledger to the cent in every date and territory.",
    ),
)


def short(value: Number | None, unit: str = "") -> str:
    """Three digits and a unit, for reading.

    >>> short(1234567.891, "EUR").replace("\u00a0", " ")
    '1.23 M EUR'
    """
    if value is None:
        return NONE
    size = abs(float(value))
    # 999,950 rounds to 1,000 k: choose the step by what will be printed.
    step, letter = next(((s, w) for s, w in _STEPS if size >= s * 0.9995), (1.0, ""))
    scaled = float(value) / step
    digits = 0 if step == 1 and size >= 100 else max(0, 3 - _digits(scaled))
    text = f"{scaled:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = "0"
    return _SPACE.join(part for part in (text, letter, unit) if part)


def _digits(value: float) -> int:
    """Digits before the point after rounding to three digits."""
    rounded = float(f"{abs(value):.3g}")
    return len(str(int(rounded)))


def exact(value: Number | None, unit: str = "", places: int = 2) -> str:
    """Every published digit, with separators: for tooltips and the reconciliation."""
    if value is None:
        return NONE
    text = f"{value:,.{places}f}"
    text = text.lstrip("-") if not text.strip("-0.,") else text
    return f"{text}{_SPACE}{unit}" if unit else text


def percent(value: Number | None, sign: bool = True) -> str:
    """A share (0..1) in percent; one decimal below ten."""
    if value is None:
        return NONE
    number = float(value) * 100
    text = f"{number:.0f}" if abs(number) >= 9.95 else f"{number:.1f}"
    text = "0.0" if text == "-0.0" else text
    return f"{text}{_SPACE}%" if sign else text


def ratio(value: Number | None) -> str:
    """An ROI: two decimals, none from a hundred on."""
    if value is None:
        return NONE
    return f"{float(value):,.2f}" if abs(float(value)) < 99.995 else f"{float(value):,.0f}"


def interval(low: str, high: str) -> str:
    """Two written bounds as one interval; nothing where a bound is missing."""
    return "" if NONE in (low, high) else f"{low} to {high}"


def bounds(low: Number | None, high: Number | None) -> str:
    """A money or volume interval with one step for both ends, its unit left to the heading.

    >>> bounds(980000, 1310000).replace("\u00a0", " ")
    '0.98 to 1.31 M'
    """
    if low is None or high is None:
        return ""
    size = max(abs(float(low)), abs(float(high)))
    step, letter = next(((s, w) for s, w in _STEPS if size >= s * 0.9995), (1.0, ""))
    digits = max(0, 3 - _digits(size / step)) if step > 1 or size < 100 else 0
    ends = [f"{float(end) / step:,.{digits}f}" for end in (low, high)]
    ends = [end.lstrip("-") if not end.strip("-0.,") else end for end in ends]
    return _SPACE.join(part for part in (f"{ends[0]} to {ends[1]}", letter) if part)


def _parsed(value: date | datetime | str) -> date | datetime | str:
    """ISO text as a time; other text as it is."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def day(value: date | datetime | str | None) -> str:
    """A date as 5 Jan 2025."""
    if value is None or value == "":
        return NONE
    parsed = _parsed(value)
    return parsed if isinstance(parsed, str) else f"{parsed.day} {parsed:%b %Y}"


def moment(value: date | datetime | str | None) -> str:
    """A time as 5 Jan 2025 06:30 UTC (times in the lake are UTC)."""
    if value is None or value == "":
        return NONE
    value = _parsed(value)
    if isinstance(value, str):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    clock = f" {value:%H:%M} UTC" if isinstance(value, datetime) else ""
    return day(value) + clock


def checks_sentence(count: dict[str, int]) -> str:
    """How the checks went, in a few words."""
    if count["fail"]:
        return f"{count['fail']} failed, {count['warn']} warned, {count['pass']} passed"
    if count["warn"]:
        return f"{_plural(count['warn'], 'warning')}, {count['pass']} passed, none failed"
    return f"all {count['pass']} passed" if count["pass"] else "none recorded"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def rest_rows(by_kind: dict[str, Decimal]) -> list[Row]:
    """The kinds that are no marketing driver, named, in reading order."""
    known = [kind for kind in REST if kind in by_kind]
    return [{"name": KIND_WORDS[kind], "amount": by_kind[kind]} for kind in known]


def joined(words: Sequence[str]) -> str:
    """a, b and c.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def or_none(value: Any) -> str:
    """Text from outside, or the sign for nothing."""
    return NONE if value is None or value == "" else str(value)
