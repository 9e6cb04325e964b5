"""Money arithmetic of the simulated ledger: nothing is lost between days, lines and currencies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulation.ledger import share_out
from simulation.markets import to_eur_cents, to_local_cents
from simulation.streams import Streams


@given(
    cells=st.lists(
        st.tuples(st.integers(1, 10**9), st.lists(st.floats(0.01, 50.0), min_size=1, max_size=9)),
        min_size=1,
        max_size=12,
    )
)
def test_parts_sum_to_the_whole_in_every_cell(cells: list[tuple[int, list[float]]]) -> None:
    target = np.array([whole for whole, _ in cells])
    cell = np.repeat(np.arange(len(cells)), [len(weights) for _, weights in cells])
    weight = np.concatenate([weights for _, weights in cells])
    parts = share_out(target, cell, weight)
    summed = np.zeros(len(cells), dtype=np.int64)
    np.add.at(summed, cell, parts)
    np.testing.assert_array_equal(summed, target)


def test_parts_follow_the_weights_to_the_cent() -> None:
    parts = share_out(np.array([100, 1000]), np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 1.0, 1.0]))
    assert parts.tolist() == [25, 75, 500, 500]


def test_conversion_rounds_half_a_cent_away_from_zero() -> None:
    cents = np.array([100, 100, -100, 1])
    micros = np.array([1_165_000, 1_164_999, 1_165_000, 1_000_000])
    assert to_eur_cents(cents, micros).tolist() == [117, 116, -117, 1]


def test_conversion_there_and_back_is_within_a_cent() -> None:
    eur = np.array([0.01, 12.34, 98_765.43])
    micros = np.full(3, 1_170_000)
    back = to_eur_cents(to_local_cents(eur, micros), micros) / 100.0
    np.testing.assert_allclose(back, eur, atol=0.011)


def test_streams_of_different_names_are_apart_and_of_one_name_alike() -> None:
    streams = Streams(9)
    assert streams("media", "tv").random() == streams("media", "tv").random()
    drawn = {streams(*name).random() for name in (("media", "tv"), ("tv", "media"), ("tv",))}
    assert len(drawn | {Streams(10)("tv").random()}) == 4
