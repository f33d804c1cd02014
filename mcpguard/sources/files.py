"""The files below the given paths: which there are, what they are called in reports, and their text.

Order and names depend only on what is on disk, never on the order of the given paths.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from mcpguard.core.errors import UsageError
from mcpguard.evidence import Artifact, ArtifactStatus
from mcpguard.sources.encoding import NotText, to_utf8

SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", ".terraform", ".collect"})
"""Folders that hold no exports but may hold a hundred thousand files; the last is what a collection works in."""
_MIB = 2**20
EMPTY = "empty file"


class Entry(msgspec.Struct, frozen=True):
    """A file that was found."""

    path: str
    """What it is called in reports: ``/``-separated, unique."""
    file: str
    """Its absolute path."""
    given: bool = False
    """Whether it was named itself rather than found in a folder; then it need not be a regular file."""


class Source(msgspec.Struct, frozen=True):
    """A file that was read."""

    path: str
    data: bytes
    """UTF-8 without a byte order mark."""
    note: str = ""


class _Walk:
    """One walk over all given paths."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.artifacts: list[Artifact] = []
        self.folders: set[str] = set()
        self.files: set[str] = set()

    def skip(self, path: str, reason: str, status: ArtifactStatus = ArtifactStatus.SKIPPED) -> None:
        self.artifacts.append(Artifact(path, "", status, reason))

    def file(self, path: str, file: str, real: str, *, given: bool = False) -> None:
        if real in self.files:
            if not given:
                self.skip(path, "link to a file that is read elsewhere")
            return
        self.files.add(real)
        unique, number = path, 2
        while unique in self.entries:
            unique, number = f"{path}~{number}", number + 1
        self.entries[unique] = Entry(unique, file, given)

    def folder(self, top: str, prefix: str) -> None:
        """Everything below ``top``: real folders and files first, then what links lead to, in order of their paths."""
        todo = [(top, prefix, os.path.realpath(top))]
        links: list[tuple[str, str, str]] = []
        while todo or links:
            if not todo:
                links.sort(reverse=True)
                self.link(*links.pop(), todo)
                continue
            folder, path, real = todo.pop()
            if real in self.folders:
                continue
            self.folders.add(real)
            for entry in self.children(folder, path):
                below = f"{path}/{_printable(entry.name)}" if path else _printable(entry.name)
                if entry.is_symlink():
                    links.append((below, entry.path, os.path.join(real, entry.name)))  # noqa: PTH118 - speed
                elif not entry.is_dir(follow_symlinks=False):
                    self.file(below, entry.path, os.path.join(real, entry.name))  # noqa: PTH118
                elif entry.name in SKIPPED_FOLDERS:
                    self.skip(below, "folder of tools or dependencies, not scanned")
                else:
                    todo.append((entry.path, below, os.path.join(real, entry.name)))  # noqa: PTH118

    def children(self, folder: str, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                return sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.skip(path or ".", f"cannot be listed: {error.strerror}", ArtifactStatus.FAILED)
            return []

    def link(self, path: str, link: str, place: str, todo: list[tuple[str, str, str]]) -> None:
        """Follow a link once; ``place`` is the real path of the link itself."""
        real = os.path.realpath(link)
        if os.path.isdir(real):  # noqa: PTH112
            if place.startswith(real.rstrip(os.sep) + os.sep) or real == place:
                self.skip(path, "symlink loop")
            elif real in self.folders:
                self.skip(path, "link to a folder that is read elsewhere")
            elif os.path.basename(real) in SKIPPED_FOLDERS:  # noqa: PTH119
                self.skip(path, "folder of tools or dependencies, not scanned")
            else:
                todo.append((link, path, real))
        elif os.path.exists(real):  # noqa: PTH110
            self.file(path, link, real)
        else:
            # A link to itself never resolves to anything that exists.
            self.skip(path, "symlink loop" if os.path.islink(real) else "link to nothing")  # noqa: PTH114


def find(paths: Sequence[Path], also: Path | None = None) -> tuple[list[Entry], list[Artifact]]:
    """Every file below ``paths``, sorted by name, and artifacts for what was passed over.

    A single folder gives paths relative to it. Otherwise paths are relative to the current directory when they lie
    below it, and begin with the last part of the given path when they do not. The file ``also`` changes no other name.

    Raises:
        UsageError: a path does not exist.
    """
    walk = _Walk()
    for top, prefix in _named(paths):
        if os.path.isdir(top):  # noqa: PTH112
            walk.folder(top, prefix)
        else:
            walk.file(prefix, top, os.path.realpath(top), given=True)
    for top, prefix in _named([also], alone=False) if also else ():
        walk.file(prefix, top, os.path.realpath(top), given=True)
    entries = [walk.entries[path] for path in sorted(walk.entries)]
    return entries, sorted(walk.artifacts, key=lambda artifact: (artifact.path, artifact.detail))


def _named(paths: Sequence[Path], *, alone: bool = True) -> list[tuple[str, str]]:
    """Absolute paths, sorted, each with the prefix of what is found there."""
    tops = []
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path} does not exist", "check the spelling; paths are relative to the current directory")
        tops.append(os.path.abspath(path))  # noqa: PTH100 - links are kept as given
    tops = sorted(set(tops))
    if alone and len(tops) == 1 and os.path.isdir(tops[0]):  # noqa: PTH112
        return [(tops[0], "")]
    here = os.getcwd()  # noqa: PTH109
    out: list[tuple[str, str]] = []
    taken: set[str] = set()
    for top in tops:
        if top == here:
            prefix = ""
        elif top.startswith(here.rstrip(os.sep) + os.sep):
            prefix = _printable(top[len(here.rstrip(os.sep)) + 1 :]).replace(os.sep, "/")
        else:
            prefix = _printable(os.path.basename(top)) or "root"  # noqa: PTH119
        unique, number = prefix, 2
        while unique in taken:
            unique, number = f"{prefix}~{number}", number + 1
        taken.add(unique)
        out.append((top, unique))
    return out


def _printable(name: str) -> str:
    """A file name that can be written anywhere: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace") if not name.isascii() else name


def _read(file: BinaryIO, expected: int, most: int) -> bytes:
    """What a file holds, and a byte more than ``most`` when it holds more.

    Asking for as much as may come would reserve that much: what is left of each such buffer when it is cut to the size of
    the file is a memory mapping of its own, and a process may have 65,530 of them on Linux.
    """
    raw = file.read(min(expected, most) + 1)
    if len(raw) <= expected:
        return raw
    parts = [raw]  # a pipe, or a file that has grown since
    room = most + 1 - len(raw)
    while room > 0 and (more := file.read(min(room, _MIB))):
        parts.append(more)
        room -= len(more)
    return b"".join(parts)


def load(entry: Entry, max_file_size: int) -> Source | Artifact:
    """The text of a file, or the artifact that says why there is none."""
    try:
        status = os.stat(entry.file)  # noqa: PTH116
        regular = stat.S_ISREG(status.st_mode)
        if not regular and not entry.given:
            return Artifact(entry.path, "", ArtifactStatus.SKIPPED, "not a regular file")
        raw = b""
        if status.st_size <= max_file_size or not regular:
            with open(entry.file, "rb") as file:  # noqa: PTH123
                raw = _read(file, status.st_size, max_file_size)
    except OSError as error:
        return Artifact(entry.path, "", ArtifactStatus.FAILED, f"cannot be read: {error.strerror or error}")
    size = max(len(raw), status.st_size if regular else 0)
    if size > max_file_size:
        # A pipe has no size; it is only known to be too long.
        length = _mebibytes(size) if regular else f"more than {_mebibytes(max_file_size)}"
        limit = _mebibytes(max_file_size)
        detail = f"{length} MiB, larger than the limit of {limit} MiB; raise --max-file-size"
        return Artifact(entry.path, "", ArtifactStatus.FAILED, detail)
    if not raw.strip():
        return Artifact(entry.path, "", ArtifactStatus.SKIPPED, EMPTY)
    text = to_utf8(raw)
    if isinstance(text, NotText):
        status_ = ArtifactStatus.SKIPPED if text.binary else ArtifactStatus.FAILED
        return Artifact(entry.path, "", status_, text.reason)
    if not text.data.strip():
        return Artifact(entry.path, "", ArtifactStatus.SKIPPED, EMPTY)
    return Source(entry.path, text.data, text.note)


def fetcher(
    paths: Sequence[Path], entries: Sequence[Entry], max_file_size: int, *, allow_outside: bool
) -> Callable[[str], Source | Artifact | None]:
    """Reads files that others name although they were not found below ``paths``, by their path in reports.

    Beside and below a file that was given itself everything may be read; what lies elsewhere only with ``allow_outside``.
    Links count as what they lead to. The reader gives None for what is not there or may not be read.
    """
    homes = {entry.file[: -len(entry.path)] for entry in entries if entry.file.endswith(os.sep + entry.path)}
    home = homes.pop() if len(homes) == 1 else ""
    given = [os.path.realpath(path) for path in paths]
    roots = [path if os.path.isdir(path) else os.path.dirname(path) for path in given]  # noqa: PTH112, PTH120

    def fetch(path: str) -> Source | Artifact | None:
        file = os.path.realpath(home + path)
        if not home or not os.path.isfile(file):  # noqa: PTH113
            return None
        if not allow_outside and not any(file.startswith(root.rstrip(os.sep) + os.sep) for root in roots):
            return None
        return load(Entry(path, file), max_file_size)

    return fetch


def _mebibytes(size: int) -> str:
    return f"{size / _MIB:.1f}" if size >= _MIB // 10 else f"{size / _MIB:.2g}"
