"""Reading a source mapping from disk, and every problem in it in words."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ingestion import plain_yaml
from ingestion.mapping.inputs import ApiInput, DatabaseInput, FileInput, QueryInput
from ingestion.mapping.source import SourceMapping
from ingestion.mapping.tables import Lookup, TableMapping, Unpivot
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import SourceError, printable

_MAX_BYTES = 2_000_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class LoadedMapping:
    """A mapping with the folder its paths are relative to and the SHA-256 of its bytes."""

    spec: SourceMapping
    folder: Path
    hash: str

    def filled(self, text: str, place: str) -> str:
        """`text` with `${VAR:-default}` filled in from the environment.

        Raises:
            SourceError: a variable is not set and has no default; `place` names the key.
        """

        def fill(match: re.Match[str]) -> str:
            value = os.environ.get(match[1]) or match[2]
            if value is None:
                raise SourceError(
                    f"the environment variable {match[1]} is not set",
                    where=f"{self.spec.source}, {printable(place)}",
                    remedy=f"Set {match[1]}, or write ${{{match[1]}:-DEFAULT}} in the mapping",
                )
            return value

        return _VARIABLE.sub(fill, text)


def load_mapping(path: str | Path) -> LoadedMapping:
    """Read and check a source mapping.

    Raises:
        SourceError: the file cannot be read, is not YAML, or a key is wrong (named).
    """
    path = Path(path)
    where = printable(path)
    try:
        with path.open("rb") as handle:
            content = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f"the source mapping cannot be read ({error.strerror})",
            where=where,
            remedy="Give the path of a mapping, such as sources/robyn.yml",
        ) from error
    if len(content) > _MAX_BYTES:
        raise SourceError(
            "the source mapping is too big",
            where=where,
            expected=f"at most {_MAX_BYTES:,} bytes",
            remedy="Put the rows in a CSV file and name it under `files`",
        )
    return LoadedMapping(
        spec=parse_mapping(content, where),
        folder=path.resolve().parent,
        hash=hashlib.sha256(content).hexdigest(),
    )


def parse_mapping(content: bytes, where: str) -> SourceMapping:
    """Check the bytes of a mapping; `where` names it in errors.

    Raises:
        SourceError: not YAML, or a key is wrong (named).
    """
    remedy = "See sources/README.md for the keys of a mapping"
    try:
        tree = plain_yaml.parse(content)
    except plain_yaml.NotPlainError as error:
        line = f", line {error.line}" if error.line else ""
        raise SourceError(
            f"the source mapping is not valid YAML: {printable(error)}",
            where=f"{where}{line}",
            remedy=remedy,
        ) from error
    if not isinstance(tree, dict):
        raise SourceError(
            "the source mapping is empty or not a mapping of keys",
            where=where,
            expected="the keys version, source, files, tables",
            remedy=remedy,
        )
    try:
        return SourceMapping.model_validate(tree)
    except ValidationError as error:
        raise SourceError(_first_problem(error), where=where, remedy=remedy) from error


def _first_problem(error: ValidationError) -> str:
    problems = error.errors()
    # A misspelt key is also a missing one; the misspelling is what helps.
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    key = ".".join(printable(part) for part in first["loc"])
    last = str(first["loc"][-1]) if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"the key is not known{did_you_mean(last, _known_keys())}"
    elif first["type"] == "missing":
        message = "the key is missing"
    elif "input" in first and isinstance(first["input"], str):
        message = f"{message[:1].lower()}{message[1:]}; got {quoted(first['input'])}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    # Pydantic's own message may quote foreign text.
    return f"{key}: {printable(message, 400)}{more}" if key else printable(message, 400) + more


def _known_keys() -> list[str]:
    return [
        field.alias or name
        for model in (
            SourceMapping,
            FileInput,
            DatabaseInput,
            ApiInput,
            QueryInput,
            TableMapping,
            Unpivot,
            Lookup,
        )
        for name, field in model.model_fields.items()
    ]
