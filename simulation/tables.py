"""Columns of the raw tables in the order the files carry them, and their types."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

# fmt: off
COLUMNS: dict[str, tuple[str, ...]] = {
    "ad_spend": (
        "date_day", "grain", "platform", "account_id", "account_name", "campaign_id",
        "campaign_name", "ad_group_id", "ad_group_name", "ad_id", "ad_name", "channel",
        "channel_kind", "territory_id", "spend", "currency_code", "impressions", "clicks", "reach",
        "frequency", "conversions", "conversions_value", "time_zone",
    ),
    "promotions": (
        "promotion_id", "promotion_name", "campaign_id", "kind", "product_id", "territory_id",
        "sales_level", "starts_on", "ends_on", "discount_pct", "intensity", "fixed_cost",
        "variable_cost", "currency_code", "vendor_share",
    ),
    "publicity": (
        "event_id", "date_day", "grain", "kind", "event_name", "outlet", "territory_id",
        "mentions", "reach", "tone", "cost", "currency_code",
    ),
    "sales": (
        "order_id", "line_number", "date_day", "grain", "product_id", "territory_id",
        "sales_channel", "sales_level", "customer_kind", "customer_id", "rep_id", "agency_id",
        "campaign_id", "promotion_id", "opportunity_id", "units", "list_price", "discount",
        "net_revenue", "unit_cost", "currency_code", "booked_by", "sold_at", "time_zone",
    ),
    "touchpoints": (
        "touchpoint_id", "date_day", "occurred_at", "time_zone", "person_id", "account_id", "kind",
        "channel", "platform", "campaign_id", "territory_id", "seller_id",
    ),
    "opportunities": (
        "opportunity_id", "date_day", "account_id", "person_id", "customer_id", "campaign_id",
        "channel", "territory_id", "product_id", "developer_id", "seller_id", "agency_id", "stage",
        "created_at", "qualified_at", "proposal_at", "closed_at", "time_zone", "segment", "amount",
        "currency_code", "lost_reason",
    ),
    "agency_reports": (
        "report_id", "agency_id", "seller_id", "territory_id", "product_id", "starts_on",
        "ends_on", "calls", "visits", "meetings", "units_claimed", "revenue_claimed", "fee",
        "currency_code",
    ),
    "quotas": (
        "starts_on", "ends_on", "seller_id", "territory_id", "product_id", "units", "revenue",
        "currency_code",
    ),
    "budgets": (
        "budget_id", "kind", "channel", "territory_id", "product_id", "seller_id", "starts_on",
        "ends_on", "units", "amount", "currency_code",
    ),
    "sales_contests": (
        "contest_id", "contest_name", "territory_id", "seller_id", "product_id", "starts_on",
        "ends_on", "metric", "target", "prize_cost", "currency_code",
    ),
    "incentive_plans": (
        "plan_id", "plan_name", "seller_kind", "product_id", "starts_on", "ends_on", "basis",
        "from_attainment_pct", "rate_pct", "amount", "cap", "currency_code",
    ),
    "experiments": (
        "experiment_id", "experiment_name", "design", "kind", "driver", "campaign_id",
        "territory_id", "arm", "starts_on", "ends_on", "spend", "currency_code", "effect",
        "effect_se", "status",
    ),
    "controls": ("date_day", "grain", "territory_id", "control", "value"),
    "plans": (
        "plan_id", "date_day", "grain", "kind", "driver", "territory_id", "product_id",
        "exposure", "spend", "currency_code",
    ),
    "campaigns": (
        "campaign_id", "campaign_name", "platform", "channel", "objective", "starts_on", "ends_on",
    ),
    "customers": (
        "customer_id", "customer_kind", "customer_name", "parent_id", "account_id",
        "territory_id", "segment", "acquired_on",
    ),
    "identities": ("person_id", "customer_id", "account_id", "merged_at"),
    "products": (
        "product_id", "product_name", "brand", "category", "launch_date", "list_price",
        "standard_cost", "currency_code", "valid_from", "valid_to",
    ),
    "territories": (
        "territory_id", "territory_name", "parent_id", "country_code", "currency_code",
        "population", "time_zone", "valid_from", "valid_to",
    ),
    "sellers": (
        "seller_id", "seller_name", "kind", "agency_id", "manager_id", "territory_id",
        "valid_from", "valid_to", "commission_plan", "commission_pct",
    ),
    "fx_rates": ("date_day", "from_currency", "to_currency", "kind", "rate"),
    "holidays": ("date_day", "holiday", "country_code"),
    "fiscal_calendar": (
        "date_day", "calendar_id", "fiscal_year", "fiscal_quarter", "fiscal_period",
        "fiscal_week", "period_status",
    ),
}
_TYPES: dict[str, tuple[pa.DataType, str]] = {
    "money": (pa.decimal128(18, 6), "spend conversions_value fixed_cost variable_cost cost "
              "list_price discount net_revenue unit_cost revenue_claimed fee revenue amount "
              "prize_cost effect standard_cost cap"),
    "day": (pa.date32(), "date_day starts_on ends_on launch_date valid_from valid_to acquired_on"),
    "time": (pa.timestamp("us"), "occurred_at sold_at created_at qualified_at proposal_at "
             "closed_at merged_at"),
    "whole": (pa.int64(), "line_number fiscal_year fiscal_quarter fiscal_period fiscal_week"),
    "measure": (pa.float64(), "impressions clicks reach frequency conversions discount_pct "
                "intensity vendor_share mentions tone value exposure units population rate "
                "commission_pct calls visits meetings units_claimed target from_attainment_pct "
                "rate_pct effect_se"),
}
# fmt: on
TYPES: dict[str, pa.DataType] = {
    name: arrow for arrow, names in _TYPES.values() for name in names.split()
}


def schema(table: str) -> pa.Schema:
    """Arrow schema of a raw table, without the columns that say where a row came from."""
    return pa.schema([(name, TYPES.get(name, pa.string())) for name in COLUMNS[table]])


def stacked(table: str, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """`frames` below one another with all columns of `table`; no frame at all is an empty table."""
    columns = list(COLUMNS[table])
    parts = [frame.reindex(columns=columns).astype(object) for frame in frames if len(frame)]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True).infer_objects()


def exact(cents: NDArray[np.int64], empty: NDArray[np.bool_] | None = None) -> pa.Array:
    """Whole cents as DECIMAL(18,6), without a detour through text; `empty` marks nulls."""
    words = np.empty((len(cents), 2), dtype=np.int64)
    words[:, 0] = cents * 10_000
    words[:, 1] = words[:, 0] >> 63
    full = pa.Array.from_buffers(
        pa.decimal128(18, 6), len(cents), [None, pa.py_buffer(words.tobytes())]
    )
    return full if empty is None else pa.compute.if_else(pa.array(~empty), full, None)


def typed(frame: pd.DataFrame, table: str | None = None) -> pa.Table:
    """A frame as Arrow, in the contract's columns and types; of a truth table, by its names."""
    names = list(frame.columns) if table is None else list(COLUMNS[table])
    return pa.table({name: _column(frame[name], name, table is None) for name in names})


def _column(values: pd.Series, name: str, is_truth: bool) -> pa.Array:
    """Money in a truth table is named `_eur` or `_local` and stays a plain number."""
    kind = TYPES.get(name)
    if is_truth and kind == pa.decimal128(18, 6):
        kind = pa.float64()
    if kind is None:
        if not is_truth or values.dtype == object:
            return pa.array(values.astype(object), pa.string(), from_pandas=True)
        return pa.array(values.to_numpy())
    if kind == pa.decimal128(18, 6):
        numbers = pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
        empty = np.isnan(numbers)
        return exact(np.rint(np.where(empty, 0.0, numbers) * 100.0).astype(np.int64), empty)
    if kind == pa.date32():
        return pa.array(pd.to_datetime(values).to_numpy("datetime64[D]"), kind, from_pandas=True)
    if kind == pa.timestamp("us"):
        return pa.array(pd.to_datetime(values), kind, from_pandas=True)
    return pa.array(
        pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan), from_pandas=True
    ).cast(kind)
