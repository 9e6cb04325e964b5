"""What a publication asks of the results it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftcast import publishing, results
from warehouse.errors import LiftcastError
from warehouse.lake import Lake


def test_an_attribution_of_an_older_version_is_refused_by_name(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake").ensure()
    folder = lake.results / "mix" / "run_id=r-1"
    folder.mkdir(parents=True)
    for name in results.MIX:
        (folder / f"{name}.parquet").touch()
    publishing.require_tables(lake, "mix", "r-1")
    (folder / "summary_classical.parquet").unlink()
    with pytest.raises(LiftcastError, match=r"older version.*summary_classical\.parquet"):
        publishing.require_tables(lake, "mix", "r-1")
