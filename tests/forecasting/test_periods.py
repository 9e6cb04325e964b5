from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.boosting import Trees
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.regression import LogOls
from forecasting.errors import BadValueError, MissingColumnError
from forecasting.framed import forecast_frame
from forecasting.longframe import lay_out
from forecasting.periods import calendar_of_frame, calendar_of_rule, fiscal_spans
from forecasting.totals import Sums


def laid(days=100, horizon=40, freq="D", start="2026-01-01"):
    dates = pd.date_range(start, periods=days, freq=freq)
    rows = [{"shop": s, "day": d, "units": 10.25 + n % 7} for s in "ab"
            for n, d in enumerate(dates)]  # fmt: skip
    return lay_out(
        pd.DataFrame(rows), None, series=["shop"], date="day", target="units", horizon=horizon
    )


def test_the_retail_years_are_the_published_ones():
    """The National Retail Federation's 4-5-4 calendar: years of 53 weeks are 2006, 2012, 2017,
    2023; fiscal 2023 ended on 3 February 2024, fiscal 2026 begins on 1 February 2026."""
    first, last = pd.Timestamp("2005-02-01"), pd.Timestamp("2027-12-31")
    periods = calendar_of_rule("454:2026-02-01", first, last)
    weeks = {}
    for one in periods:
        weeks.setdefault(one.name[:6], []).append(((one.last - one.first).days + 1) // 7)
    long = [year for year, told in weeks.items() if sum(told) == 53 and len(told) == 12]
    assert long == ["FY2006", "FY2012", "FY2017", "FY2023"]
    assert weeks["FY2022"] == [4, 5, 4] * 4
    assert weeks["FY2023"] == [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]
    by_name = {one.name: one for one in periods}
    assert by_name["FY2023-P12"].last == pd.Timestamp("2024-02-03")
    assert by_name["FY2026-P01"].first == pd.Timestamp("2026-02-01")


@pytest.mark.parametrize("rule", ["445:2025-12-29", "544:2024-02-29", "454:2026-07-01", "months"])
def test_periods_of_a_rule_follow_each_other_without_a_gap(rule):
    first, last = pd.Timestamp("1999-05-05"), pd.Timestamp("2032-03-01")
    periods = calendar_of_rule(rule, first, last)
    assert periods[0].first <= first
    assert periods[-1].last >= last
    for one, following in pairwise(periods):
        assert following.first == one.last + pd.Timedelta(days=1)


def test_a_begun_period_is_what_was_sold_and_what_is_forecast():
    """History ends on 10 April, the horizon on 20 May: April has begun, May is cut."""
    given = laid()
    calendar = tuple(calendar_of_rule("months", *given.grid.dates[[0, -1]]))
    spans = fiscal_spans(calendar, given.grid)
    assert [(s.name, s.status) for s in spans] == [
        ("2026-04", "actual and forecast"), ("2026-05", "cut")
    ]  # fmt: skip
    made = forecast_frame(
        given, candidates=(SeasonalNaive(), RecentMean()), sums=Sums(calendar=calendar)
    )
    totals = made.totals[made.totals["period"] == "2026-04"]
    assert set(totals["level"]) == {"total", "series"}
    sold = given.grid.y[:, 90:].sum()
    later = made.forecast[made.forecast["ds"] < "2026-05-01"]["mean"]
    row = totals[totals["level"] == "total"].iloc[0]
    assert row["ds"] == pd.Timestamp("2026-04-01")
    assert row["ds_last"] == pd.Timestamp("2026-04-30")
    assert row["actual"] == pytest.approx(sold, abs=1e-9)
    assert Decimal(f"{row['ahead']:.2f}") == sum(Decimal(f"{v:.2f}") for v in later)
    assert row["mean"] == pytest.approx(row["actual"] + row["ahead"], abs=1e-9)
    # What has been sold is known: the interval lies about the rest only.
    assert row["actual"] <= row["p025"] < row["mean"] < row["p975"]
    series = totals[totals["level"] == "series"]
    assert series["mean"].sum() == pytest.approx(row["mean"], abs=1e-9)


@pytest.mark.parametrize(("freq", "start"), [("W-MON", "2024-01-01"), ("MS", "2020-01-01")])
def test_weeks_and_months_belong_to_the_period_they_begin_in(freq, start):
    given = laid(days=60, horizon=6, freq=freq, start=start)
    calendar = calendar_of_rule("445:2024-01-01", *given.grid.dates[[0, -1]])
    spans = fiscal_spans(calendar, given.grid)
    told = [h for span in spans for h in range(span.ahead[0], span.ahead[1] + 1)]
    assert told == list(range(6))
    for span in spans:
        period = next(p for p in calendar if p.name == span.name)
        days = given.grid.dates[given.grid.known :][span.ahead[0] : span.ahead[1] + 1]
        assert ((days >= period.first) & (days <= period.last)).all()


def frame(*rows):
    return pd.DataFrame(rows, columns=["period", "starts_on", "ends_on"])


def test_a_calendar_of_ones_own_is_taken_in_any_order():
    told = calendar_of_frame(
        frame(("P2", "2026-02-01", "2026-02-28"), ("P1", "2026-01-01", "2026-01-31"))
    )
    assert [one.name for one in told] == ["P1", "P2"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [([("P1", "2026-01-01", "2026-01-31"), ("P2", "2026-02-02", "2026-02-28")], "'P2' does not s"),
     ([("P1", "2026-01-01", "2026-01-31"), ("P2", "2026-01-31", "2026-02-28")], "'P2' does not s"),
     ([("P1", "2026-01-31", "2026-01-01")], "'P1' ends before"),
     ([("P1", "2026-01-01", "2026-01-31"), ("P1", "2026-02-01", "2026-02-28")], "'P1' .row 1."),
     ([("P1", "01/02/2026", "2026-01-31")], "starts_on is '01/02/2026' .row 0."), ([], "0 rows")],
)  # fmt: skip
def test_a_faulty_calendar_is_refused_with_its_period(rows, told):
    with pytest.raises(BadValueError, match=told):
        calendar_of_frame(frame(*rows))


def test_a_calendar_without_a_column_or_that_ends_too_early_is_refused():
    with pytest.raises(MissingColumnError, match="lacks starts_on, ends_on"):
        calendar_of_frame(pd.DataFrame({"period": ["P1"]}))
    early = calendar_of_frame(frame(("P1", "2026-01-01", "2026-04-30")))
    with pytest.raises(BadValueError, match="no period for 2026-05-01 and 19 more"):
        fiscal_spans(early, laid().grid)


@pytest.mark.parametrize("rule", ["4455:2026-02-01", "445:2026-02-30", "445", "quarters", "445:x"])
def test_an_unknown_rule_is_refused(rule):
    with pytest.raises(BadValueError, match="expected a CSV file"):
        calendar_of_rule(rule, *pd.to_datetime(["2026-01-01", "2026-12-31"]))


def test_quantiles_of_a_fiscal_period_are_of_its_own_paths():
    given = laid(horizon=60)
    calendar = tuple(calendar_of_rule("445:2026-02-01", *given.grid.dates[[0, -1]]))
    made = forecast_frame(given, candidates=(RecentMean(),), sums=Sums(calendar=calendar))
    totals = made.totals[made.totals["level"] == "total"]
    days = totals[totals["ds"] == totals["ds_last"]].set_index("ds")
    whole = totals[totals["status"] == "forecast"]
    assert len(whole) > 0
    for _, row in whole.iterrows():
        inside = days.loc[row["ds"] : row["ds_last"]]
        assert row["p90"] - row["p10"] < (inside["p90"] - inside["p10"]).sum()
        assert np.isclose(row["mean"], inside["mean"].sum(), atol=0.005)


@pytest.fixture(scope="module")
def by_period():
    """Four years of 4-4-5 periods, one of 53 weeks: 100 a week with a promotion worth 40 %."""
    calendar = calendar_of_rule(
        "445:2021-01-31", pd.Timestamp("2021-01-31"), pd.Timestamp("2025-12-01")
    )
    rng = np.random.default_rng(5)
    rows = []
    for shop in ("a", "b", "c"):
        for period in calendar:
            weeks = ((period.last - period.first).days + 1) / 7
            promo = int(rng.random() < 0.4)
            units = 100 * weeks * (1 + 0.4 * promo) * np.exp(0.03 * rng.standard_normal())
            rows.append((shop, period.first, round(units, 2), promo))
    frame = pd.DataFrame(rows, columns=["shop", "day", "units", "promo"])
    first = calendar[-6].first
    past, later = frame[frame["day"] < first], frame[frame["day"] >= first]
    return calendar, past, later


def test_a_history_of_fiscal_periods_is_forecast_by_their_length(by_period):
    calendar, past, later = by_period
    assert {(p.last - p.first).days + 1 for p in calendar} == {28, 35, 42}
    given = lay_out(
        past, later.drop(columns="units"), series=["shop"], date="day", target="units",
        horizon=6, calendar=calendar,
    )  # fmt: skip
    assert (given.grid.freq, given.grid.year) == ("fiscal", 12)
    trees = PooledTrees(settings=Trees(trees=20, least_rows=5))
    sums = Sums(calendar=tuple(calendar))
    made = forecast_frame(given, candidates=(SeasonalNaive(), LogOls(), trees), sums=sums)
    both = made.forecast.merge(later, left_on=["shop", "ds"], right_on=["shop", "day"])
    assert len(both) == 18
    error = np.abs(both["mean"] - both["units"]).sum() / both["units"].sum()
    assert error < 0.06  # without lengths, 4 and 5 weeks alone differ by 20 %
    totals = made.totals[(made.totals["level"] == "total") & (made.totals["period"] != "")]
    assert list(totals["period"]) == [p.name for p in calendar[-6:]]
    assert set(totals["status"]) == {"forecast"}


def test_a_calendar_that_ends_before_the_horizon_of_periods_is_refused(by_period):
    calendar, past, _ = by_period
    with pytest.raises(BadValueError, match="add 3 periods"):
        lay_out(
            past, None, series=["shop"], date="day", target="units", horizon=9, calendar=calendar
        )


def test_days_and_weeks_stay_what_they_are_beside_a_calendar():
    calendar = calendar_of_rule("445:2026-01-05", *pd.to_datetime(["2025-01-01", "2027-12-31"]))
    for freq, found in (("D", "D"), ("W-MON", "W-MON")):
        dates = pd.date_range("2026-01-05", periods=30, freq=freq)
        frame = pd.DataFrame({"shop": "a", "day": dates, "units": 1.0})
        given = lay_out(
            frame, None, series=["shop"], date="day", target="units", horizon=3, calendar=calendar
        )
        assert given.grid.freq == found
        assert given.grid.columns == ()
