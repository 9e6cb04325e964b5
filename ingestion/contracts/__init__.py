"""Contracts of the raw tables, one file a table; `CONTRACTS` is the register."""

from ingestion.contracts.ad_spend import AD_SPEND
from ingestion.contracts.contract import LINEAGE, Contract
from ingestion.contracts.controls import CONTROLS
from ingestion.contracts.fx_rates import FX_RATES
from ingestion.contracts.holidays import HOLIDAYS
from ingestion.contracts.plans import PLANS
from ingestion.contracts.products import PRODUCTS
from ingestion.contracts.promotions import PROMOTIONS
from ingestion.contracts.publicity import PUBLICITY
from ingestion.contracts.sales import SALES
from ingestion.contracts.territories import TERRITORIES

CONTRACTS: dict[str, Contract] = {
    contract.table: contract
    for contract in (
        AD_SPEND,
        PROMOTIONS,
        PUBLICITY,
        SALES,
        CONTROLS,
        PLANS,
        PRODUCTS,
        TERRITORIES,
        FX_RATES,
        HOLIDAYS,
    )
}

__all__ = ["CONTRACTS", "LINEAGE", "Contract"]
