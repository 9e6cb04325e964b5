"""Accuracy by lag, of the version that was locked then; restatements."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from forecasting.versions.accuracy import Closed, Kept, accuracy, by_lag, locked_then, next_date
from forecasting.versions.actuals import of_period, patched, restated
from forecasting.versions.errors import VersionError
from forecasting.versions.fiscal import calendar_months
from forecasting.versions.tables import actuals_table, exact

MONTHS = calendar_months(date(2026, 9, 1), date(2027, 2, 28))


def kept(  # noqa: PLR0917
    name, as_of, locked_on, means, final=None, months=3, scenario="base"
):
    """A monthly version of shops a and b: the same mean each month."""
    first = (pd.Timestamp(as_of) + pd.Timedelta(days=1)).replace(day=1)
    rows = []
    for shop, mean in means.items():
        for day in pd.date_range(first, periods=months, freq="MS"):
            told = (final or means)[shop]
            rows.append({"shop": shop, "ds": day, "period": f"{day:%Y-%m}",
                         "mean": Decimal(mean), "final": Decimal(told)})  # fmt: skip
    frame = pd.DataFrame(rows)
    return Kept(
        name, scenario, f"{date.fromisoformat(as_of):%Y-%m}", date.fromisoformat(as_of),
        date.fromisoformat(locked_on), ("shop",), frame, MONTHS,
    )  # fmt: skip


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
    assert total["value_added"] == pytest.approx(20 / 250)


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
