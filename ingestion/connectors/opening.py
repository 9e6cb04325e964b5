"""A file's bytes, taken once: hashed as they pass, unpacked, refused when they change meanwhile."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any, cast

import pyarrow as pa

from ingestion.connectors.addresses import Address, Local, Remote, State
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError, printable
from warehouse.files import disk_errors

_BLOCK = 2**20
# What no honest file does: more than a gigabyte out of a few megabytes.
_BOMB_BYTES, _BOMB_RATIO = 2**30, 500
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_IN_MEMORY = 64 * 2**20
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


class _Counted(io.RawIOBase):
    """Bytes on their way, counted and hashed."""

    def __init__(self, source: IO[bytes], address: Address, label: str) -> None:
        self._source, self._address, self._label = source, address, label
        self._digest = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _reading(self._address, self._label):
            block = self._source.read(len(buffer))
        buffer[: len(block)] = block
        self._digest.update(block)
        self.count += len(block)
        return len(block)

    @property
    def hash(self) -> str:
        return self._digest.hexdigest()


@dataclass
class Source:
    """An open file.

    Args:
        label: what errors call it.
        plain: its bytes, unpacked.
        check_unchanged: raises SourceError when the file is no longer what was opened.
        is_packed: `plain` are not the bytes as they lie there.
    """

    label: str
    plain: IO[bytes]
    check_unchanged: Callable[[], None]
    is_packed: bool
    _packed: IO[bytes]
    _counted: _Counted
    _expected: int | None

    def finish(self) -> str:
        """Read what is left, and return the SHA-256 of the bytes as they lie there.

        Raises:
            SourceError: the file changed while it was read.
        """
        while self._packed.read(_BLOCK):
            pass
        self.check_unchanged()
        if self._expected is not None and self._counted.count != self._expected:
            raise changed(self.label, self._expected, self._counted.count)
        return self._counted.hash


@contextmanager
def opened(address: Address, label: str, compression: str | None = None) -> Iterator[Source]:
    """Open a file and unpack it on the way.

    Args:
        address: where it is.
        label: what errors call it.
        compression: as declared; None: by its first bytes.

    Raises:
        SourceError: missing, empty, no regular file, unreadable, damaged, or not one file (zip).
    """
    with ExitStack() as stack:
        with _reading(address, label):
            handle, state = _handle(address, label, stack)
        if state[0] == 0:
            raise empty(label)
        counted = _Counted(handle, address, label)
        packed = cast(IO[bytes], io.BufferedReader(counted, _BLOCK))
        head = cast(io.BufferedReader, packed).peek(8)[:8]
        if not head:
            raise empty(label)
        kind = compression or next((k for magic, k in _MAGIC if head.startswith(magic)), "none")

        def check_unchanged() -> None:
            try:
                now = address.state()
            except Exception as error:
                raise changed(label, state[0], None) from error
            if now != state:
                raise changed(label, state[0], now[0])

        try:
            plain = _unpacked(packed, kind, label, stack)
            if kind != "none":
                plain = cast(IO[bytes], _Measured(plain, counted, label))
            yield Source(label, plain, check_unchanged, kind != "none", packed, counted, state[0])
        except (OSError, *_DAMAGED) as error:
            # What unpacks has errors of its own; a system's error has a number.
            if getattr(error, "errno", None) is not None or kind == "none":
                raise
            check_unchanged()
            raise SourceError(
                f"the {kind} file is damaged ({printable(error)})",
                where=label,
                remedy="Fetch it again: it may be only partly transferred",
            ) from error
        except SourceError:
            # Half of a file that is being written is often bad; that it changes is the cause.
            check_unchanged()
            raise


@contextmanager
def _reading(address: Address, label: str) -> Iterator[None]:
    """Say in one sentence why a file cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise _missing(address, label) from error
    except SourceError:
        raise
    except Exception as error:
        # A remote file system's errors are of any type, and may hold its secrets.
        local = isinstance(address, Local)
        if local and not isinstance(error, OSError):
            raise
        raise SourceError(
            f"{quoted(address.shown, 200)} cannot be read ({address.said(error)})",
            where=label,
            remedy="Check the path and its permissions"
            if local
            else "Check the address, its credentials and the network",
        ) from (error if local else None)


def _handle(address: Address, label: str, stack: ExitStack) -> tuple[IO[bytes], State]:
    if isinstance(address, Remote):
        state = address.state()
        return stack.enter_context(address.open()), state
    # Opening a pipe would wait for its writer for ever, so look before opening.
    if not stat.S_ISREG(address.path.stat().st_mode):
        kind = "a folder" if address.path.is_dir() else "not a regular file"
        raise SourceError(
            f"{quoted(address.shown, 200)} is {kind}",
            where=label,
            expected="a file",
            remedy="Correct `path` in the source mapping",
        )
    handle = stack.enter_context(address.open())
    return handle, address.state_of(os.fstat(handle.fileno()))


def _unpacked(packed: IO[bytes], kind: str, label: str, stack: ExitStack) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=packed, mode="rb"))
    if kind == "bz2":
        return cast(IO[bytes], bz2.BZ2File(packed))
    if kind == "xz":
        return cast(IO[bytes], lzma.LZMAFile(packed))
    if kind == "zstd":
        return cast(IO[bytes], pa.CompressedInputStream(pa.PythonFile(packed, "r"), "zstd"))
    if kind == "zip":
        return _unzipped(packed, label, stack)
    return packed


def _unzipped(packed: IO[bytes], label: str, stack: ExitStack) -> IO[bytes]:
    # The list of what is in a zip stands at its end: a stream has to be kept to be gone back in.
    kept = stack.enter_context(SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    with disk_errors(Path(gettempdir())):
        shutil.copyfileobj(packed, kept, _BLOCK)
    archive = stack.enter_context(zipfile.ZipFile(cast(IO[bytes], kept)))
    members = [one for one in archive.infolist() if not one.is_dir()]
    names = [one.filename for one in members if not one.filename.startswith("__MACOSX/")]
    if len(names) != 1:
        raise SourceError(
            "the zip file does not hold exactly one file",
            where=label,
            got=listed(names) if names else "none",
            remedy="Unpack it, and name the files with a pattern in `path`",
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise SourceError(
            "the zip file is encrypted", where=label, remedy="Unpack it before landing it"
        )
    return stack.enter_context(archive.open(names[0]))


class _Measured:
    """Unpacked bytes, refused when they are out of all proportion to what they came from."""

    def __init__(self, plain: IO[bytes], packed: _Counted, label: str) -> None:
        self._plain, self._packed, self._label = plain, packed, label
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        block = self._plain.read(size)
        self._count += len(block)
        if self._count > _BOMB_BYTES and self._count > _BOMB_RATIO * self._packed.count:
            raise SourceError(
                f"the file unpacks to more than {_BOMB_RATIO} times its size",
                where=self._label,
                got=f"{self._count:,} bytes out of {self._packed.count:,}",
                remedy="Unpack it yourself and look at it before landing it",
            )
        return block


def changed(label: str, before: int | None, now: int | None) -> SourceError:
    """The error for a file that is no longer what it was."""
    how = "it is gone" if now is None else f"{before or 0:,} bytes became {now:,}"
    return SourceError(
        f"the file changed while it was read ({how})",
        where=label,
        remedy="Land it again once its writer has finished; nothing was changed in the lake",
    )


def empty(label: str) -> SourceError:
    """The error for a file of no bytes, or of nothing but blank lines."""
    return SourceError(
        "the file is empty",
        where=label,
        expected="a header line and rows",
        remedy="Fetch it again; what was landed before stays",
    )


def _missing(address: Address, label: str) -> SourceError:
    beside = address.neighbours()
    hint = did_you_mean(address.name, beside or [])
    if beside is None:
        hint = "; its folder does not exist either"
    elif not beside:
        hint = "; its folder is empty"
    return SourceError(
        f"there is no file {quoted(address.shown, 200)}{hint}",
        where=label,
        remedy="Correct `path` in the source mapping, or fetch the file",
    )
