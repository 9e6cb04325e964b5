"""Files that appear whole or not at all: write beside, flush to disk, rename."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warehouse.errors import LiftcastError, printable


def flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn a full disk or a read-only folder into one sentence with its remedy.

    DuckDB and Arrow report a full disk with the system's words and types of their own.
    """
    try:
        yield
    except LiftcastError:
        raise
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
            raise LiftcastError(
                "the disk is full",
                where=printable(where),
                remedy="Free space and run again: what stood before is unchanged",
            ) from error
        if number in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise LiftcastError(
                f"cannot write ({os.strerror(number)})",
                where=printable(where),
                remedy="Check the permissions of the lake folder",
            ) from error
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; on success flush it and rename it over `path`.

    A reader sees the old file or the new one, never a part; kill -9 leaves the old one.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; on success flush and rename it into place.

    What killed writers of the same folder left beside it is removed first (`sweep_stale`).

    Raises:
        FileExistsError: `folder` stands already (such folders are immutable).
    """
    with disk_errors(folder):
        if folder.exists():
            raise FileExistsError(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep_stale(folder)
        temporary, handle = _held_beside(folder)
        try:
            yield temporary
            for file in temporary.rglob("*"):
                flush(file)
            temporary.rename(folder)
            flush(folder.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            os.close(handle)


def _held_beside(folder: Path) -> tuple[Path, int]:
    """A new temporary folder, and the descriptor its lock is held by as long as we live."""
    while True:
        temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.tmp")
        temporary.mkdir()
        handle = _locked(temporary, or_none=False)
        if handle is not None and temporary.is_dir():
            return temporary, handle
        # Somebody swept it before it was held: another one.
        if handle is not None:
            os.close(handle)


def _locked(folder: Path, *, or_none: bool) -> int | None:
    """Descriptor of a folder that is now locked by us; None: another holds it, or it is gone.

    Args:
        or_none: None too where the file system knows no locks of folders.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if or_none or isinstance(error, BlockingIOError):
            os.close(handle)
            return None
    return handle


def sweep_stale(folder: Path) -> int:
    """Remove temporary folders that killed writers of `folder` left beside it; return how many.

    Needs no lock: a writer locks its temporary folder, and the system frees that lock when it dies.
    Where a file system knows no such locks, or a folder is not ours to open, nothing is removed.
    """
    ours = re.compile(re.escape(f".{folder.name}.") + r"[0-9a-f]{8}\.tmp")
    count = 0
    try:
        found = [one for one in folder.parent.iterdir() if ours.fullmatch(one.name)]
    except OSError:
        return 0
    for one in found:
        if one.is_symlink() or not one.is_dir():
            continue
        try:
            handle = _locked(one, or_none=True)
        except OSError:
            continue
        if handle is not None:
            shutil.rmtree(one, ignore_errors=True)
            count += not one.exists()
            os.close(handle)
    return count


def point(link: Path, target: str) -> None:
    """Swap the symbolic link `link` to `target` (relative to its folder) in one step."""
    with disk_errors(link):
        temporary = link.with_name(f".{link.name}.{uuid.uuid4().hex[:8]}.tmp")
        temporary.symlink_to(target)
        try:
            temporary.replace(link)
        finally:
            temporary.unlink(missing_ok=True)
        flush(link.parent)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as stable, readable JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8"
        )


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sweep_leftovers(folder: Path) -> int:
    """Remove temporary files and folders that a killed run left behind; return how many.

    Only call it while holding the lock that guards `folder`.
    """
    count = 0
    for leftover in list(folder.rglob(".*.tmp")):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
        count += 1
    return count
