"""The publication's page: one static file that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reporting import charts, figures, journeys, locked, waterfall, wording
from reporting.published import Period, Row, opened, period, total
from warehouse.errors import printable
from warehouse.files import replacing

TITLE = "Marketing attribution and volume forecast"
# What a run may say about itself: key in publication.json, words on the page.
IDENTITY = (
    ("run_id", "Run"),
    ("release_id", "Data release"),
    ("code_version", "Code version"),
    ("published_at", "Published"),
)


def write_page(tables: Path, out: Path, facts: Mapping[str, Any]) -> None:
    """Write the page of a publication.

    Args:
        tables: folder of the published Parquet tables.
        out: the file to write (`index.html`), replaced whole.
        facts: what the run says of itself: run_id, release_id, code_version, published_at (ISO);
            each is shown where it is given.

    Raises:
        LiftcastError: a table is missing or the attribution is empty.
    """
    with opened(tables) as con:
        context, specs = _contents(con)
    context["identity"] = identity(facts)
    html = _render(context, specs)
    with replacing(out) as temporary:
        temporary.write_text(html, encoding="utf-8", newline="\n")


def identity(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the run says of itself, in words: (name, value)."""
    said = []
    for key, name in IDENTITY:
        if facts.get(key):
            value = wording.moment(facts[key]) if key == "published_at" else facts[key]
            said.append((name, printable(value, 80)))
    return said


def _contents(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], dict[str, charts.Spec]]:
    """Everything the template names, and every chart by the name its place has in the page."""
    span = period(con)
    drivers = figures.drivers(con)
    tie = figures.reconciliation(con)
    sums = marketing_sums(drivers, tie)
    margin = figures.gross_margin(con)
    step, steps = figures.contributions_over_time(con, span)
    ahead = figures.forecast_weeks(con)
    curves = charts.response_curves(figures.curves(con), drivers, span.currency)
    checks = figures.checks(con)
    fresh = figures.freshness(con)
    measure = figures.volume_measure(con)
    unit = figures.volume_unit(measure, span.currency)
    word = "units" if measure == "units" else "net revenue"
    quarter = figures.forecast_sum(con, ahead)
    beside = measure == "units" and quarter["revenue"] is not None
    places, places_left, fans = _places(con, beside=beside)
    specs: dict[str, charts.Spec] = {
        "split": charts.revenue_split(steps, step, span.currency),
        "stack": charts.driver_stack(steps, drivers, step, span.currency),
    }
    roi = charts.roi_intervals(drivers, span.currency, None if margin is None else 1 / margin)
    if roi is not None:
        specs["roi"] = roi
    specs |= {f"curve{place}": curve["spec"] for place, curve in enumerate(curves)}
    if ahead:
        for name, rows, of in zip(("fan", "fan_money"), fans, (unit, span.currency), strict=False):
            specs[name] = charts.forecast_fan(rows, of)
    second = figures.second_opinion(con)
    made_of = waterfall.whole(waterfall.parts(con))
    context = {
        "title": TITLE,
        "cur": span.currency,
        "span": span,
        "lead": lead(span, sums, tie, drivers, margin, volume=(quarter, len(ahead), word, unit)),
        "drivers": drivers,
        "sums": sums,
        "rest": _rest(tie),
        "second": second,
        "second_words": _agreements(second),
        "second_sums": {
            name: total([row[name] for row in second])
            for name in ("contribution", "classical_contribution", "difference")
        },
        "channels": journeys.channels(con),
        "funnel": journeys.funnel_sentence(con),
        "tie": tie,
        "ties": tie["difference"] == 0 and tie["worst_cell"] == 0,
        "tie_line": tie_line(tie, span),
        "margin": margin,
        "break_even": None if margin is None else 1 / margin,
        "step": step,
        "curves": curves,
        "alt": _alternatives(drivers, ahead, step, span, (word, unit)),
        "ahead": ahead,
        "quarter": quarter,
        "beside": beside,
        "volume_word": word,
        "volume_unit": unit,
        "places": places,
        "places_left": places_left,
        "parts": made_of,
        "parts_sum": {
            name: total([row[name] for row in made_of]) for name in ("volume", "net_revenue")
        },
        "closes": locked.closes(con),
        "fresh": fresh,
        "reach": max(
            (f["last_date"] for f in fresh if f["table_name"] == "sales" and f["last_date"]),
            default=span.last_day,
        ),
        "landed": max((f["landed_at"] for f in fresh if f["landed_at"]), default=None),
        "count": figures.checks_count(checks),
        "loud": [check for check in checks if check["status"] != "pass"],
        "quiet": [check for check in checks if check["status"] == "pass"],
    }
    return context, specs


def _agreements(second: Sequence[Row]) -> str:
    """How many drivers two engines agree on, in words."""
    found = [row["agreement"] for row in second]
    words = {
        "agrees": "agree",
        "intervals overlap": "overlap with their intervals",
        "disagrees": "disagree",
    }
    told = [f"{found.count(one)} {word}" for one, word in words.items() if one in found]
    return f"Of {len(found)} drivers {wording.joined(told)}." if told else ""


def marketing_sums(drivers: Sequence[Row], tie: Row) -> Row:
    """Marketing together: spend, contribution, share, ROI of what was paid, widest bounds."""
    ledger = float(tie["ledger"])
    paid = [driver for driver in drivers if driver["roi"] is not None]
    spend = total([driver["spend"] for driver in drivers])
    low = total([driver["contribution_p05"] for driver in drivers])
    high = total([driver["contribution_p95"] for driver in drivers])
    brought = total([driver["contribution"] for driver in paid])
    return {
        "spend": spend,
        "contribution": tie["marketing"],
        "low": low,
        "high": high,
        "share": float(tie["marketing"]) / ledger if ledger else None,
        "share_low": low / ledger if ledger and low is not None else None,
        "share_high": high / ledger if ledger and high is not None else None,
        "roi": float(brought) / float(spend) if paid and spend else None,
    }


def lead(
    span: Period,
    sums: Row,
    tie: Row,
    drivers: Sequence[Row],
    margin: float | None,
    *,
    volume: tuple[Row, int, str, str],
) -> Markup:
    """The page in one or two sentences of numbers."""
    cur = span.currency
    wide = wording.interval(
        wording.percent(sums["share_low"], False), wording.percent(sums["share_high"])
    )
    sentence = Markup(
        "Marketing brought <strong>{share}</strong>{wide} of net revenue of "
        "<strong>{ledger}</strong> from {first} to {last}: <strong>{brought}</strong> on a spend "
        "of {spend}{roi}."
    ).format(
        share=wording.percent(sums["share"]),
        wide=f" (90 % interval within {wide})" if wide else "",
        ledger=wording.short(tie["ledger"], cur),
        first=wording.day(span.first_day),
        last=wording.day(span.last_day),
        brought=wording.short(sums["contribution"], cur),
        spend=wording.short(sums["spend"], cur),
        roi=f", {wording.ratio(sums['roi'])} {cur} for each {cur}" if sums["roi"] else "",
    )
    paid = [driver for driver in drivers if driver["roi"] is not None]
    clear = sum((driver["roi_p05"] or 0) > 1 for driver in paid)
    if paid:
        sentence += (
            f" Of {len(paid)} drivers with spend, {clear or 'none'} clearly brought more net "
            "revenue than they cost"
        )
        if margin is not None:
            back = sum(driver["verdict"] == "pays back" for driver in paid)
            sentence += (
                f"; {back or 'none'} clearly earned it back at the ledger's gross margin of "
                f"{wording.percent(margin)}"
            )
        sentence += "."
    quarter, weeks, word, unit = volume
    if weeks:
        sentence += Markup(
            " The next {weeks} weeks are forecast at <strong>{mean}</strong>{word} "
            "(80 % interval {within}{low_high})"
        ).format(
            weeks=weeks,
            mean=wording.short(quarter["mean"], unit),
            word="" if unit == word else f" of {word}",
            within="" if quarter["own"] else "within ",
            low_high=wording.bounds(quarter["p10"], quarter["p90"]),
        )
        if word == "units" and quarter["revenue"] is not None:
            sentence += Markup(
                " and <strong>{revenue}</strong> of net revenue ({within}{low_high})"
            ).format(
                within="" if quarter["own"] else "within ",
                revenue=wording.short(quarter["revenue"], cur),
                low_high=wording.bounds(quarter["revenue_p10"], quarter["revenue_p90"]),
            )
        sentence += "."
    return sentence


def _rest(tie: Row) -> list[Row]:
    ledger = float(tie["ledger"])
    return [
        row | {"share": float(row["amount"]) / ledger if ledger else None}
        for row in wording.rest_rows(tie["by_kind"])
    ]


def tie_line(tie: Row, span: Period) -> str:
    """The reconciliation in one line, every digit shown."""
    parts = [f"drivers {wording.exact(tie['marketing'])}"]
    parts += [
        f"{row['name']} {wording.exact(row['amount'])}" for row in wording.rest_rows(tie["by_kind"])
    ]
    return (
        f"{' + '.join(parts)} = {wording.exact(tie['explained'], span.currency)}; ledger "
        f"{wording.exact(tie['ledger'], span.currency)}; difference "
        f"{wording.exact(tie['difference'], span.currency)}, and at most "
        f"{wording.exact(tie['worst_cell'], span.currency)} in any of {tie['cells']:,} cells "
        f"({span.grain} x territory)."
    )


def _places(
    con: duckdb.DuckDBPyConnection, *, beside: bool
) -> tuple[list[str], int, list[list[Row]]]:
    """Names for the territory list (the total first), how many are left out, rows with place of
    the volume's fan, and where net revenue stands `beside` it of that one's."""
    names = figures.territory_names(con)
    fans = [figures.fan(con, money=money) for money in (False, True)[: 1 + beside]]
    shown = {row["territory_id"] for fan in fans for row in fan} - {"all"}
    order = sorted(shown, key=lambda place: (names.get(place, place), place))
    place_of = {"all": 0} | {name: place for place, name in enumerate(order, start=1)}
    listed = ["All territories", *(names.get(name, printable(name, 48)) for name in order)]
    placed = [[row | {"place": place_of[row["territory_id"]]} for row in fan] for fan in fans]
    return listed, max(0, len(names) - len(order)), placed


def _alternatives(
    drivers: Sequence[Row],
    ahead: Sequence[Row],
    step: str,
    span: Period,
    volume: tuple[str, str],
) -> dict[str, str]:
    """What each chart shows, in words, for who cannot see it."""
    largest = wording.joined([driver["label"] for driver in drivers[:3]])
    paid = [driver for driver in drivers if driver["roi"] is not None]
    told = [
        f"{d['label']} {wording.ratio(d['roi'])}"
        + (f" ({wording.interval(wording.ratio(d['roi_p05']), wording.ratio(d['roi_p95']))})")
        for d in paid
    ]

    def fan(name: str, word: str, unit: str) -> str:
        if not ahead:
            return ""
        first, last = ahead[0], ahead[-1]
        return (
            f"Line of last year's {word} per week, then the forecast with 80 and 95 % bands, from "
            f"{wording.short(first[name], unit)} in the week of {wording.day(first['date_day'])} "
            f"to {wording.short(last[name], unit)} in the week of "
            f"{wording.day(last['date_day'])}. The table below has every number."
        )

    return {
        "split": f"Net revenue in {span.currency} by {step}, split into what stands without "
        "marketing and what marketing adds, with the ledger as a line.",
        "stack": f"Attributed net revenue in {span.currency} by {step}, stacked by driver. Largest "
        f"over the period: {largest}.",
        "roi": f"ROI with 90 % interval: {'; '.join(told)}." if told else "",
        "fan": fan("mean", *volume),
        "fan_money": fan("revenue", "net revenue", span.currency),
    }


# --- the file ------------------------------------------------------------------------------------


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, from the installed vl-convert."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("\r\n", "\n").replace("</script", "<\\/script")


def _data_block(specs: Mapping[str, charts.Spec]) -> Markup:
    """JSON that cannot end its script element, whatever the names in it say."""
    text = json.dumps(specs, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> Markup:
    """The page may run its own scripts and styles, known by their hash, and load nothing."""
    parts = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src": " ".join(map(_hash, styles)),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return Markup("; ".join(f"{name} {value}" for name, value in parts.items()))  # noqa: S704


def _render(context: dict[str, Any], specs: Mapping[str, charts.Spec]) -> str:
    folder = files("reporting") / "templates"
    css = (folder / "page.css").read_text(encoding="utf-8")
    drawing = (folder / "page.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        name: getattr(wording, name)
        for name in (
            "short", "exact", "percent", "ratio", "interval", "bounds", "day", "moment",
            "checks_sentence",
        )
    }  # fmt: skip
    environment.globals |= {
        "kind_words": wording.KIND_WORDS,
        "how_to_read": wording.HOW_TO_READ,
        "shown": lambda text, limit: printable(wording.or_none(text), limit),
    }
    # The three texts below are this package's own files and the installed chart library.
    return environment.get_template("index.html").render(
        **context,
        policy=_policy([css], [_library(), drawing]),
        css=Markup(css),  # noqa: S704
        library=Markup(_library()),  # noqa: S704
        drawing=Markup(drawing),  # noqa: S704
        chart_data=_data_block(specs),
    )
