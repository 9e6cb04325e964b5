"""Four advertising platforms on a server of loopback: they page, throttle, fail and restate."""

from __future__ import annotations

import itertools
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingestion.connectors import requesting

SECRETS = {
    "DEVELOPER_TOKEN": "kanarie-developer-7f3a/+=9",
    "CLIENT_ID": "kanarie-client-id-55",
    "CLIENT_SECRET": "kanarie-client-secret-e8&?c",
    "REFRESH_TOKEN": "1//kanarie-refresh-d41d8",
    "ACCESS_TOKEN": "kanarie-access-EAAB%20x7",
}
ISSUED = "kanarie-issued-token"
ACCOUNT = "1234567890"
# A day that has ended everywhere, and will not be another at midnight.
LAST = datetime.now(UTC).date() - timedelta(days=3)


@dataclass
class Ad:
    """What an advertisement did on a day; money to the sixth place."""

    campaign: int
    spend: Decimal
    impressions: int = 1000
    clicks: int = 10
    conversions: Decimal = Decimal("1.5")
    value: Decimal = Decimal("99.990001")

    @property
    def group(self) -> int:
        return self.campaign * 10 + 1

    @property
    def id(self) -> int:
        return self.campaign * 100 + 11


@dataclass
class Fault:
    """What the next report request meets instead of its answer."""

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "answer"


@dataclass
class Company:
    """All four platforms hold the same advertising, and tell it each in its own shape."""

    port: int = 0
    days: dict[date, list[Ad]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    fault_at: dict[date, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    lifetime: int = 3600
    valid: set[str] = field(default_factory=lambda: {SECRETS["ACCESS_TOKEN"]})
    page: int = 2
    zone: str = "America/New_York"
    repeats: bool = False
    trades: int = 0
    lost: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def days_asked(self) -> list[str]:
        """Days in the order they were asked for; a day with three pages comes thrice."""
        return list(self.asked)

    def expire(self) -> None:
        self.valid.clear()


Answer = tuple[int, Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: in two, each answer waits 40 ms for its own acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    company: Company

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._reply(None)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self._reply(self.rfile.read(length))

    def _reply(self, body: bytes | None) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/token":
            self._send(*self._trade(body or b""))
            return
        name, _, path = parts.path.lstrip("/").partition("/")
        answer = {
            "google": self._google,
            "meta": self._meta,
            "linkedin": self._linkedin,
            "tiktok": self._tiktok,
        }[name]
        self._send(*answer(path, query, json.loads(body) if body else {}))

    def _send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        if isinstance(document, Fault):
            fault = document
            if fault.how == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                self.close_connection = True
                return
            # A server that echoes the token it was asked with.
            token = min(self.company.valid, default="")
            content = (fault.body or b"").replace(b"@TOKEN@", token.encode())
            status, headers = fault.status, fault.headers
            length = len(content) + (100 if fault.how == "short" else 0)
            self.close_connection = fault.how == "short"
        else:
            content = json.dumps(document, default=str).encode()
            length = len(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    def _trade(self, body: bytes) -> Answer:
        told = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        wanted = {
            "grant_type": "refresh_token",
            "client_id": SECRETS["CLIENT_ID"],
            "client_secret": SECRETS["CLIENT_SECRET"],
            "refresh_token": SECRETS["REFRESH_TOKEN"],
        }
        if told != wanted or self.company.lost:
            return 400, {"error": "invalid_grant", "error_description": f"no {told}"}
        self.company.trades += 1
        token = f"{ISSUED}-{self.company.trades}"
        self.company.valid = {token}
        return 200, {"access_token": token, "expires_in": self.company.lifetime}

    def _bearer(self) -> bool:
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        return scheme == "Bearer" and token in self.company.valid

    def _day(self, day: date, page: int) -> tuple[Fault | None, list[Ad], bool]:
        """A fault, or the ads of a page and whether there is another."""
        company = self.company
        company.asked.append(day.isoformat())
        if company.faults:
            return company.faults.pop(0), [], False
        if day in company.fault_at:
            return company.fault_at[day], [], False
        ads = company.days.get(day, [])
        if company.repeats:
            return None, ads[: company.page], True
        shown = ads[page * company.page : (page + 1) * company.page]
        return None, shown, (page + 1) * company.page < len(ads)

    # Each platform's own words from here on.

    def _google(self, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        assert path == f"customers/{ACCOUNT}/googleAds:search"
        assert not query
        if not self._bearer():
            return 401, {"error": {"code": 401, "message": "Request had invalid credentials."}}
        if self.headers.get("developer-token") != SECRETS["DEVELOPER_TOKEN"]:
            return 403, {"error": {"code": 403, "message": "The developer token is not valid."}}
        assert set(body) <= {"query", "pageToken"}
        if "FROM customer" in body["query"]:
            told = {
                "id": ACCOUNT, "descriptiveName": "Hut & Co", "currencyCode": "USD",
                "timeZone": self.company.zone,
            }  # fmt: skip
            return 200, {"results": [{"customer": told}], "fieldMask": "customer.id"}
        found = re.search(r"segments\.date = '(.*?)'", body["query"])
        assert found
        day = date.fromisoformat(found[1])
        page = int((body.get("pageToken") or "p0")[1:])
        fault, ads, more = self._day(day, page)
        if fault:
            return 200, fault
        results = [
            {
                "campaign": {"id": str(ad.campaign), "name": f"Campaign {ad.campaign}"},
                "adGroup": {"id": str(ad.group), "name": f"Group {ad.group}"},
                "adGroupAd": {"ad": {"id": str(ad.id), "name": f"Ad {ad.id}"}},
                "segments": {"date": str(day)},
                "metrics": {
                    "costMicros": str(int(ad.spend * 10**6)),
                    "impressions": str(ad.impressions),
                    "clicks": str(ad.clicks),
                    "conversions": float(ad.conversions),
                    "conversionsValue": float(ad.value),
                },
            }
            for ad in ads
        ]
        document: dict[str, Any] = {"fieldMask": "campaign.id"} | (
            {"results": results} if results else {}
        )
        return 200, document | ({"nextPageToken": f"p{page + 1}"} if more else {})

    def _meta(self, path: str, query: dict[str, str], _: dict[str, Any]) -> Answer:
        if not self._bearer():
            message = "Error validating access token: Session has expired"
            return 400, {"error": {"message": message, "type": "OAuthException", "code": 190}}
        if path == f"act_{ACCOUNT}":
            told = {"name": "Hut & Co", "currency": "USD", "timezone_name": self.company.zone}
            return 200, told | {"id": path}
        assert path == f"act_{ACCOUNT}/insights"
        asked = json.loads(query["time_range"])
        assert asked["since"] == asked["until"]
        day = date.fromisoformat(asked["since"])
        page = int(query.get("after", "0"))
        fault, ads, more = self._day(day, page)
        if fault:
            return 200, fault
        rows = [
            {
                "campaign_id": str(ad.campaign),
                "campaign_name": f"Campaign {ad.campaign}",
                "adset_id": str(ad.group),
                "adset_name": f"Group {ad.group}",
                "ad_id": str(ad.id),
                "ad_name": f"Ad {ad.id}",
                "spend": str(ad.spend),
                "impressions": str(ad.impressions),
                "clicks": str(ad.clicks),
                "reach": "400",
                "frequency": "2.5",
                "actions": [
                    {"action_type": "link_click", "value": "7"},
                    {"action_type": "omni_purchase", "value": str(ad.conversions)},
                ],
                "action_values": [{"action_type": "omni_purchase", "value": str(ad.value)}],
                "date_start": str(day),
                "date_stop": str(day),
            }
            for ad in ads
        ]
        paging: dict[str, Any] = {"cursors": {"before": str(page), "after": str(page + 1)}}
        if more:
            token = (self.headers.get("Authorization") or "").partition(" ")[2]
            paging["next"] = f"{self.company.url}/meta/{path}?access_token={token}&after={page + 1}"
        return 200, {"data": rows, "paging": paging} if rows else {"data": []}

    def _linkedin(self, path: str, query: dict[str, str], _: dict[str, Any]) -> Answer:
        if not self._bearer():
            return 401, {"status": 401, "code": "EXPIRED_ACCESS_TOKEN", "message": "Expired token"}
        assert self.headers.get("X-Restli-Protocol-Version") == "2.0.0"
        assert re.fullmatch(r"20[0-9]{4}", self.headers.get("LinkedIn-Version") or "")
        if path == f"adAccounts/{ACCOUNT}":
            return 200, {"id": int(ACCOUNT), "name": "Hut & Co", "currency": "USD"}
        if path.startswith("adAccounts/"):
            return 200, self._linkedin_names(path.rpartition("/")[2], query)
        assert path == "adAnalytics"
        assert f"accounts=List(urn%3Ali%3AsponsoredAccount%3A{ACCOUNT})" in self.path
        found = re.search(
            r"dateRange=\(start:\(year:(\d+),month:(\d+),day:(\d+)\),end:\(year:\1,month:\2,day:\3\)\)",
            self.path,
        )
        assert found
        day = date(*map(int, found.groups()))
        start = int(query["start"])
        fault, ads, more = self._day(day, start // self.company.page)
        if fault:
            return 200, fault
        kind = {"CAMPAIGN_GROUP": "campaign", "CAMPAIGN": "group", "CREATIVE": "id"}
        urn = {"CAMPAIGN_GROUP": "CampaignGroup", "CAMPAIGN": "Campaign", "CREATIVE": "Creative"}
        pivot = query["pivot"]
        told = {"year": day.year, "month": day.month, "day": day.day}
        elements = [
            {
                "pivotValues": [f"urn:li:sponsored{urn[pivot]}:{getattr(ad, kind[pivot])}"],
                "dateRange": {"start": told, "end": told},
                "costInLocalCurrency": str(ad.spend),
                "impressions": ad.impressions,
                "clicks": ad.clicks,
                "externalWebsiteConversions": float(ad.conversions),
                "conversionValueInLocalCurrency": str(ad.value),
            }
            for ad in ads
        ]
        links = [{"rel": "next", "href": "/adAnalytics?start=..."}] if more else []
        return 200, {
            "elements": elements,
            "paging": {"start": start, "count": len(elements), "links": links},
        }

    def _linkedin_names(self, kind: str, query: dict[str, str]) -> Any:
        ads = {ad.campaign: ad for day in self.company.days.values() for ad in day}
        every = [
            {
                "adCampaignGroups": {"id": ad.campaign, "name": f"Campaign {ad.campaign}"},
                "adCampaigns": {
                    "id": ad.group,
                    "name": f"Group {ad.group}",
                    "campaignGroup": f"urn:li:sponsoredCampaignGroup:{ad.campaign}",
                },
                "creatives": {
                    "id": f"urn:li:sponsoredCreative:{ad.id}",
                    "name": f"Ad {ad.id}",
                    "campaign": f"urn:li:sponsoredCampaign:{ad.group}",
                },
            }[kind]
            for ad in ads.values()
        ]
        page = int(query.get("pageToken", "0"))
        shown, rest = every[page : page + 2], every[page + 2 :]
        return {"elements": shown, "metadata": {"nextPageToken": str(page + 2)} if rest else {}}

    def _tiktok(self, path: str, query: dict[str, str], _: dict[str, Any]) -> Answer:
        if self.headers.get("Access-Token") not in self.company.valid:
            return 200, {"code": 40105, "message": "Access token is incorrect or has been revoked."}
        ok = {"code": 0, "message": "OK", "request_id": "1"}
        if path == "advertiser/info/":
            assert json.loads(query["advertiser_ids"]) == [ACCOUNT]
            told = {"name": "Hut & Co", "currency": "USD", "timezone": "Etc/GMT+5"}
            return 200, ok | {"data": {"list": [told | {"display_timezone": self.company.zone}]}}
        assert path == "report/integrated/get/"
        assert query["advertiser_id"] == ACCOUNT
        day = date.fromisoformat(query["start_date"])
        page = int(query["page"])
        fault, ads, _more = self._day(day, page - 1)
        if fault:
            return 200, fault
        dimension = json.loads(query["dimensions"])[0]
        listed = [
            {
                "dimensions": {
                    dimension: {
                        "campaign_id": str(ad.campaign),
                        "adgroup_id": str(ad.group),
                        "ad_id": str(ad.id),
                    }[dimension],
                    "stat_time_day": f"{day} 00:00:00",
                },
                "metrics": {
                    "campaign_id": str(ad.campaign),
                    "campaign_name": f"Campaign {ad.campaign}",
                    "adgroup_id": str(ad.group),
                    "adgroup_name": f"Group {ad.group}",
                    "ad_name": f"Ad {ad.id}",
                    "spend": str(ad.spend),
                    "impressions": str(ad.impressions),
                    "clicks": str(ad.clicks),
                    "reach": "400",
                    "frequency": "2.5",
                    "conversion": str(ad.conversions),
                },
            }
            for ad in ads
        ]
        total = -(-len(self.company.days.get(day, [])) // self.company.page)
        total = 10**6 if self.company.repeats else total
        info = {"page": page, "page_size": self.company.page, "total_page": total}
        return 200, ok | {"data": {"list": listed, "page_info": info}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A connection that was cut on purpose is no news."""


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """Three days of five campaigns, on a server of this test's own."""
    told = Company()
    for offset, number in itertools.product(range(3), range(1, 6)):
        day = LAST - timedelta(days=offset)
        spend = Decimal(f"{number}{offset}.00000{number}")
        told.days.setdefault(day, []).append(Ad(number, spend))
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"company": told}))
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setattr(
        requesting,
        "PATIENCE",
        requesting.Patience(
            attempts=4, first_wait=0.01, longest_wait=2, jitter=0.01, total=20, connect=5, read=5
        ),
    )
    for key, value in SECRETS.items():
        monkeypatch.setenv(f"CANARY_{key}", value)
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def fault_type() -> type[Fault]:
    return Fault
