"""The bridge between two versions sums, and invents nothing."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.versions.bridge import Between, Side, bridge, totals
from forecasting.versions.errors import VersionError
from forecasting.versions.tables import exact

MONEY = st.decimals(min_value=0, max_value=10**7, places=2)
CELLS = [(shop, day) for shop in ("a", "b", "c") for day in pd.date_range("2026-11-29", periods=5)]


def table(cells):
    """Rows from (shop, ds) -> (mean, final)."""
    rows = [
        {"shop": shop, "ds": day, "period": f"{day:%Y-%m}", "mean": mean, "final": final}
        for (shop, day), (mean, final) in cells.items()
    ]
    frame = pd.DataFrame(rows, columns=["shop", "ds", "period", "mean", "final"])
    return frame.assign(
        ds=pd.to_datetime(frame["ds"]), mean=exact(frame["mean"]), final=exact(frame["final"])
    )


SIDES = st.dictionaries(st.sampled_from(CELLS), st.tuples(MONEY, MONEY), min_size=1)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, st.booleans(), st.booleans(), st.booleans(), st.data())
def test_old_plus_steps_is_new_in_every_period_and_series(  # noqa: PLR0917
    old, new, code, data, plan, draws
):
    shared = sorted(set(old) & set(new))
    between = {}
    for name in ("old_data", "old_plan"):
        if draws.draw(st.booleans()):
            means = {cell: (draws.draw(MONEY), Decimal(0)) for cell in shared}
            between[name] = table(means)
    steps = bridge(
        Side("v1", date(2026, 11, 28), table(old)), Side("v2", date(2026, 11, 30), table(new)),
        ["shop"], Between(**between, same_code=code, same_data=data, same_plan=plan),
    )  # fmt: skip
    for _, cell in steps.groupby(["period", "shop"]):
        amounts = cell.set_index("step")["amount"]
        moved = amounts.drop(["old", "new"], errors="ignore").sum()
        assert amounts.get("old", Decimal(0)) + moved == amounts.get("new", Decimal(0))
    whole = totals(steps).set_index("step")["amount"]
    assert whole["old"] == sum(final for _, final in old.values())
    assert whole["new"] == sum(final for _, final in new.values())


OLD = {("a", pd.Timestamp("2026-12-01")): (Decimal(100), Decimal(110))}
NEW = {("a", pd.Timestamp("2026-12-01")): (Decimal(160), Decimal(165))}


def steps_of(**between):
    found = bridge(
        Side("v1", date(2026, 11, 28), table(OLD)), Side("v2", date(2026, 11, 30), table(NEW)),
        ["shop"], Between(**between),
    )  # fmt: skip
    return {k: int(v) for k, v in totals(found).set_index("step")["amount"].items()}


def stop(mean):
    return table({("a", pd.Timestamp("2026-12-01")): (Decimal(mean), Decimal(0))})


ENDS = {"old": 110, "override": -5, "new": 165}


@pytest.mark.parametrize(
    ("between", "steps"),
    [
        ({}, {"model, data and plan": 60}),
        ({"same_code": True}, {"model": 0, "data and plan": 60}),
        ({"same_plan": True}, {"model and data": 60, "plan": 0}),
        ({"same_code": True, "same_plan": True}, {"model": 0, "data": 60, "plan": 0}),
        ({"old_plan": stop(130)}, {"model and data": 30, "plan": 30}),
        ({"old_data": stop(90), "old_plan": stop(130)}, {"model": -10, "data": 40, "plan": 30}),
        ({"old_plan": stop(130), "same_data": True}, {"model": 30, "data": 0, "plan": 30}),
        ({"old_data": stop(90), "same_plan": True}, {"model": -10, "data": 70, "plan": 0}),
        ({"same_data": True}, {"model, data and plan": 60}),
        (
            {"same_code": True, "same_data": True, "same_plan": True},
            {"model": 0, "unexplained": 60, "plan": 0},
        ),
    ],
)
def test_steps_that_cannot_be_told_apart_are_one_step(between, steps):
    assert steps_of(**between) == {**ENDS, **steps}


def test_passed_dates_ended_series_and_new_ones_are_steps_of_their_own():
    day, later = pd.Timestamp("2026-11-29"), pd.Timestamp("2026-12-02")
    old = {("a", day): (Decimal(1), Decimal(2)), ("a", later): (Decimal(4), Decimal(4)),
           ("gone", later): (Decimal(8), Decimal(8))}  # fmt: skip
    new = {("a", later): (Decimal(4), Decimal(4)), ("young", later): (Decimal(16), Decimal(48))}
    found = bridge(
        Side("v1", date(2026, 11, 28), table(old)), Side("v2", date(2026, 11, 30), table(new)),
        ["shop"], Between(same_code=True, same_plan=True),
    )  # fmt: skip
    assert {k: int(v) for k, v in totals(found).set_index("step")["amount"].items()} == {
        "old": 14, "passed": -2, "ended": -8, "model": 0, "data": 0, "plan": 0, "begun": 16,
        "override": 32, "new": 52,
    }  # fmt: skip


def test_a_forecast_between_has_to_reach_all_shared_rows():
    with pytest.raises(VersionError, match="old plan lacks 1 of 1 rows"):
        steps_of(old_plan=stop(1).iloc[:0])


def test_amounts_that_a_machine_s_whole_number_cannot_sum_are_exact():
    most = Decimal("999999999999999.99")
    cells = {("a", day): (most, most) for day in pd.date_range("2026-11-01", periods=120)}
    known = date(2026, 10, 31)
    sides = [Side(name, known, table(cells)) for name in ("old", "new")]
    steps = bridge(*sides, ["shop"], Between())
    sums = totals(steps).set_index("step")["amount"]
    assert sums["old"] == sums["new"] == 120 * most
