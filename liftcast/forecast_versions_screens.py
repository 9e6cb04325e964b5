"""Tables that `liftcast forecast version` shows: every text from outside is escaped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from warehouse.errors import printable

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.versions.overrides import Applied
    from forecasting.versions.states import Version


def measured(version: Version) -> str:
    """What it counts, and of money in what: `units`, `net_revenue, EUR`."""
    return ", ".join(word for word in (version.measure, version.currency) if word)


def versions_table(versions: list[Version], title: str) -> Table:
    """Versions, a row each."""
    table = Table(title=title, title_justify="left")
    for heading in (
        "version",
        "period",
        "scenario",
        "measure",
        "as of",
        "state",
        "by",
        "superseded by",
    ):
        table.add_column(heading, overflow="fold")
    for v in versions:
        cells = (v.name, v.fiscal_period, v.scenario, measured(v), v.as_of, v.state,
                 v.steps[-1].by, v.superseded_by or "")  # fmt: skip
        table.add_row(*[escape(printable(cell, 60)) for cell in cells])
    return table


def origin_table(version: Version) -> Table:
    """What a version was made of."""
    table = Table(title="made of", title_justify="left", show_header=False)
    for column in ("what", "which"):
        table.add_column(column, overflow="fold")
    for what, which in (
        ("code", version.code_version), ("data", version.data_hash), ("plan", version.plan_hash),
        ("measure", measured(version)), ("series", ", ".join(version.series)),
        ("fiscal calendar", version.facts.get("calendar", "")),
        ("naive", "kept" if "naive.parquet" in version.files else "not recorded"),
        ("supersedes", version.supersedes or ""), ("bridged from", version.bridge_from or ""),
    ):  # fmt: skip
        table.add_row(what, escape(printable(which, 200)))
    return table


def steps_table(version: Version) -> Table:
    table = Table(title="who, when, why", title_justify="left")
    for heading in ("state", "at (UTC)", "by", "account", "why"):
        table.add_column(heading, overflow="fold")
    for step in version.steps:
        cells = (step.state, step.at[:19], step.by, step.account, step.why)
        table.add_row(*[escape(printable(cell, 200)) for cell in cells])
    return table


def overrides_table(version: Version, applied: Applied) -> Table:
    table = Table(title="overrides", title_justify="left")
    for heading in ("no.", "state", "scope", "from", "to", "what", "before", "after", "author",
                    "reason", "expires"):  # fmt: skip
        table.add_column(heading, overflow="fold")
    effects = applied.effects.set_index("number")
    for o in version.overrides:
        done = effects.loc[o.number]
        what = f"{o.kind} {o.value:f}{' %' if o.kind == 'percent' else ''}"
        cells = (
            o.number,
            done["state"],
            o.scope,
            o.first_day,
            o.last_day,
            what,
            f"{done['before']:,}",
            f"{done['after']:,}",
            o.author,
            o.reason,
            o.expires_on,
        )
        table.add_row(*[escape(printable(cell, 200)) for cell in cells])
    return table


def by_period_table(version: Version, applied: Applied) -> Table:
    unit = version.currency or version.measure
    table = Table(title=f"numbers, {escape(printable(unit, 40))}", title_justify="left")
    table.add_column("period")
    for heading in ("statistical", "overrides", "final"):
        table.add_column(heading, justify="right")
    groups = applied.table.groupby("period", sort=False)
    sums = {
        name: [sum(group[name]) for _, group in groups] for name in ("mean", "override", "final")
    }
    order = applied.table.groupby("period", sort=False)["ds"].min()
    rows = sorted(zip(order, order.index, *sums.values(), strict=True))
    for _, period, *cells in rows:
        table.add_row(escape(printable(period)), *[f"{cell:,}" for cell in cells])
    table.add_row("all", *[f"{sum(cells):,}" for cells in sums.values()], style="bold")
    return table


def bridge_table(steps: pd.DataFrame, title: str, by: str | None) -> Table:
    """Steps of a bridge, summed by step, or by a column and step."""
    from forecasting.versions.bridge import ORDER

    table = Table(title=escape(printable(title, 120)), title_justify="left")
    if by is not None:
        table.add_column(escape(printable(by, 40)), overflow="fold")
    table.add_column("step")
    table.add_column("amount", justify="right")
    found = steps.groupby([*([by] if by else []), "step"], sort=False)["amount"].agg(
        lambda values: sum(values.tolist())
    )
    place = {step: number for number, step in enumerate(ORDER)}
    keys = [key if isinstance(key, tuple) else (key,) for key in found.index]
    order = sorted(range(len(keys)), key=lambda at: (*map(str, keys[at][:-1]), place[keys[at][-1]]))
    for at in order:
        *member, step = keys[at]
        strong = "bold" if step in ("old", "new") else None
        amount = found.iloc[at]
        shown = f"{amount:,}" if step in ("old", "new") else f"{amount:+,}"
        table.add_row(*[escape(printable(one, 60)) for one in member], step, shown, style=strong)
    return table


def accuracy_table(lags: pd.DataFrame) -> Table:
    """WAPE of the naive, the model and the final number by lag, and what each step saved."""
    title = (
        "WAPE by lag in fiscal periods, of the naive, the statistical and the final number; what "
        "model and overrides save of it; bias: sum F - A over sum A"
    )
    shown = {
        "wape_naive": "naive", "added_by_model": "model", "wape_statistical": "stat.",
        "added_by_override": "overr.", "wape_final": "final", "bias_statistical": "bias stat.",
        "bias_final": "bias final",
    }  # fmt: skip
    return _lag_table(title, lags, "actual", shown)


def held_table(lags: pd.DataFrame) -> Table:
    """What came of locked intervals by lag: coverage and weighted quantile loss."""
    title = "locked intervals of the statistical number, by series and date"
    shown = {"coverage_80": "in 80 %", "coverage_95": "in 95 %", "wql": "quantile loss"}
    return _lag_table(title, lags, "cells", shown)


def _lag_table(title: str, lags: pd.DataFrame, size: str, shown: dict[str, str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("scenario", overflow="fold")
    for heading in ("unit", "lag", "periods", size, *shown.values()):
        table.add_column(heading, justify="right")
    for _, row in lags.iterrows():
        cells = [_share(row[name], name.startswith(("bias", "added"))) for name in shown]
        if "wape_naive" in shown and row["periods_naive"] == 0:
            cells[list(shown).index("wape_naive")] = "not recorded"
        table.add_row(
            escape(printable(row["scenario"], 40)),
            escape(printable(row["currency"] or row["measure"], 20)),
            str(row["lag"]), str(row["periods"]), f"{row[size]:,}", *cells,
        )  # fmt: skip
    return table


def _share(value: float | None, signed: bool) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:+.1%}" if signed else f"{value:.1%}"


def restated_table(changes: pd.DataFrame) -> Table:
    """What a ledger says otherwise since its periods were closed, by period."""
    table = Table(title="restated since the first close", title_justify="left")
    table.add_column("period", overflow="fold")
    for heading in ("rows", "was", "is", "difference"):
        table.add_column(heading, justify="right")
    for period, rows in changes.groupby("period"):
        was, now = sum(rows["was"].tolist()), sum(rows["actual"].tolist())
        table.add_row(
            escape(printable(period)), f"{len(rows):,}", f"{was:,}", f"{now:,}", f"{now - was:+,}"
        )
    return table
