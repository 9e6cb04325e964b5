"""Where a file is: on this machine, or behind an address that fsspec can open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ingestion.mapping import LoadedMapping


@dataclass(frozen=True)
class Address:
    """One file.

    Args:
        path: on this machine; None: elsewhere.
        shown: what people are told: no user, no password, no query.
    """

    path: Path
    shown: str

    @property
    def name(self) -> str:
        return self.path.name

    def state(self, status: os.stat_result | None = None) -> tuple[Any, ...]:
        """Size, and what else changes when the file does."""
        found = status or self.path.stat()
        return found.st_size, found.st_mtime_ns, found.st_ino

    def size_of(self, state: tuple[Any, ...]) -> int | None:
        return state[0]

    def open(self) -> IO[bytes]:
        return self.path.open("rb")

    def said(self, error: OSError) -> str:
        return error.strerror or ""

    def neighbours(self) -> tuple[list[str], bool]:
        """Names beside it, and whether its folder exists."""
        folder = self.path.parent
        return (
            ([entry.name for entry in folder.iterdir()], True) if folder.is_dir() else ([], False)
        )


def addresses(mapping: LoadedMapping, name: str) -> list[Address]:
    """The files of an input, in the order of their names."""
    declared = mapping.spec.files[name]
    path = mapping.folder / mapping.filled(declared.path, f"files.{name}.path")
    return [Address(path, str(path))]
