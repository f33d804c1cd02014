"""Snapshots packed into one file: a zip, or a tar packed with zstd. What would unpack to too much is not unpacked.

Nothing is written anywhere, so names in an archive lead nowhere. The tar is read here, a block at a time: the standard library
reads extended headers of any length into memory.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

import msgspec

from mcpguard.core.errors import UsageError
from mcpguard.core.zstd import zstd
from mcpguard.evidence import Artifact, ArtifactStatus
from mcpguard.evidence.snapshot import CLAIMS, MANIFEST, POLICIES, RESOURCES, is_manifest
from mcpguard.sources.files import Entry, Source

FORMAT = "snapshot"
_MAX_MEMBERS = 200_000
_HEAD = 200
_MAX_RATIO = 200
_MAX_SIZE = 4 * 2**30
_HARMLESS = 64 * 2**20
"""A solid archive may unpack to this much, however well it is packed."""
_BLOCK = 512
_MAX_NAME = 64 * 2**10
"""Bytes of a header that holds a long name."""
_CHUNK = 1 << 20


class _BrokenError(Exception):
    """An archive that is not read, with the reason."""


class _Member(msgspec.Struct, frozen=True):
    name: str
    size: int


def unpack(entry: Entry, max_file_size: int) -> dict[str, Source | Artifact] | Artifact | None:
    """The files of a packed snapshot by their paths below the archive's own; None when the file is no packed snapshot.

    An artifact says why a file that is one, or may be one, was not read.
    """
    name = entry.path.lower()
    try:
        if name.endswith(".zip") and zipfile.is_zipfile(entry.file):
            return _unzip(entry, max_file_size)
        if name.endswith(".tar.zst"):
            return _untar(entry, max_file_size)
    except _BrokenError as error:
        return Artifact(entry.path, FORMAT, ArtifactStatus.FAILED, str(error))
    return None


def _unzip(entry: Entry, max_file_size: int) -> dict[str, Source | Artifact] | None:
    try:
        with zipfile.ZipFile(entry.file) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            head = next((member for member in members if member.filename == MANIFEST), None)
            if head is None or not is_manifest(archive.open(head).read(_HEAD)):
                return None
            _check(members, max_file_size)
            found: dict[str, Source | Artifact] = {}
            for member in members:
                path = f"{entry.path}/{member.filename}"
                with archive.open(member) as file:
                    found[path] = Source(path, file.read(member.file_size))
            return found
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError, UnicodeError) as error:
        raise _BrokenError(f"a zip file that cannot be read: {error}") from None


def _check(members: Sequence[zipfile.ZipInfo], max_file_size: int) -> None:
    """Refuse a zip file that is too large. Sizes are those that reading is then held to."""
    if len(members) > _MAX_MEMBERS:
        raise _BrokenError(f"a zip file of {len(members)} files; a snapshot has at most {_MAX_MEMBERS}")
    total = 0
    for member in members:
        total += member.file_size
        _check_size(member.filename, member.file_size, max_file_size)
        if member.file_size > _MAX_RATIO * max(member.compress_size, 1024):
            raise _BrokenError(f"{member.filename} in it is packed {member.file_size // max(member.compress_size, 1)} times")
    if total > _MAX_SIZE:
        raise _BrokenError(f"it unpacks to more than {_MAX_SIZE // 2**30} GiB")


def _check_size(name: str, size: int, max_file_size: int) -> None:
    if size > max_file_size:
        raise _BrokenError(f"{name} in it is larger than the limit; raise --max-file-size")


# -- tar and zstd ------------------------------------------------------------------------------------------------------


class _Reads(Protocol):
    def read(self, size: int, /) -> bytes:
        """Up to that many bytes."""


class _Stream:
    """What comes out of the unpacking, up to a limit."""

    def __init__(self, unpacked: _Reads, limit: int) -> None:
        self._unpacked = unpacked
        self._left = limit
        self._limit = limit

    def take(self, size: int) -> bytes:
        """Exactly that many bytes."""
        parts: list[bytes] = []
        while size:
            data = self._some(size)
            if not data:
                raise _BrokenError("a tar file that ends early")
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def finish(self) -> None:
        """Read what is left, so that the library holds everything against its checksum."""
        while self._some(_CHUNK):
            pass

    def _some(self, size: int) -> bytes:
        data = self._unpacked.read(min(size, _CHUNK))
        self._left -= len(data)
        if self._left < 0:
            raise _BrokenError(f"it unpacks to more than {self._limit // 2**20} MiB, which is more than its size allows")
        return data


def _untar(entry: Entry, max_file_size: int) -> dict[str, Source | Artifact] | Artifact | None:
    try:
        library = zstd()
    except UsageError as error:
        status = ArtifactStatus.FAILED if entry.given else ArtifactStatus.SKIPPED
        return Artifact(entry.path, FORMAT, status, f"{error.message}; {error.hint}")
    try:
        with open(entry.file, "rb") as file:  # noqa: PTH123 - the path is a text
            return _members(entry, file, library.ZstdFile(file), max_file_size)
    except (library.ZstdError, OSError, EOFError, MemoryError) as error:
        raise _BrokenError(f"a file packed with zstd that cannot be read: {error}") from None


def _members(entry: Entry, file: BinaryIO, unpacked: _Reads, max_file_size: int) -> dict[str, Source | Artifact] | None:
    size = os.fstat(file.fileno()).st_size
    stream = _Stream(unpacked, min(_MAX_SIZE, max(_HARMLESS, _MAX_RATIO * size)))
    found: dict[str, Source | Artifact] = {}
    known = False
    for member in _headers(stream):
        if not (known or _belongs(member.name)):
            return None  # of something else, which may be large
        _check_size(member.name, member.size, max_file_size)
        if len(found) >= _MAX_MEMBERS:
            raise _BrokenError(f"a tar file of more than {_MAX_MEMBERS} files; a snapshot has at most that many")
        data = stream.take(member.size)
        stream.take(-member.size % _BLOCK)
        if member.name == MANIFEST:
            if not is_manifest(data[:_HEAD]):
                return None
            known = True
        path = f"{entry.path}/{member.name}"
        found[path] = Source(path, data)
    stream.finish()
    return found if known else None


def _belongs(name: str) -> bool:
    return name in (MANIFEST, CLAIMS) or name.startswith((f"{RESOURCES}/", f"{POLICIES}/"))


def _headers(stream: _Stream) -> Iterator[_Member]:
    """The plain files of a tar, as POSIX and GNU write it. Whoever takes one takes its bytes before the next."""
    long_name = ""
    while (header := stream.take(_BLOCK)) != bytes(_BLOCK):
        size = _number(header[124:136])
        # The checksum counts its own field as spaces.
        if _number(header[148:156]) != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
            raise _BrokenError("a tar file with a damaged header")
        kind = header[156:157]
        if kind in (b"x", b"g", b"L"):
            if size > _MAX_NAME:
                raise _BrokenError("a tar file with a header that is too long")
            text = stream.take(size)
            stream.take(-size % _BLOCK)
            long_name = _text(text) if kind == b"L" else _path_of(text) or long_name if kind == b"x" else long_name
            continue
        prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
        name = long_name or "/".join(filter(None, (prefix, _text(header[:100]))))
        long_name = ""
        if kind in (b"0", b"\0"):
            yield _Member(name.removeprefix("./"), size)
        elif kind != b"5" or size:  # a folder
            raise _BrokenError(f"{name} in it is no plain file")


def _path_of(records: bytes) -> str:
    """The path in the records of an extended header: ``<length> path=<name>`` and a line's end each."""
    while records:
        length, separator, _ = records.partition(b" ")
        size = int(length) if separator and length.isdigit() and len(length) <= len(str(_MAX_NAME)) else 0
        record, records = records[:size], records[size:]
        if not record.endswith(b"\n"):
            raise _BrokenError("a tar file with a damaged header")
        name, _, value = record[len(length) + 1 : -1].partition(b"=")
        if name == b"path":
            return _text(value)
    return ""


def _number(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or not set(digits) <= set(b"01234567"):
        raise _BrokenError("a tar file with a damaged header")
    return int(digits, 8)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
