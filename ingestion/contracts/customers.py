"""Who buys."""

from ingestion.contracts.contract import Contract, day, differs, one_of, text

CUSTOMERS = Contract(
    table="customers",
    description="Customers: households, dealers, accounts. Keys only, no names of people.",
    columns={
        "customer_id": text("customer"),
        "customer_kind": one_of("consumer or business", ("B2C", "B2B")),
        "customer_name": text("name of a business; empty for a person", nullable=True),
        "parent_id": text("customer it belongs to (a chain, a group)", nullable=True),
        "account_id": text("account in the sales system", nullable=True),
        "territory_id": text("territory it buys in", nullable=True),
        "segment": text("segment, size or kind of business", nullable=True),
        "acquired_on": day("day it became a customer", nullable=True),
    },
    key=("customer_id",),
    partition=None,
    rules=(differs("parent_id", "customer_id", "names the customer itself"),),
)
