"""The ledger: what was sold, to whom, at what price."""

from ingestion.contracts.contract import (
    Contract,
    currency,
    day,
    grain,
    measure,
    moment,
    money,
    one_of,
    same_sign,
    territory,
    text,
    time_zone,
    whole,
)

SALES_LEVELS = ("factory", "distributor", "broker", "shop")

SALES = Contract(
    table="sales",
    description="Ledger lines at leaf territories; returns are negative lines.",
    columns={
        "order_id": text("order or invoice"),
        "line_number": whole("line of the order", "line"),
        "date_day": day("booking day, or first day of the week"),
        "grain": grain(),
        "product_id": text("product sold"),
        "territory_id": territory("leaf territory of the sale"),
        "sales_channel": text("shop, web, field sales"),
        "sales_level": one_of("level of trade that sold", SALES_LEVELS),
        "customer_kind": one_of("consumer or business", ("B2C", "B2B")),
        "customer_id": text("customer", nullable=True),
        "rep_id": text("sales representative", nullable=True),
        "agency_id": text("outsourced seller", nullable=True),
        "campaign_id": text("campaign named on the order", nullable=True),
        "promotion_id": text("promotion named on the line", nullable=True),
        "opportunity_id": text("opportunity the order came from", nullable=True),
        "units": measure("units sold; negative for returns", "units", signed=True),
        "list_price": money("list price of one unit", nullable=True),
        "discount": money("discount on the line, as an amount", nullable=True, signed=True),
        "net_revenue": money("revenue of the line after discount, before tax", signed=True),
        "unit_cost": money("cost of one unit", nullable=True),
        "currency_code": currency(),
        "booked_by": one_of(
            "company: its own invoice, net revenue; partner: what a distributor or shop says it "
            "sold on, never added to revenue; empty: company",
            ("company", "partner"),
            nullable=True,
        ),
        "sold_at": moment("time of the sale, where it is known", nullable=True),
        "time_zone": time_zone("time zone the day is counted in", nullable=True),
    },
    key=("order_id", "line_number"),
    partition="date_day",
    money=("net_revenue",),
    actual=True,
    rules=(same_sign("net_revenue", "units", "has another sign than units: a return is negative"),),
)
