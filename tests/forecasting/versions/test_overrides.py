"""Overrides: sums met to the cent, expiry, order, what is refused."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.versions.errors import OverrideError
from forecasting.versions.overrides import Override, apply, checked, number_from, spread
from forecasting.versions.tables import NUMBERS, exact, version_table

DAYS = pd.date_range("2026-11-01", periods=3)
SHOPS = [("north", "tea"), ("north", "soap"), ("south", "tea")]
TODAY = date(2026, 10, 20)
MONEY = st.decimals(min_value=0, max_value=10**6, places=2)


def table_of(means):
    rows = [
        {"territory": place, "product": what, "ds": day} for place, what in SHOPS for day in DAYS
    ]
    frame = pd.DataFrame(rows)
    for name in NUMBERS:
        frame[name] = exact(means)
    return version_table(frame, ["territory", "product"]).assign(period="2026-11")


def one(  # noqa: PLR0917
    number, kind, value, where=(), days=("2026-11-01", "2026-11-03"), expires="2026-12-31"
):
    return Override(
        number, kind, Decimal(value), tuple(where),
        date.fromisoformat(days[0]), date.fromisoformat(days[1]),
        "Ana", "dealer strike", date.fromisoformat(expires),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_a_sum_is_split_to_the_cent_in_proportion(total, weights):
    parts = spread(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * whole - total * weight) < whole


@settings(max_examples=40, deadline=None)
@given(
    st.lists(MONEY, min_size=9, max_size=9),
    MONEY,
    st.decimals(min_value=-100, max_value=300, places=3),
    MONEY,
)
def test_every_sum_is_met_and_nothing_falls_below_zero(means, wanted, percent, more):
    north = (("territory", "north"),)
    asked = [one(1, "absolute", wanted, north), one(2, "percent", percent), one(3, "delta", more)]
    applied = apply(table_of(means), asked, TODAY)
    table, effects = applied.table, applied.effects.set_index("number")
    assert effects.loc[1, "after"] == wanted
    assert effects.loc[3, "after"] == effects.loc[3, "before"] + more
    exact_percent = effects.loc[2, "before"] * (100 + percent) / 100
    assert abs(effects.loc[2, "after"] - exact_percent) <= Decimal("0.005")
    assert sum(table["final"]) == effects.loc[3, "after"]
    assert (table["mean"] + table["override"] == table["final"]).all()
    assert min(table["final"]) >= 0
    changes = sum(effects["after"] - effects["before"])
    assert sum(table["override"]) == changes


def test_a_group_is_spread_by_the_statistical_share():
    means = [Decimal(x) for x in ("10", "20", "30", "40", "0", "0", "7", "7", "7")]
    applied = apply(table_of(means), [one(1, "absolute", "50", [("territory", "north")])], TODAY)
    final = applied.table.set_index(["territory", "product", "ds"])["final"]
    assert final["north"].sum() == 50
    assert final["north", "tea", DAYS[0]] == Decimal("5.00")
    assert final["south"].tolist() == [7, 7, 7]


def test_a_series_set_to_zero_stays_there_when_its_group_is_raised():
    means = [Decimal(10)] * 9
    closed = one(1, "absolute", "0", [("territory", "north"), ("product", "tea")])
    raised = one(2, "absolute", "100", [("territory", "north")])
    final = apply(table_of(means), [closed, raised], TODAY).table.set_index(
        ["territory", "product"]
    )["final"]
    assert sum(final["north", "tea"]) == 0
    assert sum(final["north", "soap"]) == 100


def test_where_all_are_zero_the_sum_is_spread_evenly():
    final = apply(table_of([Decimal(0)] * 9), [one(1, "absolute", "0.10")], TODAY).table["final"]
    assert sum(final) == Decimal("0.10")
    assert max(final) - min(final) == Decimal("0.01")


def test_after_its_last_day_an_override_falls_back():
    table = table_of([Decimal(10)] * 9)
    short = one(1, "delta", "5", expires="2026-10-20")
    assert sum(apply(table, [short], date(2026, 10, 20)).table["final"]) == 95
    gone = apply(table, [short], date(2026, 10, 21))
    assert (gone.table["final"] == gone.table["mean"]).all()
    assert gone.effects["state"].tolist() == ["expired"]


def test_more_cannot_be_taken_away_than_there_is():
    with pytest.raises(OverrideError, match=r"takes 91 away, but only 90\.00 stand"):
        apply(table_of([Decimal(10)] * 9), [one(1, "delta", "-91")], TODAY)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (one(1, "absolute", "-1"), "never below zero"),
        (one(1, "percent", "-101"), "expected -100"),
        (one(1, "delta", "0.001"), "at most 2 decimals"),
        (one(1, "delta", "NaN"), "expected a number"),
        (one(1, "delta", "1e20"), "expected a number"),
        (one(1, "delta", "1", [("shop", "x")]), "no series column 'shop'"),
        (one(1, "delta", "1", [("territory", "north'; drop table x")]), "No series has"),
        (one(1, "delta", "1", days=("2027-01-01", "2027-02-01")), "reaches no row"),
        (one(1, "delta", "1", days=("2026-11-02", "2026-11-01")), "turn them round"),
        (one(1, "squared", "1"), "absolute, percent or delta"),
    ],
)
def test_what_says_nothing_is_refused(wrong, says):
    with pytest.raises(OverrideError, match=says):
        checked(wrong, table_of([Decimal(10)] * 9), ["territory", "product"])


def test_a_typed_number_is_a_number():
    assert number_from(" -5 % ") == Decimal(-5)
    with pytest.raises(OverrideError, match="expected a number"):
        number_from("=1+1")
