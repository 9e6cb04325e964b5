"""Google Ads: a query in GAQL, pages by token, money in micros.

At `level: campaign` every campaign is in the report. Campaigns without ad groups (Performance Max)
are in no report of ad groups or ads: below `campaign` their spend is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

from ingestion.connectors.reports.report import (
    Account,
    Platform,
    Row,
    account_of,
    decimal,
    maybe_number,
    maybe_text,
    plain,
    row_of,
    same_day,
    text,
    value,
)
from ingestion.connectors.requesting import Caller, Question
from ingestion.mapping import ApiInput

_FIELDS = {
    "campaign": ("campaign", ()),
    "ad_group": ("ad_group", ("ad_group.id", "ad_group.name")),
    "ad": (
        "ad_group_ad",
        ("ad_group.id", "ad_group.name", "ad_group_ad.ad.id", "ad_group_ad.ad.name"),
    ),
}
# What an answer without a row still may tell.
_WITHOUT_RESULTS = frozenset(
    {"fieldMask", "queryResourceConsumption", "requestId", "summaryRow", "totalResultsCount"}
)


def _search(account: str, query: str) -> Question:
    # Pages have a size of their own here: asking for one is an error since version 17.
    return Question(
        f"customers/{account}/googleAds:search",
        rows="results",
        method="POST",
        json={"query": query},
        beside=_WITHOUT_RESULTS,
        paging=lambda: JSONResponseCursorPaginator(
            cursor_path="nextPageToken", cursor_body_path="pageToken"
        ),
    )


def _account(call: Caller, account: str, _: ApiInput) -> Account:
    fields = "customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone"
    row = call.one(_search(account, f"SELECT {fields} FROM customer"))  # noqa: S608
    return account_of(
        call,
        account,
        maybe_text(row, "customer.descriptiveName"),
        value(call, row, "customer.currencyCode"),
        [value(call, row, "customer.timeZone")],
    )


def _day(call: Caller, account: Account, day: date, spec: ApiInput) -> Iterator[Row]:
    resource, more = _FIELDS[spec.level]
    fields = ", ".join((
        "segments.date", "campaign.id", "campaign.name", *more, "metrics.cost_micros",
        "metrics.impressions", "metrics.clicks", "metrics.conversions",
        "metrics.conversions_value",
    ))  # fmt: skip
    query = f"SELECT {fields} FROM {resource} WHERE segments.date = '{day}'"  # noqa: S608
    for row in call.rows(_search(account.id, query)):
        yield row_of(account, "google_ads", **_cells(call, row, day, spec))


def _cells(call: Caller, row: Any, day: date, spec: ApiInput) -> Row:
    micros = decimal(call, value(call, row, "metrics.costMicros"), "metrics.costMicros")
    cells: Row = {
        "date_day": same_day(call, value(call, row, "segments.date"), day),
        "campaign_id": text(call, row, "campaign.id"),
        "campaign_name": maybe_text(row, "campaign.name"),
        "spend": plain(micros.scaleb(-6)),
        "impressions": maybe_number(call, row, "metrics.impressions"),
        "clicks": maybe_number(call, row, "metrics.clicks"),
        "conversions": maybe_number(call, row, "metrics.conversions"),
        "conversions_value": maybe_number(call, row, "metrics.conversionsValue"),
    }
    if spec.level != "campaign":
        cells["ad_group_id"] = text(call, row, "adGroup.id")
        cells["ad_group_name"] = maybe_text(row, "adGroup.name")
    if spec.level == "ad":
        cells["ad_id"] = text(call, row, "adGroupAd.ad.id")
        cells["ad_name"] = maybe_text(row, "adGroupAd.ad.name")
    return cells


GOOGLE_ADS = Platform(
    name="Google Ads",
    base_url="https://googleads.googleapis.com/{version}",
    version="v22",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106
    credentials=(
        "developer_token",
        "client_id",
        "client_secret",
        "refresh_token",
        "access_token",
        "login_customer_id",
    ),
    secret_headers={
        "developer-token": "developer_token",
        "login-customer-id": "login_customer_id",
    },
    account=_account,
    day=_day,
)
