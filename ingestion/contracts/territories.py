"""Where it is sold."""

from ingestion.contracts.contract import (
    Contract,
    country,
    currency,
    day,
    differs,
    measure,
    not_before,
    positive,
    text,
    time_zone,
)

TERRITORIES = Contract(
    table="territories",
    description="Territories as a tree; sales are at its leaves. A change has a row of its own.",
    columns={
        "territory_id": text("territory"),
        "territory_name": text("territory's name"),
        "parent_id": text("territory it is part of", nullable=True),
        "country_code": country("country, for its holidays", nullable=True),
        "currency_code": currency("currency its sales are booked in"),
        "population": measure("people living there", "people", check=positive()),
        "time_zone": time_zone("its time zone", nullable=True),
        "valid_from": day("first day of this definition; empty: always", nullable=True),
        "valid_to": day("last day, included; empty: until further notice", nullable=True),
    },
    key=("territory_id", "valid_from"),
    partition=None,
    rules=(
        not_before("valid_to", "valid_from"),
        differs("parent_id", "territory_id", "names the territory itself"),
    ),
)
