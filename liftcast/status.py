"""What `liftcast status` shows: last runs, freshness, what is published."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from warehouse.errors import LiftcastError, printable
from warehouse.lake import Lake
from warehouse.publication import read_current, verify
from warehouse.runlog import history

_RUNS_SHOWN = 12
_COLOURS = {"ok": "green", "failed": "red", "killed": "red", "running": "yellow"}


def status_screen(lake: Lake) -> Iterator[RenderableType]:
    """Yield rich renderables: runs (newest first), freshness, publication."""
    yield _runs(lake)
    try:
        folder, facts = read_current(lake)
    except LiftcastError as error:
        yield f"[yellow]{escape(str(error))}[/yellow]"
        return
    yield _freshness(str(folder / "tables" / "pub_freshness.parquet"))
    problems = verify(folder)
    state = "[green]whole[/green]" if not problems else f"[red]{escape('; '.join(problems))}[/red]"
    yield (
        f"published: {facts['run_id']} at {facts['published_at']}, release {facts['release_id']}, "
        f"{facts['first_day']} to {facts['last_day']}, {facts['currency']}; files {state}"
    )
    yield f"page: {escape(str(lake.current / 'index.html'))}"


def _runs(lake: Lake) -> Table:
    table = Table(title="last runs", title_justify="left")
    for column in ("run", "stage", "started", "seconds", "status", "error"):
        table.add_column(column, overflow="fold")
    for record in reversed(history(lake)[-_RUNS_SHOWN:]):
        colour = _COLOURS.get(record["status"], "white")
        table.add_row(
            escape(record["run_id"]),
            escape(record["stage"]),
            escape(record["started_at"]),
            str(record.get("seconds", "")),
            f"[{colour}]{escape(record['status'])}[/]",
            escape(printable(record.get("error", ""), 200)),
        )
    return table


def _freshness(file: str) -> Table:
    table = Table(title="freshness", title_justify="left")
    for column in ("source", "table", "last day", "landed at", "rows", "rejected"):
        table.add_column(column)
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select source, table_name, last_date, landed_at, rows, rejected "
            "from read_parquet(?) order by source, table_name",
            [file],
        ).fetchall()
    for row in rows:
        table.add_row(*["" if cell is None else escape(printable(cell)) for cell in row])
    return table
