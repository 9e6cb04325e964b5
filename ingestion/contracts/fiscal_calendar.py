"""The days of finance, where they are not those of a rule."""

from ingestion.contracts.contract import Contract, day, one_of, text, whole

FISCAL_CALENDAR = Contract(
    table="fiscal_calendar",
    description="Fiscal year, quarter, period and week of each day, and whether it is closed.",
    columns={
        "date_day": day("the day"),
        "calendar_id": text("calendar, where a company keeps more than one"),
        "fiscal_year": whole("fiscal year", "year"),
        "fiscal_quarter": whole("quarter of the fiscal year", "quarter"),
        "fiscal_period": whole("period (month) of the fiscal year", "period"),
        "fiscal_week": whole("week of the fiscal year", "week"),
        "period_status": one_of(
            "whether the books of the period are closed", ("open", "closed"), nullable=True
        ),
    },
    key=("calendar_id", "date_day"),
    partition=None,
)
