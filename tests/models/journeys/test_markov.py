"""Removal effects: on paper, against solving the chain again without the channel, and limits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelInputError
from models.journeys import Paths, attribute, markov, order, read_paths

Rows = list[tuple[str, float, float]]


def _paths(rows: Rows) -> Paths:
    return read_paths(pd.DataFrame(rows, columns=["path", "conversions", "nulls"]))


def _by_name(paths: Paths, k: int) -> dict[str, float]:
    return dict(zip(paths.channels, markov.removal_effects(paths, k).tolist(), strict=True))


#: 8 people, 3 conversions; 5 start at a, 3 at b.
ON_PAPER: Rows = [("a > b > a", 1, 0), ("a > b", 1, 1), ("b", 1, 2), ("a", 0, 2)]


def test_order_one_on_paper() -> None:
    # a is left 6 times: 3 to b, 1 converts, 2 end. b is left 6 times: 1 to a, 2 convert, 3 end.
    # h(a) = 1/6 + h(b)/2, h(b) = 2/6 + h(a)/6: h(a) = 4/11, h(b) = 13/33,
    # h(s) = 5/8 * 4/11 + 3/8 * 13/33 = 3/8, which is 3 conversions of 8 people.
    # Without a: 3/8 * 2/6 = 1/8, effect 1 - (1/8) / (3/8) = 2/3.
    # Without b: 5/8 * 1/6 = 5/48, effect 1 - (5/48) / (3/8) = 13/18.
    effects = _by_name(_paths(ON_PAPER), 1)
    assert effects == pytest.approx({"a": 2 / 3, "b": 13 / 18}, abs=1e-14)


def test_order_two_on_paper() -> None:
    # States: a at the start (5 people: 3 to ab, 2 end), ab (3: 1 to ba, 1 converts, 1 ends),
    # ba (1 converts), b at the start (3: 1 converts, 2 end).
    # Without a only b at the start converts: 3/8 * 1/3 = 1/8, effect 2/3.
    # Without b nobody does: a at the start leads to ab or nothing, effect 1.
    assert _by_name(_paths(ON_PAPER), 2) == pytest.approx({"a": 2 / 3, "b": 1.0}, abs=1e-14)


def test_conversions_are_shared_in_proportion_to_effects() -> None:
    # 2/3 : 13/18 = 12 : 13 of 3 conversions.
    effects = markov.removal_effects(_paths(ON_PAPER))
    np.testing.assert_allclose(markov.shared(effects, 3.0), [36 / 25, 39 / 25], rtol=1e-14)


def _without(rows: Rows, k: int, removed: str | None) -> float:
    """Probability to convert when every state that ends in `removed` leads to nothing.

    The chain is built by name and in probabilities, and solved as a system of its own.
    """
    moves: dict[tuple[str, ...], dict[object, float]] = {}
    for text, conversions, nulls in rows:
        touches = text.split(" > ")
        states = [(), *(tuple(touches[max(0, at + 1 - k) : at + 1]) for at in range(len(touches)))]
        for came, went in pairwise(states):
            out = moves.setdefault(came, {})
            out[went] = out.get(went, 0.0) + conversions + nulls
        out = moves.setdefault(states[-1], {})
        out["converted"] = out.get("converted", 0.0) + conversions
        out["null"] = out.get("null", 0.0) + nulls
    place = {state: at for at, state in enumerate(moves)}
    matrix, right = np.eye(len(moves)), np.zeros(len(moves))
    for state, out in moves.items():
        total = sum(out.values())
        if total == 0 or (state and state[-1] == removed):
            continue
        for went, count in out.items():
            if went == "converted":
                right[place[state]] = count / total
            elif went != "null":
                matrix[place[state], place[went]] -= count / total  # type: ignore[index]
    return float(np.linalg.solve(matrix, right)[place[()]])


@st.composite
def _some_rows(draw: st.DrawFn) -> Rows:
    touches = st.lists(st.sampled_from("abcd"), min_size=1, max_size=7).map(" > ".join)
    counts = st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0])
    return draw(st.lists(st.tuples(touches, counts, counts), min_size=1, max_size=15))


@settings(deadline=None, max_examples=60)
@given(_some_rows(), st.integers(1, 3))
def test_effects_are_those_of_solving_again_without_the_channel(rows: Rows, k: int) -> None:
    paths = _paths(rows)
    effects = _by_name(paths, k)
    whole = _without(rows, k, None)
    converted = sum(conversions for _, conversions, _ in rows)
    people = converted + sum(nulls for *_, nulls in rows)
    # Of every order: who enters a state leaves it, so the chain converts as often as people did.
    assert whole == pytest.approx(converted / people if people else 0.0, abs=1e-12)
    for channel, effect in effects.items():
        expected = 1 - _without(rows, k, channel) / whole if whole > 0 else 0.0
        assert effect == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("steps", [2000, 0])
def test_many_states_are_solved_alike_step_by_step_and_by_sparse_factors(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    rng = np.random.default_rng(5)
    rows: Rows = [
        (" > ".join(rng.choice(list("abcdef"), rng.integers(1, 9))), float(rng.integers(2)), 1.0)
        for _ in range(400)
    ]
    paths = _paths(rows)
    dense = [markov.removal_effects(paths, k) for k in (2, 3)]
    for name, small in (("_DENSE_STATES", 0), ("_MOST_STEPS", steps), ("_BLOCK", 7)):
        monkeypatch.setattr(markov, name, small)
    monkeypatch.setattr(markov, "_CELLS", 500)
    for k, expected in zip((2, 3), dense, strict=True):
        np.testing.assert_allclose(markov.removal_effects(paths, k), expected, atol=2e-12)


def test_journeys_that_go_round_for_long_are_solved_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = _paths([(" > ".join(["a", "b"] * 5_000), 1, 0), ("c", 1, 1)])
    monkeypatch.setattr(markov, "_DENSE_STATES", 0)
    monkeypatch.setattr(markov, "_MOST_STEPS", 50)
    assert _by_name(paths, 2) == pytest.approx({"a": 0.5, "b": 0.5, "c": 0.5}, rel=1e-6)
    monkeypatch.setattr(markov, "_FACTOR_STATES", 2)
    with pytest.raises(ModelInputError, match="go round"):
        markov.removal_effects(paths, 2)


def test_an_order_above_the_longest_path_removes_what_was_walked() -> None:
    # A state then is the whole path so far: the effect is the part of conversions through c.
    paths = _paths(ON_PAPER)
    assert _by_name(paths, 9) == pytest.approx({"a": 2 / 3, "b": 1.0})


def test_a_channel_that_only_ends_in_nothing_has_no_credit() -> None:
    effects = _by_name(_paths([("a", 3, 1), ("a > idle", 0, 4), ("idle", 0, 2)]), 1)
    assert effects == pytest.approx({"a": 1.0, "idle": 0.0})


def test_where_nothing_converts_every_effect_is_zero() -> None:
    paths = _paths([("a > b", 0, 3), ("b", 0, 0)])
    assert markov.removal_effects(paths).tolist() == [0.0, 0.0]
    assert markov.shared(np.zeros(2), 0.0).tolist() == [0.0, 0.0]


def test_a_loop_of_thousands_of_touches_is_no_singular_chain() -> None:
    paths = _paths([(" > ".join(["a", "b"] * 20_000), 1, 0), ("c", 1, 1)])
    for k in (1, 2, 3):
        assert _by_name(paths, k) == pytest.approx({"a": 0.5, "b": 0.5, "c": 0.5}, rel=1e-6)


def test_thousands_of_campaigns_are_solved_and_too_many_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(8)
    rows: Rows = [
        (" > ".join(f"c{at}" for at in rng.geometric(0.002, rng.integers(1, 9))), won, 1 - won)
        for won in (rng.random(6000) < 0.2).astype(float)
    ]
    paths = _paths(rows)
    assert len(paths.channels) > 1500
    effects = _by_name(paths, 1)
    whole = sum(row[1] for row in rows) / len(rows)
    for channel in ("c1", "c7", paths.channels[-1]):
        expected = 1 - _without(rows, 1, channel) / whole
        assert effects[channel] == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(markov, "MOST_CHANNELS", 1500)
    with pytest.raises(ModelInputError, match="expected at most 1,500"):
        markov.removal_effects(paths, 1)


def test_order_and_number_of_states_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelInputError, match="order is 0"):
        markov.removal_effects(_paths(ON_PAPER), 0)
    monkeypatch.setattr(markov, "MOST_CELLS", 7)
    with pytest.raises(ModelInputError, match="Order 2 makes 4 states of 2 channels"):
        markov.removal_effects(_paths(ON_PAPER), 2)


def _simulated(depth: int) -> Paths:
    """Journeys in which what comes next hangs on the last `depth` touches."""
    rng = np.random.default_rng(11)
    habit = rng.dirichlet(np.full(4, 0.3), size=(4,) * depth)
    rows: Rows = []
    for _ in range(3000):
        path = list(rng.integers(4, size=depth))
        while rng.random() < 0.8 and len(path) < 12:
            path.append(rng.choice(4, p=habit[tuple(path[-depth:])]))
        rows.append((" > ".join("abcd"[at] for at in path), float(rng.random() < 0.3), 0.0))
    return _paths([(path, won, 1 - won) for path, won, _ in rows])


@pytest.mark.parametrize("depth", [1, 2])
def test_the_order_of_the_world_is_chosen(depth: int) -> None:
    paths = _simulated(depth)
    table = order.choose_order(paths, seed=2)
    assert table.loc[table["is_chosen"], "order"].tolist() == [depth]
    assert table["states"].is_monotonic_increasing
    pd.testing.assert_frame_equal(table, order.choose_order(paths, seed=2))


def test_fractions_of_people_are_dealt_whole() -> None:
    rng = np.random.default_rng(0)
    dealt = order._dealt(np.array([0.25, 3.5, 0.0, 1000.0]), 5, rng)
    np.testing.assert_allclose(dealt.sum(axis=0), [0.25, 3.5, 0.0, 1000.0])


def test_too_few_folds_are_refused() -> None:
    with pytest.raises(ModelInputError, match="folds 1"):
        order.choose_order(_paths(ON_PAPER), folds=1)


def test_intervals_hold_the_effects_of_worlds_that_are_graphs() -> None:
    """People who walk by known chances, and are lost where a channel is taken away."""
    rng = np.random.default_rng(5)
    channels, held = 4, []
    for world in range(40):
        # From start and every channel: to the channels, to a conversion, to nothing.
        chances = rng.dirichlet(np.full(channels + 2, 1.0), size=channels + 1)
        chances[0] = np.r_[rng.dirichlet(np.full(channels, 2.0)), 0.0, 0.0]
        rows: Rows = []
        for _ in range(600):
            path: list[int] = []
            at = int(rng.choice(channels + 2, p=chances[0]))
            while at < channels:
                path.append(at)
                at = int(rng.choice(channels + 2, p=chances[at + 1]))
            won = float(at == channels)
            rows.append((" > ".join("abcd"[code] for code in path), won, 1 - won))
        result = attribute(_paths(rows), ["markov"], draws=200, seed=world)
        assert result.effects_low is not None and result.effects_high is not None
        for channel in range(channels):
            truth = _lost_without(chances, channel)
            held.append(result.effects_low[channel] <= truth <= result.effects_high[channel])
    assert 0.84 <= np.mean(held) <= 0.96


def _lost_without(chances: np.ndarray, channel: int) -> float:
    """Share of conversions lost where whoever would touch the channel leaves."""

    def converting(left: np.ndarray) -> float:
        between, won = left[1:, :-2], left[1:, -2]
        return float(left[0, :-2] @ np.linalg.solve(np.eye(len(between)) - between, won))

    kept = chances.copy()
    kept[:, channel] = 0.0
    return 1 - converting(kept) / converting(chances)
