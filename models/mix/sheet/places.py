"""Territories of a wide table: people, country, and the calendar of events and holidays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.errors import NotFiniteError
from models.mix.frames import GRAIN_DAYS
from models.mix.sheet.calendars import known_country, public_holidays
from models.mix.sheet.cells import plain
from models.mix.sheet.rows import Rows

#: Growth of a territory's people in a table beyond which a reader is told.
_GROWTH = 1.5
_NOTHING = {"", "na", "nan", "n/a", "none", "null", "0", "0.0", "no", "false", "-"}
_YES = {"1", "1.0", "yes", "true"}


def territories(rows: Rows) -> pd.DataFrame:
    """territory_id, population where known, country_code.

    Raises:
        NotFiniteError, UnknownKindError: people of 0 or less; no country of this code.
    """
    out = pd.DataFrame({"territory_id": sorted(rows.key["territory_id"].unique())})
    column = rows.columns.population
    if column:
        people = rows.numbers(column)
        if (people <= 0).any():
            at = int(np.argmax(people <= 0))
            raise NotFiniteError(
                f"{rows.name}, {rows.row(at)}, column {plain(column)!r}: expected people, above 0; "
                f"got {people[at]:.6g}. Correct the cell."
            )
        grouped = pd.Series(people).groupby(rows.key["territory_id"])
        growth = grouped.max() / grouped.min()
        if (growth > _GROWTH).any():
            name = str(growth.idxmax())
            low, high = grouped.min()[name], grouped.max()[name]
            rows.notes.append(
                f"population of {plain(name)} moves from {low:,.0f} to {high:,.0f}: its mean is "
                "used"
            )
        out["population"] = grouped.mean().loc[out["territory_id"]].to_numpy()
    if rows.columns.events:
        # Each territory has its own calendar of events: a country of its own holds it.
        out["country_code"] = [_own_country(at) for at in range(len(out))]
    else:
        out["country_code"] = [_country(rows, name) for name in out["territory_id"]]
    return out


def _own_country(at: int) -> str:
    return f"#{at}"


def _country(rows: Rows, territory: str) -> str | None:
    told = rows.columns.country
    if told is None:
        return None
    place = f"{rows.name}, panel.country"
    if told in rows.table:
        mine = (rows.key["territory_id"] == territory).to_numpy()
        place = f"{rows.name}, {rows.row(int(np.argmax(mine)))}, column {plain(told)!r}"
        told = str(rows.table[told].to_numpy()[mine][0])
    return known_country(told, place)


def event_calendar(rows: Rows) -> pd.DataFrame | None:
    """Named events by territory with the public holidays of its country; None without events."""
    if not rows.columns.events:
        return None
    names = sorted(rows.key["territory_id"].unique())
    own = pd.Series([_own_country(at) for at in range(len(names))], index=names)
    frames = []
    for column in rows.columns.events:
        cells = rows.table[column].astype(str).str.strip().reset_index(drop=True)
        happens = ~cells.str.lower().isin(_NOTHING)
        event = cells.where(~cells.str.lower().isin(_YES), column)
        frame = pd.DataFrame(
            {
                "date_day": rows.key["date_day"],
                "holiday": event,
                "country_code": rows.key["territory_id"].map(own),
            }
        )
        frames.append(frame[happens].drop_duplicates())
    first, last = rows.key["date_day"].min(), rows.key["date_day"].max()
    last += pd.Timedelta(days=GRAIN_DAYS[rows.grain] - 1)
    for name in names:
        if country := _country(rows, name):
            days = public_holidays(country, first, last)
            frames.append(days.assign(country_code=own[name]))
    return pd.concat(frames, ignore_index=True)
