"""What is checked before a forecast is believed: its own arithmetic, and its record."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd

from forecasting.calibrating import QUANTILES
from forecasting.checks import Check
from forecasting.record import Record
from forecasting.series import KEYS
from forecasting.volume import HORIZON, LEVELS

# One window proves little: coverage is reported always, and warned about only when it is far off.
LEAST_COVERAGE = {"80": 0.60, "95": 0.80}
_ZERO = Decimal(0)


def record_checks(
    record: Record | None, *, credited: bool = False, revenue: bool = False
) -> Iterator[Check]:
    """WAPE of the total against the seasonal naive, bias and coverage at the newest past origin.

    Args:
        credited: the mix's drivers are in the forecast; what they brought is known to both.
        revenue: the record is of net revenue, made of units and net prices; not of what was raced.
    """
    total, series = ("net_revenue", "net_revenue") if revenue else ("total", "series")
    if record is None:
        text = "History is too short for a backtest: nothing says yet how good this forecast is."
        yield Check.warn("backtest_wape", total, text)
        return
    window = f"{record.first.date()} to {record.last.date()}"
    known = " What the attribution credits to drivers there is known to "
    text = (
        f"Forecast from before {window} and weighed before that, WAPE of the total"
        f"{' net revenue' if revenue else ''} was "
        f"{record.wape:.1%} and of the seasonal naive {record.naive_wape:.1%}; bias "
        f"{record.bias:+.1%}." + (f"{known}{'it' if revenue else 'both'}." if credited else "")
    )
    yield Check.judged(
        "backtest_wape",
        total,
        "warn",
        good=not record.wape > record.naive_wape,
        figure=record.wape,
        threshold=record.naive_wape,
        text=text,
    )
    for name, inside in (("80", record.inside_80), ("95", record.inside_95)):
        text = (
            f"{inside:.0%} of the weekly sums of the series"
            f"{' in net revenue' if revenue else ''} from {window} were inside their "
            f"{name} % intervals, made with what was known before."
        )
        yield Check.judged(
            f"backtest_coverage_{name}",
            series,
            "warn",
            good=inside >= LEAST_COVERAGE[name],
            figure=inside,
            threshold=LEAST_COVERAGE[name],
            text=text,
        )


def table_checks(volume: pd.DataFrame, subject: str = "volume") -> list[Check]:
    """Totals equal their parts to the cent, numbers are finite and not negative, quantiles rise.

    Computed from the finished table (`subject`: volume or revenue), in decimals, independently of
    how it was summed."""
    uneven, widest = _unequal_sums(volume)
    columns = ["mean", *QUANTILES]
    values = volume[columns]
    bad = int((~values.map(lambda v: v.is_finite() and v >= 0)).to_numpy().sum())
    falling = sum(
        int((volume[low] > volume[high]).sum())
        for low, high in zip(list(QUANTILES), list(QUANTILES)[1:], strict=False)
    )
    return [
        Check.judged(
            "totals_equal_parts",
            subject,
            "fail",
            good=uneven == 0,
            figure=float(widest),
            threshold=0.0,
            text=f"{uneven} sums of the {subject} table differ from their parts, by {widest} at "
            "most.",
        ),
        Check.judged(
            "finite_and_not_negative",
            subject,
            "fail",
            good=bad == 0,
            figure=float(bad),
            threshold=0.0,
            text=f"{bad} numbers of the {subject} table are negative or not finite.",
        ),
        Check.judged(
            "quantiles_rise",
            subject,
            "fail",
            good=falling == 0,
            figure=float(falling),
            threshold=0.0,
            text=f"{falling} pairs of quantiles of the {subject} table are out of order.",
        ),
    ]


def _unequal_sums(volume: pd.DataFrame) -> tuple[int, Decimal]:
    """Count and largest size of differences between sums and their parts, over levels and weeks."""
    keys = ["period", "date_day"]
    parts = volume[volume["level"] == "series"]
    pairs = [
        (volume[volume["level"] == level], parts, [*keys, *kept])
        for level, kept in LEVELS.items()
        if level != "series"
    ]
    columns = ["date_day", "level", *KEYS]
    daily = volume[volume["period"] == "day"]
    if len(daily):
        first = daily["date_day"].min()
        blocks = first + pd.to_timedelta((daily["date_day"] - first).dt.days // 7 * 7, unit="D")
        weekly = volume[volume["period"] == "week"]
        pairs.append((weekly, daily.assign(date_day=blocks), columns))
    horizon = volume[volume["period"] == HORIZON]
    weekly = volume[volume["period"] == "week"]
    pairs.append((horizon, weekly.assign(date_day=horizon["date_day"].min()), columns))
    gaps: list[Decimal] = []
    for sums, under, columns in pairs:
        stated = _added(sums, columns)
        added = _added(under, columns)
        sizes = [abs(stated.get(k, _ZERO) - added.get(k, _ZERO)) for k in {*stated, *added}]
        gaps += [size for size in sizes if size]
    return len(gaps), max(gaps, default=_ZERO)


def _added(rows: pd.DataFrame, columns: list[str]) -> dict[tuple[Any, ...], Decimal]:
    sums: dict[tuple[Any, ...], Decimal] = {}
    keys = zip(*(rows[c] for c in columns), strict=True)
    for key, mean in zip(keys, rows["mean"], strict=True):
        sums[key] = sums.get(key, _ZERO) + mean
    return sums
