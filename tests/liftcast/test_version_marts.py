"""What dbt is given of versions: nothing where there are none, nor of a store that was touched."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from liftcast.version_actor import Actor
from liftcast.version_making import draft
from liftcast.version_marts import ACCURACY, BRIDGE, VERSIONS, export
from liftcast.version_sources import Made
from liftcast.version_store import VersionStore
from warehouse.errors import LiftcastError
from warehouse.lake import Lake


def kept(lake: Lake, series: tuple[str, ...], name: str) -> VersionStore:
    store = VersionStore(lake.root / "versions")
    days = pd.date_range("2026-11-01", periods=3)
    frame = pd.DataFrame(dict.fromkeys(series, "x") | {"ds": days})
    for number in ("mean", "p025", "p10", "p50", "p90", "p975"):
        frame[number] = "1.00"
    made = Made(frame, series, date(2026, 10, 31), "units", None, "c", "d", "p")
    draft(store, made, Actor("Ana", "x"), name=name)
    return store


def test_without_versions_the_tables_are_empty_and_typed(tmp_path: Path) -> None:
    folder = export(Lake.at(tmp_path).ensure())
    for name, schema in (("versions", VERSIONS), ("bridge", BRIDGE), ("accuracy", ACCURACY)):
        table = pq.read_table(folder / f"{name}.parquet")
        assert (table.num_rows, table.schema) == (0, schema)


def test_drafts_and_versions_of_other_series_stay_out(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path).ensure()
    store = kept(lake, ("territory_id", "product_id"), "ours")
    kept(lake, ("shop",), "theirs")
    assert pq.read_table(export(lake) / "versions.parquet").num_rows == 0
    for name in ("ours", "theirs"):
        store.move(name, "submitted", Actor("Ana", "x"))
    (row,) = pq.read_table(export(lake) / "versions.parquet").to_pylist()
    assert (row["version"], row["period"], row["submitted_by"]) == ("ours", "2026-11", "Ana")
    assert row["currency_code"] is None


def test_a_lake_s_versions_by_sales_channel_are_summed_to_territory_and_product(
    tmp_path: Path,
) -> None:
    lake = Lake.at(tmp_path).ensure()
    store = VersionStore(lake.root / "versions")
    series = ("territory_id", "product_id", "sales_channel")
    for name, each, last in (("first", "1.00", 30), ("second", "1.50", 31)):
        frame = pd.DataFrame(
            [("north", "tea", channel, day) for channel in ("shop", "web") for day in (1, 2)],
            columns=[*series, "ds"],
        )
        frame["ds"] = pd.Timestamp("2026-11-01") + pd.to_timedelta(frame["ds"], unit="D")
        for number in ("mean", "p025", "p10", "p50", "p90", "p975"):
            frame[number] = each
        made = Made(frame, series, date(2026, 10, last), "units", None, "c", f"d-{name}", "p")
        old = "first" if name == "second" else None
        draft(store, made, Actor("Ana", "x"), name=name, bridge_from=old)
        store.move(name, "submitted", Actor("Ana", "x"))
    folder = export(lake)
    rows = pq.read_table(folder / "versions.parquet").to_pylist()
    assert [(r["version"], r["statistical"]) for r in rows] == [
        ("first", Decimal("4.00")),
        ("second", Decimal("6.00")),
    ]
    steps = pq.read_table(folder / "bridge.parquet").to_pandas()
    assert not steps.duplicated(["version", "step", "period", "territory_id", "product_id"]).any()
    told = dict(zip(steps["step"], steps["amount"], strict=True))
    between = sum(amount for step, amount in told.items() if step not in {"old", "new"})
    assert (told["old"], between, told["new"]) == (4, 2, 6)


def test_a_touched_store_stops_the_publication(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path).ensure()
    store = kept(lake, ("territory_id", "product_id"), "ours")
    store.move("ours", "submitted", Actor("Ana", "x"))
    table = store.root / "versions" / "ours" / "statistical.parquet"
    table.chmod(0o644)
    table.write_bytes(table.read_bytes() + b" ")
    with pytest.raises(LiftcastError, match="touched"):
        export(lake)
