"""Journeys of a release: paths from Arrow, cents shared out, a release without a touch."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from liftcast import journeying, results
from tests.liftcast.small_release import journey_inputs
from warehouse.errors import LiftcastError


def _silent(_: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("100.00", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("-0.02", [1, 1, 1], ["-0.01", "-0.01", "0.00"]),
        ("0.01", [0, 3], ["0.00", "0.01"]),
    ],
)
def test_an_amount_is_shared_out_to_the_cent(
    total: str, weights: list[float], parts: list[str]
) -> None:
    found = journeying.shared_out(Decimal(total), np.array(weights, dtype=float))
    assert found == [Decimal(part) for part in parts]


def test_an_amount_nobody_has_weight_for_is_not_shared_out() -> None:
    assert journeying.shared_out(Decimal(1), np.zeros(2)) is None


def test_names_are_taken_as_they_are() -> None:
    table = journey_inputs()["journey_paths"]
    names = table.set_column(2, "path", [[["a > b", "(start)"], ["a > b"], []]])
    paths = journeying.read_arrow_paths(names)
    assert paths.channels == ("(start)", "a > b")
    # The order that went back neither converts nor ends: it is no journey.
    assert (len(paths), paths.unattributed) == (1, 2.0)


def test_a_release_without_a_touch_gives_empty_tables_and_says_so_once() -> None:
    inputs = journey_inputs()
    inputs["journey_paths"] = inputs["journey_paths"].slice(2)
    inputs["journey_touches"] = inputs["journey_touches"].slice(0, 0)
    found = journeying.estimate(inputs, 0, _silent)
    assert {name: len(table) for name, table in found.tables.items()} == {
        "credit": 0, "removal": 0, "orders": 0, "funnel": 0, "interactions": 0, "checks": 1,
    }  # fmt: skip
    assert found.tables["checks"]["status"].tolist() == ["pass"]


def test_a_release_of_an_older_version_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LiftcastError, match=r"knew less of journeys.*journey_paths\.parquet"):
        results.read_journeys(tmp_path)
    for name, table in journey_inputs().items():
        old = table.drop(["customers"]) if name == "journey_paths" else table
        pq.write_table(old, tmp_path / f"{name}.parquet")
    with pytest.raises(LiftcastError, match=r"knew less of journeys.*column customers"):
        results.read_journeys(tmp_path)


def test_new_customers_are_shared_as_conversions_and_lost_with_those_who_met_nothing() -> None:
    credit = journeying.estimate(journey_inputs(), 0, _silent).tables["credit"]
    assert credit.set_index("name")["customers"].to_dict() == {
        "search": 2.0, "email": 2.0, "(unattributed)": 1.0,
    }  # fmt: skip
