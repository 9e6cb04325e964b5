"""A lake's versions: made of its newest forecast, bridged by forecasts of its releases."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.versions.bridge import totals
from liftcast import pipeline, version_bridging
from liftcast.version_actor import Actor
from liftcast.version_ledgers import ledger_from_lake, locked_measures
from liftcast.version_making import draft
from liftcast.version_reports import bridge_of, close_period
from liftcast.version_sources import from_lake
from liftcast.version_store import VersionStore
from tests.liftcast.typed import liftcast
from warehouse.errors import LiftcastError
from warehouse.files import point
from warehouse.lake import Lake
from warehouse.settings import Settings

ANA, BO = Actor("Ana", "close"), Actor("Bo", "reviewed")
CODE = "0.1.0+abcdef"
DATES = pd.date_range("2024-01-01", periods=70, freq="7D")


def release(lake: Lake, name: str, weeks: int, planned: float) -> None:
    """A weekly release: one territory, one product at about 5.00, television in the plan."""
    rng = np.random.default_rng(1)
    tv = rng.uniform(0, 100, len(DATES)).round()
    sold = (500 + 3 * tv + rng.normal(0, 10, len(DATES))).round(2)
    known = DATES[:weeks]
    key = {"territory_id": "north", "kind": "media", "driver": "tv"}
    ledger = pd.DataFrame({"date_day": known, "territory_id": "north", "product_id": "tea",
                           "sales_channel": "shop", "net_revenue": sold[:weeks]})  # fmt: skip
    drivers = pd.DataFrame({"date_day": known, **key, "exposure": tv[:weeks], "spend": tv[:weeks],
                            "exposure_unit": "spend"})  # fmt: skip
    ahead = DATES[weeks] + pd.to_timedelta(np.arange(8) * 7, unit="D")
    plan = pd.DataFrame({"date_day": ahead, **key, "product_id": None, "exposure": planned,
                         "spend": planned})  # fmt: skip
    holidays = pd.DataFrame({"date_day": pd.to_datetime([]), "holiday": [], "country_code": []})
    tables = {
        "ledger": ledger.assign(units=(ledger["net_revenue"] / 5).round(), unit_cost=0.0),
        "drivers": drivers, "plan": plan,
        "holidays": holidays.astype({"holiday": object, "country_code": object}),
        "territories": pd.DataFrame({"territory_id": ["north"], "country_code": ["DE"]}),
        "products": pd.DataFrame({"product_id": ["tea"]}),
    }  # fmt: skip
    folder = lake.release_dir(name)
    folder.mkdir(parents=True)
    for table, frame in tables.items():
        frame.to_parquet(folder / f"{table}.parquet")
    facts = {"release_id": name, "grain": "week", "currency": "EUR",
             "first_day": "2024-01-01", "last_day": str(known[-1].date())}  # fmt: skip
    (folder / "release.json").write_text(json.dumps(facts))
    point(lake.inputs / "current", name)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two releases four weeks apart, with other plans, each with its net revenue kept."""
    patch = pytest.MonkeyPatch()
    patch.setattr(pipeline, "code_version", lambda: CODE)
    made = Lake.at(tmp_path_factory.mktemp("lake")).ensure()
    store, settings = VersionStore(made.root / "versions"), Settings(horizon_weeks=6)
    for name, weeks, planned in (("r1", 60, 50.0), ("r2", 62, 80.0)):
        release(made, name, weeks, planned)
        pipeline.forecast(made, settings=settings)
        draft(store, from_lake(made, "net_revenue"), ANA, name=name)
    patch.undo()
    return made


def test_the_bridge_of_a_lake_is_forecast_from_its_releases(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_bridging, "code_version", lambda: CODE)
    store, notes = VersionStore(lake.root / "versions"), []
    old, made = store.history().version("r1"), from_lake(lake, "net_revenue")
    assert (made.as_of, made.currency, made.data_hash) == (DATES[61].date(), "EUR", "r2")
    # The naive of weeks is the last one known; a result of before it was kept has none.
    sold = pd.read_parquet(lake.release_dir("r2") / "ledger.parquet")["net_revenue"].iloc[-1]
    naive = store.made_by(store.history().version("r2"), "naive")
    assert naive["naive"].tolist() == [Decimal(f"{sold:.2f}")] * 6
    steps = lake.latest_result("forecast")[0] / "steps.parquet"
    kept = steps.rename(steps.with_suffix(".aside"))
    assert from_lake(lake).naive is None
    kept.rename(steps)
    stops = version_bridging.stops_in_lake(lake, old, made, note=notes.append)
    assert (list(stops), notes) == (["old_plan"], [])
    draft(store, made, ANA, name="bridged", bridge_from="r1", stops=stops)
    bridged = bridge_of(store, store.history(), None, "bridged")
    steps = totals(bridged.steps).set_index("step")["amount"]
    assert list(steps.index) == ["old", "passed", "model", "data", "plan", "begun", "override",
                                 "new"]  # fmt: skip
    assert steps.drop("new").sum() == steps["new"]
    # Four shared weeks with thirty units of television more, at some 3.00 each.
    assert Decimal(150) < steps["plan"] < Decimal(600)
    assert steps["model"] == 0


def test_without_the_code_or_the_release_steps_stay_joined(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, notes = VersionStore(lake.root / "versions"), []
    old, made = store.history().version("r1"), from_lake(lake, "net_revenue")
    monkeypatch.setattr(version_bridging, "code_version", lambda: "0.2.0")
    assert version_bridging.stops_in_lake(lake, old, made, note=notes.append) == {}
    assert "nothing can be forecast with it again" in notes[0]
    joined = bridge_of(store, store.history(), "r1", "r2")
    assert "data and plan" in set(joined.steps["step"])


def test_a_lake_closes_with_its_ledger(lake: Lake) -> None:
    store = VersionStore(lake.root / "versions")
    for measure, currency in ((None, None), ("net_revenue", "EUR")):
        ledger = ledger_from_lake(lake, measure)
        ((close, _),) = close_period(store, "2025-01", [ledger], ANA, lake=lake)
        table = store.closed(close)
        assert (close.starts_on.isoformat(), len(table)) == ("2025-01-01", 4)
        assert (close.number, close.measure, close.currency) == (1, measure or "units", currency)
    with pytest.raises(Exception, match="reach 2025-03-03"):
        close_period(store, "2025-03", [ledger_from_lake(lake)], ANA, lake=lake)


def test_one_close_keeps_every_measure_that_a_version_is_locked_in(lake: Lake) -> None:
    store = VersionStore(lake.root / "versions")
    assert locked_measures(lake, store.history()) == ["units"]  # none is locked: the volume's
    for name, measure in (("money", "net_revenue"), ("pieces", "units")):
        draft(store, from_lake(lake, measure), ANA, name=name)
        for event, who in (("submitted", ANA), ("approved", BO), ("locked", BO)):
            store.move(name, event, who)
        told = locked_measures(lake, store.history())
        assert told == ["net_revenue"] if name == "money" else ["units", "net_revenue"]
    close = ("forecast", "version", "close", "--lake", lake.root, "--by", "Ana", "--why", "close")
    ledger = pd.read_parquet(lake.current_release() / "ledger.parquet")
    sold = ledger[pd.to_datetime(ledger["date_day"]).dt.strftime("%Y-%m") == "2024-12"]
    before = len(store.history().closes)
    late = liftcast(*close, "--period", "2025-03")
    assert (late.returncode, "reach 2025-03-03" in late.stderr) == (1, True)
    assert len(store.history().closes) == before
    done = liftcast(*close, "--period", "2024-12")
    assert done.returncode == 0, done.stderr
    units, money = (Decimal(f"{float(sold[name].sum()):.2f}") for name in ("units", "net_revenue"))
    assert [line.split(") is closed: ")[1] for line in done.stdout.splitlines()] == [
        f"{units:,} units", f"{money:,} EUR net_revenue",
    ]  # fmt: skip
    one = liftcast(*close, "--period", "2024-12", "--measure", "units")
    assert one.stdout.splitlines() == [
        f"2024-12 (2024-12-01 to 2024-12-31) is closed, for the 2. time: {units:,} units"
    ]


def test_a_lake_without_a_forecast_says_so(tmp_path: Path) -> None:
    with pytest.raises(LiftcastError, match="no forecast result yet"):
        from_lake(Lake.at(tmp_path).ensure())
