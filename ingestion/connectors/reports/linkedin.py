"""LinkedIn: one pivot of adAnalytics, names from other lists, days in UTC.

A campaign group is the campaign here, a campaign the ad group and a creative the advertisement, as
the field's dbt packages have it. LinkedIn answers adAnalytics in one piece and cuts it, without a
word, at 15,000 elements: an answer of that length is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

import requests
from dlt.sources.helpers.rest_client.paginators import (
    JSONResponseCursorPaginator,
    OffsetPaginator,
)

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
    text,
    value,
)
from ingestion.connectors.requesting import Caller, Question
from ingestion.mapping import ApiInput

_CUT_AT = 15_000
_NAMES_A_PAGE = 500
_PIVOTS = {"campaign": "CAMPAIGN_GROUP", "ad_group": "CAMPAIGN", "ad": "CREATIVE"}
_METRICS = (
    "impressions", "clicks", "costInLocalCurrency", "externalWebsiteConversions",
    "conversionValueInLocalCurrency",
)  # fmt: skip


class _LinkedPages(OffsetPaginator):
    """Pages by start and count, for as long as the answer links to a next one."""

    def __init__(self, count: int) -> None:
        super().__init__(
            limit=count, offset_param="start", limit_param="count", total_path=None,
            stop_after_empty_page=True,
        )  # fmt: skip

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        # A page may be shorter than asked for.
        self.value_step = len(data or ())
        super().update_state(response, data)
        links = optional(response.json(), "paging.links") or []
        self._has_next_page = self._has_next_page and any(
            optional(link, "rel") == "next" for link in links
        )


def _account(call: Caller, account: str, spec: ApiInput) -> Account:
    row = call.one(Question(f"adAccounts/{account}", rows="$"))
    # LinkedIn's days are UTC's, whatever the account.
    plain = account_of(
        call, account, maybe_text(row, "name"), value(call, row, "currency"), ["Etc/UTC"]
    )
    names = dict(_names(call, account, "adCampaignGroups", None))
    if spec.level != "campaign":
        names |= _names(call, account, "adCampaigns", "campaignGroup")
    if spec.level == "ad":
        names |= _names(call, account, "creatives", "campaign")
    return Account(plain.id, plain.name, plain.currency, plain.time_zone, names)


def _names(
    call: Caller, account: str, kind: str, parent: str | None
) -> Iterator[tuple[str, tuple[str, str]]]:
    finder = "criteria" if kind == "creatives" else "search"
    question = Question(
        f"adAccounts/{account}/{kind}",
        rows="elements",
        params={"q": finder, "pageSize": 100 if kind == "creatives" else _NAMES_A_PAGE},
        paging=lambda: JSONResponseCursorPaginator(
            cursor_path="metadata.nextPageToken", cursor_param="pageToken"
        ),
    )
    for row in call.rows(question):
        above = _last(text(call, row, parent)) if parent else ""
        yield f"{kind}:{_last(text(call, row, 'id'))}", (maybe_text(row, "name") or "", above)


def _last(urn: str) -> str:
    """The number at the end of urn:li:sponsoredCampaign:123."""
    return urn.rpartition(":")[2]


def _day(call: Caller, account: Account, day: date, spec: ApiInput) -> Iterator[Row]:
    one = f"(year:{day.year},month:{day.month},day:{day.day})"
    urn = quote(f"urn:li:sponsoredAccount:{account.id}", safe="")
    # Rest.li wants its brackets bare, so that they stand in the path's own query.
    query = (
        f"q=analytics&pivot={_PIVOTS[spec.level]}&timeGranularity=DAILY"
        f"&dateRange=(start:{one},end:{one})&accounts=List({urn})"
        f"&fields=pivotValues,dateRange,{','.join(_METRICS)}"
    )
    question = Question(
        f"adAnalytics?{query}", rows="elements", paging=lambda: _LinkedPages(spec.page_rows)
    )
    found = 0
    for row in call.rows(question):
        found += 1
        yield row_of(account, "linkedin", **_cells(call, row, account, day, spec))
    if found >= _CUT_AT:
        raise call.strange(f"{found:,} elements", f"fewer than {_CUT_AT:,}, where it is cut off")


def _cells(call: Caller, row: Any, account: Account, day: date, spec: ApiInput) -> Row:
    began = value(call, row, "dateRange.start")
    told = tuple(optional(began, part) for part in ("year", "month", "day"))
    if told != (day.year, day.month, day.day):
        raise call.strange(f"a row of {told}", f"rows of {day}")
    pivots = value(call, row, "pivotValues")
    if not isinstance(pivots, list) or len(pivots) != 1 or not isinstance(pivots[0], str):
        raise call.strange("pivotValues that are not one", "one URN")
    return {
        "date_day": day.isoformat(),
        **_place(call, account, _last(pivots[0]), spec),
        "spend": number(call, row, "costInLocalCurrency"),
        "impressions": maybe_number(call, row, "impressions"),
        "clicks": maybe_number(call, row, "clicks"),
        "conversions": maybe_number(call, row, "externalWebsiteConversions"),
        "conversions_value": maybe_number(call, row, "conversionValueInLocalCurrency"),
    }


def _place(call: Caller, account: Account, id_: str, spec: ApiInput) -> Row:
    """Identifiers and names of a row, from its own level upwards."""
    cells: Row = {}
    if spec.level == "ad":
        name, above = _known(call, account, f"creatives:{id_}")
        cells |= {"ad_id": id_, "ad_name": name or None}
        id_ = above
    if spec.level != "campaign":
        name, above = _known(call, account, f"adCampaigns:{id_}")
        cells |= {"ad_group_id": id_, "ad_group_name": name or None}
        id_ = above
    name = account.names.get(f"adCampaignGroups:{id_}", ("", ""))[0]
    return cells | {"campaign_id": id_, "campaign_name": name or None}


def _known(call: Caller, account: Account, key: str) -> tuple[str, str]:
    if key not in account.names:
        raise call.strange(f"a row of {key}", "one of the account's own")
    return account.names[key]


LINKEDIN = Platform(
    name="LinkedIn",
    base_url="https://api.linkedin.com/rest",
    version="202603",
    token_url="https://www.linkedin.com/oauth/v2/accessToken",  # noqa: S106
    credentials=("access_token", "client_id", "client_secret", "refresh_token"),
    open_headers=lambda version: {
        "LinkedIn-Version": version,
        "X-Restli-Protocol-Version": "2.0.0",
    },
    prefixes=("urn:li:sponsoredAccount:",),
    account=_account,
    day=_day,
)
