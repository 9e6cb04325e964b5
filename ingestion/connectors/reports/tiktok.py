"""TikTok: numbered pages, and errors inside answers that HTTP calls good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

from ingestion.connectors.answers import Verdict, by_status
from ingestion.connectors.reports.report import (
    Account,
    Platform,
    Row,
    account_of,
    maybe_number,
    maybe_text,
    number,
    optional,
    row_of,
    same_day,
    text,
    value,
)
from ingestion.connectors.requesting import Caller, Question
from ingestion.mapping import ApiInput

_MOST_ROWS = 1000
_LEVELS = {
    "campaign": ("AUCTION_CAMPAIGN", "campaign_id", ("campaign_name",)),
    "ad_group": (
        "AUCTION_ADGROUP",
        "adgroup_id",
        ("campaign_id", "campaign_name", "adgroup_name"),
    ),
    "ad": (
        "AUCTION_AD",
        "ad_id",
        ("campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_name"),
    ),
}
_METRICS = ("spend", "impressions", "clicks", "reach", "frequency", "conversion")
_LATER = {40016, 40100, 40133}
_TOKEN = {40102, 40104, 40105}


def _account(call: Caller, account: str, _: ApiInput) -> Account:
    question = Question(
        "advertiser/info/",
        rows="data.list",
        params={
            "advertiser_ids": json.dumps([account]),
            "fields": json.dumps(["name", "currency", "timezone", "display_timezone"]),
        },
    )
    row = call.one(question)
    return account_of(
        call,
        account,
        maybe_text(row, "name"),
        value(call, row, "currency"),
        [optional(row, "display_timezone"), optional(row, "timezone")],
    )


def _day(call: Caller, account: Account, day: date, spec: ApiInput) -> Iterator[Row]:
    level, dimension, attributes = _LEVELS[spec.level]
    question = Question(
        "report/integrated/get/",
        rows="data.list",
        params={
            "advertiser_id": account.id,
            "report_type": "BASIC",
            "data_level": level,
            "dimensions": json.dumps([dimension, "stat_time_day"]),
            "metrics": json.dumps([*attributes, *_METRICS]),
            "start_date": day.isoformat(),
            "end_date": day.isoformat(),
            "page_size": min(spec.page_rows, _MOST_ROWS),
        },
        paging=lambda: PageNumberPaginator(
            base_page=1, page_param="page", total_path="data.page_info.total_page",
            stop_after_empty_page=False,
        ),
    )  # fmt: skip
    for row in call.rows(question):
        yield row_of(account, "tiktok", **_cells(call, row, day, spec))


def _cells(call: Caller, row: Any, day: date, spec: ApiInput) -> Row:
    at = {"campaign": "dimensions"}.get(spec.level, "metrics")
    cells: Row = {
        "date_day": same_day(call, value(call, row, "dimensions.stat_time_day"), day),
        "campaign_id": text(call, row, f"{at}.campaign_id"),
        "campaign_name": maybe_text(row, "metrics.campaign_name"),
        "spend": number(call, row, "metrics.spend"),
        "impressions": maybe_number(call, row, "metrics.impressions"),
        "clicks": maybe_number(call, row, "metrics.clicks"),
        "reach": maybe_number(call, row, "metrics.reach"),
        "frequency": maybe_number(call, row, "metrics.frequency"),
        "conversions": maybe_number(call, row, "metrics.conversion"),
    }
    if spec.level != "campaign":
        at = {"ad_group": "dimensions"}.get(spec.level, "metrics")
        cells["ad_group_id"] = text(call, row, f"{at}.adgroup_id")
        cells["ad_group_name"] = maybe_text(row, "metrics.adgroup_name")
    if spec.level == "ad":
        cells["ad_id"] = text(call, row, "dimensions.ad_id")
        cells["ad_name"] = maybe_text(row, "metrics.ad_name")
    return cells


def _judge(status: int, document: Any) -> Verdict:
    if status >= 300 or document is None:
        return by_status(status, document)
    code = optional(document, "code")
    if code in _TOKEN:
        return "token"
    if code in _LATER or (isinstance(code, int) and 50000 <= code < 60000):
        return "later"
    # No code at all is an envelope that nobody knows: it is told as one.
    return "fine" if code in (0, None) else "refused"


TIKTOK = Platform(
    name="TikTok",
    base_url="https://business-api.tiktok.com/open_api/{version}",
    version="v1.3",
    credentials=("access_token",),
    secret_headers={"Access-Token": "access_token"},
    bearer=False,
    account=_account,
    day=_day,
    judge=_judge,
)
