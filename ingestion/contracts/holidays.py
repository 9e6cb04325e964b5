"""Days that are not like others."""

from ingestion.contracts.contract import Contract, country, day, text

HOLIDAYS = Contract(
    table="holidays",
    description="Public holidays and other special days by country.",
    columns={
        "date_day": day("the day"),
        "holiday": text("name of the holiday"),
        "country_code": country("country that keeps it"),
    },
    key=("date_day", "holiday", "country_code"),
    partition="date_day",
)
