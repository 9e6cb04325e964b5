"""Credit and its intervals: totals, reproducibility, width against theory, a large table."""

from __future__ import annotations

import time

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
    table = attribute(read_paths(frame), RULES, draws=20, direct="channel 0").credit()
    sums = table.groupby("rule")[["conversions", "value"]].sum()
    assert set(sums.index) == set(RULES)
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
    result = attribute(_paths(("a > b", 0, 3)), RULES, direct="a", draws=10)
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
    options = {"rules": RULES, "order": 2, "draws": 30, "direct": "channel 0"}
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


def test_paths_walked_once_are_resampled_as_people_are() -> None:
    # The quick way for counts of one against numpy's own: mean, variance and no correlation.
    rng = np.random.default_rng(3)
    drawn = np.stack([bootstrap._poisson(np.array([1.0, 1.0, 1.0, 2.5]), rng) for _ in range(8000)])
    np.testing.assert_allclose(drawn.mean(axis=0), [1, 1, 1, 2.5], rtol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.diag([1, 1, 1, 2.5]), atol=0.12)
    zeros = (drawn[:, 0] == 0).mean()
    assert zeros == pytest.approx(np.exp(-1), abs=0.02)


def test_replicates_are_what_the_rules_give_on_resampled_paths() -> None:
    paths = read_paths(_company(400, channels=4))
    shape = markov.graph(paths, 2)
    shares = {"linear": rules.linear(paths)}
    drawn = bootstrap.replicates(paths, shares, shape, with_rate=True, draws=3, seed=9)
    for draw in range(3):
        rng = np.random.default_rng([9, draw])
        conversions, nulls = np.zeros(len(paths)), np.zeros(len(paths))
        sold = bootstrap._once_first(paths.conversions)
        lost = bootstrap._once_first(paths.nulls)
        conversions[sold] = bootstrap._poisson(paths.conversions[sold], rng)
        nulls[lost] = bootstrap._poisson(paths.nulls[lost], rng)
        again = Paths(paths.channels, paths.offsets, paths.codes, conversions, nulls)
        expected = {
            "linear": rules.credit(again, rules.linear(again), conversions),
            "markov": markov.shared(markov.removal_effects(again, 2), conversions.sum()),
            "shapley_rate": shapley.shapley(again, "rate")["conversions"],
        }
        for rule, given in expected.items():
            np.testing.assert_allclose(drawn[rule][draw], given, atol=1e-9)


def test_many_channels_have_no_interval_by_rate_and_it_is_said() -> None:
    names = [f"c{at:02d}" for at in range(13)]
    result = attribute(_paths((" > ".join(names), 3, 1)), ["shapley_rate"], draws=5)
    assert np.isnan(result.low).all()
    assert any("no interval above 12" in note for note in result.notes)


def test_too_many_states_have_no_interval_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit, "_MOST_MARKOV_INTERVALS", 3)
    result = attribute(_paths(("a > b", 3, 1)), ["markov", "last"], draws=5)
    assert np.isnan(result.low[0]).all()
    assert np.isfinite(result.low[1]).all()
    assert any("markov has no interval" in note for note in result.notes)


def test_a_large_table_takes_seconds() -> None:
    frame = _company(200_000)
    begun = time.process_time()
    attribute(read_paths(frame), draws=200)
    # About 2 s on one core of an ordinary machine; a loop over rows would take far longer.
    assert time.process_time() - begun < 20
