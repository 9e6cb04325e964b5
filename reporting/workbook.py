"""The publication's workbook: the published tables, typed, one sheet each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from reporting import figures, sheets, version_sheets, waterfall, wording
from reporting.page import TITLE, identity, tie_line
from reporting.published import Period, Row, opened, period
from reporting.sheets import MOST_ROWS, Sheet
from warehouse.errors import printable
from warehouse.files import replacing

SHEETS = (
    "About", "Attribution", "Second opinion", "Contributions", "Channels", "Funnel", "Forecast",
    "Forecast revenue", "Forecast parts", "Versions", "Bridge", "Accuracy", "Ledger",
    "Reconciliation", "Checks", "Freshness",
)  # fmt: skip
_LONGEST_TEXT = 32_000  # Excel refuses a cell beyond 32,767 characters
_LINE = 15  # points
_UNDATED = datetime(2000, 1, 1)  # noqa: DTZ001 - Excel knows no time zone


def write_workbook(
    tables: Path, out: Path, facts: Mapping[str, Any], most_rows: int = MOST_ROWS
) -> None:
    """Write the workbook of a publication.

    Dates are dates, money is numbers, and every text from outside is written as text, so that
    nothing in it becomes a formula or a link. The only formulas are those of the sheet
    Reconciliation. Equal tables and facts give equal bytes.

    Args:
        tables: folder of the published Parquet tables.
        out: the file to write (`liftcast.xlsx`), replaced whole.
        facts: what the run says of itself (see `page.write_page`).
        most_rows: a sheet with more rows is summed (by month, then over territories or
            products), and the sheet About says so.

    Raises:
        LiftcastError: a table is missing or the attribution is empty.
    """
    with opened(tables) as con:
        span = period(con)
        tie = figures.reconciliation(con)
        made = [
            sheets.attribution(con, span),
            sheets.second_opinion(con, span),
            sheets.contributions(con, span, most_rows),
            sheets.channels(con, span),
            sheets.funnel(con, span),
            sheets.forecast(con, span, most_rows),
            sheets.revenue(con, span, most_rows),
            _parts(con, span),
            version_sheets.versions(con),
            version_sheets.bridge(con),
            version_sheets.accuracy(con),
            sheets.ledger(con, span, most_rows),
            sheets.checks(con),
            sheets.freshness(con),
        ]
    with replacing(out) as temporary:
        book = _Book(temporary, span, facts)
        for sheet in made:
            book.table(sheet)
        rows_of = {sheet.name: len(sheet.cells) for sheet in made}
        book.reconciliation(tie, rows_of["Contributions"], rows_of["Ledger"])
        book.about(facts, tie, {sheet.name: sheet.note for sheet in made})
        book.close()


def _parts(con: duckdb.DuckDBPyConnection, span: Period) -> Sheet:
    measure = figures.volume_measure(con)
    style = "units" if measure == "units" else "money"
    unit = figures.volume_unit(measure, span.currency)
    return waterfall.sheet(con, unit, style, span.currency)


class _Book:
    """The open workbook, its empty sheets in order and its formats."""

    def __init__(self, file: Path, span: Period, facts: Mapping[str, Any]) -> None:
        self.span = span
        # Rows stream to disk; texts stay texts whatever they look like.
        self.book = xlsxwriter.Workbook(
            str(file),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self.book.set_properties(
            {
                "title": TITLE,
                "subject": printable(facts.get("run_id", ""), 80),
                "created": _created(facts),
            }
        )
        self.styles = _formats(self.book, span.currency)
        self.sheets = {name: self.book.add_worksheet(name) for name in SHEETS}

    def close(self) -> None:
        self.book.close()

    def cell(self, sheet: Any, row: int, column: int, value: Any, style: str) -> None:
        """One value in the type of its style; what is missing stays blank."""
        form = self.styles[style]
        if value is None or value == "":
            return
        if isinstance(value, datetime):
            # Excel knows no time zone: the heading says UTC.
            utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            sheet.write_datetime(row, column, utc, form)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, form)
        elif isinstance(value, int | float | Decimal):
            sheet.write_number(row, column, value, form)
        else:
            words = self.styles["wrap" if style == "wrap" else "text"]
            sheet.write_string(row, column, printable(value, _LONGEST_TEXT), words)

    def table(self, made: Sheet) -> None:
        """A sheet that is one table: headings frozen and filtered, rows typed."""
        sheet = self.sheets[made.name]
        longest = max((len(column.heading) / column.width for column in made.columns), default=1)
        sheet.set_row(0, _LINE * math.ceil(longest + 0.2))
        for place, column in enumerate(made.columns):
            sheet.set_column(place, place, column.width)
            words = column.style in ("text", "wrap", "date", "time")
            sheet.write_string(0, place, column.heading, self.styles["head" if words else "right"])
        wrapped = [p for p, column in enumerate(made.columns) if column.style == "wrap"]
        for row, values in enumerate(made.cells, start=1):
            for place in wrapped:
                sheet.set_row(row, _height(values[place], made.columns[place].width))
            for place, (column, value) in enumerate(zip(made.columns, values, strict=True)):
                self.cell(sheet, row, place, value, column.style)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(made.cells)), len(made.columns) - 1)
        _paper(sheet)
        sheet.repeat_rows(0)

    def reconciliation(self, tie: Row, contribution_rows: int, ledger_rows: int) -> None:
        """Contributions against the ledger, in formulas over the two sheets."""
        sheet = self.sheets["Reconciliation"]
        for place, width in enumerate((34, 24, 70)):
            sheet.set_column(place, place, width)
        sheet.write_string(0, 0, "Contributions against the ledger", self.styles["title"])
        headings = ("Part", f"Amount, {self.span.currency}", "Where it comes from")
        for place, words in enumerate(headings):
            sheet.write_string(2, place, words, self.styles["right" if place == 1 else "head"])
        last = max(2, contribution_rows + 1)
        kinds, amounts = f"Contributions!$D$2:$D${last}", f"Contributions!$F$2:$F${last}"
        booked = f"Ledger!$F$2:$F${max(2, ledger_rows + 1)}"
        lines = [
            (
                wording.KIND_WORDS[kind].capitalize(),
                f'SUMIFS({amounts},{kinds},"{kind}")',
                tie["by_kind"].get(kind, 0),
                f"sheet Contributions, kind {kind}",
                "money",
            )
            for kind in (*figures.MARKETING, *figures.REST)
        ]
        end = 3 + len(lines)
        lines += [
            ("Sum of the contributions", f"SUM(B4:B{end})", tie["explained"], "lines above",
             "total"),
            ("Ledger net revenue", f"SUM({booked})", tie["ledger"], "sheet Ledger", "total"),
            ("Difference", f"B{end + 1}-B{end + 2}", tie["difference"],
             "0 when every cent of the ledger is accounted for once", "proof"),
        ]  # fmt: skip
        for row, (name, formula, value, where, style) in enumerate(lines, start=3):
            sheet.write_string(row, 0, name, self.styles["text" if row < end else "strong"])
            # Binary sums carry dust far behind the cent; the published amounts have none.
            sheet.write_formula(row, 1, f"=ROUND({formula},2)", self.styles[style], float(value))
            sheet.write_string(row, 2, where, self.styles["text"])
        _paper(sheet)

    def about(self, facts: Mapping[str, Any], tie: Row, notes: Mapping[str, str]) -> None:
        """What this is, of what, where to go and how to read it."""
        sheet, strong = self.sheets["About"], self.styles["strong"]
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 100)
        span = self.span
        sheet.write_string(0, 0, TITLE, self.styles["title"])
        lines = [
            ("Period", f"{wording.day(span.first_day)} to {wording.day(span.last_day)}"),
            ("Currency and grain", f"{span.currency}, by {span.grain} and territory"),
            *identity(facts),
            ("Checks", notes["Checks"]),
            ("Ties to the ledger", tie_line(tie, span).replace("\u00a0", " ")),
        ]
        for row, (name, value) in enumerate(lines, start=2):
            sheet.set_row(row, _height(value, 100))
            sheet.write_string(row, 0, name, strong)
            self.cell(sheet, row, 1, value, "wrap")
        links = len(lines) + 3
        sheet.write_string(links, 0, "Sheets", strong)
        notes = dict(notes) | {"Reconciliation": "contributions = ledger, in formulas"}
        for row, name in enumerate(SHEETS[1:], start=links + 1):
            sheet.write_url(row, 0, f"internal:'{name}'!A1", self.styles["link"], name)
            self.cell(sheet, row, 1, notes[name], "wrap")
        guide = links + len(SHEETS) + 1
        sheet.write_string(guide, 0, "How to read this", strong)
        for row, (name, words) in enumerate(wording.HOW_TO_READ, start=guide + 1):
            sheet.set_row(row, _height(words, 100))
            sheet.write_string(row, 0, name, self.styles["text"])
            sheet.write_string(row, 1, words, self.styles["wrap"])
        _paper(sheet)


def _paper(sheet: Any) -> None:
    """A4 across, one page wide."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&RPage &P of &N")


def _height(words: Any, width: int) -> float:
    """Row height that shows wrapped words; a file has no renderer to measure them."""
    return _LINE * max(1, math.ceil(len(str(words or "")) * 1.1 / width))


def _formats(book: Any, currency: str) -> dict[str, Any]:
    code = re.sub(r'["\\]', "", currency)
    money = f'#,##0.00 "{code}";[Red]-#,##0.00 "{code}"'
    base = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
    heading = {"bold": True, "bg_color": "#E6EBF1", "bottom": 1, "text_wrap": True}
    wanted: dict[str, dict[str, Any]] = {
        "text": {"indent": 1},
        "wrap": {"indent": 1, "text_wrap": True},
        "date": {"num_format": "yyyy-mm-dd", "align": "left", "indent": 1},
        "time": {"num_format": "yyyy-mm-dd hh:mm", "align": "left", "indent": 1},
        "money": {"num_format": money},
        "count": {"num_format": "#,##0"},
        "units": {"num_format": "#,##0.00"},
        "share": {"num_format": "0.0%"},
        "ratio": {"num_format": "0.00"},
        "number": {"num_format": "General"},
        "head": heading | {"indent": 1},
        "right": heading | {"align": "right"},
        "title": {"bold": True, "font_size": 16},
        "strong": {"bold": True, "indent": 1},
        "link": {"indent": 1, "font_color": "#1D5FA8", "underline": 1},
        "total": {"bold": True, "top": 1, "num_format": money},
        "proof": {"bold": True, "num_format": money, "bg_color": "#E4F3EA"},
    }
    return {name: book.add_format(base | style) for name, style in wanted.items()}


def _created(facts: Mapping[str, Any]) -> datetime:
    """The moment written into the file: from the facts, so that equal input gives equal bytes."""
    try:
        said = datetime.fromisoformat(str(facts.get("published_at") or ""))
        return said.astimezone(UTC).replace(tzinfo=None) if said.tzinfo else said
    except ValueError:
        pass
    try:
        return datetime.strptime(str(facts.get("run_id", ""))[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007
    except ValueError:
        return _UNDATED
