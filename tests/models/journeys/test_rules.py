"""Rules by place: shares by hand, and that they sum to one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import MissingColumnError, ModelInputError, NotFiniteError
from models.journeys import Paths, read_paths, rules, shapley


def _paths(*texts: str) -> Paths:
    return read_paths(pd.DataFrame({"path": texts, "conversions": 1}))


ONE_OF_EACH = _paths("a", "a > b", "a > b > c > a")


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (rules.first(ONE_OF_EACH), [1, 1, 0, 1, 0, 0, 0]),
        (rules.last(ONE_OF_EACH), [1, 0, 1, 0, 0, 0, 1]),
        (rules.last_non_direct(ONE_OF_EACH, "a"), [1, 0, 1, 0, 0, 1, 0]),
        (rules.last_non_direct(ONE_OF_EACH, "no such"), [1, 0, 1, 0, 0, 0, 1]),
        (rules.linear(ONE_OF_EACH), [1, 1 / 2, 1 / 2, 1 / 4, 1 / 4, 1 / 4, 1 / 4]),
        (rules.position(ONE_OF_EACH), [1, 0.5, 0.5, 0.4, 0.1, 0.1, 0.4]),
        # Of two touches 1 / (1 + 3) and 3 / (1 + 3); of four 1/8, 4/16, 4/16, 3/8.
        (rules.position(ONE_OF_EACH, (1, 4, 3)), [1, 1 / 4, 3 / 4, 1 / 8, 1 / 4, 1 / 4, 3 / 8]),
        (rules.position(ONE_OF_EACH, (0, 1, 0)), [1, 1 / 2, 1 / 2, 0, 1 / 2, 1 / 2, 0]),
        # Weights 1/2, 1 of two touches; 1/8, 1/4, 1/2, 1 (sum 15/8) of four.
        (
            rules.time_decay(ONE_OF_EACH, 1.0),
            [1, 1 / 3, 2 / 3, 1 / 15, 2 / 15, 4 / 15, 8 / 15],
        ),
        # Times in days, half-life 2 days: weights 1/2, 1 and 1/4, 1/4, 1/2, 1.
        (
            rules.time_decay(ONE_OF_EACH, 2.0, np.array([9.0, 1, 3, 0, 0, 2, 4])),
            [1, 1 / 3, 2 / 3, 1 / 8, 1 / 8, 1 / 4, 1 / 2],
        ),
    ],
)
def test_shares_by_hand(shares: np.ndarray, expected: list[float]) -> None:
    np.testing.assert_allclose(shares, expected, atol=1e-15)


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "c", "direct"]), min_size=1, max_size=80), min_size=1
    ),
    st.floats(0.01, 1e6),
)
def test_shares_of_every_path_sum_to_one(touches: list[list[str]], half_life: float) -> None:
    paths = _paths(*(" > ".join(path) for path in touches))
    for shares in (
        rules.first(paths),
        rules.last(paths),
        rules.last_non_direct(paths, "direct"),
        rules.linear(paths),
        rules.position(paths),
        rules.position(paths, (0.0, 0.5, 0.0)),
        rules.time_decay(paths, half_life),
        shapley.shares(paths),
    ):
        assert (shares >= 0).all()
        np.testing.assert_allclose(np.add.reduceat(shares, paths.offsets[:-1]), 1, atol=1e-12)


def _staged(rows: list[tuple[str, object, object]], **how: object) -> dict[str, list[float]]:
    """Shares of the W by path, each row one conversion."""
    frame = pd.DataFrame(rows, columns=["path", "lead", "opportunity"]).assign(conversions=1)
    paths = read_paths(frame, stages=True, **how)  # type: ignore[arg-type]
    shares = np.split(rules.w_shaped(paths), paths.offsets[1:-1])
    names = np.split(np.array(paths.channels)[paths.codes], paths.offsets[1:-1])
    return {
        f"{' > '.join(name)} {lead} {offer}": np.round(share, 12).tolist()
        for name, share, lead, offer in zip(names, shares, *paths.stages, strict=True)
    }


def test_the_w_by_hand() -> None:
    found = _staged([
        ("a > b > c > d", 2, 3), ("a > b > c > d", 1, 4), ("a > b > c", "", 2), ("a > b", 1, 1),
        ("a > b > c", 0, None), ("a", 1, 1), ("a > b > c > d", 2, 3),
    ])  # fmt: skip
    assert found == {
        "a > b > c > d 2 3": [0.3, 0.3, 0.3, 0.1], "a > b > c > d 1 4": [0.6, 0.05, 0.05, 0.3],
        # Two corners and one other: their 0.7 are the whole.
        "a > b > c 0 2": [round(3 / 7, 12), round(3 / 7, 12), round(1 / 7, 12)],
        "a > b 1 1": [0.9, 0.1], "a > b > c 0 0": [0.4, 0.2, 0.4], "a 1 1": [1],
    }  # fmt: skip


def test_stages_stand_where_their_touch_does_once_a_path_is_shortened() -> None:
    rows: list[tuple[str, object, object]] = [("d > a >  > a > d > b", 4, 5)]
    assert list(_staged(rows)) == ["d > a > a > d > b 3 4"]
    assert list(_staged(rows, direct="d", collapse=True)) == ["a > b 1 1"]
    assert list(_staged(rows, longest=2)) == ["d > b 0 1"]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, "neither a column 'lead' nor 'opportunity'"),
        ({"lead": [3]}, r"a stage after touch 3 in row 0, whose path has 2 touches"),
        ({"lead": [1.5]}, r"'1\.5' for lead in row 0"),
        ({"opportunity": ["-1"]}, "'-1' for opportunity in row 0"),
    ],
)
def test_stages_that_cannot_be_are_refused(columns: dict[str, list[object]], says: str) -> None:
    frame = pd.DataFrame({"path": ["a > b"], "conversions": [1]} | columns)
    with pytest.raises((ModelInputError, MissingColumnError, NotFiniteError), match=says):
        read_paths(frame, stages=True)
    with pytest.raises(ModelInputError, match="read paths with their stages"):
        rules.w_shaped(read_paths(frame))


def test_credit_adds_what_each_path_brought() -> None:
    paths = read_paths(pd.DataFrame({"path": ["a > b", "b"], "conversions": [3.5, 2.0]}))
    credit = rules.credit(paths, rules.linear(paths), paths.conversions)
    np.testing.assert_allclose(credit, [1.75, 3.75])


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ModelInputError, match="half-life is 0"):
        rules.time_decay(ONE_OF_EACH, 0.0)
    with pytest.raises(ModelInputError, match="Position weights"):
        rules.position(ONE_OF_EACH, (0.5, -0.1, 0.5))
    with pytest.raises(ModelInputError, match="each of the 7 touches"):
        rules.time_decay(ONE_OF_EACH, 1.0, np.zeros(3))
    with pytest.raises(ModelInputError, match="path 1 is later"):
        rules.time_decay(ONE_OF_EACH, 1.0, np.array([0.0, 5, 3, 0, 1, 2, 3]))
