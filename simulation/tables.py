"""Columns of the raw tables, in the order the files carry them."""

from collections.abc import Sequence

import pandas as pd

# fmt: off
COLUMNS: dict[str, tuple[str, ...]] = {
    "ad_spend": (
        "date_day", "grain", "platform", "account_id", "campaign_id", "campaign_name",
        "ad_group_id", "channel", "channel_kind", "territory_id", "spend", "currency_code",
        "impressions", "clicks", "reach", "frequency", "conversions", "conversions_value",
    ),
    "promotions": (
        "promotion_id", "promotion_name", "kind", "product_id", "territory_id", "sales_level",
        "starts_on", "ends_on", "discount_pct", "intensity", "fixed_cost", "variable_cost",
        "currency_code", "vendor_share",
    ),
    "publicity": (
        "event_id", "date_day", "grain", "kind", "event_name", "outlet", "territory_id",
        "mentions", "reach", "tone", "cost", "currency_code",
    ),
    "sales": (
        "order_id", "line_number", "date_day", "grain", "product_id", "territory_id",
        "sales_channel", "sales_level", "customer_kind", "customer_id", "rep_id", "agency_id",
        "campaign_id", "units", "list_price", "discount", "net_revenue", "unit_cost",
        "currency_code",
    ),
    "controls": ("date_day", "grain", "territory_id", "control", "value"),
    "plans": (
        "plan_id", "date_day", "grain", "kind", "driver", "territory_id", "product_id",
        "exposure", "spend", "currency_code",
    ),
    "products": (
        "product_id", "product_name", "brand", "category", "launch_date", "list_price",
        "standard_cost", "currency_code",
    ),
    "territories": (
        "territory_id", "territory_name", "parent_id", "country_code", "currency_code",
        "population", "time_zone", "valid_from", "valid_to",
    ),
    "fx_rates": ("date_day", "from_currency", "to_currency", "kind", "rate"),
}
# fmt: on


def stacked(table: str, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """`frames` below one another with all columns of `table`; no frame at all is an empty table."""
    columns = list(COLUMNS[table])
    parts = [frame.reindex(columns=columns).astype(object) for frame in frames if len(frame)]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True).infer_objects()
