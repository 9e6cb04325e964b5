"""Failed gates that a person has signed off, by name, with a reason and a last day."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from ingestion.plain_yaml import NotPlainError, parse
from warehouse.errors import LiftcastError, printable
from warehouse.lake import Lake
from warehouse.settings import Settings

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
_EXAMPLE = (
    "a list of `gate`, `subject`, `by`, `reason`, `until` (and `stage`: attribute or forecast)"
)


class SignOff(BaseModel):
    """One failed gate that may be published: `gate` and `subject` as in `attr_checks`.

    `until` is the last day on which it stands.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gate: _Text
    subject: _Text
    by: _Text
    reason: _Text
    until: date
    stage: Literal["attribute", "forecast"] = "attribute"

    @property
    def key(self) -> tuple[str, str, str]:
        """What is signed off: stage, gate, subject."""
        return self.stage, self.gate, self.subject

    @property
    def words(self) -> str:
        """Who, why and until when, for the published table."""
        by, reason = printable(self.by, 300), printable(self.reason, 300)
        return f"Signed off by {by} until {self.until.isoformat()}: {reason}"


def read_sign_offs(lake: Lake, settings: Settings) -> tuple[SignOff, ...]:
    """Every sign-off in the configuration, ended ones too; none where there is no file.

    Raises:
        LiftcastError: the named file is missing, or does not hold sign-offs.
    """
    file = settings.sign_offs or lake.root / "sign_offs.yml"
    if settings.sign_offs is None and not file.is_file():
        return ()
    try:
        found = parse(file.read_bytes())
        signed = TypeAdapter(tuple[SignOff, ...]).validate_python(tuple(found or ()))
    except NotPlainError as error:
        raise _wrong(file, f"{error} (line {error.line})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join(str(part) for part in first["loc"])
        raise _wrong(file, f"{place}: {first['msg']}") from error
    except (OSError, TypeError) as error:
        raise _wrong(file, str(error)) from error
    keys = [one.key for one in signed]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice:
        raise _wrong(file, f"{' '.join(twice)} signed off twice")
    return signed


def _wrong(file: Path, got: str) -> LiftcastError:
    return LiftcastError(
        "sign-offs cannot be read",
        where=printable(file),
        expected=_EXAMPLE,
        got=printable(got, 300),
        remedy="Correct the file, or take it away to publish without sign-offs",
    )


def standing(signed: tuple[SignOff, ...], today: date) -> tuple[SignOff, ...]:
    """The sign-offs that have not ended."""
    return tuple(one for one in signed if one.until >= today)


def as_json(signed: tuple[SignOff, ...]) -> str:
    """Sign-offs as the text that dbt joins to the checks: lists of stage, gate, subject, words.

    It stands in an SQL literal in a template: quotes and braces are escaped as JSON allows.
    """
    text = json.dumps([[one.stage, one.gate, one.subject, one.words] for one in signed])
    for character in "'{}%":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
