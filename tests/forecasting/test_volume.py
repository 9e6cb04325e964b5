from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.proof import table_checks
from forecasting.series import KEYS, Calendar
from forecasting.volume import COLUMNS, Sums

DAYS = pd.date_range("2024-03-06", periods=35, freq="D")
DAILY = Calendar("day", DAYS[:21], DAYS[21:])
MEMBERS = pd.DataFrame(
    [("N", "A", "web"), ("N", "B", "web"), ("S", "A", "shop")], columns=list(KEYS)
)


def table(seed, scale=100.0):
    rng = np.random.default_rng(seed)
    return laid_out(rng.gamma(2, scale, (3, 50, 14)))


def laid_out(paths):
    """In two blocks, as a long list of series comes."""
    cents = np.rint(paths.mean(axis=1) * 100).astype(np.int64)
    blocks = [(np.array([0, 1]), paths[:2]), (np.array([2]), paths[2:])]
    sums = Sums(MEMBERS, cents, DAILY)
    for rows, drawn in blocks:
        sums.add(rows, drawn)
    return sums.frame().assign(measure="units")[list(COLUMNS)]


def statuses(volume):
    return {c.check_name: c.status for c in table_checks(volume)}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 1e9))
def test_sums_equal_their_parts_to_the_cent_at_any_scale(seed, scale):
    volume = table(seed, scale)
    assert set(statuses(volume).values()) == {"pass"}
    days = volume[(volume["period"] == "day") & (volume["level"] == "series")]
    total = volume[(volume["period"] == "week") & (volume["level"] == "total")]
    assert sum(days["mean"]) == sum(total["mean"])


def test_every_level_and_period_is_there_once_with_two_places():
    volume = table(1)
    assert list(volume.columns) == list(COLUMNS)
    assert not volume.duplicated(["period", "date_day", "level", *KEYS]).any()
    counted = volume.groupby(["period", "level"]).size().to_dict()
    members = {"series": 3, "territory": 2, "product": 2, "channel": 2, "total": 1}
    assert counted == {
        (p, k): n * m
        for p, n in (("day", 14), ("week", 2), ("horizon", 1))
        for k, m in members.items()
    }
    assert all(v.as_tuple().exponent == -2 for v in volume["p50"])
    weeks = sorted(set(volume.loc[volume["period"] == "week", "date_day"]))
    assert weeks == [DAYS[21], DAYS[28]]


def test_a_total_s_interval_is_of_summed_paths_not_of_summed_bounds():
    rng = np.random.default_rng(2)
    volume = laid_out(100 + 10 * rng.normal(size=(3, 4000, 14)))
    wide = (volume["p975"].astype(float) - volume["p025"].astype(float)).groupby(
        [volume["period"], volume["level"]]
    )
    mean = wide.mean()
    assert mean["day", "total"] / mean["day", "series"] == pytest.approx(np.sqrt(3), rel=0.05)
    assert mean["week", "series"] / mean["day", "series"] == pytest.approx(np.sqrt(7), rel=0.05)


def test_a_cent_too_much_in_a_total_fails():
    volume = table(3)
    row = volume.index[volume["level"] == "total"][0]
    volume.loc[row, "mean"] += Decimal("0.01")
    failed = [c for c in table_checks(volume) if c.status != "pass"]
    assert [(c.check_name, c.status) for c in failed] == [("totals_equal_parts", "fail")]
    assert "0.01 at most" in failed[0].text


@pytest.mark.parametrize("value", [Decimal("-0.01"), Decimal("NaN"), Decimal("Infinity")])
def test_a_negative_or_endless_number_fails(value):
    volume = table(4)
    row = volume.index[volume["level"] == "series"][0]
    volume.loc[row, "p025"] = value
    assert statuses(volume)["finite_and_not_negative"] == "fail"


def test_quantiles_out_of_order_fail():
    volume = table(5)
    volume.loc[0, "p10"] = volume.loc[0, "p90"] + 1
    assert statuses(volume)["quantiles_rise"] == "fail"
