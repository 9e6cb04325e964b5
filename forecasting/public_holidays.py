"""Holidays of a territory over history and horizon: landed ones, else the country's calendar."""

import holidays
import pandas as pd

from forecasting.checks import Check
from forecasting.inputs import ForecastInputs
from forecasting.series import Calendar


def holiday_dates(
    inputs: ForecastInputs, laid: Calendar, territories: list[str]
) -> tuple[dict[str, pd.DataFrame], list[Check]]:
    """Per territory the columns ds (first day of the native period) and holiday, plus checks.

    A country with landed rows uses these alone; another uses the calendar of the `holidays`
    package. A territory without a country that either knows has no holidays, and a warning.
    """
    countries = dict(
        zip(inputs.territories["territory_id"], inputs.territories["country_code"], strict=True)
    )
    by_country: dict[str, pd.DataFrame | None] = {}
    found: dict[str, pd.DataFrame] = {}
    checks = []
    for territory in territories:
        country = countries.get(territory, "")
        if country not in by_country:
            by_country[country] = _of_country(country, inputs.holidays, laid)
        dates = by_country[country]
        if dates is None:
            reason = f"country {country!r} is not known" if country else "it has no country"
            text = f"No holidays in the forecast of territory {territory}: {reason}."
            checks.append(Check.warn("holidays_missing", territory, text))
            dates = pd.DataFrame({"ds": pd.DatetimeIndex([]), "holiday": []})
        elif len(dates) and dates["ds"].max() < laid.future[0]:
            text = (
                f"Holidays landed for territory {territory} end on {dates['ds'].max().date()}, "
                f"before the forecast begins: land the holidays of the months ahead."
            )
            checks.append(Check.warn("holidays_end", territory, text))
        found[territory] = dates
    return found, checks


def _of_country(country: str, landed: pd.DataFrame, laid: Calendar) -> pd.DataFrame | None:
    if not country:
        return None
    mine = landed[landed["country_code"] == country]
    if len(mine):
        dates = pd.DataFrame({"ds": mine["date_day"], "holiday": mine["holiday"]})
    else:
        years = range(laid.history[0].year, laid.future[-1].year + 2)
        try:
            official = holidays.country_holidays(country, years=years, language="en_US")
        except NotImplementedError:
            return None
        # One day may carry two holidays ("A; B"); a day moved to a weekday is the same holiday.
        pairs = [
            (day, name.removesuffix(" (observed)").strip())
            for day, names in sorted(official.items())
            for name in names.split(";")
        ]
        dates = pd.DataFrame(pairs, columns=["ds", "holiday"])
        dates["ds"] = pd.to_datetime(dates["ds"])
    start = laid.history[0]
    periods = (dates["ds"] - start).dt.days // laid.step_days
    dates = dates.assign(ds=start + pd.to_timedelta(periods * laid.step_days, unit="D"))
    dates = dates[(dates["ds"] >= start) & (dates["ds"] <= laid.future[-1])]
    return dates.drop_duplicates().sort_values(["holiday", "ds"], ignore_index=True)
