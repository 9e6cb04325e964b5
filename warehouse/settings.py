"""Configuration: defaults, then environment variables `LIFTCAST_*`, then what a command says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every setting has a working default; nothing here is a secret."""

    model_config = SettingsConfigDict(env_prefix="LIFTCAST_", extra="ignore")

    lake: Path = Field(
        default=Path("lake"), description="folder that everything a run makes lies under"
    )
    reporting_currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217; default: what the sources declare, else their only currency",
    )
    seed: int = Field(default=0, ge=0, description="seed of every random draw of a run")
    bad_row_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of rejected rows above which a source fails as a whole",
    )
    restatement_share: float = Field(
        default=0.001,
        ge=0,
        description="restated share of net revenue that makes a release before the week ends",
    )
    mix_spec: Path | None = Field(
        default=None,
        description="YAML of the mix model's settings (docs/reference/mix.md); default: the "
        "model's own",
    )
    mix_kinds: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("media", "organic", "promotion", "publicity"),
        min_length=1,
        description="kinds of driver that attribution credits, separated by commas: media, "
        "organic, promotion, price, publicity, seller, agency",
    )
    horizon_weeks: int = Field(default=13, ge=1, le=104, description="weeks to forecast")
    lock_timeout: float = Field(
        default=600, ge=0, description="seconds to wait for another run that holds the warehouse"
    )
    memory_limit: str = Field(
        default="4GB",
        pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?(MB|GB|MiB|GiB)$",
        description="memory that landing's engine may use before it goes to disk, as `4GB`",
    )
    sign_offs: Path | None = Field(
        default=None,
        description="YAML of failed gates that a person has signed off (docs/runbooks/publish.md); "
        "default: `sign_offs.yml` in the lake, where there is one",
    )
    four_eyes: Literal["names", "accounts", "off"] = Field(
        default="names",
        description="who may approve a version of the forecast: another name than who submitted "
        "or overrode it, also another account, or anybody (which is recorded)",
    )
    keep_publications: int = Field(
        default=10, ge=1, description="publications kept on disk, the current one included"
    )
    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="critical",
        description="least level of the log lines on standard error; a person at a terminal is "
        "told in sentences, so by default there are none",
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="how log lines are written"
    )
    dbt_project: Path = Field(
        default=PROJECT / "dbt_project", description="the dbt project's folder"
    )

    @field_validator("mix_kinds", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())
