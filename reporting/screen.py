"""What a publication says on the terminal: tables for rich, each with a line of plain words.

Every table fits 100 columns. Names from outside are stripped of control characters and passed as
plain text, so neither terminal escapes nor rich's own markup in them take effect.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reporting import figures, wording
from reporting.published import Row, opened, period
from warehouse.errors import printable

if TYPE_CHECKING:
    import pandas as pd

_TONES = {"good": "green", "warn": "yellow", "bad": "red", "open": ""}
_STATUS = {"pass": ("✓ pass", "green"), "warn": ("! warn", "yellow"), "fail": ("✕ fail", "red")}


def _plain(text: str) -> str:
    """Numbers as `wording` writes them, with spaces every terminal measures alike."""
    return text.replace("\u00a0", " ")


def _name(text: object, limit: int = 20) -> Text:
    return Text(printable(wording.or_none(text), limit))


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)


def _told(title: str, words: str, table: Table) -> Group:
    """A table under its name and a line of plain words."""
    return Group(Text(title, style="bold"), Text(words, style="dim"), table)


def attribution_table(tables: Path, truth: pd.DataFrame | None = None) -> RenderableType:
    """What each driver brought, beside the truth where it is known.

    Args:
        tables: folder of the published Parquet tables.
        truth: columns kind, driver, spend_eur, contribution_eur, roi of a simulated company
            (roi is NaN for a driver without spend); None for a real one.

    Returns:
        A renderable of at most 100 columns. The mark says whether the 90 % interval holds the
        truth: of the ROI, or of the attributed net revenue for a driver without spend.

    Raises:
        LiftcastError: a table is missing.
    """
    with opened(tables) as con:
        found = figures.drivers(con)
        span = period(con)
        tie = figures.reconciliation(con)
    cur = span.currency
    known = {} if truth is None else _known(truth)
    table = _table()
    table.add_column("Driver", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("Kind", no_wrap=True)
    for heading in ("Spend", "Brought", "Share", "ROI [90 %]"):
        table.add_column(heading, justify="right", no_wrap=True)
    if truth is None:
        table.add_column("Reading", no_wrap=True)
    else:
        table.add_column("True ROI", justify="right", no_wrap=True)
        table.add_column("Held", justify="center", no_wrap=True)
    held = judged = 0
    for row in found:
        last: list[Text]
        if truth is None:
            last = [Text(row["verdict"], style=_TONES[row["tone"]])]
        else:
            real = known.get((row["kind"], row["driver"]))
            inside = None if real is None else _holds(row, real)
            judged += inside is not None
            held += bool(inside)
            real_roi = None if real is None else real["roi"]
            last = [Text(wording.ratio(real_roi)), _mark(inside)]
        table.add_row(
            _name(row["driver"]),
            Text(row["kind"]),
            _plain(wording.short(row["spend"])) if row["spend"] else wording.NONE,
            _plain(wording.short(row["contribution"])),
            _plain(wording.percent(row["share"])),
            Text(_roi(row)),
            *last,
        )
    _close(table, tie)
    words = (
        f"Net revenue that would not have come without the driver, "
        f"{wording.day(span.first_day)} to {wording.day(span.last_day)}.\n"
        f"ROI: {cur} brought for each {cur} spent; in brackets the range it lies in "
        "nine times in ten."
    )
    if truth is not None:
        words += (
            f"\nThe simulator knows the truth: {held} of {judged} intervals hold it (✓), and nine "
            "in ten is what they promise."
        )
    return _told(f"What each marketing driver brought ({cur})", words, table)


def _close(table: Table, tie: Row) -> None:
    """The lines that close the table to the ledger."""
    ledger = float(tie["ledger"])
    table.add_section()
    rest = [{"name": "marketing together", "amount": tie["marketing"]}]
    rest += wording.rest_rows(tie["by_kind"])
    for row in rest:
        share = wording.percent(float(row["amount"]) / ledger) if ledger else wording.NONE
        table.add_row(
            Text(row["name"]),
            "",
            "",
            _plain(wording.short(row["amount"])),
            _plain(share),
            style="dim",
        )
    table.add_row(
        Text("ledger net revenue"), "", "", _plain(wording.short(tie["ledger"])),
        _plain(wording.percent(1)), Text(f"differs by {wording.exact(tie['difference'])}"),
        style="bold",
    )  # fmt: skip


def _roi(row: Row) -> str:
    if row["roi"] is None:
        return "no spend"
    if row["roi_p05"] is None or row["roi_p95"] is None:
        return wording.ratio(row["roi"])
    return (
        f"{wording.ratio(row['roi'])} [{wording.ratio(row['roi_p05'])}, "
        f"{wording.ratio(row['roi_p95'])}]"
    )


def _known(truth: pd.DataFrame) -> dict[tuple[str, str], Row]:
    """Truth by (kind, driver); what is not a number becomes None."""
    return {
        (row["kind"], row["driver"]): {
            name: float(row[name]) if row[name] is not None and row[name] == row[name] else None
            for name in ("contribution_eur", "roi")
        }
        for row in truth.to_dict("records")
    }


def _holds(row: Row, real: Row) -> bool | None:
    """Whether the 90 % interval holds the truth; None where one of the two is missing."""
    if row["roi"] is not None and real["roi"] is not None:
        low, high, value = row["roi_p05"], row["roi_p95"], real["roi"]
    else:
        low, high = row["contribution_p05"], row["contribution_p95"]
        value = real["contribution_eur"]
    if low is None or high is None or value is None:
        return None
    return bool(low <= value <= high)


def _mark(inside: bool | None) -> Text:
    if inside is None:
        return Text(wording.NONE)
    return Text("✓", style="green") if inside else Text("✕", style="red")


def forecast_table(tables: Path) -> RenderableType:
    """The next 13 weeks of total volume, and of its net revenue, with their 80 % intervals.

    Raises:
        LiftcastError: a table is missing.
    """
    with opened(tables) as con:
        weeks = figures.forecast_weeks(con)
        span = period(con)
        measure = figures.volume_measure(con)
        sums = figures.forecast_sum(con, weeks) if weeks else {}
    if not weeks:
        return Text("This publication holds no weekly forecast.", style="dim")
    units = measure == "units"
    what = "units" if units else f"{span.currency} of net revenue"
    table = _table()
    headings = ("Expected", "80 % interval", *((span.currency, "80 % interval") if units else ()))
    table.add_column("Week from", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    if not units:  # money beside units leaves a terminal no room for a drawing
        table.add_column("", no_wrap=True)
    top = max(float(week["p90"]) for week in weeks)
    for week in weeks:
        part = f"  ({week['days']} of 7 days)" if week["days"] < 7 else ""
        drawn = _money(week) if units else (_bar(week, top),)
        table.add_row(wording.day(week["date_day"]) + part, *_volume(week), *drawn)
    added = "" if sums["own"] else " (added up)"
    table.add_section()
    table.add_row(
        f"{len(weeks)} weeks{added}", *_volume(sums), *(_money(sums) if units else ()),
        style="bold",
    )  # fmt: skip
    beside = ", and the net revenue it brings" if units else ""
    words = (
        f"Volume expected for all territories and products together, in {what} per week{beside}"
        ".\n"
        "80 % interval: the week should end inside it four times in five.\n"
    ) + (
        "The sum has an interval of its own, narrower than the weeks' together."
        if sums["own"]
        else "“Added up”: bounds too; the sum rarely strays as far as all weeks missing together."
    )
    return _told(f"The next {len(weeks)} weeks ({what})", words, table)


def _volume(row: Row) -> tuple[str, str]:
    """Volume expected and its 80 % interval."""
    return _plain(wording.short(row["mean"])), _plain(wording.bounds(row["p10"], row["p90"]))


def _money(row: Row) -> tuple[str, str]:
    """Net revenue expected and its 80 % interval."""
    low, high = row["revenue_p10"], row["revenue_p90"]
    return _plain(wording.short(row["revenue"])), _plain(wording.bounds(low, high))


def _bar(week: Row, top: float, width: int = 36) -> Text:
    """The interval drawn on a line from zero, the mean as a dot."""
    if top <= 0:
        return Text("")
    low, mean, high = (
        min(width - 1, max(0, round(float(week[name]) / top * (width - 1))))
        for name in ("p10", "mean", "p90")
    )
    line = Text(" " * low + "─" * (high - low + 1), style="cyan")
    return Text.assemble(line[:mean], ("●", "bold cyan"), line[mean + 1 :])


def checks_table(tables: Path) -> RenderableType:
    """Checks that failed or warned, and how many passed.

    Raises:
        LiftcastError: a table is missing.
    """
    with opened(tables) as con:
        found = figures.checks(con)
    count = figures.checks_count(found)
    words = f"Checks of data, model and forecast: {wording.checks_sentence(count)}."
    loud = [check for check in found if check["status"] != "pass"]
    if not loud:
        return Text(words, style="dim")
    table = _table()
    table.add_column("Status", no_wrap=True)
    table.add_column("Check", max_width=26, overflow="fold")
    table.add_column("Of", max_width=20, overflow="fold")
    table.add_column("What it says", max_width=40, overflow="fold")
    for check in loud:
        label, style = _STATUS.get(check["status"], (check["status"], ""))
        table.add_row(
            Text(printable(label, 10), style=style), _name(check["check_name"], 60),
            _name(check["subject"], 60), _name(check["text"], 300),
        )  # fmt: skip
    return _told("Checks that ask for a look", words, table)


def _from_here(path: Path) -> str:
    """A path as a person in this folder would type it."""
    within = path.is_relative_to(Path.cwd())
    return printable(path.relative_to(Path.cwd()) if within else path, 400)


def whereabouts(folder: Path) -> RenderableType:
    """Where the page, workbook and tables of a publication lie, and what to do next."""
    places = (
        ("Page", "index.html", "open it in a browser; it needs no network"),
        ("Workbook", "liftcast.xlsx", "the same numbers, one sheet each"),
        ("Tables", "tables", "Parquet, for your own tools"),
        ("Database", "liftcast.duckdb", "the same tables in one DuckDB file"),
        ("Column guide", "docs/index.html", "where each column comes from"),
    )
    table = _table()
    table.add_column("What", no_wrap=True)
    table.add_column("Path", no_wrap=True)
    table.add_column("")
    for what, name, words in places:
        if (folder / name).exists():
            table.add_row(what, Text(name), Text(words, style="dim"))
    here = _from_here(folder)
    on_path = shutil.which("liftcast")
    program = "liftcast" if on_path else f"{_from_here(Path(sys.prefix))}/bin/liftcast"
    lake = folder.parent.parent  # the pointer is LAKE/published/current
    next_steps = Text.assemble(
        ("What to do next\n", "bold"),
        "  1. Open the page and look at the drivers whose range spans 1: ask for a test there.\n",
        "  2. Bring your own data: describe your files in sources/NAME.yml, then run\n",
        (f"     {program} run --sources sources/NAME.yml --lake lake\n", "cyan"),
        "  3. See what is published, and how fresh it is:\n",
        (f"     {program} status --lake {_from_here(lake)}", "cyan"),
    )
    words = f"Everything of this run lies in {here}."
    return Group(_told("Where it lies", words, table), next_steps)
