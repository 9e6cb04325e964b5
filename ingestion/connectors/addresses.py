"""Where the files of an input are: on this machine, or at an address that fsspec can open.

Options and secrets of a remote file system come from the environment, as fsspec reads them
(`FSSPEC_S3_KEY`, or what the file system's own library looks for), or from `${VAR}` in the
address. What people are shown has no user, no password and no query.
"""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

import fsspec  # type: ignore[import-untyped]

from ingestion.mapping import LoadedMapping
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import SourceError, printable

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::|://)")
_TELLING = ("ETag", "etag", "mtime", "last_modified", "LastModified", "modified", "created", "md5")

# Whatever tells one state of a file from another; its size (None: unknown) comes first.
State = tuple[Any, ...]


@dataclass(frozen=True)
class Local:
    """A file on this machine."""

    path: Path
    shown: str

    @property
    def name(self) -> str:
        return self.path.name

    def state(self) -> State:
        return self.state_of(self.path.stat())

    @staticmethod
    def state_of(status: os.stat_result) -> State:
        return status.st_size, status.st_mtime_ns, status.st_ino

    def open(self) -> IO[bytes]:
        return cast(IO[bytes], self.path.open("rb", buffering=0))

    def said(self, error: Exception) -> str:
        return getattr(error, "strerror", None) or type(error).__name__

    def neighbours(self) -> list[str] | None:
        """Names beside it; None when its folder does not exist."""
        folder = self.path.parent
        return [entry.name for entry in folder.iterdir()] if folder.is_dir() else None


@dataclass(frozen=True)
class Remote:
    """A file of a remote file system."""

    files: Any = field(repr=False)
    path: str = field(repr=False)
    shown: str

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    def state(self) -> State:
        self.files.invalidate_cache()
        info = self.files.info(self.path)
        return info.get("size"), *(str(info[key]) for key in _TELLING if key in info)

    def open(self) -> IO[bytes]:
        return cast(IO[bytes], self.files.open(self.path, "rb"))

    def said(self, error: Exception) -> str:
        # The words of a remote library may hold the address with its secrets.
        return type(error).__name__

    def neighbours(self) -> list[str] | None:
        """Names beside it; None when its folder does not exist."""
        try:
            found = self.files.ls(self.files._parent(self.path), detail=False)
        except (OSError, NotImplementedError):
            return None
        return [PurePosixPath(str(path)).name for path in found]


Address = Local | Remote


def addresses(mapping: LoadedMapping, name: str) -> list[Address]:
    """The files of an input, in the order of their names.

    Raises:
        SourceError: a pattern matches nothing, the address has no file system here, a variable
            in it is not set.
    """
    declared = mapping.spec.files[name].path
    filled = mapping.filled(declared, f"files.{name}.path")
    label = f"{mapping.spec.source}, {name} ({printable(redacted(declared), 200)})"
    if _SCHEME.match(filled) and not filled.lower().startswith("file://"):
        return _remote(filled, label)
    if filled.lower().startswith("file://"):
        filled = unquote(urlsplit(filled).path)
    path = mapping.folder / filled
    if not _is_pattern(filled) or os.path.lexists(path):
        return [Local(path, filled)]
    # Of the signs of a pattern only * and ? are meant; a bracket is part of a name.
    pattern = filled.replace("[", "[[]")
    # Path.glob takes no absolute pattern, and would take a folder's own brackets for a pattern.
    matches = glob.glob(pattern, root_dir=mapping.folder, recursive=True)  # noqa: PTH207
    found = sorted(one for one in matches if not (mapping.folder / one).is_dir())
    if not found:
        raise _no_match(path.name, path.parent, filled, label)
    return [Local(mapping.folder / one, one) for one in found]


def redacted(address: str) -> str:
    """An address without user, password and query."""
    if not _SCHEME.match(address):
        return address
    bare = re.sub(r"(://)[^/@\s]*@", r"\1", address)
    return re.sub(r"[?#].*", "", bare) if "=" in bare else bare


def _is_pattern(path: str) -> bool:
    return "*" in path or "?" in path


def _remote(url: str, label: str) -> list[Address]:
    shown = redacted(url)
    try:
        files, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        # fsspec says which package to install; anything else may be quoting the address.
        missing = f" ({printable(error)})" if isinstance(error, ImportError) else ""
        raise SourceError(
            f"the address {quoted(shown, 200)} cannot be opened here{missing}",
            where=label,
            expected="an address that fsspec knows: s3://, gs://, abfs://, https://, sftp://",
            remedy="Correct `path` in the source mapping, or install what it needs",
        ) from None
    except Exception as error:
        raise _unreachable(shown, error, label) from None
    if not _is_pattern(shown):
        return [Remote(files, path, shown)]
    try:
        found = sorted(one for one in files.glob(path) if not files.isdir(one))
    except Exception as error:
        raise _unreachable(shown, error, label) from None
    if not found:
        raise _no_match(PurePosixPath(path).name, None, shown, label)
    scheme = shown.split("://", maxsplit=1)[0]
    return [Remote(files, one, f"{scheme}://{one.lstrip('/')}") for one in found]


def _unreachable(shown: str, error: Exception, label: str) -> SourceError:
    # A remote file system's errors are of any type, and their words may hold its secrets.
    return SourceError(
        f"{quoted(shown, 200)} cannot be reached ({type(error).__name__})",
        where=label,
        remedy="Check the address, its credentials and the network",
    )


def _no_match(name: str, folder: Path | None, shown: str, label: str) -> SourceError:
    hint = ""
    if folder is not None and not _is_pattern(str(folder)):
        beside = [entry.name for entry in folder.iterdir()] if folder.is_dir() else None
        if beside is None:
            hint = "; its folder does not exist either"
        else:
            hint = did_you_mean(name, beside) if beside else "; its folder is empty"
    return SourceError(
        f"there is no file that matches {quoted(shown, 200)}{hint}",
        where=label,
        remedy="Correct `path` in the source mapping, or fetch the files",
    )
