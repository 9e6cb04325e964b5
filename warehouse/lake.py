"""Where everything a run makes lies: one folder, the lake."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import LiftcastError, printable

# These end up inside SQL string literals and globs of read_parquet; refusing them is simpler
# and safer than escaping them in every place.
_FORBIDDEN = set("'\"*?[]{}\n\r\0")


@dataclass(frozen=True)
class Lake:
    """Paths under one lake folder (see docs/architecture.md, *The lake*)."""

    root: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str], option: str = "--lake") -> Lake:
        """Resolve `path`, which was given with `option`, to a lake.

        Raises:
            LiftcastError: the path holds a character that SQL or a glob would read as its own,
                or is a file.
        """
        root = Path(path).expanduser().resolve()
        bad = sorted(_FORBIDDEN & set(str(root)))
        if bad:
            raise LiftcastError(
                f"the path of {option} holds characters that are not allowed",
                where=printable(root),
                got=" ".join(repr(ch) for ch in bad),
                remedy="Choose a folder without quotes, brackets, * or ?",
            )
        if root.exists() and not root.is_dir():
            raise LiftcastError(
                f"the path of {option} is a file",
                where=printable(root),
                expected="a folder",
                remedy=f"Give another folder with {option}",
            )
        return cls(root)

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def pinned(self) -> Path:
        """The landed files that the warehouse was built from (warehouse/pins.py)."""
        return self.root / "pinned"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest"

    @property
    def sources(self) -> Path:
        return self.root / "sources"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def inputs(self) -> Path:
        return self.root / "inputs"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def current(self) -> Path:
        """The pointer readers follow: a link to the newest complete publication."""
        return self.published / "current"

    @property
    def runs(self) -> Path:
        return self.root / "runs.jsonl"

    @property
    def scratch(self) -> Path:
        """Workshop files of running stages (dbt's target and log); never read by others."""
        return self.root / "scratch"

    def ensure(self) -> Lake:
        """Make the folder tree.

        Raises:
            LiftcastError: the folder cannot be made or written.
        """
        try:
            for folder in (
                self.raw,
                self.quarantine,
                self.manifest,
                self.sources,
                self.inputs,
                self.results,
                self.published,
                self.scratch,
            ):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LiftcastError(
                f"the lake folder cannot be written ({error.strerror})",
                where=printable(self.root),
                remedy="Check its permissions and free space, or give another with --lake",
            ) from error
        return self

    def has_landed(self, table: str) -> bool:
        """Whether any source has landed rows of a raw table (its contract file does not count)."""
        folders = (self.raw / table).glob("source=*")
        return any(
            folder.name != "source=_contract" and any(folder.glob("*/part.parquet"))
            for folder in folders
        )

    def release_dir(self, release_id: str) -> Path:
        return self.inputs / release_id

    def current_release(self) -> Path:
        """Folder of the newest release.

        Raises:
            LiftcastError: nothing was transformed yet.
        """
        link = self.inputs / "current"
        if not (link / "release.json").is_file():
            raise LiftcastError(
                "there are no model inputs yet",
                where=printable(self.root),
                expected="inputs/current/release.json",
                remedy="Run `liftcast ingest --sources FILE` and `liftcast transform` first",
            )
        return link.resolve()

    def latest_result(self, name: str) -> tuple[Path, dict[str, Any]]:
        """Newest complete result of an engine (`mix`, `journeys`, `forecast`) and its result.json.

        Raises:
            LiftcastError: that engine has no result yet.
        """
        folders = sorted((self.results / name).glob("run_id=*/result.json"))
        if not folders:
            stage = {"mix": "attribute", "journeys": "attribute"}.get(name, name)
            raise LiftcastError(
                f"there is no {name} result yet",
                where=printable(self.root),
                remedy=f"Run `liftcast {stage}` first",
            )
        newest = folders[-1]
        return newest.parent, json.loads(newest.read_text(encoding="utf-8"))
