"""Files written by nobody here run through the whole chain and publish."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from warehouse.lake import Lake
from warehouse.publication import read_current, verify
from warehouse.settings import PROJECT

pytestmark = [pytest.mark.e2e, pytest.mark.reference, pytest.mark.timeout(1500)]


def _run(
    source: str, lake: Path, reference_data: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "liftcast", "run", "--sources", str(PROJECT / "sources" / source),
         "--lake", str(lake)],
        env=os.environ
        | {"LIFTCAST_REFERENCE_DATA": str(reference_data), "COLUMNS": "160"}
        | more,
        capture_output=True, text=True, timeout=1400, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def robyn(tmp_path_factory: pytest.TempPathFactory, reference_data: Path) -> tuple[Path, str]:
    lake = tmp_path_factory.mktemp("robyn") / "lake"
    done = _run("robyn.yml", lake, reference_data)
    assert done.returncode == 0, done.stderr
    return lake, done.stdout


@pytest.fixture(scope="module")
def meridian(
    tmp_path_factory: pytest.TempPathFactory, reference_data: Path, short_walk: dict[str, str]
) -> tuple[Path, str]:
    lake = tmp_path_factory.mktemp("meridian") / "lake"
    done = _run("meridian.yml", lake, reference_data, **short_walk)
    assert done.returncode == 0, done.stderr
    return lake, done.stdout


def _query(lake: Path, sql: str) -> list[tuple[object, ...]]:
    folder, _ = read_current(Lake.at(lake))
    assert verify(folder) == []
    with duckdb.connect(str(folder / "liftcast.duckdb"), read_only=True) as published:
        return published.execute(sql).fetchall()


def test_robyn_ties_to_its_file(robyn: tuple[Path, str], reference_data: Path) -> None:
    lake, _ = robyn
    file = pd.read_csv(reference_data / "mix" / "robyn_weekly.csv")
    published = _query(lake, "select sum(contribution)::double from attr_contributions")[0][0]
    assert published == pytest.approx(file["revenue"].round(2).sum(), abs=0.01)
    spend = dict(
        _query(lake, "select driver, spend::double from attr_summary where kind = 'media'")
    )
    for channel in ("tv", "ooh", "print", "facebook", "search"):
        assert spend[channel] == pytest.approx(file[f"{channel}_S"].sum(), abs=0.01 * len(file))


def test_robyn_warns_of_the_control_that_moves_with_revenue(robyn: tuple[Path, str]) -> None:
    lake, screen = robyn
    warned = _query(
        lake,
        "select status, figure from attr_checks where check_name like '%control%' "
        "and subject like '%competitor_sales_B%'",
    )
    assert warned
    assert warned[0][0] == "warn"
    assert warned[0][1] == pytest.approx(0.92, abs=0.01)
    assert "competitor_sales_B" in screen


def test_meridian_ties_to_its_file_in_every_territory(
    meridian: tuple[Path, str], reference_data: Path
) -> None:
    lake, _ = meridian
    file = pd.read_csv(reference_data / "mix" / "meridian_geo_all_channels.csv.gz")
    file["revenue"] = (file["conversions"] * file["revenue_per_conversion"]).round(2)
    wanted = file.groupby("geo")["revenue"].sum()
    rows = _query(
        lake, "select territory_id, sum(contribution)::double from attr_contributions group by 1"
    )
    found = pd.Series(dict(rows))
    assert len(found) == 40
    pd.testing.assert_series_equal(
        found.sort_index(), wanted.sort_index(), check_names=False, rtol=0, atol=0.01 * 156
    )


def test_gates_that_were_signed_off_are_published_with_who_and_why(
    meridian: tuple[Path, str],
) -> None:
    rows = _query(
        meridian[0],
        "select status, text from attr_checks "
        "where check_name in ('sampler_converged', 'effective_draws')",
    )
    assert {status for status, _ in rows} == {"warn"}
    assert all("Signed off by this test" in str(text) for _, text in rows)


def test_totals_of_the_forecast_are_the_sum_of_their_parts(meridian: tuple[Path, str]) -> None:
    gaps = _query(
        meridian[0],
        """
        select count(*) from
        (select period, date_day, sum(mean) as parts from fcst_volume where level = 'series'
         group by all)
        full join (select period, date_day, mean from fcst_volume where level = 'total')
            using (period, date_day)
        where parts is distinct from mean
        """,
    )
    assert gaps == [(0,)]


def test_the_published_file_opens_in_older_clients(robyn: tuple[Path, str]) -> None:
    folder, _ = read_current(Lake.at(robyn[0]))
    header = (folder / "liftcast.duckdb").read_bytes()[:20]
    # Bytes 8-12 are the magic word, then the storage version as 64-bit integer: 65 is v1.2.0,
    # which DuckDB 1.4 and the tools built on it read (they read up to 67).
    assert header[8:12] == b"DUCK"
    assert 64 <= int.from_bytes(header[12:20], "little") <= 67


def test_what_was_published_says_what_it_was_made_of(robyn: tuple[Path, str]) -> None:
    folder, facts = read_current(Lake.at(robyn[0]))
    assert facts["currency"] == "EUR"
    assert facts["grain"] == "week"
    assert facts["first_day"] == "2015-11-23"
    assert facts["last_day"] == "2019-11-11"
    assert {"run_id", "release_id", "mix_run_id", "forecast_run_id", "seed", "code_version"} <= set(
        facts
    )
    assert json.loads((folder / "publication.json").read_text())["files"]["index.html"]
    assert (folder / "docs" / "index.html").stat().st_size > 10_000
