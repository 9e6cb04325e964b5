"""Meta (Facebook, Instagram): Graph pages, spend as text, conversions in a list of actions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import requests
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

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
    total,
    value,
)
from ingestion.connectors.requesting import Caller, Question
from ingestion.mapping import ApiInput

_LEVELS = {
    "campaign": ("campaign", ()),
    "ad_group": ("adset", ("adset_id", "adset_name")),
    "ad": ("ad", ("adset_id", "adset_name", "ad_id", "ad_name")),
}
# Too many calls of the app, the user, the page, the account; and two of passing trouble.
_LATER = {1, 2, 4, 17, 32, 613, *range(80000, 80015)}
_TOKEN = {102, 190}


class _GraphPages(JSONResponseCursorPaginator):
    """Graph gives a cursor on its last page too; `next` tells whether there is another.

    The address in `next` itself holds the access token, and is not used.
    """

    def __init__(self) -> None:
        super().__init__(cursor_path="paging.cursors.after", cursor_param="after")

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if not optional(response.json(), "paging.next"):
            self._next_reference = None


def _account(call: Caller, account: str, _: ApiInput) -> Account:
    row = call.one(
        Question(f"act_{account}", rows="$", params={"fields": "name,currency,timezone_name"})
    )
    return account_of(
        call,
        account,
        maybe_text(row, "name"),
        value(call, row, "currency"),
        [value(call, row, "timezone_name")],
    )


def _day(call: Caller, account: Account, day: date, spec: ApiInput) -> Iterator[Row]:
    level, more = _LEVELS[spec.level]
    fields = (
        "campaign_id", "campaign_name", *more, "spend", "impressions", "clicks", "reach",
        "frequency", "actions", "action_values",
    )  # fmt: skip
    question = Question(
        f"act_{account.id}/insights",
        rows="data",
        params={
            "level": level,
            "time_increment": 1,
            "time_range": json.dumps({"since": str(day), "until": str(day)}),
            "fields": ",".join(fields),
            "limit": spec.page_rows,
        },
        paging=_GraphPages,
    )
    for row in call.rows(question):
        yield row_of(account, "meta", **_cells(call, row, day, spec))


def _cells(call: Caller, row: Any, day: date, spec: ApiInput) -> Row:
    cells: Row = {
        "date_day": same_day(call, value(call, row, "date_start"), day),
        "campaign_id": text(call, row, "campaign_id"),
        "campaign_name": maybe_text(row, "campaign_name"),
        "spend": number(call, row, "spend"),
        "impressions": maybe_number(call, row, "impressions"),
        "clicks": maybe_number(call, row, "clicks"),
        "reach": maybe_number(call, row, "reach"),
        "frequency": maybe_number(call, row, "frequency"),
        "conversions": _actions(call, row, "actions", spec),
        "conversions_value": _actions(call, row, "action_values", spec),
    }
    if spec.level != "campaign":
        cells["ad_group_id"] = text(call, row, "adset_id")
        cells["ad_group_name"] = maybe_text(row, "adset_name")
    if spec.level == "ad":
        cells["ad_id"] = text(call, row, "ad_id")
        cells["ad_name"] = maybe_text(row, "ad_name")
    return cells


def _actions(call: Caller, row: Any, key: str, spec: ApiInput) -> str | None:
    """The sum over the action types that a mapping counts as conversions."""
    listed = optional(row, key) or []
    if not isinstance(listed, list):
        raise call.strange(f"no list as {key}", "a list of actions")
    counted = [
        value(call, action, "value")
        for action in listed
        if value(call, action, "action_type") in spec.conversions
    ]
    return total(call, counted, key)


def _judge(status: int, document: Any) -> Verdict:
    code = optional(document, "error.code")
    if code in _TOKEN:
        return "token"
    if code in _LATER:
        return "later"
    return "refused" if code is not None and status < 400 else by_status(status, document)


META = Platform(
    name="Meta",
    base_url="https://graph.facebook.com/{version}",
    version="v24.0",
    credentials=("access_token",),
    prefixes=("act_",),
    account=_account,
    day=_day,
    judge=_judge,
)
