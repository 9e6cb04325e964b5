"""Signing requests: tokens, traded anew when they have run out, and headers that are secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from requests.auth import AuthBase

from ingestion.wording import quoted
from warehouse.errors import SourceError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TOKEN_MARGIN = 60


class RefreshedToken(OAuth2ClientCredentials):
    """An access token traded for a refresh token, again whenever it has run out."""

    def __repr__(self) -> str:
        return "RefreshedToken()"

    # Told each new token, so that it is never said.
    tell: Callable[[str], None] | None = None

    def parse_access_token(self, response_json: Any) -> str:
        token = response_json.get("access_token") if isinstance(response_json, dict) else None
        if not isinstance(token, str) or not token:
            raise ValueError("there is no access_token in the answer")
        if self.tell is not None:
            self.tell(token)
        return token

    def parse_expiration_in_seconds(self, response_json: Any) -> int:
        return max(0, super().parse_expiration_in_seconds(response_json) - _TOKEN_MARGIN)


class Signature(AuthBase):
    """Headers that carry secrets, put on at the last moment: nothing before has them to log."""

    def __init__(
        self, headers: Mapping[str, str], token: str | None, refreshed: RefreshedToken | None
    ) -> None:
        self._headers = dict(headers)
        self._token = token
        self.refreshed = refreshed

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name, value in self._headers.items():
            request.headers[name] = value
        if self.refreshed is not None:
            return self.refreshed(request)  # type: ignore[no-any-return]
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def checked(url: str, where: str) -> str:
    """An address that secrets may travel to.

    Raises:
        SourceError: it is neither https nor this machine's own.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise SourceError(
        "the platform's address is not safe for secrets",
        where=where,
        expected="https://",
        got=quoted(parts.scheme),
        remedy="Correct `base_url` or `token_url`",
    )
