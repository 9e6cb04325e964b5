"""What moves sales and is nobody's campaign."""

from ingestion.contracts.contract import Contract, day, grain, measure, territory, text

CONTROLS = Contract(
    table="controls",
    description="Weather, competitors, prices of the market: one row a control and period.",
    columns={
        "date_day": day("day, or first day of the week"),
        "grain": grain(),
        "territory_id": territory(),
        "control": text("name of the control"),
        "value": measure("its value", "control's own", nullable=False, signed=True),
    },
    key=("date_day", "territory_id", "control"),
    partition="date_day",
    actual=True,
)
