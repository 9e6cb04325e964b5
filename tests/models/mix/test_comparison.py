"""Estimates side by side."""

import numpy as np
import pandas as pd
import pytest

from models.errors import MissingColumnError, ModelInputError
from models.mix import MixModel, MixSpec
from models.mix.comparison import compare, compare_diagnostics, compare_summaries
from models.mix.spec import Sampling
from tests.models.mix.releases import release, split

QUICK = Sampling(starts=1, chains=2, warmup=60, draws=100, longer=1)


def summary(**shares):
    rows = [
        ("media", driver, share, share - 0.02, share + 0.02, 1.0, 0.5, 1.5)
        for driver, share in shares.items()
    ]
    names = ["kind", "driver", "share", "share_p05", "share_p95", "roi", "roi_p05", "roi_p95"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="module")
def both():
    past = split(release(territories=("north",)))[0]
    return {
        "bayes": MixModel(MixSpec(sampling=QUICK)).fit(past, seed=1),
        "classical": MixModel(MixSpec(engine="statsmodels")).fit(past, seed=1),
    }


def test_both_engines_stand_side_by_side_for_every_driver(both):
    table = compare(both).set_index("driver")
    assert set(table.index) == set(both["bayes"].summary()["driver"])
    for name, result in both.items():
        told = result.summary().set_index("driver")
        assert np.allclose(table[f"{name}_share"], told.loc[table.index, "share"])
    assert table["overlap"].between(0, 1).all()
    figures = compare_diagnostics({name: r.diagnostics() for name, r in both.items()})
    assert {"observations", "r2"} <= set(figures["figure"])
    assert list(figures.columns) == ["figure", "bayes", "classical"]


def test_a_result_beside_itself_agrees_entirely(both):
    table = compare({"a": both["bayes"], "b": both["bayes"]})
    assert (table["gap"] == 0).all() and (table["overlap"] == 1).all()
    assert not table["is_apart"].any()


def test_gap_overlap_and_apart_are_those_of_the_intervals():
    table = compare_summaries({"a": summary(tv=0.10, radio=0.10), "b": summary(tv=0.12, radio=0.2)})
    table = table.set_index("driver")
    assert table.loc["tv", "gap"] == pytest.approx(0.02)
    assert table.loc["tv", "overlap"] == pytest.approx(0.02 / 0.06)
    assert not table.loc["tv", "is_apart"] and table.loc["radio", "is_apart"]
    assert table.loc["radio", "overlap"] == 0


def test_a_driver_of_one_result_only_is_empty_in_the_other():
    table = compare_summaries({"a": summary(tv=0.1), "b": summary(radio=0.1)}).set_index("driver")
    assert np.isnan(table.loc["tv", "b_share"]) and np.isnan(table.loc["tv", "gap"])
    assert not table["is_apart"].any()


def test_what_cannot_be_compared_is_an_error():
    with pytest.raises(ModelInputError, match="two or more"):
        compare_summaries({"a": summary(tv=0.1)})
    with pytest.raises(MissingColumnError, match="share_p05"):
        compare_summaries({"a": summary(tv=0.1), "b": summary(tv=0.1).drop(columns="share_p05")})
    with pytest.raises(ModelInputError, match="'tv' twice"):
        twice = pd.concat([summary(tv=0.1), summary(tv=0.1)], ignore_index=True)
        compare_summaries({"a": summary(tv=0.1), "b": twice})
