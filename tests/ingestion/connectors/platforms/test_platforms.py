"""Platforms: exact rows of four shapes, and what a bad day of the network does to them."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.extract import Extract
from warehouse.errors import SourceError

ADDRESS = {"google_ads": "google", "meta": "meta", "linkedin": "linkedin", "tiktok": "tiktok"}
REFRESHED = """
      client_id: ${CANARY_CLIENT_ID}
      client_secret: ${CANARY_CLIENT_SECRET}
      refresh_token: ${CANARY_REFRESH_TOKEN}"""
CREDENTIALS = {
    "google_ads": f"{REFRESHED}\n      developer_token: ${{CANARY_DEVELOPER_TOKEN}}",
    "meta": "\n      access_token: ${CANARY_ACCESS_TOKEN}",
    "linkedin": REFRESHED,
    "tiktok": "\n      access_token: ${CANARY_ACCESS_TOKEN}",
}
PLATFORMS = list(ADDRESS)
every_platform = pytest.mark.parametrize("platform", PLATFORMS)


def declared(company: Any, platform: str, **keys: Any) -> str:
    """The input `report` of a mapping."""
    told: dict[str, Any] = {"pull_days": 3, "page_rows": 2} | keys
    token = (
        f"    token_url: {company.url}/token\n" if platform in ("google_ads", "linkedin") else ""
    )
    return (
        f"apis:\n  report:\n    platform: {platform}\n"
        f"    base_url: {company.url}/{ADDRESS[platform]}\n{token}"
        "    accounts: ['1234567890']\n"
        + "".join(f"    {key}: {value}\n" for key, value in told.items())
        + f"    credentials:{CREDENTIALS[platform]}\n"
    )


def pull(reader: Any, company: Any, platform: str, *, how: Any = None, **keys: Any) -> Extract:
    how = {"end": max(company.days, default=date(2026, 1, 1)) + timedelta(days=1)} | (how or {})
    found: Extract = reader.extract(declared(company, platform, **keys), "report", **how)
    return found


def spend_of(reader: Any, found: Extract) -> dict[tuple[str, str], Decimal]:
    return {
        (row["date_day"], row["campaign_id"]): Decimal(row["spend"]) for row in reader.rows(found)
    }


def truth(company: Any) -> dict[tuple[str, str], Decimal]:
    return {
        (str(day), str(ad.campaign)): ad.spend for day, ads in company.days.items() for ad in ads
    }


@every_platform
@pytest.mark.parametrize("level", ["campaign", "ad_group", "ad"])
def test_every_row_arrives_exactly(reader: Any, company: Any, platform: str, level: str) -> None:
    found = pull(reader, company, platform, level=level)
    assert spend_of(reader, found) == truth(company)
    assert found.rows == 15
    last = max(company.days)
    assert found.covers == (last - timedelta(days=2), last)
    (row,) = [
        row
        for row in reader.rows(found)
        if (row["date_day"], row["campaign_id"]) == (str(last), "4")
    ]
    deep = {"campaign": 0, "ad_group": 1, "ad": 2}[level]
    has_reach = platform in ("meta", "tiktok")
    assert row == {
        "date_day": str(last),
        "platform": platform,
        "account_id": "1234567890",
        "account_name": "Hut & Co",
        "campaign_id": "4",
        "campaign_name": "Campaign 4",
        "ad_group_id": "41" if deep >= 1 else None,
        "ad_group_name": "Group 41" if deep >= 1 else None,
        "ad_id": "411" if deep >= 2 else None,
        "ad_name": "Ad 411" if deep >= 2 else None,
        "spend": "40.000004",
        "currency_code": "USD",
        "impressions": "1000",
        "clicks": "10",
        "reach": "400" if has_reach else None,
        "frequency": "2.5" if has_reach else None,
        "conversions": "1.5",
        "conversions_value": None if platform == "tiktok" else "99.990001",
        "time_zone": "Etc/UTC" if platform == "linkedin" else "America/New_York",
        "_row_number": row["_row_number"],
    }
    # Five rows a day at two a page.
    assert set(Counter(company.asked).values()) == {3}


@every_platform
def test_a_day_without_advertising_is_no_row_and_no_error(
    reader: Any, company: Any, platform: str
) -> None:
    company.days.clear()
    found = pull(reader, company, platform)
    assert found.rows == 0
    assert "no row" in found.notices[0]


@every_platform
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 500},
        {"status": 503, "body": b"<html>down</html>"},
        {"how": "reset"},
        {"how": "short", "body": b'{"data": ['},
    ],
    ids=["429", "500", "503", "reset", "short"],
)
def test_passing_trouble_is_waited_out(
    reader: Any, company: Any, platform: str, fault: dict[str, Any], fault_type: Any
) -> None:
    company.faults = [fault_type(**fault)]
    found = pull(reader, company, platform)
    assert spend_of(reader, found) == truth(company)
    assert any("asking again" in line for line in reader.said)
    if "headers" in fault:
        assert any(re.search("HTTP 429, asking again in 1 s", line) for line in reader.said)


@every_platform
def test_trouble_that_stays_is_one_sentence_and_the_days_pulled_are_kept(
    reader: Any, company: Any, platform: str, fault_type: Any
) -> None:
    middle = sorted(company.days)[1]
    company.fault_at[middle] = fault_type(status=500)
    with pytest.raises(SourceError, match=r"no time for us.*HTTP 500.*Land again later"):
        pull(reader, company, platform)
    assert Counter(company.asked)[str(middle)] == 4  # as often as patience allows
    company.fault_at.clear()
    company.asked.clear()
    found = pull(reader, company, platform)
    assert spend_of(reader, found) == truth(company)
    assert sorted(set(company.asked)) == [str(day) for day in sorted(company.days)[1:]]
    assert any("going on" in line for line in reader.said)


def test_a_wait_beyond_patience_ends_at_once(reader: Any, company: Any, fault_type: Any) -> None:
    company.faults = [fault_type(status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(SourceError, match="asked again after 3600"):
        pull(reader, company, "meta")
    assert len(company.asked) == 1


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        ("meta", {"error": {"code": 17, "message": "User request limit reached"}}),
        ("tiktok", {"code": 40100, "message": "Too many requests", "data": {}}),
        ("tiktok", {"code": 51305, "message": "System busy", "data": {}}),
    ],
)
def test_throttling_that_http_does_not_tell_is_waited_out_too(
    reader: Any, company: Any, platform: str, body: Any, fault_type: Any
) -> None:
    status = 400 if platform == "meta" else 200
    company.faults = [fault_type(status=status, body=json.dumps(body).encode())]
    assert spend_of(reader, pull(reader, company, platform)) == truth(company)


@pytest.mark.parametrize("platform", ["google_ads", "linkedin"])
def test_tokens_are_traded_when_they_run_out(reader: Any, company: Any, platform: str) -> None:
    pull(reader, company, platform)
    assert company.trades == 1
    company.lifetime = 1
    company.asked.clear()
    pull(reader, company, platform, how={"state": {}}, level="ad_group")
    assert company.trades > 9  # each request finds its token run out


@pytest.mark.parametrize("platform", ["google_ads", "linkedin"])
def test_one_401_brings_a_new_token(
    reader: Any, company: Any, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class Asked(list[str]):
        def append(self, day: str) -> None:
            super().append(day)
            if len(self) == 4:
                company.expire()
            seen.append(day)

    monkeypatch.setattr(company, "asked", Asked())
    assert spend_of(reader, pull(reader, company, platform)) == truth(company)
    assert company.trades == 2


@every_platform
def test_a_token_that_is_not_accepted_is_said(reader: Any, company: Any, platform: str) -> None:
    company.expire()
    company.lost = True
    with pytest.raises(SourceError, match=r"token.*Renew the credentials"):
        pull(reader, company, platform)
    assert not company.asked


@every_platform
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!DOCTYPE html><html>Log in</html>", "expected JSON; got HTML"),
        (b'{"data": [{"campaign_id": "1"', "not whole JSON"),
        (b"[]", "expected an object"),
        (b'{"code": 0, "rows": []}', "rows"),
    ],
    ids=["html", "cut", "list", "unknown"],
)
def test_an_answer_of_another_kind_is_an_error(
    reader: Any, company: Any, platform: str, *, body: bytes, expected: str, fault_type: Any
) -> None:
    if platform == "google_ads" and b"rows" in body:
        # Google leaves the list out when there is nothing to tell, but never all that it knows.
        body, expected = b'{"rows": []}', "'rows'"
    company.faults = [fault_type(body=body)]
    with pytest.raises(SourceError, match=expected):
        pull(reader, company, platform)


@every_platform
def test_a_missing_field_is_named(
    reader: Any, company: Any, platform: str, fault_type: Any
) -> None:
    day = str(min(company.days))
    told = {"year": int(day[:4]), "month": int(day[5:7]), "day": int(day[8:])}
    rows = {
        "google_ads": {"results": [{"campaign": {"id": "1"}, "segments": {"date": day},
                                    "metrics": {"cost_micros": "1"}}]},
        "meta": {"data": [{"campaign_id": "1", "date_start": day, "spent": "1"}]},
        "linkedin": {"elements": [{"pivotValues": ["urn:li:sponsoredCampaignGroup:1"],
                                   "dateRange": {"start": told}, "costInLocalCurency": "1"}]},
        "tiktok": {"code": 0, "data": {"list": [{"dimensions": {"campaign_id": "1",
                   "stat_time_day": day}, "metrics": {"spent": "1"}}],
                   "page_info": {"total_page": 1}}},
    }  # fmt: skip
    company.faults = [fault_type(body=json.dumps(rows[platform]).encode())]
    with pytest.raises(SourceError, match=r"nearest is '(costMicros|cost_micros|spent|costIn.*)'"):
        pull(reader, company, platform)


@every_platform
def test_paging_without_an_end_is_an_error(reader: Any, company: Any, platform: str) -> None:
    company.repeats = True
    with pytest.raises(SourceError, match="page 2 again"):
        pull(reader, company, platform)


def test_rows_of_another_day_are_refused(reader: Any, company: Any, fault_type: Any) -> None:
    body = {"data": [{"campaign_id": "1", "date_start": "2020-01-01", "spend": "1"}]}
    company.faults = [fault_type(body=json.dumps(body).encode())]
    with pytest.raises(SourceError, match="a row of '2020-01-01'"):
        pull(reader, company, "meta")


@pytest.mark.parametrize("spend", ['"NaN"', '"12,50"', "true", "null", "[]"])
def test_money_that_is_no_number_is_refused(
    reader: Any, company: Any, spend: str, fault_type: Any
) -> None:
    day = min(company.days)
    body = f'{{"data": [{{"campaign_id": "1", "date_start": "{day}", "spend": {spend}}}]}}'
    company.faults = [fault_type(body=body.encode())]
    with pytest.raises(SourceError, match="expected a number"):
        pull(reader, company, "meta")


def test_a_redirect_is_not_followed(reader: Any, company: Any, fault_type: Any) -> None:
    company.faults = [fault_type(status=302, headers={"Location": "http://127.0.0.1:1/"})]
    with pytest.raises(SourceError, match="HTTP 302"):
        pull(reader, company, "tiktok")


def test_secrets_travel_by_https_only(reader: Any, company: Any) -> None:
    asked = declared(company, "meta").replace(company.url, "http://graph.example.com")
    with pytest.raises(SourceError, match="not safe for secrets"):
        reader.extract(asked, "report")


def test_no_server_is_one_sentence(reader: Any, company: Any) -> None:
    asked = declared(company, "meta").replace(company.url, "http://127.0.0.1:1")
    with pytest.raises(SourceError, match="cannot be reached"):
        reader.extract(asked, "report")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"accounts": "['12x']"}, "not an account of Meta"),
        ({"accounts": "['../../x']"}, "not an account"),
        ({"accounts": "[act_1234567890, '1234567890']"}, "named twice"),
    ],
)
def test_accounts_are_checked(reader: Any, company: Any, keys: Any, expected: str) -> None:
    asked = declared(company, "meta").replace("    accounts: ['1234567890']\n", "")
    accounts = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    asked = asked.replace("    pull_days", f"{accounts}    pull_days")
    with pytest.raises(SourceError, match=expected):
        reader.extract(asked, "report")


def test_nothing_is_written_outside_the_lake(
    reader: Any, company: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    pull(reader, company, "google_ads")
    assert not [*home.iterdir(), *here.iterdir()]


def test_days_are_pulled_to_the_window_and_its_restated_days() -> None:
    from ingestion.connectors.platforms import window
    from ingestion.mapping import ApiInput

    def days(first_day: str | None = None, **how: Any) -> tuple[str, str]:
        declared = ApiInput.model_validate(
            {"platform": "meta", "accounts": ["1"], "first_day": first_day, "pull_days": 28}
        )
        given = {key: date.fromisoformat(value) for key, value in how.items()}
        told: dict[str, Any] = {"start": None, "end": None, "through": None} | given
        first, last = window(declared, date(2026, 3, 31), where="x", **told)
        return str(first), str(last)

    assert days() == ("2026-03-04", "2026-03-31")
    assert days("2025-01-01") == ("2025-01-01", "2026-03-31")
    assert days("2026-03-20") == ("2026-03-20", "2026-03-31")
    # A day later, and after two days without a run.
    assert days("2025-01-01", through="2026-03-30") == ("2026-03-03", "2026-03-31")
    assert days("2025-01-01", through="2026-03-31") == ("2026-03-04", "2026-03-31")
    # What was restated while nobody pulled is asked for, from when it could still change.
    assert days("2025-01-01", through="2026-01-31") == ("2026-01-04", "2026-03-31")
    # A backfill, and a window that ends before today.
    assert days("2025-01-01", through="2026-03-31", start="2025-06-01", end="2025-07-01") == (
        "2025-06-01",
        "2025-06-30",
    )
    assert days("2025-01-01", through="2026-03-31", start="2026-03-31", end="2026-04-01") == (
        "2026-03-04",
        "2026-03-31",
    )
    with pytest.raises(SourceError, match="no day of the window has ended"):
        days("2026-05-01")
