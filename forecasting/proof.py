"""What is checked before a forecast is believed: its own arithmetic, and its record."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from forecasting.backtest import MAX_WIDTH, OriginScore, width_of
from forecasting.checks import Check
from forecasting.series import Calendar
from forecasting.volume import QUANTILES

# One window proves little: coverage is reported always, and warned about only when it is far off.
LEAST_COVERAGE = {"80": 0.60, "95": 0.80}
_ZERO = Decimal(0)


def backtest_checks(scores: Sequence[OriginScore], laid: Calendar) -> list[Check]:
    """WAPE against the seasonal naive, bias and coverage at the newest past origin (last score)."""
    if not scores:
        text = "History is too short for a backtest: nothing says yet how good this forecast is."
        return [Check.warn("backtest_wape", "total", text)]
    last = scores[-1]
    weeks = last.origin.ahead // laid.per_week
    window = f"the last {weeks} week{'s' if weeks > 1 else ''} of history"
    text = (
        f"Forecast from before {window}, WAPE of the total was {last.wape:.1%} and of the "
        f"seasonal naive {last.naive_wape:.1%}; bias {last.bias:+.1%}."
    )
    good = not last.wape > last.naive_wape
    checks = [
        Check.judged(
            "backtest_wape",
            "total",
            "warn",
            good=good,
            figure=last.wape,
            threshold=last.naive_wape,
            text=text,
        )
    ]
    for name, inside in (("80", last.inside_80), ("95", last.inside_95)):
        least = LEAST_COVERAGE[name]
        text = (
            f"{inside:.0%} of the weekly sums of the series in {window} were inside their "
            f"{name} % intervals, made with what was known before."
        )
        check_name = f"backtest_coverage_{name}"
        checks.append(
            Check.judged(
                check_name,
                "series",
                "warn",
                good=inside >= least,
                figure=inside,
                threshold=least,
                text=text,
            )
        )
    width = width_of(scores)
    text = (
        f"Intervals are {width:.2f} times as wide as the fit alone says, by the errors of "
        f"{len(scores)} past origin{'s' if len(scores) > 1 else ''}."
    )
    checks.append(
        Check.judged(
            "interval_width",
            "all",
            "warn",
            good=width < MAX_WIDTH,
            figure=width,
            threshold=MAX_WIDTH,
            text=text,
        )
    )
    return checks


def table_checks(volume: pd.DataFrame) -> list[Check]:
    """Totals equal their parts to the cent, numbers are finite and not negative, quantiles rise.

    Computed from the finished table, in decimals, independently of how it was summed."""
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
            "volume",
            "fail",
            good=uneven == 0,
            figure=float(widest),
            threshold=0.0,
            text=f"{uneven} sums of the volume table differ from their parts, by {widest} at most.",
        ),
        Check.judged(
            "finite_and_not_negative",
            "volume",
            "fail",
            good=bad == 0,
            figure=float(bad),
            threshold=0.0,
            text=f"{bad} numbers of the volume table are negative or not finite.",
        ),
        Check.judged(
            "quantiles_rise",
            "volume",
            "fail",
            good=falling == 0,
            figure=float(falling),
            threshold=0.0,
            text=f"{falling} pairs of quantiles of the volume table are out of order.",
        ),
    ]


def _unequal_sums(volume: pd.DataFrame) -> tuple[int, Decimal]:
    """Count and largest size of differences between sums and their parts, over levels and weeks."""
    keys = ["period", "date_day"]
    parts = volume[volume["level"] == "series"]
    pairs = []
    for level, columns in (
        ("territory", [*keys, "territory_id"]),
        ("product", [*keys, "product_id"]),
        ("total", keys),
    ):
        pairs.append((volume[volume["level"] == level], parts, columns))
    daily = volume[volume["period"] == "day"]
    if len(daily):
        first = daily["date_day"].min()
        blocks = first + pd.to_timedelta((daily["date_day"] - first).dt.days // 7 * 7, unit="D")
        columns = ["date_day", "level", "territory_id", "product_id"]
        weekly = volume[volume["period"] == "week"]
        pairs.append((weekly, daily.assign(date_day=blocks), columns))
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
