"""Plans that differ in drivers of a mix result, and in what closes."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.naive import RecentMean
from forecasting.candidates.regression import LogOls
from forecasting.longframe import lay_out
from forecasting.media import Media
from forecasting.periods import calendar_of_rule
from forecasting.scenarios import compare_plans
from forecasting.totals import Sums

H, DAYS, DRAWS = 14, 140, 50
TV, RADIO = 12.0, 5.0


def shops():
    rng = np.random.default_rng(7)
    dates = pd.date_range("2026-01-05", periods=DAYS + H)
    frames = [
        pd.DataFrame(
            {"shop": shop, "day": dates, "open": (dates.dayofweek != 6).astype(int),
             "units": np.where(dates.dayofweek == 6, 0.0, 100 + rng.normal(0, 4, len(dates)))}
        )
        for shop in ("a", "b")
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def brings(tv, radio, grid):
    """Two shops of one series of the mix: `tv` and `radio` bring as much on every day; draws of
    the effect are 0.5 to 1.5 times the mean, and history's are the same draws."""
    size = np.linspace(0.5, 1.5, DRAWS)
    ahead = np.stack([np.full((2, H), value / 2) for value in (tv, radio)])
    swings = (size - 1)[:, None, None] * np.full((1, 1, H), tv + radio - TV - RADIO)
    return Media(
        drivers=(("media", "tv"), ("media", "radio")),
        past=0.1 * grid.y,
        ahead=ahead,
        swings=swings.astype(np.float32),
        cells=np.zeros(2, dtype=np.int64),
        share=np.array([0.5, 0.5]),
        notes=(),
    )


def compared(most=None):
    frame = shops()
    first = frame["day"].max() - pd.Timedelta(days=H - 1)
    past, later = frame[frame["day"] < first], frame[frame["day"] >= first].drop(columns="units")
    shut = later.assign(open=np.where(later["day"] == first, 0, later["open"]))
    plans = {
        name: lay_out(past, plan, series=["shop"], date="day", target="units", horizon=H)
        for name, plan in (("as_is", later), ("more_tv", later), ("shut", shut))
    }
    grid = plans["as_is"].grid
    as_is = brings(TV, RADIO, grid)
    media = {"as_is": as_is, "more_tv": brings(2 * TV, RADIO, grid), "shut": as_is}
    calendar = tuple(calendar_of_rule("445:2026-01-05", *grid.dates[[0, -1]]))
    return compare_plans(
        plans,
        media=media,
        candidates=(RecentMean(), LogOls()),
        sums=Sums(calendar=calendar),
        most=most,
    ).table


@pytest.fixture(scope="module")
def made():
    return compared()


def _whole(table, plan, driver):
    rows = table[(table["level"] == "total") & (table["plan"] == plan) & (table["period"] == "")]
    rows = rows[(rows["ds"] == table["ds"].min()) & (rows["ds_last"] == table["ds_last"].max())]
    return rows[rows["driver"] == driver].iloc[0]


def test_a_driver_of_the_mix_brings_what_the_mix_says_on_open_days(made):
    told = _whole(made, "more_tv", "media:tv")
    assert told["mean"] == pytest.approx(12 * TV, abs=0.15)  # 12 of 14 days are open
    assert _whole(made, "more_tv", "all")["mean"] == told["mean"]
    for name in ("media:radio", "plan:open"):
        row = _whole(made, "more_tv", name)
        assert (row[["mean", "p025", "p975"]] == 0).all()


def test_in_parts_drivers_of_the_mix_bring_the_same_and_move_together(made):
    parts = compared(most=1)
    keys = ["plan", "level", "key", "driver", "ds", "ds_last"]
    pd.testing.assert_frame_equal(parts[keys], made[keys])
    for bound in ("mean", "p10", "p90"):
        told = [_whole(table, "more_tv", "media:tv")[bound] for table in (parts, made)]
        assert told[0] == pytest.approx(told[1], rel=0.01)


def test_the_interval_is_that_of_the_mix_s_draws(made):
    told = _whole(made, "more_tv", "media:tv")
    # Effects are drawn evenly from half to one and a half.
    assert told["p10"] == pytest.approx(12 * TV * 0.6, rel=0.03)
    assert told["p90"] == pytest.approx(12 * TV * 1.4, rel=0.03)


def test_a_closed_day_takes_its_media_too(made):
    told = _whole(made, "shut", "plan:open")
    assert told["mean"] == _whole(made, "shut", "all")["mean"]
    day = made[(made["plan"] == "shut") & (made["level"] == "total") & (made["driver"] == "all")]
    day = day[(day["ds"] == day["ds"].min()) & (day["ds_last"] == day["ds"])].iloc[0]
    assert day["mean_plan"] == 0
    assert day["mean"] == -day["mean_against"]
    assert day["mean_against"] == pytest.approx(2 * 90 + TV + RADIO, rel=0.05)


def test_parts_sum_by_fiscal_period_too(made):
    rows = made.assign(cents=[Decimal(f"{v:.2f}") for v in made["mean"]])
    assert {"FY2026-P05", "FY2026-P06"} == set(rows["period"]) - {""}
    key = ["plan", "level", "key", "ds", "ds_last", "period"]
    parts = rows[rows["driver"] != "all"].groupby(key)["cents"].sum().sort_index()
    whole = rows[rows["driver"] == "all"].set_index(key)["cents"].sort_index()
    assert (parts == whole).all()
