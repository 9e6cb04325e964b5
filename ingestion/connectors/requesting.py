"""Asking a platform over HTTP, patiently: paging, tokens, throttling, and errors in words.

dlt's REST client pages and signs, its waiting rule reads Retry-After; here is what it leaves open:
jitter, a limit to patience, one new token after a 401, numbers kept exact, and that no address,
header or body with a secret is ever said. Nothing of dlt's pipelines, configuration files or
telemetry is used, and no file is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import requests
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests.retry import (
    DEFAULT_RETRY_EXCEPTIONS,
    wait_exponential_retry_after,
)
from dlt.sources.helpers.requests.session import Session
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator, SinglePagePaginator
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_random,
)
from tenacity.stop import stop_base

from ingestion.connectors.answers import NO_JSON, Judge, Verdict, document_of, kind_of
from ingestion.connectors.secrets import Secrets
from ingestion.connectors.signing import RefreshedToken, Signature, checked
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError, printable

_MOST_PAGES = 10_000


@dataclass(frozen=True)
class Patience:
    """How long a platform is borne with; seconds."""

    attempts: int = 6
    first_wait: float = 1
    longest_wait: float = 120
    jitter: float = 1
    total: float = 600
    connect: float = 15
    read: float = 120


PATIENCE = Patience()


@dataclass(frozen=True)
class Question:
    """One question with as many pages as its answer has.

    Args:
        path: below the platform's base address.
        rows: path in the answer of the list of rows, dots between the keys.
        beside: keys of an answer that leaves the list out because it is empty.
        paging: makes the paginator.
    """

    path: str
    rows: str
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    beside: frozenset[str] = frozenset()
    paging: Callable[[], BasePaginator] = SinglePagePaginator


class Caller:
    """Asks one platform for one input.

    Args:
        base_url: https, or loopback.
        where: what errors call it.
        judge: what its answers mean.
        headers: that are no secrets.
        secrets: what is never said; every new token is added.
    """

    def __init__(
        self,
        base_url: str,
        where: str,
        judge: Judge,
        *,
        headers: Mapping[str, str],
        secrets: Secrets,
        say: Callable[[str], None],
    ) -> None:
        self.where = where
        self.base_url = checked(base_url, where)
        self._judge = judge
        self._secrets = secrets
        self._say = say
        self._session = self._make_session()
        self._signature = Signature({}, None, None)
        self._client = RESTClient(
            self.base_url,
            headers=dict(headers),
            session=self._session,
            # dlt would look for its own files in the home and the working folder.
            config=RuntimeConfiguration(),
        )

    def sign(
        self,
        headers: Mapping[str, str],
        *,
        token: str | None = None,
        refresh: Mapping[str, str] | None = None,
        token_url: str = "",
    ) -> None:
        """Sign from now on, with headers, a token, or what a token is traded for."""
        refreshed = None
        if refresh is not None:
            refreshed = RefreshedToken(
                access_token_url=checked(token_url, self.where),
                client_id=refresh["client_id"],
                client_secret=refresh["client_secret"],
                access_token_request_data={
                    "grant_type": "refresh_token",
                    "refresh_token": refresh["refresh_token"],
                },
                session=self._make_session(),
            )
            refreshed.tell = self._secrets.add
        self._signature = Signature(headers, token, refreshed)

    def one(self, question: Question) -> dict[str, Any]:
        """The single object that answers.

        Raises:
            SourceError: as `rows`, or there is none, or more than one.
        """
        found = list(self.rows(question))
        if len(found) != 1:
            raise self.strange(f"{len(found)} objects under {quoted(question.rows)}", "one")
        return found[0]

    def rows(self, question: Question) -> Iterator[dict[str, Any]]:
        """Every row of every page.

        Raises:
            SourceError: the platform refuses, is not there, has no time, answers with what it
                should not, or pages without end.
        """
        seen: set[bytes] = set()
        pages = self._pages(question)
        for number in range(_MOST_PAGES):
            try:
                page = next(pages, None)
            except requests.RequestException as error:
                raise self._unreachable(error) from None
            except (ValueError, TypeError, AttributeError, KeyError):
                # dlt quotes the whole answer here.
                raise self.strange("no word on further pages", "the platform's paging") from None
            if page is None:
                return
            if page and not self._is_new(page, seen):
                raise self.strange(f"page {number + 1} again", "another page, or an end")
            for row in page:
                if not isinstance(row, dict):
                    raise self.strange(f"a row that is {kind_of(row)}", "objects")
                yield row
        raise self.strange(f"more than {_MOST_PAGES:,} pages", "an end")

    def strange(self, got: str, expected: str) -> SourceError:
        """The error of an answer that is not as it should be; `got` is cleaned of secrets."""
        return SourceError(
            "the platform's answer is not as it should be",
            where=self.where,
            expected=expected,
            got=printable(self._secrets.clean(got), 300),
            remedy="If it stays so, the platform has changed its interface: see `version` in "
            "sources/README.md; what was landed before stays",
        )

    def _pages(self, question: Question) -> Iterator[list[Any]]:
        def check(reply: requests.Response, *_: Any, **__: Any) -> None:
            if self._verdict(reply) == "fine":
                self._envelope(reply, question)

        yield from self._client.paginate(
            question.path,
            method=question.method,
            params=dict(question.params),
            json=None if question.json is None else dict(question.json),
            data_selector=question.rows,
            paginator=question.paging(),
            auth=self._signature,
            hooks={"response": [check]},
            # A redirect would carry the headers to another host.
            allow_redirects=False,
        )

    def _is_new(self, page: list[Any], seen: set[bytes]) -> bool:
        content = hashlib.sha256(json.dumps(page, sort_keys=True, default=str).encode()).digest()
        known = content in seen
        seen.add(content)
        return not known

    def _envelope(self, reply: requests.Response, question: Question) -> None:
        document: Any = document_of(reply)
        if document is NO_JSON:
            start = reply.content[:200].decode("utf-8", "replace").strip()
            html = start[:1] == "<"
            raise self.strange(
                "HTML" if html else f"{len(reply.content):,} bytes that are not whole JSON", "JSON"
            )
        keys = question.rows.split(".")
        for depth, key in enumerate(keys):
            if key == "$":
                break
            if not isinstance(document, dict):
                raise self.strange(
                    f"{kind_of(document)} at {quoted('.'.join(keys[:depth]))}", "an object"
                )
            if key not in document:
                if question.beside and question.beside.issuperset(document):
                    return
                raise self.strange(
                    f"the keys {listed(document)}{did_you_mean(key, document)}",
                    f"the key {quoted(key)}",
                )
            document = document[key]
        if not isinstance(document, list | dict):
            raise self.strange(f"{kind_of(document)} at {quoted(question.rows)}", "a list of rows")

    def _verdict(self, reply: requests.Response) -> Verdict:
        document = document_of(reply)
        return self._judge(reply.status_code, None if document is NO_JSON else document)

    def _make_session(self) -> Session:
        """A session that waits and asks again, and has a new token once."""
        patience = PATIENCE
        made = Session(timeout=(patience.connect, patience.read), raise_for_status=False)
        waits = wait_exponential_retry_after(
            multiplier=patience.first_wait, max=patience.longest_wait
        ) + wait_random(0, patience.jitter)
        patient = Retrying(
            wait=waits,
            retry=retry_if_exception_type(DEFAULT_RETRY_EXCEPTIONS)
            | retry_if_result(lambda reply: self._verdict(reply) == "later"),
            stop=stop_after_attempt(patience.attempts)
            | stop_after_delay(patience.total)
            | _ToldToWaitLonger(patience.longest_wait),
            before_sleep=self._tell,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        ).wraps(made.send)

        def send(request: requests.PreparedRequest, **how: Any) -> requests.Response:
            reply: requests.Response = patient(request, **how)
            signature = self._signature
            refreshed = signature.refreshed
            trading = refreshed is not None and request.url == refreshed.access_token_url
            if refreshed is not None and not trading and self._verdict(reply) == "token":
                refreshed.obtain_token()
                reply = patient(signature(request), **how)
            if (verdict := self._verdict(reply)) != "fine":
                raise self._refused(reply, verdict, trading)
            return reply

        made.send = send  # type: ignore[method-assign,assignment]
        return made

    def _tell(self, state: RetryCallState) -> None:
        outcome = state.outcome
        reply = None if outcome is None or outcome.failed else outcome.result()
        why = f"HTTP {reply.status_code}" if reply is not None else "no answer"
        wait = state.next_action.sleep if state.next_action else 0
        self._say(f"{self.where}: {why}, asking again in {wait:.0f} s")

    def _refused(self, reply: requests.Response, verdict: Verdict, trading: bool) -> SourceError:
        what = {
            "later": "the platform has no time for us",
            "token": "the access token is not accepted",
        }.get(verdict, "the platform refused")
        remedy = {
            "later": "Land again later: the days that were pulled are kept and not asked for again",
            "token": "Renew the credentials of this input",
        }.get(verdict, "Check accounts, rights and `version`; what was landed before stays")
        if trading:
            what, remedy = "no access token for the refresh token", "Renew the credentials"
        return SourceError(what, where=self.where, got=self._said(reply), remedy=remedy)

    def _said(self, reply: requests.Response) -> str:
        """Status and the platform's own words, without secrets."""
        document = document_of(reply)
        if isinstance(document, list) and document:
            document = document[0]
        words: Any = ""
        if isinstance(document, dict):
            error = document.get("error")
            words = error.get("message") if isinstance(error, dict) else document.get("message")
            words = words or document.get("error_description") or error or ""
        # Cleaned before it is cut: half a secret would not be found.
        told = printable(self._secrets.clean(words), 200)
        later = reply.headers.get("Retry-After")
        wait = f", to be asked again after {printable(later, 40)}" if later else ""
        return f"HTTP {reply.status_code}{f': {told}' if told else ''}{wait}"

    def _unreachable(self, error: requests.RequestException) -> SourceError:
        kinds = (
            (requests.exceptions.SSLError, "its certificate is not accepted"),
            (requests.exceptions.ProxyError, "the proxy does not let us through"),
            (requests.exceptions.ChunkedEncodingError, "its answer ended in the middle"),
            (requests.exceptions.Timeout, "it does not answer in time"),
            (requests.exceptions.ConnectionError, "no connection, or it was cut"),
        )
        why = next((text for kind, text in kinds if isinstance(error, kind)), "the request failed")
        return SourceError(
            f"the platform cannot be reached ({why})",
            where=self.where,
            remedy="Check network and `base_url`, and land again: the days that were pulled are "
            "kept and not asked for again",
        )


class _ToldToWaitLonger(stop_base):
    """The platform names a time beyond our patience: asking sooner would only annoy it."""

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def __call__(self, state: RetryCallState) -> bool:
        outcome = state.outcome
        if outcome is None or outcome.failed:
            return False
        told = (outcome.result().headers.get("Retry-After") or "").strip()
        return told.isdecimal() and int(told) > self._limit
