"""Where it is sold."""

import pandas as pd

from ingestion.contracts.contract import (
    Contract,
    Rule,
    country,
    currency,
    day,
    measure,
    not_before,
    positive,
    text,
    time_zone,
)


def _not_its_own_parent(frame: pd.DataFrame) -> pd.Series:
    return (frame["parent_id"] != frame["territory_id"]).fillna(True)


TERRITORIES = Contract(
    table="territories",
    description="Territories as a tree; sales are at its leaves.",
    columns={
        "territory_id": text("territory"),
        "territory_name": text("territory's name"),
        "parent_id": text("territory it is part of", nullable=True),
        "country_code": country("country, for its holidays", nullable=True),
        "currency_code": currency("currency its sales are booked in"),
        "population": measure("people living there", "people", check=positive()),
        "time_zone": time_zone("its time zone", nullable=True),
        "valid_from": day("first day of this definition", nullable=True),
        "valid_to": day("last day of this definition", nullable=True),
    },
    key=("territory_id",),
    partition=None,
    rules=(
        not_before("valid_to", "valid_from"),
        Rule("parent_id", "names the territory itself", _not_its_own_parent),
    ),
)
