"""Days that are not like others: public holidays, and the company's own fiscal calendar."""

from datetime import date, timedelta

import holidays
import pandas as pd

from simulation.markets import Stage
from simulation.tables import COLUMNS

CALENDAR = "halden-445"
PERIODS = (4, 4, 5) * 4


def holiday_table(stage: Stage) -> pd.DataFrame:
    """Raw `holidays` of every country sold in, over history and plan."""
    years = sorted(set(stage.dates.year))
    first, last = stage.dates[0].date(), stage.dates[-1].date()
    rows = [
        (day, name.split("; ")[0], country)
        for country in sorted({t.country_code for t in stage.territories})
        for day, name in sorted(
            holidays.country_holidays(country, years=years, language="en_US").items()
        )
        if first <= day <= last
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["holidays"])).drop_duplicates(ignore_index=True)


def fiscal_table(stage: Stage) -> pd.DataFrame:
    """Raw `fiscal_calendar`: 4-4-5 weeks; the year starts on the Monday nearest to 1 February.

    A year of 53 weeks has its last week in the twelfth period. Periods that ended before the last
    day of history are closed.
    """
    rows = []
    for day in stage.dates:
        today = day.date()
        year = today.year if today >= _year_start(today.year) else today.year - 1
        week = (today - _year_start(year)).days // 7 + 1
        period, end = 1, PERIODS[0]
        while week > end and period < len(PERIODS):
            end += PERIODS[period]
            period += 1
        rows.append((today, CALENDAR, year, (period - 1) // 3 + 1, period, week))
    table = pd.DataFrame(rows, columns=list(COLUMNS["fiscal_calendar"])[:-1])
    ends = table.groupby(["fiscal_year", "fiscal_period"])["date_day"].transform("max")
    table["period_status"] = ["closed" if end < stage.last_day else "open" for end in ends]
    return table


def _year_start(year: int) -> date:
    first = date(year, 2, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 - 3)
