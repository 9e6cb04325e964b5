"""What a platform's answer is: its JSON with exact numbers, and what it means."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Literal, Protocol

import requests

Verdict = Literal["fine", "later", "token", "refused"]


class Judge(Protocol):
    """What an answer means, beyond its HTTP status; `document` is None when it is no JSON."""

    def __call__(self, status: int, document: Any) -> Verdict: ...


def by_status(status: int, document: Any) -> Verdict:
    """The verdict of plain HTTP."""
    if status == 429 or status >= 500:
        return "later"
    if status == 401:
        return "token"
    return "fine" if 200 <= status < 300 else "refused"


NO_JSON = object()


def document_of(reply: requests.Response) -> Any:
    """The answer's JSON with exact numbers, read once; `NO_JSON` when it is none."""
    held: Any = getattr(reply, "_liftcast_document", None)
    if held is None:
        try:
            held = json.loads(reply.content.decode("utf-8-sig"), parse_float=Decimal)
        except (ValueError, RecursionError):
            held = NO_JSON
        reply._liftcast_document = held  # type: ignore[attr-defined]
        # The paginators ask the answer itself.
        reply.json = lambda **_: held  # type: ignore[method-assign]
    return held


def kind_of(value: Any) -> str:
    """What JSON calls a value."""
    return {dict: "an object", list: "a list", str: "text", type(None): "null"}.get(
        type(value), "a number"
    )
