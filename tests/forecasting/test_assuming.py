import numpy as np
import pandas as pd
import pytest

from forecasting.errors import PlanError
from forecasting.longframe import lay_out

H = 21


def history(days=400, freq="D"):
    dates = pd.date_range("2024-01-01", periods=days, freq=freq)
    return pd.concat(
        [
            pd.DataFrame(
                {"shop": shop, "day": dates, "units": 10.0, "promo": np.arange(days) % 9 + number,
                 "kind": np.where(np.arange(days) % 3 == 0, "leaflet", "none")}
            )
            for number, shop in enumerate("ab")
        ],
        ignore_index=True,
    )  # fmt: skip


def plan(frame, days=H):
    dates = pd.date_range(frame["day"].max(), periods=days + 1)[1:]
    return pd.DataFrame({"day": dates, "promo": 5.0})


def laid(frame, plan=None, assume=None, horizon=H):
    return lay_out(
        frame, plan, series=["shop"], date="day", target="units", horizon=horizon, assume=assume
    )


def ahead(given, column):
    return given.grid.plan[column, :, given.grid.known :]


def test_each_rule_is_what_it_says():
    frame = history()
    promo = frame["promo"].to_numpy(dtype=float).reshape(2, -1)
    expected = {
        "zero": np.zeros((2, H)),
        "last": np.repeat(promo[:, -1:], H, axis=1),
        "last-year": promo[:, 400 - 364 : 400 - 364 + H],
        "mean": np.repeat(promo[:, -364:].mean(axis=1, keepdims=True), H, axis=1),
    }
    for rule, values in expected.items():
        np.testing.assert_allclose(ahead(laid(frame, assume={"promo": rule}), 0), values)
    kind = laid(frame, assume={"kind": "mean"})
    assert kind.grid.columns[0].levels[int(ahead(kind, 0)[0, 0])] == "none"


def test_what_is_assumed_is_told_and_what_is_planned_stays():
    frame = history()
    short = plan(frame, 5)
    given = laid(frame, short, assume={"promo": "last", "kind": "last-year"})
    np.testing.assert_array_equal(ahead(given, 0)[:, :5], 5)
    np.testing.assert_array_equal(ahead(given, 0)[:, 5:], 5)  # the last that is planned goes on
    assert [(one.column, one.rule, one.cells) for one in given.assumed] == [
        ("promo", "last", 2 * (H - 5)), ("kind", "last-year", 2 * H),
    ]  # fmt: skip
    told = [note for note in given.notes if note.startswith("assumed")]
    assert len(told) == 2
    assert "'promo' stays as it last was" in told[0]
    assert "2025-02-09" in told[0]  # the first date without a plan


def test_a_whole_plan_leaves_nothing_to_assume():
    frame = history()
    given = laid(frame, plan(frame), assume={"promo": "zero"})
    assert given.assumed == ()
    assert (ahead(given, 0) == 5).all()


def test_empty_cells_are_assumed_only_where_a_rule_is_given():
    frame = history()
    holed = plan(frame).astype({"promo": object})
    holed.loc[2, "promo"] = ""
    with pytest.raises(PlanError, match="is empty in"):
        laid(frame, holed)
    assert (ahead(laid(frame, holed, assume={"promo": "zero"}), 0)[:, 2] == 0).all()


def test_a_horizon_over_a_year_goes_on_from_what_was_assumed():
    given = laid(history(), assume={"promo": "last-year"}, horizon=370)
    np.testing.assert_array_equal(ahead(given, 0)[:, 364:], ahead(given, 0)[:, :6])


def test_months_and_weeks_go_back_a_year():
    for freq, back in (("MS", 12), ("W-MON", 52)):
        frame = history(days=60, freq=freq)
        given = laid(frame, assume={"promo": "last-year"}, horizon=4)
        told = frame["promo"].to_numpy().reshape(2, -1)
        np.testing.assert_array_equal(ahead(given, 0), told[:, 60 - back : 64 - back])


@pytest.mark.parametrize(
    ("assume", "told"),
    [({"promo": "guess"}, "'guess': rules are zero, last"), ({"price": "last"}, "no such plan"),
     ({"kind": "zero"}, "it holds texts"), ({"units": "last"}, "no such plan")],
)  # fmt: skip
def test_a_rule_that_cannot_be_followed_is_refused(assume, told):
    with pytest.raises(PlanError, match=told):
        laid(history(), assume=assume)


def test_a_short_history_has_no_last_year():
    with pytest.raises(PlanError, match="cannot be assumed by last-year for 2 series"):
        laid(history(days=100), assume={"promo": "last-year"})
