"""Credit and its intervals: totals, reproducibility, width against theory, a large table."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.errors import ModelInputError
from models.journeys import (
    RULES,
    Paths,
    attribute,
    bootstrap,
    credit,
    markov,
    read_paths,
    rules,
    shapley,
)
from models.journeys.paths import Floats

#: Rules that need no stages.
STAGELESS = tuple(rule for rule in RULES if rule != "w_shaped")


def _paths(*rows: tuple[object, ...]) -> Paths:
    return read_paths(
        pd.DataFrame(rows, columns=["path", "conversions", "nulls", "value"][: len(rows[0])])
    )


def _company(people: int, channels: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(21)
    names = np.array([f"channel {at}" for at in range(channels)], dtype=object)
    lengths = rng.geometric(0.25, people).clip(1, 15)
    flat = names[rng.integers(channels, size=int(lengths.sum()))]
    ends = np.cumsum(lengths)
    texts = [" > ".join(flat[end - n : end]) for n, end in zip(lengths, ends, strict=True)]
    won = rng.random(people) < 0.1
    return pd.DataFrame(
        {"path": texts, "conversions": won * 1.0, "nulls": ~won * 1.0, "value": won * 12.5}
    )


def test_every_rule_sums_to_conversions_and_value_with_what_nobody_gets() -> None:
    frame = _company(2000)
    frame.loc[:20, "path"] = ""
    table = attribute(read_paths(frame), STAGELESS, draws=20, direct="channel 0").credit()
    sums = table.groupby("rule")[["conversions", "value"]].sum()
    assert set(sums.index) == set(STAGELESS)
    np.testing.assert_allclose(sums["conversions"], frame["conversions"].sum(), rtol=1e-12)
    np.testing.assert_allclose(sums["value"], frame["value"].sum(), rtol=1e-12)
    assert (table.loc[table["rule"] != "shapley_rate", "conversions"] >= 0).all()
    named = table[table["channel"] != "(unattributed)"]
    assert (named["p05"] <= named["p95"]).all()


def test_without_value_there_is_none() -> None:
    result = attribute(_paths(("a > b", 2, 1), ("", 1, 0)), draws=0)
    assert result.credit()["value"].isna().all()
    assert result.credit()["p05"].isna().all()


def test_removal_effects_are_in_a_table_of_their_own() -> None:
    paths = _paths(("a > b", 2, 1), ("b", 1, 2))
    removal = attribute(paths, draws=0).removal()
    np.testing.assert_allclose(removal["removal_effect"], markov.removal_effects(paths))
    assert attribute(paths, ["last"], draws=0).removal().empty


def test_where_nothing_converts_credit_is_zero_and_said() -> None:
    result = attribute(_paths(("a > b", 0, 3)), STAGELESS, direct="a", draws=10)
    assert (result.conversions == 0).all()
    assert any("nothing converts" in note for note in result.notes)


def test_buyers_only_is_said() -> None:
    assert any("buyers only" in note for note in attribute(_paths(("a", 1)), draws=0).notes)


def test_a_direct_channel_that_no_path_holds_is_said() -> None:
    result = attribute(_paths(("a > b", 2, 1)), ["last", "last_non_direct"], direct="Direct")
    assert result.conversions[0].tolist() == result.conversions[1].tolist()
    assert any("no path holds 'Direct'" in note for note in result.notes)


def test_auto_takes_the_chosen_order() -> None:
    result = attribute(read_paths(_company(500)), ["markov"], order="auto", draws=0)
    assert result.orders is not None
    chosen = result.orders.loc[result.orders["is_chosen"], "order"].tolist()
    assert [result.order] == chosen


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rules": ["best"]}, "'best'"),
        ({"rules": ["last", "last"]}, "each once"),
        ({"rules": []}, "none"),
        ({"rules": ["last_non_direct"]}, "direct"),
        ({"draws": -1}, "draws is -1"),
        ({"order": 0}, "order is 0"),
    ],
)
def test_settings_out_of_range_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(ModelInputError, match=says):
        attribute(_paths(("a", 1)), **options)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_bytes_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = read_paths(_company(1500))
    options = {"rules": STAGELESS, "order": 2, "draws": 30, "direct": "channel 0"}
    first = attribute(paths, seed=5, **options).credit()  # type: ignore[arg-type]
    monkeypatch.setattr(bootstrap, "_CELLS", 7 * len(paths))
    again = attribute(paths, seed=5, **options).credit()  # type: ignore[arg-type]
    assert first.to_csv() == again.to_csv()
    other = attribute(paths, seed=6, **options).credit()  # type: ignore[arg-type]
    assert not first["p05"].equals(other["p05"])


def test_width_of_last_touch_is_that_of_a_poisson_count() -> None:
    # Last-touch credit is a sum of independent counts: standard deviation sqrt(n).
    paths = _paths(("a > b", 900, 10), ("c > b", 700, 5), ("a", 400, 0), ("c > a", 0.5, 0))
    result = attribute(paths, ["last"], draws=4000, seed=1)
    width = (result.high - result.low)[0]
    theory = 2 * 1.6449 * np.sqrt([400.5, 1600.0, 0.0])
    np.testing.assert_allclose(width, theory, rtol=0.06)
    np.testing.assert_allclose((result.low + result.high)[0] / 2, [400.5, 1600, 0], rtol=0.01)


def _walked(paths: Paths, draws: int, seed: int) -> tuple[Floats, Floats]:
    """Conversions and nulls of every path in replicates, shape (n, draws): a set each path."""
    alone = shapley.Coalitions(paths.offsets, paths.codes, np.arange(len(paths)))
    found = bootstrap.resampled(paths, [], None, alone, draws=range(draws), seed=seed)
    return found.outcome, found.people - found.outcome


def test_people_count_as_often_as_poisson_says() -> None:
    # Counts of one, small whole counts, large and fractional ones take different ways.
    counts = [1.0, 1.0, 1.0, 3.0, 63.0, 64.0, 900.0, 2.5]
    paths = _paths(*((name, n, n) for name, n in zip("abcdefgh", counts, strict=True)))
    sold, lost = _walked(paths, 20_000, 3)
    for drawn in (sold, lost):
        error = np.sqrt(np.array(counts) / 20_000)
        assert (np.abs(drawn.mean(axis=1) - counts) < 4 * error).all()
        np.testing.assert_allclose(drawn.var(axis=1), counts, rtol=0.05)
        assert np.abs(np.corrcoef(drawn) - np.eye(8)).max() < 4 / np.sqrt(20_000)
        for k, chance in ((0, np.exp(-1)), (1, np.exp(-1)), (3, np.exp(-1) / 6)):
            assert (drawn[:3] == k).mean() == pytest.approx(chance, abs=0.006)
    assert abs(np.corrcoef(sold[0], lost[0])[0, 1]) < 4 / np.sqrt(20_000)
    # One replicate after the other: nothing of the last in the next.
    assert abs(np.corrcoef(sold[0][1:], sold[0][:-1])[0, 1]) < 4 / np.sqrt(20_000)


@pytest.mark.parametrize("dense", [300, 0])
def test_replicates_are_what_the_rules_give_on_resampled_paths(
    monkeypatch: pytest.MonkeyPatch, dense: int
) -> None:
    monkeypatch.setattr(markov, "_DENSE_STATES", dense)
    paths = read_paths(_company(400, channels=4))
    assert paths.value is not None
    worth = paths.value.sum() / paths.conversions.sum()
    shares = {"linear": rules.linear(paths)}
    sold, lost = _walked(paths, 3, 9)
    for order in (1, 2, 3):
        shape = markov.graph(paths, order)
        drawn = bootstrap.replicates(paths, shares, shape, with_rate=True, draws=3, seed=9)
        assert drawn.effects is not None
        for draw in range(3):
            conversions = sold[:, draw]
            again = Paths(paths.channels, paths.offsets, paths.codes, conversions, lost[:, draw])
            effects = markov.removal_effects(again, order)
            expected: dict[str, Floats] = {
                "linear": rules.credit(again, rules.linear(again), conversions),
                "markov": markov.shared(effects, conversions.sum()),
                "shapley_rate": shapley.shapley(again, "rate")["conversions"].to_numpy(),
            }
            np.testing.assert_allclose(drawn.effects[draw], effects, atol=2e-8)
            for rule, given in expected.items():
                atol = 1e-6 if rule == "markov" and dense == 0 else 1e-9
                np.testing.assert_allclose(drawn.conversions[rule][draw], given, atol=atol)
                # Every conversion of this company is worth the same.
                np.testing.assert_allclose(drawn.value[rule][draw], given * worth, atol=2e-5)


def test_all_conversions_of_a_person_are_drawn_together() -> None:
    # One person bought fifty times by two paths; fifty others once each.
    paths = _paths(("a > b", 20), ("b > a", 30), *(("a", 1) for _ in range(50)))
    alone = attribute(paths, ["last"], draws=4000, seed=2)
    together = _apart([("a > b", 20, 0), ("b > a", 30, 0), ("c", 50, -1)])
    found = attribute(together, ["last"], draws=4000, seed=2)
    sold, _ = _walked(together, 4000, 2)
    np.testing.assert_array_equal(sold[0] / 20, sold[1] / 30)
    assert set(sold[0] / 20) <= set(range(12))
    # 90 % of Poisson(1) is 0 to 3; of Poisson(50) 39 to 62.
    assert (found.low[0].tolist(), found.high[0].tolist()) == ([0, 0, 39], [90, 60, 62])
    assert alone.high[0, 0] - alone.low[0, 0] < 35


def _apart(rows: list[tuple[str, float, int]]) -> Paths:
    """A row a path and person."""
    names = [row[0] for row in rows]
    paths = read_paths(pd.DataFrame({"path": names, "conversions": [row[1] for row in rows]}))
    place = [names.index(" > ".join(np.array(paths.channels)[codes]))
             for codes in np.split(paths.codes, paths.offsets[1:-1])]  # fmt: skip
    return replace(paths, persons=np.array([rows[at][2] for at in place], dtype=np.int64))


def test_intervals_of_value_and_of_effects_hold_the_estimates() -> None:
    result = attribute(
        read_paths(_company(3000)), STAGELESS, draws=100, direct="channel 0", order=2
    )
    assert (result.value_low < result.value).all()
    assert (result.value < result.value_high).all()
    np.testing.assert_allclose(result.value_low, 12.5 * result.low, rtol=1e-9)
    removal = result.removal()
    assert (removal["p05"] < removal["removal_effect"]).all()
    assert (removal["removal_effect"] < removal["p95"]).all()


def test_many_channels_have_no_interval_by_rate_and_it_is_said() -> None:
    names = [f"c{at:02d}" for at in range(13)]
    result = attribute(_paths((" > ".join(names), 3, 1)), ["shapley_rate"], draws=5)
    assert np.isnan(result.low).all()
    assert any("no interval above 12" in note for note in result.notes)


@pytest.mark.parametrize("order", [1, 2])
def test_too_many_states_have_no_interval_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    monkeypatch.setattr(credit, "_MOST_MARKOV_INTERVALS", 3)
    monkeypatch.setattr(credit, "_MOST_RESAMPLED", 1)
    result = attribute(_paths(("a > b", 3, 1)), ["markov", "last"], order, draws=5)
    assert np.isnan(result.low[0]).all()
    assert result.removal()["p05"].isna().all()
    assert np.isfinite(result.low[1]).all()
    assert any("markov has no interval" in note for note in result.notes)


def test_a_large_table_takes_seconds() -> None:
    frame = _company(200_000)
    begun = time.process_time()
    attribute(read_paths(frame), draws=200)
    # About 2 s on one core of an ordinary machine; a loop over rows would take far longer.
    assert time.process_time() - begun < 20
