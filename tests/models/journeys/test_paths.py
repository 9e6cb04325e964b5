"""Paths from frames: what is read, what is refused, what the transforms do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import EmptyFrameError, MissingColumnError, ModelInputError, NotFiniteError
from models.journeys import Paths, read_paths


def _frame(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["path", "conversions", "value", "nulls"][: len(rows[0])])


def _walked(paths: Paths) -> dict[tuple[str, ...], tuple[float, float]]:
    return {
        tuple(paths.channels[code] for code in paths.codes[start:end]): (
            float(paths.conversions[at]),
            float(paths.nulls[at]),
        )
        for at, (start, end) in enumerate(zip(paths.offsets[:-1], paths.offsets[1:], strict=True))
    }


def test_equal_paths_are_summed_whatever_the_spaces_around_names() -> None:
    paths = read_paths(_frame(("b > a", 1, 5.0, 2), (" b>a ", 2, 7.0, 0), ("b", 0, 0.0, 4)))
    assert paths.channels == ("a", "b")
    assert _walked(paths) == {("b", "a"): (3.0, 2.0), ("b",): (0.0, 4.0)}
    assert paths.value is not None
    assert paths.value.tolist() == [12.0, 0.0]


def test_paths_that_only_begin_alike_stay_apart() -> None:
    paths = read_paths(_frame(("a", 1), ("a > b", 1), ("b > a", 1), ("a > a", 1), ("ab", 1)))
    assert len(paths) == 5


def test_nulls_and_value_are_optional() -> None:
    paths = read_paths(_frame(("a > b", 1)))
    assert paths.nulls.tolist() == [0.0]
    assert paths.value is None


def test_conversions_of_empty_paths_are_kept_apart() -> None:
    rows = [("", 2, 10.0, 1), (None, 1, 5.0, 0), (" > ", 4, 1.0, 0), ("a", 3, 9.0, 1)]
    paths = read_paths(_frame(*rows))
    assert (paths.unattributed, paths.unattributed_value) == (7.0, 16.0)
    assert _walked(paths) == {("a",): (3.0, 1.0)}
    assert any("credited to nobody: 7" in note for note in paths.notes)


def test_touches_without_a_name_are_left_out_and_told() -> None:
    paths = read_paths(_frame(("a > > b >", 1)))
    assert _walked(paths) == {("a", "b"): (1.0, 0.0)}
    assert any("2 touches without a name" in note for note in paths.notes)


def test_direct_is_dropped_unless_alone_then_repeats_then_length() -> None:
    rows = [("a > direct > a > b", 1), ("direct > direct", 1), ("c > b > a", 1)]
    frame = _frame(*rows)
    assert set(_walked(read_paths(frame, direct="direct"))) == {
        ("a", "a", "b"), ("direct", "direct"), ("c", "b", "a"),
    }  # fmt: skip
    assert set(_walked(read_paths(frame, direct="direct", collapse=True))) == {
        ("a", "b"), ("direct",), ("c", "b", "a"),
    }  # fmt: skip
    cut = read_paths(frame, direct="direct", collapse=True, longest=2)
    assert set(_walked(cut)) == {("a", "b"), ("direct",), ("b", "a")}
    assert cut.channels == ("a", "b", "direct")  # c is in no path any more


def test_repeats_in_two_neighbouring_paths_are_not_one_touch() -> None:
    assert _walked(read_paths(_frame(("b > a", 1), ("a > c", 1)), collapse=True)) == {
        ("b", "a"): (1.0, 0.0),
        ("a", "c"): (1.0, 0.0),
    }


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (pd.DataFrame({"path": ["a"]}), MissingColumnError, "lacks the column 'conversions'"),
        (pd.DataFrame({"route": ["a"]}), MissingColumnError, "it has: route"),
        (pd.DataFrame({"path": [], "conversions": []}), EmptyFrameError, "no rows"),
        (_frame(("", 1), (" ", 2)), EmptyFrameError, "no path with a touch"),
        (_frame(("a", -1)), NotFiniteError, "'-1' for conversions in row 0"),
        (_frame(("a", 1), ("b", float("inf"))), NotFiniteError, "in row 1"),
        (_frame(("a", "many")), NotFiniteError, "'many'"),
        (_frame(("a", None)), NotFiniteError, "write 0"),
        (_frame(("a", 1, 2.0, "")), NotFiniteError, "for nulls"),
        (_frame(("a", 0, 2.0, 1)), ModelInputError, "without a conversion in row 0"),
        (_frame(("(start) > a", 1)), ModelInputError, r"\(start\)"),
        (_frame(("a > \ud800", 1)), ModelInputError, "no text"),
        (
            pd.DataFrame([["a", 1, 1]], columns=["path", "conversions", "conversions"]),
            ModelInputError,
            "twice",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused_by_place(
    frame: pd.DataFrame, error: type[ModelInputError], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_paths(frame)


def test_longest_and_separator_are_checked() -> None:
    with pytest.raises(ModelInputError, match="longest is 0"):
        read_paths(_frame(("a", 1)), longest=0)
    with pytest.raises(ModelInputError, match="separator"):
        read_paths(_frame(("a", 1)), separator=" ")


def test_names_are_text_whatever_they_hold() -> None:
    names = ["=cmd|' /C calc'!A0", "'; drop table x; --", "<script", "\x1b[31m", "Ünïcode", "1e5"]
    paths = read_paths(_frame((" > ".join(names), 1), ("A", 1), ("a", 1)))
    assert set(paths.channels) == {*names, "A", "a"}


def test_numbers_for_names_are_text() -> None:
    assert read_paths(_frame((1, 1), (2, 1))).channels == ("1", "2")


def test_another_separator() -> None:
    assert _walked(read_paths(_frame(("a > b|c", 1)), separator="|")) == {("a > b", "c"): (1, 0)}


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), st.integers(0, 3)),
        min_size=1,
        max_size=30,
    )
)
def test_reading_is_the_same_as_counting_by_hand(rows: list[tuple[list[str], int]]) -> None:
    by_hand: dict[tuple[str, ...], float] = {}
    for path, conversions in rows:
        by_hand[tuple(path)] = by_hand.get(tuple(path), 0.0) + conversions
    # Another spelling of each second row, so that summing text alone would not do.
    texts = [(" > " if at % 2 else ">").join(path) for at, (path, _) in enumerate(rows)]
    paths = read_paths(pd.DataFrame({"path": texts, "conversions": [n for _, n in rows]}))
    assert {path: counts[0] for path, counts in _walked(paths).items()} == by_hand
    assert len(paths) == len(by_hand)


def test_hundreds_of_thousands_of_paths_are_read_without_a_loop() -> None:
    rng = np.random.default_rng(3)
    names = np.array([f"channel {at}" for at in range(12)], dtype=object)
    touches = names[rng.integers(12, size=(200_000, 7))]
    frame = pd.DataFrame({"path": [" > ".join(row) for row in touches], "conversions": 1})
    paths = read_paths(frame)
    assert len(paths.codes) == 7 * len(paths)
    assert paths.conversions.sum() == 200_000


def test_lists_of_names_are_paths_and_a_name_may_hold_the_separator() -> None:
    rows = [["a > b", " c "], ["c"], None, [], ["a > b", None, "", "c"]]
    numbers = {"conversions": [1, 2, 4, 8, 16]}
    frame = pd.DataFrame({"path": pd.Series(rows, dtype=object), **numbers})
    listed = pd.ArrowDtype(pa.list_(pa.string()))
    for laid in (frame, frame.astype({"path": listed})):
        paths = read_paths(laid)
        assert _walked(paths) == {("a > b", "c"): (17.0, 0.0), ("c",): (2.0, 0.0)}
        assert paths.unattributed == 12.0
        assert any("2 touches without a name" in note for note in paths.notes)
    arrays = pd.DataFrame({"path": [np.array(["a", "b"]), np.array(["a"])], "conversions": 1})
    assert set(_walked(read_paths(arrays))) == {("a", "b"), ("a",)}


def test_lists_and_texts_in_one_column_are_refused() -> None:
    for cells in ([["a"], "b"], [["a"], [["b"]]], [["a"], ["\ud800"]]):
        frame = pd.DataFrame({"path": pd.Series(cells, dtype=object), "conversions": 1})
        with pytest.raises(ModelInputError, match="not all of names"):
            read_paths(frame)
    with pytest.raises(EmptyFrameError, match="lists of names"):
        read_paths(pd.DataFrame({"path": [[], [""]], "conversions": 1}))


@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]", "category"])
def test_text_of_any_type_is_read_alike(dtype: str) -> None:
    frame = _frame(("b > a", 1), (None, 2), ("Ü>b > a", 4), ("b > a", 8), ("c", 16))
    paths = read_paths(frame.astype({"path": dtype}).iloc[:4])
    assert _walked(paths) == {("b", "a"): (9.0, 0.0), ("Ü", "b", "a"): (4.0, 0.0)}
    assert paths.unattributed == 2.0


def test_blanks_of_every_kind_around_a_name_are_dropped() -> None:
    frame = _frame(("\u00a0a >\tb\u3000", 1), ("a>b", 2), ("a >  > b", 4), ("a > \u00a0 > b", 8))
    paths = read_paths(frame)
    assert _walked(paths) == {("a", "b"): (15.0, 0.0)}
    # A blank within a name is part of it.
    assert read_paths(_frame(("a  b", 1), ("a b", 1))).channels == ("a  b", "a b")


@given(
    st.lists(
        st.text(alphabet=st.sampled_from("ab> →-é\t"), max_size=30), min_size=1, max_size=12
    ).filter(lambda texts: any(set(text) & set("abé") for text in texts)),
    st.sampled_from([">", "->", "→", "-", "> >"]),
)
def test_texts_are_cut_as_python_cuts_them(texts: list[str], separator: str) -> None:
    by_hand: dict[tuple[str, ...], float] = {}
    for at, text in enumerate(texts):
        names = (name.strip() for name in text.split(separator))
        path = tuple(name for name in names if name)
        by_hand[path] = by_hand.get(path, 0.0) + at + 1
    frame = pd.DataFrame({"path": texts, "conversions": np.arange(len(texts)) + 1})
    paths = read_paths(frame, separator=separator)
    assert paths.unattributed == by_hand.pop((), 0.0)
    assert {path: counts[0] for path, counts in _walked(paths).items()} == by_hand


def test_tables_of_names_and_paths_grow() -> None:
    rng = np.random.default_rng(1)
    rows = [f"n{at} > n{at // 2} > n{rng.integers(9000)}" for at in range(9000)]
    paths = read_paths(pd.DataFrame({"path": rows * 2, "conversions": 1}))
    assert {" > ".join(path) for path in _walked(paths)} == set(rows)
    assert set(paths.conversions) == {2.0}
    long = " > ".join(f"channel {at}" for at in range(200_000))
    assert read_paths(_frame(("a", 1), (long, 1))).lengths.tolist() == [1, 200_000]
