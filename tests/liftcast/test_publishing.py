"""What a publication asks of the results it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftcast import publishing, results
from warehouse.errors import LiftcastError
from warehouse.lake import Lake


@pytest.mark.parametrize(
    ("engine", "table", "stage"),
    [("mix", "summary_classical", "attribute"), ("forecast", "revenue", "forecast")],
)
def test_a_result_of_an_older_version_is_refused_by_name(
    tmp_path: Path, engine: str, table: str, stage: str
) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    folder = lake.results / engine / "run_id=r-1"
    folder.mkdir(parents=True)
    for name in results.ENGINES[engine]:
        (folder / f"{name}.parquet").touch()
    publishing.require_tables(lake, engine, "r-1")
    (folder / f"{table}.parquet").unlink()
    with pytest.raises(LiftcastError, match=rf"older version.*{table}\.parquet") as told:
        publishing.require_tables(lake, engine, "r-1")
    assert f"`liftcast {stage}`" in str(told.value)
