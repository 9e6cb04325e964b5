"""What one currency is worth in another."""

from ingestion.contracts.contract import Contract, currency, day, measure, one_of, positive

FX_RATES = Contract(
    table="fx_rates",
    description="Dated exchange rates: one unit of from_currency is `rate` of to_currency.",
    columns={
        "date_day": day("day the rate holds for"),
        "from_currency": currency("currency converted"),
        "to_currency": currency("currency converted to"),
        "kind": one_of("kind of rate", ("average", "closing", "budget")),
        "rate": measure(
            "units of to_currency for one of from_currency",
            "to_currency per from_currency",
            nullable=False,
            check=positive(),
        ),
    },
    key=("date_day", "from_currency", "to_currency", "kind"),
    partition="date_day",
)
