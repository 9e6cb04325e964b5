"""What is sold."""

from ingestion.contracts.contract import Contract, currency, day, money, text

PRODUCTS = Contract(
    table="products",
    description="The catalogue.",
    columns={
        "product_id": text("product"),
        "product_name": text("product's name"),
        "brand": text("brand", nullable=True),
        "category": text("category", nullable=True),
        "launch_date": day("first day on sale", nullable=True),
        "list_price": money("list price of one unit", nullable=True),
        "standard_cost": money("standard cost of one unit", nullable=True),
        "currency_code": currency("currency of price and cost", nullable=True),
    },
    key=("product_id",),
    partition=None,
)
