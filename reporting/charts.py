"""The page's charts as Vega-Lite specifications: data inside, colours from the style sheet.

Colours are CSS variables, so light, dark and print change without drawing again. Names from
outside enter as data values and scale domains only, never as fields or expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

from reporting.figures import MARKETING
from reporting.published import Row

Spec = dict[str, Any]

# Zero is "0", not "0k"; a billion is "bn", as in the tables.
_TICK = "datum.value === 0 ? '0' : replace(datum.label, 'G', 'bn')"

INK, SOFT, FAINT = "var(--ink)", "var(--soft)", "var(--line)"
# Nine steps: eight largest drivers and what is left of them.
SERIES = tuple(f"var(--series-{n})" for n in range(1, 9))
OTHER = "var(--series-other)"
BASE = "var(--series-base)"
ALL_MARKETING = "var(--series-1)"


def _chart(values: list[Row]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=values))


def _finished(chart: Any, height: int) -> Spec:
    """The specification with the page's look; altair's own theme and schema address left out."""
    spec: Spec = chart.properties(width="container", height=height).to_dict()
    spec.pop("$schema", None)
    spec["config"] = {
        "aria": False,  # the figure carries one description; marks would add thousands
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": SOFT,
            "titleColor": SOFT,
            "titleFontWeight": "normal",
            "titleFontSize": 12,
            "labelFontSize": 11.5,
            "gridColor": FAINT,
            "domainColor": FAINT,
            "tickColor": FAINT,
            "labelLimit": 170,
        },
        "legend": {
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": 170,
            "orient": "bottom",
            "direction": "horizontal",
            "title": None,
            "symbolType": "square",
        },
        "text": {"color": SOFT},
    }
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def _iso(value: date) -> str:
    return f"{value:%Y-%m-%d}"


def _time(title: str | None = None) -> alt.X:
    axis = alt.Axis(
        labelOverlap=True, grid=False, title=title, labelFlush=False, tickCount={"expr": "width/90"}
    )
    return alt.X("d:T", axis=axis)


def _money(title: str, field: str = "v") -> alt.Y:
    return alt.Y(
        f"{field}:Q",
        title=title,
        axis=alt.Axis(
            format="~s", labelExpr=_TICK, tickCount=5, domain=False, ticks=False, minExtent=40
        ),
    )


def _stacked(sums: dict[tuple[date, str], float], names: Sequence[str], step: str) -> list[Row]:
    """One rectangle a step and name: from, to, bottom, top. Negative parts hang below zero."""
    values: list[Row] = []
    for when in sorted({day for day, _ in sums}):
        tops = {True: 0.0, False: 0.0}
        for name in names:
            amount = sums.get((when, name))
            if amount is None:
                continue
            bottom = tops[amount >= 0]
            tops[amount >= 0] = bottom + amount
            values.append(
                {
                    "d": _iso(when),
                    "e": _iso(_next(when, step)),
                    "s": name,
                    "v": round(amount, 2),
                    "y": round(bottom, 2),
                    "z": round(bottom + amount, 2),
                }
            )
    return values


def _next(when: date, step: str) -> date:
    """First day after the step that begins on `when`."""
    if step == "week":
        return when + timedelta(days=7)
    return (when.replace(day=1) + timedelta(days=32)).replace(day=1)


def _stack(values: list[Row], step: str, currency: str, said: tuple[str, str]) -> alt.Chart:
    return (
        _chart(values)
        .mark_rect()
        .encode(
            x=_time(),
            x2="e:T",
            y=_money(f"{currency} per {step}", "y"),
            y2="z:Q",
            tooltip=[
                alt.Tooltip("d:T", title=f"{step.capitalize()} from", format="%d %b %Y"),
                alt.Tooltip("s:N", title=said[0]),
                alt.Tooltip("v:Q", title=f"{said[1]}, {currency}", format=",.0f"),
            ],
        )
    )


def revenue_split(found: Sequence[Row], step: str, currency: str) -> Spec:
    """Ledger net revenue over time: what stands without marketing, and what marketing adds."""
    parts = ["Without marketing", "Marketing"]
    sums: dict[tuple[date, str], float] = {}
    ledger: dict[date, float] = {}
    for row in found:
        when, amount = row["step_day"], float(row["amount"])
        ledger[when] = ledger.get(when, 0.0) + amount
        if row["kind"] != "residual":
            place = (when, parts[row["kind"] in MARKETING])
            sums[place] = sums.get(place, 0.0) + amount
    bars = _stack(_stacked(sums, parts, step), step, currency, ("Part", "Net revenue")).encode(
        color=alt.Color(
            "s:N", scale=alt.Scale(domain=parts, range=[BASE, ALL_MARKETING]), legend=None
        )
    )
    booked = [{"d": _iso(when), "v": round(v, 2)} for when, v in sorted(ledger.items())]
    # A step line ends where its last step ends.
    booked.append({"d": _iso(_next(max(ledger), step)), "v": booked[-1]["v"]})
    line = (
        _chart(booked)
        .mark_line(color=INK, strokeWidth=1.2, interpolate="step-after")
        .encode(x=_time(), y=_money(f"{currency} per {step}"))
    )
    return _finished(alt.layer(bars, line), 250)


def driver_stack(found: Sequence[Row], drivers: Sequence[Row], step: str, currency: str) -> Spec:
    """Contribution of each driver over time, stacked; beyond eight, the smallest are one."""
    series = {(d["kind"], d["driver"]): d["label"] for d in drivers[: len(SERIES)]}
    left = len(drivers) - len(series)
    other = "1 smaller driver" if left == 1 else f"{left} smaller drivers"
    sums: dict[tuple[date, str], float] = {}
    for row in found:
        if row["kind"] in MARKETING:
            place = (row["step_day"], series.get((row["kind"], row["driver"]), other))
            sums[place] = sums.get(place, 0.0) + float(row["amount"])
    names = [*series.values(), *([other] if left else [])]
    said = ("Driver", "Attributed net revenue")
    chart = _stack(_stacked(sums, names, step), step, currency, said).encode(
        color=alt.Color(
            "s:N",
            scale=alt.Scale(
                domain=names, range=[*SERIES[: len(series)], *([OTHER] if left else [])]
            ),
            legend=alt.Legend(columns={"expr": "max(1, floor(width/190))"}),
        )
    )
    return _finished(chart, 300)


def roi_intervals(drivers: Sequence[Row], currency: str, break_even: float | None) -> Spec | None:
    """ROI of each driver: a point with its 90 % interval, beside 1 and the break-even."""
    shown = [d for d in drivers if d["roi"] is not None]
    if not shown:
        return None
    highs = sorted(d["roi_p95"] if d["roi_p95"] is not None else d["roi"] for d in shown)
    # One driver with next to no spend must not press the others flat: its bar is cut.
    middle = highs[len(highs) // 2]
    limit = max(min(highs[-1], 4 * middle), max(1.0, break_even or 1.0) * 1.2) * 1.05
    lows = [d["roi_p05"] for d in shown if d["roi_p05"] is not None]
    floor = max(min([0.0, *lows]), -limit)
    values: list[Row] = []
    for d in shown:
        low = d["roi"] if d["roi_p05"] is None else d["roi_p05"]
        high = d["roi"] if d["roi_p95"] is None else d["roi_p95"]
        values.append(
            {
                "s": d["label"],
                "v": round(min(d["roi"], limit), 4),
                "lo": round(max(low, floor), 4),
                "hi": round(min(high, limit), 4),
                "tv": round(d["roi"], 4),
                "tlo": round(low, 4),
                "thi": round(high, 4),
                "w": d["verdict"],
                "g": d["tone"],
                "c": "cut at the edge" if high > limit else "",
            }
        )
    tips = [
        alt.Tooltip("s:N", title="Driver"),
        alt.Tooltip("tv:Q", title=f"ROI, {currency} per {currency}", format=",.2f"),
        alt.Tooltip("tlo:Q", title="90 % from", format=",.2f"),
        alt.Tooltip("thi:Q", title="90 % to", format=",.2f"),
        alt.Tooltip("w:N", title="Reading"),
    ]
    y = alt.Y(
        "s:N",
        sort=[d["label"] for d in shown],
        title=None,
        axis=alt.Axis(
            labelColor=INK,
            labelFontSize=12.5,
            ticks=False,
            domain=False,
            labelLimit={"expr": "containerSize()[0] < 560 ? 110 : 230"},
        ),
    )
    colour = alt.Color(
        "g:N",
        scale=alt.Scale(
            domain=["good", "open", "warn", "bad"],
            range=["var(--good)", SOFT, "var(--warn)", "var(--bad)"],
        ),
        legend=None,
    )
    x = alt.X(
        "v:Q",
        title=f"ROI, {currency} of net revenue per {currency} of spend",
        scale=alt.Scale(domain=[floor, limit], nice=False),
        axis=alt.Axis(tickCount=6),
    )
    base = _chart(values)
    marks = [
        _chart([{"v": 1}]).mark_rule(color=INK, strokeWidth=1).encode(x="v:Q"),
        base.mark_rule(strokeWidth=5, opacity=0.45, strokeCap="round").encode(
            x=alt.X("lo:Q"), x2="hi:Q", y=y, color=colour, tooltip=tips
        ),
        base.mark_point(filled=True, size=90, opacity=1).encode(
            x=x, y=y, color=colour, tooltip=tips
        ),
        base.transform_filter({"field": "c", "equal": "cut at the edge"})
        .mark_text(text="▸", dx=4, color=SOFT, fontSize=14)
        .encode(x="hi:Q", y=y),
    ]
    if break_even is not None:
        rule = _chart([{"v": round(break_even, 4)}])
        marks.insert(1, rule.mark_rule(color=INK, strokeWidth=1, strokeDash=[4, 3]).encode(x="v:Q"))
    return _finished(alt.layer(*marks), 34 * len(shown) + 10)


def response_curves(found: Sequence[Row], drivers: Sequence[Row], currency: str) -> list[Row]:
    """One small chart a driver: label, whether its axis is spend, and the specification."""
    by_driver: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        by_driver.setdefault((row["kind"], row["driver"]), []).append(row)
    result: list[Row] = []
    for driver in drivers:
        points = by_driver.get((driver["kind"], driver["driver"]))
        if points:
            paid = any((point["spend"] or 0) > 0 for point in points)
            spec = _curve(points, paid, currency)
            result.append({"label": driver["label"], "paid": paid, "spec": spec})
    return result


def _curve(points: Sequence[Row], paid: bool, currency: str) -> Spec:
    values: list[Row] = [
        {
            "x": float(p["spend"]) if paid else p["multiplier"],
            "m": p["multiplier"],
            "v": float(p["contribution"]),
            "lo": p["p05"],
            "hi": p["p95"],
        }
        for p in points
    ]
    x = alt.X(
        "x:Q",
        title=f"spend, {currency}" if paid else "times the observed exposure",
        axis=alt.Axis(format="~s" if paid else "~g", labelExpr=_TICK, tickCount=4, grid=False),
        scale=alt.Scale(nice=False),
    )
    y = _money(f"{currency}")
    tips = [
        alt.Tooltip("m:Q", title="Times observed", format=".2f"),
        *([alt.Tooltip("x:Q", title=f"Spend, {currency}", format=",.0f")] if paid else []),
        alt.Tooltip("v:Q", title=f"Attributed, {currency}", format=",.0f"),
        alt.Tooltip("lo:Q", title="90 % from", format=",.0f"),
        alt.Tooltip("hi:Q", title="90 % to", format=",.0f"),
    ]
    base = _chart(values)
    today = [value for value in values if abs(value["m"] - 1) < 1e-9]
    marks = [
        base.mark_area(color=ALL_MARKETING, opacity=0.18).encode(
            x=x, y=alt.Y("lo:Q"), y2="hi:Q", tooltip=tips
        ),
        base.mark_line(color=ALL_MARKETING, strokeWidth=2).encode(x=x, y=y, tooltip=tips),
        _chart(today)
        .mark_point(color=INK, filled=True, size=60, opacity=1)
        .encode(x=x, y=y, tooltip=tips),
    ]
    return _finished(alt.layer(*marks), 150)


def forecast_fan(found: Sequence[Row], unit: str) -> Spec:
    """A year of actual weeks, then mean, 80 % and 95 % band; the page picks the territory.

    The parameter `territory` holds the territory's place in the page's list (0 is the total).
    """
    values: list[Row] = []
    for row in found:
        point: Row = {"t": row["place"], "d": _iso(row["date_day"])}
        if "actual" in row:
            point |= {"v": None if row["actual"] is None else round(float(row["actual"]), 2)}
            point |= {"k": "actual"}
        else:
            point |= {"k": "forecast", "v": float(row["mean"])}
            for short, name in (("a", "p025"), ("b", "p10"), ("c", "p90"), ("e", "p975")):
                point[short] = float(row[name])
        values.append(point)
    chosen = alt.param("territory", value=0)
    base = _chart(values).transform_filter("datum.t === territory")
    ahead = base.transform_filter({"field": "k", "equal": "forecast"})
    tips = [
        alt.Tooltip("d:T", title="Week from", format="%d %b %Y"),
        alt.Tooltip("k:N", title="What"),
        alt.Tooltip("v:Q", title=unit, format=",.0f"),
    ]
    bands = [
        alt.Tooltip("b:Q", title="80 % from", format=",.0f"),
        alt.Tooltip("c:Q", title="80 % to", format=",.0f"),
        alt.Tooltip("a:Q", title="95 % from", format=",.0f"),
        alt.Tooltip("e:Q", title="95 % to", format=",.0f"),
    ]
    y = _money(f"{unit} per week")
    colour = alt.Color(
        "k:N",
        scale=alt.Scale(domain=["actual", "forecast"], range=[INK, ALL_MARKETING]),
        legend=None,
    )
    chart = alt.layer(
        ahead.mark_area(color=ALL_MARKETING, opacity=0.14).encode(
            x=_time(), y=alt.Y("a:Q"), y2="e:Q"
        ),
        ahead.mark_area(color=ALL_MARKETING, opacity=0.28).encode(
            x=_time(), y=alt.Y("b:Q"), y2="c:Q"
        ),
        base.mark_line(strokeWidth=2).encode(x=_time(), y=y, color=colour),
        base.mark_point(filled=True, size=18, opacity=1).encode(
            x=_time(), y=y, color=colour, tooltip=[*tips, *bands]
        ),
    ).add_params(chosen)
    return _finished(chart, 300)
