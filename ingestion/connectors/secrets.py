"""Secrets of connectors: from the environment or an Airflow connection, and out of every sentence.

A connector holds what it was given in a `Secrets`, and everything it says goes through `clean`.
Airflow is not imported: a connection is read from `AIRFLOW_CONN_<ID>`, in the two forms Airflow
itself accepts there (an address or JSON). A task of Airflow whose connections lie elsewhere puts
them into its environment first (`connections_of` names them).
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from ingestion.mapping import LoadedMapping, SourceMapping
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import SourceError, printable

_SHORTEST = 4
_LONGEST_TEXT = 100_000
_MASK = "***"


class Secrets:
    """Texts that nobody may read; prints as nothing."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self.add(*values)

    def __repr__(self) -> str:
        return "Secrets()"

    def add(self, *values: str | None) -> None:
        """Keep these, and the forms they travel in, out of what is said from now on."""
        for value in values:
            # A password of three letters would black out ordinary words.
            if value and len(value) >= _SHORTEST:
                self._forms |= _forms(value)

    def clean(self, text: object) -> str:
        """`text` with every secret shown as `***`."""
        said = str(text)[:_LONGEST_TEXT]
        for form in sorted(self._forms, key=len, reverse=True):
            said = said.replace(form, _MASK)
        return said


def _forms(value: str) -> set[str]:
    forms = {value, quote(value), quote(value, safe=""), quote_plus(value), repr(value)[1:-1]}
    forms.add(json.dumps(value)[1:-1])
    # Inside longer base64 a text has one of three spellings, by where it starts.
    for lead in range(3):
        encoded = base64.b64encode(b"\0" * lead + value.encode()).decode()
        # Its first and last letters may hold bits of what stands around it.
        middle = encoded[4 if lead else 0 : -4]
        if len(middle) >= _SHORTEST * 2:
            forms |= {middle, middle.replace("+", "-").replace("/", "_")}
    return forms


@dataclass(frozen=True)
class Connection:
    """An Airflow connection. Its repr holds no secret."""

    id: str
    kind: str = field(repr=False)
    host: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    schema: str = field(default="", repr=False)
    port: int | None = field(default=None, repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


def connection(name: str, where: str) -> Connection:
    """The Airflow connection `name`, out of `AIRFLOW_CONN_<NAME>`.

    Raises:
        SourceError: it is not there, or is neither an address nor JSON; no part of it is quoted.
    """
    variable = f"AIRFLOW_CONN_{name.upper()}"
    told = os.environ.get(variable, "").strip()
    if not told:
        known = [key.removeprefix("AIRFLOW_CONN_").lower() for key in os.environ
                 if key.startswith("AIRFLOW_CONN_")]  # fmt: skip
        raise SourceError(
            f"there is no connection {quoted(name)}{did_you_mean(name, known)}",
            where=where,
            expected=f"the environment variable {printable(variable)}, an address or JSON",
            remedy="Add the connection in Airflow, or set the variable",
        )
    try:
        return _from_json(name, told) if told.startswith("{") else _from_uri(name, told)
    except (ValueError, TypeError, AttributeError):
        raise SourceError(
            "the connection cannot be read",
            where=f"{where}, {printable(variable)}",
            expected='type://login:password@host:port/schema, or JSON with "conn_type"',
            remedy="Correct the connection; letters such as @ and / in a password of an address "
            "are written %40 and %2F",
        ) from None


def _from_json(name: str, told: str) -> Connection:
    tree = json.loads(told)
    extra = tree.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    port = tree.get("port")
    return Connection(
        name,
        str(tree["conn_type"]) if tree.get("conn_type") else _no_kind(),
        str(tree.get("host") or ""),
        str(tree.get("login") or ""),
        str(tree.get("password") or ""),
        str(tree.get("schema") or ""),
        int(port) if port not in (None, "") else None,
        dict(extra),
    )


def _from_uri(name: str, told: str) -> Connection:
    kind, separator, rest = told.partition("://")
    if not separator:
        _no_kind()
    # Airflow writes a host with a protocol of its own as type://https://host.
    protocol, separator, inner = rest.partition("://")
    plain = bool(separator) and re.fullmatch(r"[a-z][a-z0-9+.-]*", protocol) is not None
    parts = urlsplit(f"//{inner if plain else rest}")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    host = unquote(parts.hostname or "")
    return Connection(
        name,
        kind,
        f"{protocol}://{host}" if plain else host,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path[1:]),
        parts.port,
        dict(extra),
    )


def _no_kind() -> NoReturn:
    raise ValueError("no type")


def connections_of(spec: SourceMapping) -> tuple[str, ...]:
    """Names of the Airflow connections that a mapping needs, for whoever must provide them."""
    named = [db.connection for db in spec.databases.values() if db.connection]
    named += [c for api in spec.apis.values() if (c := api.credentials.get("connection"))]
    return tuple(dict.fromkeys(named))


def credentials(
    mapping: LoadedMapping, name: str, known: Iterable[str], secrets: Secrets
) -> dict[str, str]:
    """The credentials of a platform by name, every value added to `secrets`.

    Of a connection these are its extra, with `access_token` being its password where the extra
    has none.

    Raises:
        SourceError: a variable is not set, a name is not known, the connection is not there.
    """
    place = f"apis.{name}.credentials"
    where = f"{mapping.spec.source}, {place}"
    told = dict(mapping.spec.apis[name].credentials)
    found: dict[str, str] = {}
    if "connection" in told:
        held = connection(told.pop("connection"), where)
        found = {key: str(value) for key, value in held.extra.items() if value not in (None, "")}
        if held.password:
            found.setdefault("access_token", held.password)
    found |= {key: mapping.filled(value, f"{place}.{key}") for key, value in told.items()}
    secrets.add(*found.values())
    names = list(known)
    for key in found:
        if key not in names:
            raise SourceError(
                f"the credential {quoted(key)} is not known{did_you_mean(key, names)}",
                where=where,
                expected=f"some of {', '.join(names)}",
                remedy="Correct the name in the mapping or the connection",
            )
    return found
