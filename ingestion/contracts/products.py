"""What is sold."""

from ingestion.contracts.contract import Contract, currency, day, money, not_before, text

PRODUCTS = Contract(
    table="products",
    description="The catalogue; a product that changed has a row for each time.",
    columns={
        "product_id": text("product"),
        "product_name": text("product's name"),
        "brand": text("brand", nullable=True),
        "category": text("category", nullable=True),
        "launch_date": day("first day on sale", nullable=True),
        "list_price": money("list price of one unit", nullable=True),
        "standard_cost": money("standard cost of one unit", nullable=True),
        "currency_code": currency("currency of price and cost", nullable=True),
        "valid_from": day("first day of this definition; empty: always", nullable=True),
        "valid_to": day("last day, included; empty: until further notice", nullable=True),
    },
    key=("product_id", "valid_from"),
    partition=None,
    rules=(not_before("valid_to", "valid_from"),),
)
