"""What credit of journeys recovers of the simulated company's truth, and what it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simulation import simulate

# At the end: another benchmark has modules of the same names.
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks" / "journeys"))
from against_truth import Compared, compare


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compared, Compared]:
    """A company of half a year, second devices unknown and known."""
    folder = tmp_path_factory.mktemp("company")
    simulate(folder, seed=101, days=180, territories=2)
    return compare(folder), compare(folder, devices=True)


def test_the_cause_of_an_order_is_on_its_path(compared: tuple[Compared, Compared]) -> None:
    # The rest was met before an earlier order of the same person, and is that order's.
    assert [one.found for one in compared] == pytest.approx([0.995, 0.995], abs=0.005)


def test_credit_is_a_multiple_of_what_channels_caused_as_the_docs_say(
    compared: tuple[Compared, Compared],
) -> None:
    for one in compared:
        assert one.caused.sum() < 0.25 * one.orders
        assert one.times.loc["all four"].between(1.5, 4.0).all()
        # Search for the brand minutes before an order that was coming anyway.
        assert one.times.loc["search", "last"] > 2 * one.times.loc["social", "last"]


def test_removal_effects_split_channels_better_than_the_last_touch(
    compared: tuple[Compared, Compared],
) -> None:
    for one in compared:
        assert one.split_error["markov"] < 10 < one.split_error["last"]
