"""What the columns of other people's files are called, and what that is here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingestion.contracts import codes

# Contract column (or a role that a proposal needs): names it goes by, the likeliest first.
NAMES: dict[str, tuple[str, ...]] = {
    "date_day": (
        "date_day", "date", "day", "ds", "date_start", "week_start", "week_start_date",
        "week_begin", "week", "time", "order_date", "invoice_date", "transaction_date", "sale_date",
        "sales_date", "booking_date", "posting_date", "report_date", "event_date", "datum", "tag",
        "woche", "period", "month", "timestamp", "transaction_timestamp", "created_at",
    ),
    "spend": (
        "spend", "cost", "costs", "amount_spent", "media_spend", "media_cost", "ad_spend",
        "ad_cost", "total_spend", "total_cost", "kosten", "ausgaben",
    ),
    "impressions": ("impressions", "impression", "impr", "imps"),
    "clicks": ("clicks", "click", "link_clicks", "klicks"),
    "reach": ("reach", "unique_reach"),
    "frequency": ("frequency",),
    "conversions": ("conversions", "results", "all_conversions", "konversionen"),
    "conversions_value": ("conversions_value", "conversion_value", "purchase_value"),
    "platform": ("platform", "publisher", "ad_platform", "network", "media_source"),
    "channel": ("channel", "media_channel", "medium", "utm_medium", "kanal", "origin"),
    "account_id": ("account_id", "customer_account_id"),
    "account_name": ("account_name", "account"),
    "campaign_id": ("campaign_id", "campaignid", "kampagnen_id"),
    "campaign_name": ("campaign_name", "campaign", "kampagne"),
    "ad_group_id": ("ad_group_id", "adgroup_id", "adset_id", "ad_set_id"),
    "ad_group_name": ("ad_group_name", "ad_group", "adgroup", "adset_name", "ad_set_name"),
    "ad_id": ("ad_id",),
    "ad_name": ("ad_name", "ad"),
    "territory_id": (
        "territory_id", "territory", "sales_territory_key", "geo", "geo_id", "region_id", "region",
        "market", "dma", "store_id", "store", "shop_id", "shop", "filiale", "location", "city",
        "state", "country_code", "country",
    ),
    "territory_name": ("territory_name", "region_name", "store_name", "market_name"),
    "population": ("population", "inhabitants", "einwohner"),
    "currency_code": ("currency_code", "currency", "waehrung", "wahrung"),
    "net_revenue": (
        "net_revenue", "net_sales", "revenue", "sales", "sales_amount", "sales_value",
        "line_total", "amount", "turnover", "umsatz", "total_sales", "gross_sales",
    ),
    "revenue_per_unit": ("revenue_per_conversion", "revenue_per_unit", "revenue_per_kpi"),
    "units": (
        "units", "quantity", "qty", "order_quantity", "order_qty", "units_sold", "menge", "volume",
    ),
    "list_price": ("list_price", "unit_price", "price", "preis"),
    "unit_cost": ("unit_cost", "standard_cost"),
    "discount": ("discount", "discount_amount", "line_discount"),
    "order_id": (
        "order_id", "order_number", "sales_order_number", "sales_order_id", "invoice_no",
        "invoice_id", "invoice", "basket_id", "transaction_id", "receipt_id", "order",
    ),
    "line_number": ("line_number", "line_no", "order_line", "sales_order_line_number", "line"),
    "product_id": (
        "product_id", "product_key", "sku", "item_id", "article_id", "product", "item", "article",
        "upc", "ean", "artikel",
    ),
    "product_name": ("product_name", "product_description", "item_name", "description"),
    "brand": ("brand", "marke"),
    "category": ("category", "product_category", "kategorie"),
    "customer_id": (
        "customer_id", "customer_key", "customer", "household_id", "client_id", "reseller_key",
        "kunde", "kundennummer",
    ),
    "segment": ("segment", "customer_segment", "business_segment", "business_type"),
    "rep_id": ("rep_id", "sales_rep_id", "sales_rep", "salesperson_id", "employee_key"),
    "seller_id": ("seller_id", "sales_person_id", "employee_key", "rep_id", "sr_id"),
    "seller_name": ("seller_name", "rep_name", "sales_rep_name"),
    "developer_id": ("developer_id", "sdr_id"),
    "promotion_id": ("promotion_id", "promotion_key", "promo_id", "special_offer_id", "offer_id"),
    "promotion_name": (
        "promotion_name", "promo_name", "english_promotion_name", "offer_name", "description",
    ),
    "discount_pct": ("discount_pct", "discount_percent", "discount_share", "promo_depth"),
    "starts_on": ("starts_on", "start_date", "starts", "start", "valid_from", "date_key"),
    "ends_on": ("ends_on", "end_date", "ends", "end", "valid_to"),
    "person_id": (
        "person_id", "user_id", "visitor_id", "cookie_id", "cookie", "device_id", "client_id",
    ),
    "occurred_at": ("occurred_at", "event_time", "event_timestamp", "timestamp", "time", "date"),
    "touchpoint_id": ("touchpoint_id", "event_id", "touch_id", "hit_id"),
    "kind": ("kind", "event_type", "interaction", "touch_type"),
    "opportunity_id": ("opportunity_id", "mql_id", "lead_id", "deal_id", "opportunity"),
    "created_at": ("created_at", "first_contact_date", "created_date", "created", "create_date"),
    "closed_at": ("closed_at", "won_date", "close_date", "closed_date"),
    "stage": ("stage", "stage_name", "status"),
    "amount": ("amount", "deal_value", "opportunity_amount", "expected_revenue"),
    "revenue": ("revenue_quota", "quota", "sales_amount_quota", "sales_quota"),
    "holiday": ("holiday", "holiday_name", "feiertag"),
    "country": ("country_code", "country"),
    "events": ("events", "event", "event_name"),
}  # fmt: skip

_SPEND = re.compile(r"(?P<channel>.+?)[ _](?:S|(?i:spend|cost|spent|kosten))")
_EXPOSURES = (
    ("impressions", re.compile(r"(?P<channel>.+?)[ _](?:I|(?i:impressions?|impr|imps|views))")),
    ("clicks", re.compile(r"(?P<channel>.+?)[ _](?:(?i:clicks?)[ _]P|(?i:clicks?)|P)")),
    ("reach", re.compile(r"(?P<channel>.+?)[ _](?:R|(?i:reach))")),
)
_PAID = re.compile(r"(?i)organic|owned|earned")


def plain(name: str) -> str:
    """A column's name in the way of this house: small letters, words joined by `_`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    letters = spaced.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")


def currency_in(name: str) -> str | None:
    """The currency that a column's name ends with: `Amount spent (EUR)`, `spend_usd`."""
    last = plain(name).rpartition("_")[2].upper()
    common = {"EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK", "PLN", "CAD", "AUD", "CNY"}
    return last if "_" in plain(name) and last in common & codes.currencies() else None


def roles(columns: Iterable[str]) -> dict[str, list[str]]:
    """For each role the columns that go by one of its names, the likeliest first."""
    by_name: dict[str, list[str]] = {}
    for column in columns:
        word = plain(column)
        by_name.setdefault(word, []).append(column)
        code = currency_in(column)
        if code is not None:
            by_name.setdefault(word.rpartition("_")[0], []).append(column)
    return {
        role: [column for name in names for column in by_name.get(name, ())]
        for role, names in NAMES.items()
        if any(name in by_name for name in names)
    }


def media(columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Media in wide form: channel: contract column (spend, impressions, ...): source column.

    Columns such as `tv_S`, `Search spend`, `facebook_I`, `search_clicks_P`.
    """
    found: dict[str, dict[str, str]] = {}
    names = list(columns)
    for column in names:
        if match := _SPEND.fullmatch(column):
            found.setdefault(plain(match["channel"]), {})["spend"] = column
    for measure, pattern in _EXPOSURES:
        for column in names:
            match = pattern.fullmatch(column)
            if not match:
                continue
            channel = plain(match["channel"])
            if channel in found or _PAID.search(channel):
                found.setdefault(channel, {}).setdefault(measure, column)
    return found
