"""Coverage: earned publicity and public relations."""

from ingestion.contracts.contract import (
    Contract,
    between,
    currency,
    day,
    grain,
    measure,
    money,
    one_of,
    territory,
    text,
)

PUBLICITY = Contract(
    table="publicity",
    description="Events and coverage that were not bought as advertising.",
    columns={
        "event_id": text("event or piece of coverage"),
        "date_day": day("day, or first day of the week"),
        "grain": grain(),
        "kind": one_of(
            "publicity (it happened) or public_relations (it was worked for)",
            ("publicity", "public_relations"),
        ),
        "event_name": text("event's name", nullable=True),
        "outlet": text("newspaper, programme or site", nullable=True),
        "territory_id": territory("territory it was seen in"),
        "mentions": measure("times mentioned", "mentions"),
        "reach": measure("people who could see it", "people"),
        "tone": measure("from -1 (hostile) to 1 (friendly)", "-1..1", check=between(-1, 1)),
        "cost": money("cost of the work behind it"),
        "currency_code": currency(),
    },
    key=("event_id", "territory_id"),
    partition="date_day",
    money=("cost",),
    actual=True,
)
