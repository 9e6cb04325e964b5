"""Versions of a lake as tables for dbt: what was submitted, bridges, accuracy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.versions.accuracy import AMOUNTS, COLUMNS, OF_NAIVE, RATES
from forecasting.versions.bridge import ORDER
from forecasting.versions.errors import VersionError
from forecasting.versions.states import History, State, Version
from liftcast.version_reports import accuracy_of, bridge_of, previous
from liftcast.version_store import VersionStore
from warehouse.files import appearing
from warehouse.lake import Lake

Note = Callable[[str], None]
SERIES = ("territory_id", "product_id")
_TEXT, _AMOUNT, _DAY, _RATE = pa.string(), pa.decimal128(18, 2), pa.date32(), pa.float64()


def _schema(names: Sequence[str]) -> pa.Schema:
    kinds = {
        **dict.fromkeys(
            ("statistical", "override", "final", "amount", *AMOUNTS, *OF_NAIVE, "quantile_loss",
             "absolute_judged"), _AMOUNT,
        ),
        **dict.fromkeys(("as_of", "period_starts_on", "first_day", "last_day"), _DAY),
        **dict.fromkeys(RATES, _RATE),
        **dict.fromkeys(
            ("lag", "series", "not_forecast", "step_number", "cells", "inside_80", "inside_95"),
            pa.int64(),
        ),
    }  # fmt: skip
    return pa.schema([(name, kinds.get(name, _TEXT)) for name in names])


VERSIONS = _schema((
    "version", "as_of", "fiscal_period", "scenario", "code_version", "data_hash", "state",
    "superseded_by", "submitted_by", "submitted_at", "approved_by", "approved_at", "locked_by",
    "locked_at", "period", "period_starts_on", *SERIES, "measure", "statistical", "override",
    "final", "currency_code",
))  # fmt: skip
BRIDGE = _schema((
    "version", "old_version", "step_number", "step", "period", *SERIES, "measure", "amount",
    "currency_code",
))  # fmt: skip
ACCURACY = _schema(("basis", *COLUMNS[:-1], "currency_code"))


def export(lake: Lake, note: Note = lambda _: None) -> Path:
    """Write versions.parquet, bridge.parquet and accuracy.parquet for dbt; empty without versions.

    Drafts stay out: they are their author's. So do versions that are not by territory and product;
    finer ones (a lake's are by sales channel too) are summed to these.

    Raises:
        LiftcastError: the store was touched, or a table of it: nothing of it is published.
    """
    store = VersionStore(lake.root / "versions")
    history = store.history()
    shown = [
        v for v in history.versions.values() if v.state != "draft" and _ours(v)
    ]  # fmt: skip
    folder = lake.scratch / "versions"
    shutil.rmtree(folder, ignore_errors=True)
    with appearing(folder) as place:
        _write(place / "versions.parquet", VERSIONS, [_rows(store, v) for v in shown])
        _write(place / "bridge.parquet", BRIDGE, _bridges(store, history, shown))
        _write(place / "accuracy.parquet", ACCURACY, _scores(store, history, note))
    return folder


def _write(file: Path, schema: pa.Schema, frames: Sequence[pd.DataFrame]) -> None:
    filled = [frame[schema.names] for frame in frames if len(frame)]
    whole = pd.concat(filled, ignore_index=True) if filled else None
    table = schema.empty_table() if whole is None else pa.Table.from_pandas(whole, schema, False)
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")


def _rows(store: VersionStore, version: Version) -> pd.DataFrame:
    """A version by fiscal period and series, in the words of the mart."""
    table = store.numbers(version).table
    sums = _summed(table, ["period", *SERIES], ("mean", "override", "final"))
    starts = dict(zip(*_columns(store.made_by(version, "periods"), "period", "starts_on"),
                      strict=True))  # fmt: skip
    facts: dict[str, Any] = {
        "version": version.name, "as_of": version.as_of, "fiscal_period": version.fiscal_period,
        "scenario": version.scenario, "code_version": version.code_version,
        "data_hash": version.data_hash, "state": version.state,
        "superseded_by": version.superseded_by, "measure": version.measure,
        "currency_code": version.currency,
    }  # fmt: skip
    states: tuple[State, ...] = ("submitted", "approved", "locked")
    for state in states:
        step = version.last(state)
        # A step that a return has undone is no longer who stands for the version.
        reached = step is not None and states.index(state) <= states.index(version.state)
        facts[f"{state}_by"] = step.by if step and reached else None
        facts[f"{state}_at"] = step.at if step and reached else None
    sums = sums.rename(columns={"mean": "statistical"})
    return sums.assign(**facts, period_starts_on=[starts[p].date() for p in sums["period"]])


def _ours(version: Version) -> bool:
    """Whether a version is by territory and product, or finer."""
    return set(SERIES) <= set(version.series)


def _columns(frame: pd.DataFrame, *names: str) -> list[list[Any]]:
    return [frame[name].tolist() for name in names]


def _sum(values: pd.Series) -> Decimal:
    return sum(values, Decimal("0.00"))


def _summed(frame: pd.DataFrame, keys: list[str], amounts: Sequence[str]) -> pd.DataFrame:
    return frame.groupby(keys, sort=True)[list(amounts)].agg(_sum).reset_index()


def _bridges(store: VersionStore, history: History, shown: Sequence[Version]) -> list[pd.DataFrame]:
    """The bridge of each version from the one it was bridged from, supersedes, or follows."""
    frames = []
    for version in shown:
        old = previous(history, version)
        if old is None or not _ours(old):
            continue
        try:
            made = bridge_of(store, history, old.name, version.name)
        except VersionError:  # another measure, currency or grain: there is no bridge
            continue
        steps = _summed(made.steps, ["step", "period", *SERIES], ("amount",))
        frames.append(
            steps.assign(
                version=version.name, old_version=old.name, measure=version.measure,
                currency_code=version.currency,
                step_number=[ORDER.index(step) for step in steps["step"]],
            )
        )  # fmt: skip
    return frames


def _scores(store: VersionStore, history: History, note: Note) -> list[pd.DataFrame]:
    frames = []
    for basis, restated in (("first close", False), ("restated", True)):
        rows = accuracy_of(store, history, as_restated=restated, note=note)
        ours = [_ours(history.version(name)) for name in rows["version"]]
        frames.append(rows[ours].rename(columns={"currency": "currency_code"}).assign(basis=basis))
    return frames
