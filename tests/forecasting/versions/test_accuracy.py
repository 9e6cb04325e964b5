"""Accuracy by lag, of the version that was locked then; restatements."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from forecasting.versions.accuracy import Closed, Kept, accuracy, by_lag, locked_then, next_date
from forecasting.versions.actuals import of_period, patched, restated
from forecasting.versions.errors import VersionError
from forecasting.versions.fiscal import calendar_months
from forecasting.versions.intervals import held
from forecasting.versions.tables import actuals_table, exact

MONTHS = calendar_months(date(2026, 9, 1), date(2027, 2, 28))


def kept(  # noqa: PLR0917
    name, as_of, locked_on, means, final=None, months=3, scenario="base", naive=None
):
    """A monthly version of shops a and b: the same mean each month."""
    first = (pd.Timestamp(as_of) + pd.Timedelta(days=1)).replace(day=1)
    rows = []
    for shop, mean in means.items():
        for day in pd.date_range(first, periods=months, freq="MS"):
            told = (final or means)[shop]
            row = {"shop": shop, "ds": day, "period": f"{day:%Y-%m}", "mean": Decimal(mean)}
            rows.append(row | {"final": Decimal(told), **bounds(mean)})
    frame = pd.DataFrame(rows)
    return Kept(
        name, scenario, f"{date.fromisoformat(as_of):%Y-%m}", date.fromisoformat(as_of),
        date.fromisoformat(locked_on), ("shop",), frame, MONTHS,
        naive=None if naive is None else frame[["shop", "ds"]].assign(
            naive=exact(Decimal(naive[shop]) for shop in frame["shop"])
        ),
    )  # fmt: skip


def bounds(mean):
    """80 % within 20 of the mean, 95 % within 40."""
    steps = {"p025": -40, "p10": -20, "p50": 0, "p90": 20, "p975": 40}
    return {name: Decimal(mean) + step for name, step in steps.items()}


def closed(period, actuals):
    rows = [{"shop": shop, "ds": f"{period}-01", "y": value} for shop, value in actuals.items()]
    month = MONTHS[MONTHS["period"] == period].iloc[0]
    table = actuals_table(pd.DataFrame(rows), ["shop"], "ds", "y")
    return Closed(period, month["starts_on"].date(), month["ends_on"].date(), ("shop",), table)


def test_scores_are_those_finance_counts():
    one = kept("v1", "2026-10-31", "2026-11-04", {"a": 110, "b": 80}, {"a": 100, "b": 90})
    rows = accuracy([one], [closed("2026-11", {"a": 100, "b": 100, "new": 50})])
    total = rows[rows["level"] == "total"].iloc[0]
    assert (total["lag"], total["covers"], total["not_forecast"]) == (1, "whole", 1)
    assert (total["statistical"], total["final"], total["actual"]) == (190, 190, 250)
    assert total["wape_statistical"] == pytest.approx((10 + 20 + 50) / 250)
    assert total["wape_final"] == pytest.approx((0 + 10 + 50) / 250)
    assert total["bias_final"] == pytest.approx(-60 / 250)
    assert total["added_by_override"] == pytest.approx(20 / 250)
    assert total["wape_naive"] is None
    assert total["added_by_model"] is None


def test_each_step_adds_the_wape_it_saves_and_an_older_version_tells_no_naive():
    new = kept("v1", "2026-10-31", "2026-11-04", {"a": 110, "b": 80}, {"a": 100, "b": 90},
               naive={"a": 140, "b": 70})  # fmt: skip
    old = kept("v0", "2026-11-30", "2026-12-04", {"a": 150, "b": 100})
    closes = [closed("2026-11", {"a": 100, "b": 100}), closed("2026-12", {"a": 100, "b": 100})]
    rows = accuracy([new, old], closes)
    total = rows[(rows["period"] == "2026-11") & (rows["level"] == "total")].iloc[0]
    assert (total["naive"], total["error_naive"]) == (210, 70)
    assert total["wape_naive"] == pytest.approx(70 / 200)
    assert total["added_by_model"] == pytest.approx((70 - 30) / 200)
    assert total["added_by_override"] == pytest.approx((30 - 10) / 200)
    by_naive = total["wape_naive"] - total["added_by_model"] - total["added_by_override"]
    assert by_naive == pytest.approx(total["wape_final"])
    # Pooled with a version that has none, the naive's part is of the other alone.
    pooled = by_lag(rows).set_index("lag").loc[1]
    assert (pooled["periods"], pooled["periods_naive"]) == (2, 1)
    assert pooled["wape_statistical"] == pytest.approx((30 + 50) / 400)
    assert pooled["wape_naive"] == pytest.approx(70 / 200)
    assert pooled["added_by_model"] == pytest.approx((70 - 30) / 200)
    alone = by_lag(accuracy([old], closes)).iloc[0]
    assert alone["periods_naive"] == 0
    assert alone["wape_naive"] is None
    assert alone["naive"] is None


def test_locked_intervals_are_held_to_the_close():
    one = kept("v1", "2026-10-31", "2026-11-04", {"a": 110, "b": 80, "c": 0})
    total = accuracy([one], [closed("2026-11", {"a": 125, "b": 50, "c": 0, "new": 5})]).iloc[0]
    # a is inside both; b inside 95 % alone; c is judged too; nobody forecast the new one.
    assert (total["cells"], total["inside_80"], total["inside_95"]) == (3, 2, 3)
    assert total["coverage_80"] == pytest.approx(2 / 3)
    quantiles = {"p025": 0.025, "p10": 0.1, "p50": 0.5, "p90": 0.9, "p975": 0.975}
    loss = 5.0
    for mean, actual in ((110, 125), (80, 50), (0, 0)):
        told = bounds(mean)
        loss += sum(
            2 * max(t * (actual - float(told[n])), (t - 1) * (actual - float(told[n])))
            for n, t in quantiles.items()
        ) / 5  # fmt: skip
    assert total["quantile_loss"] == Decimal(f"{loss:.2f}")
    assert total["wql"] == pytest.approx(float(total["quantile_loss"]) / 180)


def frame_of(days, shop="a", mean=10):
    return pd.DataFrame([{"shop": shop, "ds": day, **bounds(mean)} for day in days])


def sold_of(days, amount):
    rows = pd.DataFrame({"shop": "a", "ds": days, "y": amount})
    return actuals_table(rows, ["shop"], "ds", "y")


def test_days_are_summed_to_weeks_and_a_coarser_ledger_tells_nothing():
    weeks = pd.date_range("2026-11-02", periods=4, freq="7D")
    daily = sold_of(pd.date_range("2026-11-02", "2026-11-29"), 10)
    told = held(frame_of(weeks, mean=70), daily, ["shop"], date(2026, 11, 30)).iloc[0]
    assert (told["cells"], told["inside_80"], told["absolute_judged"]) == (4, 4, 280)
    # The last week goes on after the ledger's end: it is not judged.
    short = daily[daily["ds"] < "2026-11-25"]
    told = held(frame_of(weeks, mean=70), short, ["shop"], date(2026, 11, 25)).iloc[0]
    assert (told["cells"], told["inside_80"], told["absolute_judged"]) == (3, 3, 210)
    weekly = sold_of(weeks, 70)
    days = frame_of(pd.date_range("2026-11-02", "2026-11-29"))
    assert held(days, weekly, ["shop"], date(2026, 11, 30)).empty
    others = sold_of(weeks - pd.Timedelta(days=1), 70)
    assert held(frame_of(weeks, mean=70), others, ["shop"], date(2026, 11, 30)).empty


def test_a_closed_day_is_no_hit_of_an_interval():
    days = pd.date_range("2026-11-02", periods=3)
    table = frame_of(days)
    table.loc[1, ["p025", "p10", "p50", "p90", "p975"]] = Decimal(0)
    told = held(table, sold_of(days, [9, 0, 500]), ["shop"], date(2026, 11, 5)).iloc[0]
    assert (told["cells"], told["inside_80"], told["inside_95"]) == (2, 1, 1)


def test_the_version_locked_then_counts_not_one_made_with_hindsight():
    first = kept("v1", "2026-10-31", "2026-11-04", {"a": 110})
    second = kept("v2", "2026-10-31", "2026-12-02", {"a": 100})
    november, december = closed("2026-11", {"a": 100}), closed("2026-12", {"a": 100})
    assert [v.name for v in locked_then([second, first], november)] == ["v1"]
    assert [v.name for v in locked_then([second, first], december)] == ["v2"]
    rows = accuracy([first, second], [november, december])
    assert rows[["period", "version", "lag"]].to_numpy().tolist() == [
        ["2026-11", "v1", 1], ["2026-12", "v2", 2],
    ]  # fmt: skip


def test_lags_are_pooled_over_periods():
    versions = [kept("v1", "2026-10-31", "2026-11-04", {"a": 110}),
                kept("v2", "2026-11-30", "2026-12-04", {"a": 130})]  # fmt: skip
    rows = accuracy(versions, [closed("2026-11", {"a": 100}), closed("2026-12", {"a": 200})])
    lags = by_lag(rows).set_index("lag")
    assert lags.loc[1, "periods"] == 2
    assert lags.loc[1, "wape_final"] == pytest.approx((10 + 70) / 300)
    assert lags.loc[1, "bias_final"] == pytest.approx((240 - 300) / 300)
    assert lags.loc[2, "wape_final"] == pytest.approx(90 / 200)


def test_nothing_sold_has_no_rate():
    one = kept("v1", "2026-10-31", "2026-11-04", {"a": 110})
    total = accuracy([one], [closed("2026-11", {"a": 0})]).iloc[0]
    assert total["error_final"] == 110
    assert total["wape_final"] is None
    assert by_lag(accuracy([], [])).empty


def test_a_version_made_within_the_period_is_held_to_the_rest_of_it():
    days = pd.date_range("2026-11-11", "2026-11-30")
    frame = pd.DataFrame(
        {
            "shop": "a",
            "ds": days,
            "period": "2026-11",
            "mean": exact([Decimal(10)] * 20),
            "final": exact([Decimal(10)] * 20),
            **{name: exact([bound] * 20) for name, bound in bounds(10).items()},
        }
    )
    one = Kept("v", "base", "2026-11", date(2026, 11, 10), date(2026, 11, 12), ("shop",), frame,
               MONTHS)  # fmt: skip
    sold = pd.DataFrame({"shop": "a", "ds": pd.date_range("2026-11-01", "2026-11-30"), "y": "11"})
    close = Closed("2026-11", date(2026, 11, 1), date(2026, 11, 30), ("shop",),
                   actuals_table(sold, ["shop"], "ds", "y"))  # fmt: skip
    row = accuracy([one], [close]).iloc[0]
    assert (row["lag"], row["covers"], row["actual"]) == (0, "rest", 220)
    short = Kept(**{**vars(one), "table": frame.iloc[:10]})
    row = accuracy([short], [close]).iloc[0]
    assert (row["last_day"], row["actual"]) == (date(2026, 11, 20), 110)


def test_a_calendar_that_moved_is_refused():
    one = kept("v1", "2026-10-31", "2026-11-04", {"a": 110})
    moved = Closed(**{**vars(closed("2026-11", {"a": 1})), "ends_on": date(2026, 11, 28)})
    with pytest.raises(VersionError, match="must not move"):
        accuracy([one], [moved])


def test_the_last_period_of_a_calendar_may_go_on_later():
    """It had landed up to 20 February when the version was made."""
    one = kept("v1", "2026-12-31", "2027-01-04", {"a": 110}, months=2)
    cut = MONTHS.copy()
    cut.loc[cut["period"] == "2027-02", "ends_on"] = pd.Timestamp("2027-02-20")
    one = Kept(**{**vars(one), "periods": cut})
    row = accuracy([one], [closed("2027-02", {"a": 100})]).iloc[0]
    assert (row["covers"], row["actual"]) == ("whole", 100)  # a month of its first day
    days = pd.date_range("2027-02-01", "2027-02-20")
    table = frame_of(days).assign(period="2027-02", mean=Decimal(10), final=Decimal(10))
    daily = Kept(**{**vars(one), "table": table})
    sold = sold_of(pd.date_range("2027-02-01", "2027-02-28"), 11)
    close = Closed("2027-02", date(2027, 2, 1), date(2027, 2, 28), ("shop",), sold)
    row = accuracy([daily], [close]).iloc[0]
    assert (row["covers"], row["actual"], row["final"]) == ("part", 220, 200)
    shorter = Closed(**{**vars(close), "ends_on": date(2027, 2, 14)})
    with pytest.raises(VersionError, match="must not move"):
        accuracy([daily], [shorter])


def test_a_period_is_closed_when_its_books_are_complete():
    sold = pd.DataFrame({"shop": "a", "ds": pd.date_range("2026-11-01", "2026-11-29"), "y": 1})
    table = actuals_table(sold, ["shop"], "ds", "y")
    with pytest.raises(VersionError, match="reach 2026-11-29"):
        of_period(table, date(2026, 11, 1), date(2026, 11, 30), "2026-11")
    assert len(of_period(table, date(2026, 11, 1), date(2026, 11, 29), "P")) == 29


def test_what_the_ledger_says_otherwise_later_is_a_difference():
    close = closed("2026-11", {"a": 100, "b": 50})
    later = pd.DataFrame({"shop": ["a", "c"], "ds": "2026-11-01", "y": ["99.50", "1"]})
    changes, compared = restated(actuals_table(later, ["shop"], "ds", "y"), [close])
    assert compared == ["2026-11"]
    assert changes[["shop", "was", "actual"]].to_numpy().tolist() == [
        ["a", Decimal("100.00"), Decimal("99.50")], ["b", 50, 0], ["c", 0, 1],
    ]  # fmt: skip
    assert patched(close, changes)["actual"].tolist() == [Decimal("99.50"), 0, 1]
    other = pd.DataFrame({"shop": ["a"], "ds": "2026-12-01", "y": ["1"]})
    none, compared = restated(actuals_table(other, ["shop"], "ds", "y"), [close])
    assert (len(none), compared) == (0, [])
    assert patched(close, none).equals(close.table)


@pytest.mark.parametrize(
    ("days", "after"),
    [(["2026-01-01", "2026-01-02"], "2026-01-03"), (["2026-01-05", "2026-01-12"], "2026-01-19"),
     (["2026-01-01", "2026-02-01"], "2026-03-01"), (["2026-01-05"], "2026-01-06")],
)  # fmt: skip
def test_the_next_date_keeps_the_step(days, after):
    assert next_date(pd.Series(pd.to_datetime(days))) == pd.Timestamp(after)
