"""What is planned for the days to come."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    grain,
    measure,
    money,
    one_of,
    territory,
    text,
)

PLANS = Contract(
    table="plans",
    description="Planned media, promotions and publicity that the forecast is told of.",
    columns={
        "plan_id": text("plan"),
        "date_day": day("day, or first day of the week"),
        "grain": grain(),
        "kind": one_of("kind of driver", ("media", "organic", "promotion", "publicity")),
        "driver": text("channel, promotion kind or publicity kind"),
        "territory_id": territory("territory planned for"),
        "product_id": text("product; empty: all", nullable=True),
        "exposure": measure("planned exposure, in the driver's unit", "driver's unit"),
        "spend": money("planned cost"),
        "currency_code": currency(),
    },
    key=("plan_id", "date_day", "kind", "driver", "territory_id", "product_id"),
    partition="date_day",
    money=("spend",),
)
