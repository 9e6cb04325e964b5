"""Attribution and forecast of a small release: what they are told, write, and survive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from forecasting.versions.errors import VersionError
from liftcast import pipeline, results
from liftcast.version_actor import Actor
from liftcast.version_ledgers import ledger_from_lake
from liftcast.version_making import draft
from liftcast.version_reports import bridge_of
from liftcast.version_sources import from_lake
from liftcast.version_store import VersionStore
from tests.liftcast.small_release import (
    KINDS,
    RELEASE,
    forecast_inputs,
    frames,
    journey_inputs,
    tv_test,
)
from warehouse.errors import LiftcastError
from warehouse.lake import Lake
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with a release and no result: television was tested twice, once beyond the panel."""
    lake = Lake.at(tmp_path_factory.mktemp("small") / "lake").ensure()
    folder = lake.release_dir("abc")
    folder.mkdir(parents=True)
    tests = pd.DataFrame([*tv_test("good"), *tv_test("late", ends_on="2031-01-01")])
    days = {name: pd.to_datetime(tests[name]).dt.date for name in ("starts_on", "ends_on")}
    for name, frame in (
        frames() | forecast_inputs() | {"experiments": tests.assign(**days)}
    ).items():
        dated = (
            {"date_day": pd.to_datetime(frame["date_day"]).dt.date} if "date_day" in frame else {}
        )
        frame.assign(**dated).to_parquet(folder / f"{name}.parquet")
    for name, table in journey_inputs().items():
        pq.write_table(table, folder / f"{name}.parquet")
    facts = RELEASE | {"release_id": "abc", "last_day": "2025-02-17"}
    (folder / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    (lake.inputs / "current").symlink_to("abc")
    return lake


@pytest.fixture(scope="module")
def attributed(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Tables and facts of an attribution with settings from a file, sellers credited."""
    spec = tmp_path_factory.mktemp("settings") / "mix.yml"
    spec.write_text(
        "media_share: 0.1\nbaseline: {season_order: 0, holidays: false}\n"
        "sampling: {warmup: 100, draws: 150, longer: 1}\n",
        encoding="utf-8",
    )
    facts = pipeline.attribute(lake, settings=Settings(mix_spec=spec, mix_kinds=(*KINDS, "seller")))
    folder, _ = lake.latest_result("mix")
    assert folder.name == f"run_id={facts['run_id']}"
    return facts | {name: pd.read_parquet(folder / f"{name}.parquet") for name in results.MIX}


def test_a_wrong_settings_file_stops_before_anything_is_estimated(
    lake: Lake, tmp_path: Path
) -> None:
    before = sorted(lake.results.rglob("*"))
    said: list[str] = []
    with pytest.raises(LiftcastError, match=r"nowhere\.yml"):
        pipeline.attribute(
            lake, settings=Settings(mix_spec=tmp_path / "nowhere.yml"), progress=said.append
        )
    assert said == []
    assert sorted(lake.results.rglob("*")) == before


def test_both_engines_are_written_for_the_same_drivers(attributed: dict[str, Any]) -> None:
    first, second = attributed["summary"], attributed["summary_classical"]
    keys = ["kind", "driver"]
    assert first[keys].to_numpy().tolist() == second[keys].to_numpy().tolist()
    assert {"tv", "call"} <= set(first["driver"])
    total = float(frames()["outcome"]["net_revenue"].sum())
    for table in (first, second):
        assert float(sum(table["contribution"])) == pytest.approx(total, abs=1e-6)


def test_the_settings_that_were_used_are_kept_with_the_result(attributed: dict[str, Any]) -> None:
    assert attributed["settings"]["media_share"] == 0.1
    assert attributed["settings"]["sampling"]["draws"] == 150
    assert attributed["kinds"] == [*KINDS, "seller"]


def test_a_good_test_calibrates_and_a_bad_one_is_told_of(attributed: dict[str, Any]) -> None:
    checks = attributed["checks"].set_index(["check_name", "subject"])
    used = checks.loc[("experiment_used", "media tv: 'good'")]
    assert used["status"] == "pass"
    assert "calibrates" in used["text"]
    bad = checks.loc[("experiment_fits", "late")]
    assert (bad["severity"], bad["status"]) == ("warn", "warn")
    assert "outside the panel" in bad["text"]
    assert checks.loc[("classical_engine", "model"), "status"] == "pass"
    assert not checks.index.duplicated().any()


def test_the_forecast_takes_media_from_the_attribution_of_its_release(
    lake: Lake, attributed: dict[str, Any]
) -> None:
    facts = pipeline.forecast(lake, settings=Settings(horizon_weeks=4))
    assert facts["mix_run_id"] == attributed["run_id"]
    assert facts["settings"]["from_the_mix"] == ["media:tv", "seller:call"]
    folder, _ = lake.latest_result("forecast")
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in results.FORECAST}
    volume, parts = tables["volume"], tables["components"]
    volume = volume[volume["period"] != "horizon"]
    assert set(volume["sales_channel"]) == {"shop", "web", "all"}
    checks = tables["checks"].set_index(["check_name", "subject"])
    assert checks.loc[("media_from_mix", "mix"), "status"] == "pass"
    for table in ("volume", "revenue"):
        assert checks.loc[("totals_equal_parts", table), "status"] == "pass"
    # Television brought about 2 a unit of spend, and four units of money are one piece: 80 planned.
    brought = parts[parts["component"] == "media:tv"].groupby(["date_day", "territory_id"])
    assert brought["value"].sum().between(25, 55).all()
    total = volume[volume["level"] == "total"].set_index("date_day")["mean"].astype(float)
    summed = parts.groupby("date_day")["value"].sum()
    assert (total - summed).abs().max() < 1e-3
    money = (
        tables["revenue"].query("level == 'total' and period != 'horizon'").set_index("date_day")
    )
    assert (
        money["units"] == volume[volume["level"] == "total"].set_index("date_day")["mean"]
    ).all()
    assert (money["mean"].astype(float) / total).between(3.9, 4.1).all()


def test_a_lake_that_counts_units_keeps_and_closes_versions_of_net_revenue_too(
    lake: Lake, attributed: dict[str, Any], tmp_path: Path
) -> None:
    pipeline.forecast(lake, settings=Settings(horizon_weeks=4))
    store = VersionStore(tmp_path / "versions")
    names = []
    for measure in (None, "net_revenue"):
        made = from_lake(lake, measure)
        names.append(draft(store, made, Actor("Ana", "close")).name)
        for event, by in (("submitted", "Ana"), ("approved", "Bo"), ("locked", "Bo")):
            store.move(names[-1], event, Actor(by, "close"))
    history = store.history()
    units, money = (history.version(name) for name in names)
    # Both stand: a period has one locked number of each measure.
    assert (units.measure, units.currency) == ("units", None)
    assert (money.measure, money.currency) == ("net_revenue", "EUR")
    assert units.superseded_by is None
    sums = [float(sum(store.numbers(version).table["mean"])) for version in (units, money)]
    assert sums[1] / sums[0] == pytest.approx(4, rel=0.03)
    with pytest.raises(VersionError, match="of its own measure only"):
        draft(store, from_lake(lake), Actor("Ana", "x"), supersedes=money.name)
    with pytest.raises(VersionError, match="measure are"):
        bridge_of(store, history, *names)
    ledger = pd.read_parquet(lake.release_dir("abc") / "ledger.parquet")
    for measure in ("units", "net_revenue"):
        kept = ledger_from_lake(lake, measure)
        assert (kept.measure, kept.currency) == (measure, "EUR" if measure != "units" else None)
        assert float(kept.frame[kept.target].sum()) == float(ledger[measure].sum())
    with pytest.raises(LiftcastError, match="in another measure") as told:
        from_lake(lake, "pieces")
    assert "units or net_revenue" in str(told.value)


def test_without_an_attribution_of_the_release_the_forecast_says_so_and_stands(
    lake: Lake, attributed: dict[str, Any]
) -> None:
    folder, _ = lake.latest_result("mix")
    estimate = folder / results.ESTIMATE
    kept = estimate.read_bytes()
    try:
        estimate.write_bytes(kept[:1000])
        said: list[str] = []
        facts = pipeline.forecast(lake, settings=Settings(horizon_weeks=4), progress=said.append)
    finally:
        estimate.write_bytes(kept)
    assert facts["mix_run_id"] is None
    assert facts["settings"]["plan_columns"] == ["media:tv"]
    assert any("cut short" in text for text in said)


def test_journeys_are_estimated_beside_the_mix_on_the_same_release(
    lake: Lake, attributed: dict[str, Any]
) -> None:
    folder, facts = lake.latest_result("journeys")
    assert (facts["run_id"], facts["release_id"]) == (attributed["run_id"], "abc")
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in results.JOURNEYS}
    credit = tables["credit"].set_index("name")
    # Every journey that sells holds both, so they share alike, to the cent; who met nothing, and
    # nobody else, is unattributed.
    assert credit["conversions"].to_dict() == {"(unattributed)": 2, "email": 2.5, "search": 2.5}
    assert credit["value"].astype(str).to_dict() == {
        "(unattributed)": "20.00", "email": "24.51", "search": "24.50"
    }  # fmt: skip
    assert credit["margin"].isna().all()
    assert tables["removal"]["removal_effect"].tolist() == [1, 1]
    spoken = tables["checks"].set_index("check_name")["status"]
    assert (spoken["journeys_enough"], spoken["journeys_spend_touched"]) == ("warn", "warn")
    assert len(tables["funnel"]) == 0
