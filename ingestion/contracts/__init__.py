"""Contracts of the raw tables, one file a table; `CONTRACTS` is the register."""

from ingestion.contracts.ad_spend import AD_SPEND
from ingestion.contracts.agency_reports import AGENCY_REPORTS
from ingestion.contracts.budgets import BUDGETS
from ingestion.contracts.campaigns import CAMPAIGNS
from ingestion.contracts.contract import LINEAGE, Contract
from ingestion.contracts.controls import CONTROLS
from ingestion.contracts.customers import CUSTOMERS
from ingestion.contracts.experiments import EXPERIMENTS
from ingestion.contracts.fiscal_calendar import FISCAL_CALENDAR
from ingestion.contracts.fx_rates import FX_RATES
from ingestion.contracts.holidays import HOLIDAYS
from ingestion.contracts.identities import IDENTITIES
from ingestion.contracts.incentive_plans import INCENTIVE_PLANS
from ingestion.contracts.opportunities import OPPORTUNITIES
from ingestion.contracts.plans import PLANS
from ingestion.contracts.products import PRODUCTS
from ingestion.contracts.promotions import PROMOTIONS
from ingestion.contracts.publicity import PUBLICITY
from ingestion.contracts.quotas import QUOTAS
from ingestion.contracts.sales import SALES
from ingestion.contracts.sales_contests import SALES_CONTESTS
from ingestion.contracts.sellers import SELLERS
from ingestion.contracts.territories import TERRITORIES
from ingestion.contracts.touchpoints import TOUCHPOINTS

CONTRACTS: dict[str, Contract] = {
    contract.table: contract
    for contract in (
        AD_SPEND,
        PROMOTIONS,
        PUBLICITY,
        SALES,
        TOUCHPOINTS,
        OPPORTUNITIES,
        AGENCY_REPORTS,
        QUOTAS,
        BUDGETS,
        SALES_CONTESTS,
        INCENTIVE_PLANS,
        EXPERIMENTS,
        CONTROLS,
        PLANS,
        CAMPAIGNS,
        CUSTOMERS,
        IDENTITIES,
        PRODUCTS,
        TERRITORIES,
        SELLERS,
        FX_RATES,
        HOLIDAYS,
        FISCAL_CALENDAR,
    )
}

__all__ = ["CONTRACTS", "LINEAGE", "Contract"]
