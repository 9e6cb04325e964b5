"""What priors imply before a fit agrees with what the settings say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.mix.engine.transforms import DELAYED, GEOMETRIC
from models.mix.panel import read_panel
from models.mix.prior_predictive import half_life, prior_picture
from models.mix.problem import Problem, pose
from models.mix.sheet.layout import PanelColumns
from models.mix.sheet.reading import read_sheet
from models.mix.spec import DriverSpec, EffectPrior, MixSpec


def problem(spec: MixSpec, scale: float = 1.0) -> Problem:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "date": pd.date_range("2023-01-02", periods=80, freq="7D").strftime("%Y-%m-%d"),
            "y": rng.uniform(90, 110, 80).round(2) * scale,
            "tv": rng.gamma(2.0, 1.0, 80).round(2),
            "mail": rng.gamma(1.0, 1.0, 80).round(2),
            "rain": rng.normal(0, 1, 80).round(2),
        }
    )
    columns = PanelColumns.model_validate(
        {
            "date": "date",
            "outcome": {"column": "y"},
            "drivers": [
                {"name": "tv", "kind": "media", "spend": "tv"},
                {"name": "mail", "kind": "media", "spend": "mail"},
            ],
            "controls": ["rain"],
        }
    )
    return pose(read_panel(read_sheet(frame, columns).inputs), spec)


def row(table: pd.DataFrame, driver: str, quantity: str) -> pd.Series:
    found = table[(table["driver"] == driver) & (table["quantity"] == quantity)]
    assert len(found) == 1
    return found.iloc[0]


def test_a_prior_on_share_comes_back():
    told = DriverSpec(effect=EffectPrior(on="share", median=0.1, spread=0.5))
    table = prior_picture(problem(MixSpec(drivers={"tv": told}))).table
    share = row(table, "tv", "share")
    assert share["median"] == pytest.approx(0.1, rel=0.06)
    assert share["p95"] == pytest.approx(0.1 * np.exp(1.645 * 0.5), rel=0.1)


def test_a_prior_on_roi_comes_back():
    told = DriverSpec(effect=EffectPrior(on="roi", median=2.0, spread=0.3))
    roi = row(prior_picture(problem(MixSpec(drivers={"tv": told}))).table, "tv", "roi")
    assert roi["median"] == pytest.approx(2.0, rel=0.05)
    assert roi["p05"] == pytest.approx(2.0 * np.exp(-1.645 * 0.3), rel=0.08)


def test_carry_over_and_saturation_are_those_of_the_settings():
    spec = MixSpec(drivers={"tv": DriverSpec(adstock="geometric", saturation="hill")})
    table = prior_picture(problem(spec)).table
    alpha = 1.0 / (1.0 + np.exp(-spec.adstock_week.centre))
    life = row(table, "tv", "half_life_dates")
    assert life["median"] == pytest.approx(np.log(0.5) / np.log(alpha), rel=0.08)
    saturation = row(table, "tv", "saturation")
    assert 0 < saturation["p05"] < saturation["median"] < saturation["p95"] < 1


def test_the_prior_of_a_control_is_around_zero():
    share = row(prior_picture(problem(MixSpec())).table, "rain", "contribution")
    assert share["p05"] < 0 < share["p95"]


def test_scaling_the_currency_scales_contributions_and_leaves_shares():
    one, other = (prior_picture(problem(MixSpec(), s), draws=300).table for s in (1.0, 1000.0))
    for quantity, factor in (("share", 1.0), ("contribution", 1000.0), ("roi", 1000.0)):
        assert row(other, "tv", quantity)["median"] == pytest.approx(
            factor * row(one, "tv", quantity)["median"], rel=1e-6
        )


def test_priors_that_expect_more_media_than_sales_are_counted():
    modest = prior_picture(problem(MixSpec(media_share=0.05)), draws=500)
    bold = prior_picture(problem(MixSpec(media_share=0.9)), draws=500)
    assert modest.too_much < 0.02
    assert bold.too_much > 0.2
    total = row(bold.table, "media total", "share")
    assert total["p95"] > 1


def test_the_same_seed_gives_the_same_table():
    one, other = (prior_picture(problem(MixSpec()), draws=100, seed=3).table for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_half_life_of_known_forms():
    assert half_life(GEOMETRIC, 0.0, 0.0, 13) == pytest.approx(1.0)  # alpha 1/2
    # A narrow peak in the third of 13 dates: half of it is behind after the middle of that date.
    peak = np.log((2 / 6.5) / (1 - 2 / 6.5))
    assert half_life(DELAYED, -9.0, peak, 13) == pytest.approx(2.5, abs=0.05)
