"""Writing a snapshot: resources stream to disk as they arrive, and are put in order at the end, in bounded memory.

While a collection runs, each type has a spool in the work folder, in order of arrival. At the end spools are sorted by id,
in runs that fit into memory and are then merged, so that memory does not grow with the estate.
"""

from __future__ import annotations

import heapq
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from mcpguard.core.digest import new_digest
from mcpguard.core.errors import UsageError
from mcpguard.evidence.snapshot import (
    CLAIMS,
    FORMAT,
    MANIFEST,
    PART_SIZE,
    POLICIES,
    RESOURCES,
    VERSION,
    WORK,
    Claim,
    File,
    Line,
    Manifest,
    SavedGap,
    digest_of,
    is_manifest,
    is_type,
    policy_path,
    resource_path,
    seal,
    write_manifest,
)
from mcpguard.evidence.types import Complete, Gap, Json, RawResource, resource_key

if TYPE_CHECKING:
    from typing_extensions import Buffer

RUN_SIZE = 4 * 2**20
"""Bytes that are sorted in memory at once."""
_SPOOLS = "spool"
_CLAIM_SPOOL = "complete"
_GAP_SPOOL = "gaps"
_POLICY_TYPES = ("/policies", "/policyfragments")
_encode = msgspec.json.Encoder(order="sorted").encode


class _Spooled(msgspec.Struct, frozen=True, array_like=True):
    """One line of a spool: what it is sorted by, and the line to write."""

    key: str
    line: msgspec.Raw


class Batch(msgspec.Struct):
    """What one piece of work gave; it is written whole."""

    resources: list[RawResource] = []
    claims: list[Complete] = []
    gaps: list[Gap] = []


class Header(msgspec.Struct, frozen=True):
    """What the manifest says of the collection as a whole."""

    tool: str
    started_at: str
    finished_at: str
    finished: bool
    scope: dict[str, Json]
    api_versions: dict[str, tuple[str, ...]]
    requests: int


class SnapshotWriter:
    """Writes one snapshot. Safe to use from several threads.

    Args:
        folder: where the snapshot goes; made when it is not there.
        mask: masks the secrets of a resource, in place. Nothing is written that has not gone through it.
        resume: go on with a collection that was interrupted there.

    Raises:
        UsageError: the folder holds something else, or a snapshot and ``resume`` is false.
    """

    def __init__(self, folder: Path, mask: Callable[[RawResource], None], *, resume: bool = False) -> None:
        self.folder = folder
        self.work = folder / WORK
        self._spools = self.work / _SPOOLS
        self._mask = mask
        self._lock = threading.Lock()
        self._open: dict[str, BinaryIO] = {}
        self.counts: dict[str, int] = {}
        _prepare(folder, resume=resume)
        try:
            self._spools.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}", "name a folder that can") from error
        for spool in self._spools.iterdir():
            _drop_torn_line(spool)

    def add(self, batch: Batch) -> None:
        """Write what one piece of work gave: masked, texts of policies into files of their own."""
        spooled: list[tuple[str, bytes]] = []
        for resource in batch.resources:
            if not is_type(resource.type):
                continue
            self._mask(resource)
            spooled.append((resource.type, _spooled(resource.key, self._line(resource))))
        spooled += ((_CLAIM_SPOOL, _spooled(f"{c.scope} {c.type}", Claim(c.scope, c.type))) for c in batch.claims)
        for gap in map(SavedGap.of, batch.gaps):
            spooled.append((_GAP_SPOOL, _spooled(f"{gap.scope} {gap.detail} {gap.reason}", gap)))
        with self._lock:
            for type_, line in spooled:
                self._spool(type_).write(line)
                self.counts[type_] = self.counts.get(type_, 0) + 1
            for file in self._open.values():
                file.flush()

    def lines(self, type: str) -> Iterator[Line]:
        """The resources of one type that were written so far, in order of arrival."""
        end = 0
        while True:
            lines, end = self.slice(type, end, 500)
            yield from lines
            if not lines:
                return

    def slice(self, type: str, start: int, count: int) -> tuple[list[Line], int]:
        """Up to ``count`` resources of one type from byte ``start`` of its spool on, and where the next ones begin."""
        path = self._spools / _spool_name(type)
        if not path.exists():
            return [], start
        lines: list[Line] = []
        with path.open("rb") as file:
            file.seek(start)
            while len(lines) < count and (line := file.readline()).endswith(b"\n"):
                lines.append(msgspec.json.decode(msgspec.json.decode(line, type=_Spooled).line, type=Line))
                start += len(line)
        return lines, start

    def text(self, line: Line) -> str:
        """The text of a policy that was written."""
        return (self.folder / line.text).read_bytes().decode() if line.text else ""

    def gaps(self) -> list[Gap]:
        """The gaps that were written so far."""
        merged = self._merged(self._spools / _spool_name(_GAP_SPOOL))
        return [msgspec.json.decode(raw, type=SavedGap).gap() for raw in merged]

    def types(self) -> list[str]:
        """The types of which resources were written so far."""
        names = (spool.name.removesuffix(".ndjson").replace("~", "/") for spool in self._spools.iterdir())
        return sorted(name for name in names if is_type(name))

    def finish(self, header: Header, gaps: Iterable[Gap] = ()) -> Manifest:
        """Put everything in order and write the manifest; ``gaps`` come on top of those that were added.

        The work folder goes away when the collection is finished, and stays for ``--resume`` when it is not.
        """
        with self._lock:
            for file in self._open.values():
                file.close()
            self._open.clear()
        # A snapshot of an earlier try must not stay beside the new one if writing stops half-way.
        (self.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder / RESOURCES, ignore_errors=True)
        files: list[File] = []
        for type_ in self.types():
            files += self._sorted(type_)
        claims, _ = self._written(CLAIMS, self._merged(self._spools / _spool_name(_CLAIM_SPOOL)), sys.maxsize)
        files.append(claims)
        listed = tuple(sorted(files, key=lambda file: file.path))
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            gaps=tuple(sorted({SavedGap.of(gap) for gap in (*self.gaps(), *gaps)})),
            files=listed,
            digest=seal(listed),
            **{name: getattr(header, name) for name in Header.__struct_fields__},
        )
        (self.folder / MANIFEST).write_bytes(write_manifest(manifest))
        if header.finished:
            shutil.rmtree(self.work, ignore_errors=True)
        return manifest

    # -- one line ------------------------------------------------------------------------------------------------

    def _line(self, resource: RawResource) -> Line:
        text = _policy_text(resource)
        if text is None:
            return Line(resource.id, resource.body, resource.api_version)
        path = policy_path(resource.key)
        data = text.encode()
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        properties = {name: value for name, value in resource.body["properties"].items() if name != "value"}
        return Line(resource.id, {**resource.body, "properties": properties}, resource.api_version, path, digest_of(data))

    def _spool(self, type: str) -> BinaryIO:
        if type not in self._open:
            self._open[type] = (self._spools / _spool_name(type)).open("ab")
        return self._open[type]

    # -- order ---------------------------------------------------------------------------------------------------

    def _sorted(self, type: str) -> Iterator[File]:
        """The files of one type, in order of ids."""
        lines = self._merged(self._spools / _spool_name(type))
        held = next(lines, None)
        part = 1
        while held is not None:
            file, held = self._written(resource_path(type, part), chain([held], lines), PART_SIZE)
            yield file
            part += 1

    def _written(self, path: str, lines: Iterator[bytes], limit: int) -> tuple[File, bytes | None]:
        """Write lines up to a size; the file, and the first line that no longer fitted."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        digest = new_digest()
        size = count = 0
        over = None
        with file.open("wb") as out:
            for line in lines:
                if size and size + len(line) >= limit:
                    over = line
                    break
                data = line + b"\n"
                digest.update(data)
                size += out.write(data)
                count += 1
        return File(path, count, size, str(digest.hexdigest())), over

    def _merged(self, spool: Path) -> Iterator[bytes]:
        """The lines of a spool by key; of several with one key, the last that was written."""
        if not spool.exists():
            return
        with ExitStack() as stack:
            runs = [stack.enter_context(run.open("rb")) for run in _sorted_runs(spool, self.work / "runs")]
            streams = [((_key_of(line), number, line) for line in run) for number, run in enumerate(runs)]
            held: tuple[str, bytes] | None = None
            for key, _, line in heapq.merge(*streams):
                if held is not None and held[0] != key:
                    yield held[1]
                held = key, bytes(msgspec.json.decode(line, type=_Spooled).line)
            if held is not None:
                yield held[1]
        shutil.rmtree(self.work / "runs", ignore_errors=True)


def _prepare(folder: Path, *, resume: bool) -> None:
    """Make sure that nothing else lies in the folder, and clear what a finished snapshot left there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name a folder that does not exist yet")
    names = {entry.name for entry in folder.iterdir()}
    manifest = folder / MANIFEST
    ours = MANIFEST not in names or is_manifest(manifest.read_bytes()[:200])
    if not ours or names - {MANIFEST, CLAIMS, RESOURCES, POLICIES, WORK}:
        raise UsageError(
            f"{folder} holds something else than a snapshot", "name an empty folder, or one that does not exist yet"
        )
    if resume:
        if names and WORK not in names:
            raise UsageError(f"the snapshot in {folder} is finished", "collect into another folder for a new one")
    elif names:
        what = "an unfinished snapshot" if WORK in names else "a snapshot"
        raise UsageError(
            f"{folder} holds {what}", "go on with --resume, or name another folder" if WORK in names else "name another"
        )


def _policy_text(resource: RawResource) -> str | None:
    """The text that goes into a file of its own; None when there is none."""
    properties = resource.body.get("properties")
    if not resource.type.endswith(_POLICY_TYPES) or not isinstance(properties, dict):
        return None
    value = properties.get("value")
    return value if isinstance(value, str) and value.strip() else None


def _spool_name(type: str) -> str:
    return type.replace("/", "~") + ".ndjson"


def _spooled(key: str, line: msgspec.Struct) -> bytes:
    return msgspec.json.encode(_Spooled(resource_key(key), msgspec.Raw(_encode(line)))) + b"\n"


def _key_of(line: Buffer) -> str:
    return msgspec.json.decode(line, type=_Spooled).key


def _sorted_runs(spool: Path, folder: Path) -> list[Path]:
    """Files of sorted lines that together hold the spool, each as large as fits into memory."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    runs: list[Path] = []
    with spool.open("rb") as file:
        while lines := file.readlines(RUN_SIZE):
            run = folder / f"{len(runs):06}.ndjson"
            run.write_bytes(b"".join(sorted(lines, key=_key_of)))
            runs.append(run)
    return runs


def _drop_torn_line(spool: Path) -> None:
    """Cut off a last line that was not written to its end, as when the process was killed."""
    with spool.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        tail = min(size, 1 << 16)
        while size:
            file.seek(size - tail)
            data = file.read(tail)
            newline = data.rfind(b"\n")
            if newline >= 0 or tail == size:
                file.truncate(size - tail + newline + 1)
                return
            tail = min(size, tail * 16)
