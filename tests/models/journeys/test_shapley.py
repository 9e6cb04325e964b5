"""Shapley values: three channels by hand, against all orders of joining, and when sampled."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelInputError
from models.journeys import Paths, read_paths, shapley

Rows = list[tuple[str, float, float]]


def _paths(rows: Rows) -> Paths:
    return read_paths(pd.DataFrame(rows, columns=["path", "conversions", "nulls"]))


def _credit(rows: Rows, worth: shapley.Worth) -> dict[str, float]:
    frame = shapley.shapley(_paths(rows), worth)
    return dict(zip(frame["channel"], frame["conversions"], strict=True))


THREE: Rows = [("a", 2, 2), ("a > b > a", 3, 1), ("c > b > a", 6, 0), ("c", 0, 6)]


def test_three_channels_by_hand_for_conversions() -> None:
    # a: 2 + 3/2 + 6/3; b: 3/2 + 6/3; c: 6/3.
    assert _credit(THREE, "conversions") == pytest.approx({"a": 5.5, "b": 3.5, "c": 2.0})


def test_three_channels_by_hand_for_the_rate() -> None:
    # 20 people. v(a) = 20 * 2/4 = 10, v(b) = 0 (nobody), v(c) = 20 * 0/6 = 0,
    # v(ab) = 20 * 5/8 = 12.5, v(ac) = 20 * 2/10 = 4, v(bc) = 20 * 0/6 = 0, v(abc) = 11.
    # a: (2 * 10 + (12.5 - 0) + (4 - 0) + 2 * (11 - 0)) / 6 = 58.5 / 6
    # b: (2 * 0 + (12.5 - 10) + (0 - 0) + 2 * (11 - 4)) / 6 = 16.5 / 6
    # c: (2 * 0 + (4 - 10) + (0 - 0) + 2 * (11 - 12.5)) / 6 = -9 / 6
    assert _credit(THREE, "rate") == pytest.approx({"a": 9.75, "b": 2.75, "c": -1.5})


def _worth(rows: Rows, worth: str, within: set[str]) -> float:
    inside = [(won, lost) for text, won, lost in rows if set(text.split(" > ")) <= within]
    won, people = sum(w for w, _ in inside), sum(w + n for w, n in inside)
    if worth == "conversions":
        return won
    return sum(w + n for _, w, n in rows) * won / people if people else 0.0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(" > ".join),
            st.sampled_from([0.0, 0.5, 1.0, 4.0]),
            st.sampled_from([0.0, 1.0, 3.0]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["conversions", "rate"]),
)
def test_values_are_the_mean_over_all_orders_of_joining(rows: Rows, worth: shapley.Worth) -> None:
    credit = _credit(rows, worth)
    mean = dict.fromkeys(credit, 0.0)
    orders = list(permutations(credit))
    for joined in orders:
        for at, channel in enumerate(joined):
            gained = _worth(rows, worth, set(joined[: at + 1])) - _worth(
                rows, worth, set(joined[:at])
            )
            mean[channel] += gained / len(orders)
    assert credit == pytest.approx(mean, abs=1e-9)
    assert sum(credit.values()) == pytest.approx(sum(won for _, won, _ in rows))


def _many(channels: int) -> Paths:
    rng = np.random.default_rng(8)
    return _paths(
        [
            (" > ".join(f"c{at:02d}" for at in rng.integers(channels, size=rng.integers(1, 5))),
             float(rng.integers(2)), 1.0)
            for _ in range(300)
        ]
    )  # fmt: skip


def test_more_than_twenty_channels_are_sampled_with_a_true_standard_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = _many(12)
    exact = shapley.shapley(paths, "rate")
    assert (exact["standard_error"] == 0).all()
    monkeypatch.setattr(shapley, "MOST_EXACT", 5)
    sampled = shapley.shapley(paths, "rate", permutations=1000, seed=1)
    apart = (sampled["conversions"] - exact["conversions"]) / sampled["standard_error"]
    assert apart.abs().max() < 4
    assert 0.4 < float(np.sqrt((apart**2).mean())) < 1.8
    assert sampled["conversions"].sum() == pytest.approx(paths.conversions.sum())
    with pytest.raises(ModelInputError, match="permutations is 1"):
        shapley.shapley(paths, "rate", permutations=1)


def test_sixteen_channels_are_exact() -> None:
    paths = _many(16)
    frame = shapley.shapley(paths, "rate")
    assert frame["conversions"].sum() == pytest.approx(paths.conversions.sum())


def test_an_unknown_worth_is_refused() -> None:
    with pytest.raises(ModelInputError, match="'profit'"):
        shapley.shapley(_paths(THREE), "profit")  # type: ignore[arg-type]
