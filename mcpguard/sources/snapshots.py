"""Snapshots, as ``mcpguard collect`` writes them: a directory, or the same in one file. Format: docs/snapshot-format.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from mcpguard.evidence import Artifact, ArtifactStatus, Complete, Gap, GapReason, RawResource
from mcpguard.evidence.kinds import kind_of
from mcpguard.evidence.snapshot import (
    CLAIMS,
    MANIFEST,
    POLICIES,
    RESOURCES,
    Claim,
    Line,
    Manifest,
    SnapshotError,
    digest_of,
    is_manifest,
    read_manifest,
    seal,
    type_of_file,
)
from mcpguard.sources.archives import FORMAT, unpack
from mcpguard.sources.files import Entry, Source, load
from mcpguard.sources.reading import Reading, number_of

S = TypeVar("S", Line, Claim)

_FORMATS = {"microsoft.graph/": "graph", "foundry/": "foundry", "evidence/": "query-result"}
"""The formats of answers that are not Azure Resource Manager's, by the beginning of their types."""
_REPAIR = "collect again; a snapshot is not to be changed by hand"


class Whole(msgspec.Struct):
    """What snapshots gave."""

    readings: list[Reading] = []
    artifacts: list[Artifact] = []
    gaps: list[Gap] = []
    complete: list[Complete] = []


def take_snapshots(entries: Sequence[Entry], max_file_size: int, *, verify: bool) -> tuple[Whole, list[Entry]]:
    """Read every snapshot among files, and the files that belong to none.

    Raises:
        SnapshotError: the manifest of one is damaged or of another version, or ``verify`` found a change.
    """
    whole = Whole()
    packed: dict[str, dict[str, Source | Artifact]] = {}
    loaded: dict[str, Source | Artifact] = {}
    for entry in entries:
        found = unpack(entry, max_file_size)
        if isinstance(found, Artifact):
            whole.artifacts.append(found)
            loaded[entry.path] = found
        elif found:
            packed[f"{entry.path}/"] = found
            loaded[entry.path] = Artifact(entry.path, FORMAT, ArtifactStatus.READ)
        elif entry.path.rpartition("/")[2] == MANIFEST:
            loaded[entry.path] = load(entry, max_file_size)
    for root in sorted(
        _root(path) for path, source in loaded.items() if isinstance(source, Source) and is_manifest(source.data)
    ):
        members = [entry for entry in entries if _is_member(entry.path, root)]
        packed[root] = {entry.path: loaded.setdefault(entry.path, load(entry, max_file_size)) for entry in members}
    for root, files in packed.items():
        _Snapshot(root, files, whole, verify=verify).read()
    taken = whole.artifacts or packed
    rest = [entry for entry in entries if not taken or not _is_taken(entry.path, packed, loaded)]
    return whole, rest


def _root(path: str) -> str:
    """The folder of a file, with a closing slash unless it is the scan's own root."""
    return path[: path.rfind("/") + 1]


def _is_member(path: str, root: str) -> bool:
    """Whether a file lies where the files of the snapshot at ``root`` do."""
    below = path.removeprefix(root) if path.startswith(root) else ""
    return below in (MANIFEST, CLAIMS) or below.startswith((f"{RESOURCES}/", f"{POLICIES}/"))


def _is_taken(path: str, packed: Mapping[str, object], loaded: Mapping[str, Source | Artifact]) -> bool:
    return f"{path}/" in packed or isinstance(loaded.get(path), Artifact) or any(_is_member(path, root) for root in packed)


class _Snapshot:
    """One snapshot: its folder, its files by their whole paths, and what they gave."""

    def __init__(self, root: str, members: Mapping[str, Source | Artifact], whole: Whole, *, verify: bool) -> None:
        self.root = root
        self.members = members
        self.whole = whole
        self.verify = verify
        self.used: set[str] = set()

    def read(self) -> None:
        manifest = self.manifest()
        for file in manifest.files:
            self.used.add(file.path)
            source = self.source(file.path)
            if source is None or digest_of(source.data) != file.digest:
                self.changed(file.path, "is missing" if source is None else "was changed since the snapshot was written")
            if source is None:
                self.lost(file.path)
            elif file.path == CLAIMS:
                self.claims(source)
            else:
                self.resources(source, type_of_file(file.path), manifest.api_versions)
        for path in sorted(self.members):
            below = path.removeprefix(self.root)
            if below not in self.used:
                self.surplus(path, below)

    def manifest(self) -> Manifest:
        source = self.source(MANIFEST) or Source(self.root + MANIFEST, b"")
        reading = Reading(source.path, source.data, text_format="json", kind=FORMAT, note=source.note)
        self.used.add(MANIFEST)
        self.whole.readings.append(reading)
        try:
            manifest = read_manifest(source.data)
        except SnapshotError as error:
            raise SnapshotError(f"{source.path}: {error.message}", error.hint) from None
        if manifest.digest != seal(manifest.files):
            self.changed(MANIFEST, "does not fit its own list of files")
        for number, saved in enumerate(manifest.gaps):
            try:
                gap = saved.gap()
            except ValueError:
                gap = Gap(saved.scope, frozenset(saved.kinds), GapReason.NOT_COLLECTED, saved.detail, saved.remedy)
            self.whole.gaps.append(msgspec.structs.replace(gap, at=reading.at("gaps", number)))
        if not manifest.finished:
            reading.notes.append("the collection was interrupted; mcpguard collect --resume completes it")
        return manifest

    def source(self, path: str) -> Source | None:
        found = self.members.get(self.root + path)
        if isinstance(found, Artifact) and found.detail == "empty file":
            return Source(found.path, b"")
        return found if isinstance(found, Source) else None

    def changed(self, path: str, how: str) -> None:
        """Refuse the snapshot under ``--verify``; otherwise the file's artifact says it."""
        if self.verify:
            raise SnapshotError(f"{self.root}{path} {how}", _REPAIR)
        for reading in self.whole.readings:
            if reading.path == self.root + MANIFEST:
                reading.notes.append(f"{path} {how}")

    def lost(self, path: str) -> None:
        kinds = frozenset({kind_of(type_of_file(path))} - {""})
        detail = f"{self.root}{path}, which the snapshot's manifest names, could not be read"
        self.whole.gaps.append(Gap("", kinds, GapReason.UNPARSABLE, detail, _REPAIR))

    def surplus(self, path: str, below: str) -> None:
        source = self.members[path]
        if isinstance(source, Artifact):
            return
        self.changed(below, "is no part of the snapshot")
        self.whole.readings.append(Reading(path, source.data, reason="lies in a snapshot, but is no part of it"))

    def claims(self, source: Source) -> None:
        reading = self.start(source)
        for claim in self.lines(reading, Claim):
            self.whole.complete.append(Complete(claim.scope, claim.type))

    def resources(self, source: Source, type_: str, versions: Mapping[str, Sequence[str]]) -> None:
        reading = self.start(source)
        reading.quotable = not type_.startswith("evidence/")
        format_ = next((name for start, name in _FORMATS.items() if type_.startswith(start)), "arm-json")
        answered = versions.get(type_, ())
        for number, line in enumerate(self.lines(reading, Line)):
            at = reading.at(number, "body")
            version = line.api_version or (answered[0] if len(answered) == 1 else "")
            resource = RawResource(line.id, type_, line.body, at, format_, version)
            if line.text:
                resource = self.with_text(resource, line, reading)
            reading.add(resource)

    def with_text(self, resource: RawResource, line: Line, reading: Reading) -> RawResource:
        """The resource with the policy text that lies in a file of its own."""
        self.used.add(line.text)
        source = self.source(line.text)
        if source is None:
            self.changed(line.text, "is missing")
            reading.miss(f"the text {line.text} of {line.id} is missing", resource.origin)
            detail = f"the text of {line.id} could not be read"
            kinds = frozenset({kind_of(resource.type)})
            self.whole.gaps.append(Gap(resource.key, kinds, GapReason.UNPARSABLE, detail, _REPAIR, resource.origin))
            return resource
        if digest_of(source.data) != line.text_digest:
            self.changed(line.text, "was changed since the snapshot was written")
        text = Reading(source.path, source.data, kind=FORMAT, note=source.note)
        self.whole.readings.append(text)
        properties = line.body.get("properties")
        value = text.take_policy(source.data.decode("utf-8", "replace"), text.at())
        body = {**line.body, "properties": {**(properties if isinstance(properties, dict) else {}), "value": value}}
        return msgspec.structs.replace(resource, body=body, texts={"properties.value": text.at()})

    def start(self, source: Source) -> Reading:
        reading = Reading(source.path, source.data, text_format="jsonl", kind=FORMAT, note=source.note)
        self.whole.readings.append(reading)
        return reading

    def lines(self, reading: Reading, type_: type[S]) -> Iterator[S]:
        """The lines of a file, decoded; the ones that cannot be are noted and leave a gap."""
        decoder = msgspec.json.Decoder(type_)
        broken = 0
        for number, line in enumerate(line for line in reading.data.split(b"\n") if line.strip()):
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                broken += 1
                reading.miss(f"line {number + 1} is damaged: {error}"[:200], reading.at(number))
        if broken:
            kinds = frozenset({kind_of(type_of_file(reading.path.removeprefix(self.root)))} - {""})
            detail = f"{number_of(broken, 'line')} of {reading.path} could not be read"
            self.whole.gaps.append(Gap("", kinds, GapReason.UNPARSABLE, detail, _REPAIR))
