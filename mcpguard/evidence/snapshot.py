"""The snapshot: evidence on disk, as a directory. The format itself; docs/snapshot-format.md describes it for others.

``manifest.json`` says what was asked, what answered and what is missing, and holds a digest of every other file but the
policies, whose digests stand in the lines that refer to them. Names and order depend on ids alone, so two snapshots diff.
"""

from __future__ import annotations

import re

import msgspec

from mcpguard.core.digest import new_digest
from mcpguard.core.errors import McpguardError
from mcpguard.evidence.types import Gap, GapReason, Json

FORMAT = "mcpguard-snapshot"
VERSION = 1
MANIFEST = "manifest.json"
CLAIMS = "complete.ndjson"
RESOURCES = "resources"
POLICIES = "policies"
WORK = ".collect"
"""Folder of an unfinished collection: what ``--resume`` goes on from. No part of the snapshot."""
PART_SIZE = 32 * 2**20
"""Bytes after which a resource file is continued in ``<type>.2.ndjson``: no file outgrows what a scan reads."""
_SAFE = re.compile(r"[^a-z0-9._\-]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|\.+$")
_TYPE = re.compile(r"[a-z0-9][a-z0-9.\-]*(?:/[a-z0-9$][a-z0-9.$\-]*)+")
_LONGEST = 120
_OF_A_RESOURCE = re.compile(r"resources/((?:[a-z0-9$.\-]+/)+[a-z0-9$\-]+)(?:\.(\d+))?\.ndjson")
_PROVIDER = "/providers/microsoft.apimanagement/service/"


class SnapshotError(McpguardError):
    """A snapshot that cannot be used as it is: of another version, damaged, or changed since it was written."""


class File(msgspec.Struct, frozen=True, rename="camel"):
    """A file of the snapshot."""

    path: str
    lines: int
    bytes: int
    digest: str
    """BLAKE2b-256 of the file, in hexadecimal."""


class SavedGap(msgspec.Struct, frozen=True, rename="camel", order=True):
    """A gap, as the manifest holds it."""

    scope: str
    kinds: tuple[str, ...]
    reason: str
    detail: str
    remedy: str

    @classmethod
    def of(cls, gap: Gap) -> SavedGap:
        """The gap without the place in a file, which a live one does not have."""
        return cls(gap.scope, tuple(sorted(gap.kinds)), gap.reason.value, gap.detail, gap.remedy)

    def gap(self) -> Gap:
        """The gap that was saved.

        Raises:
            ValueError: the reason is none that this version knows.
        """
        return Gap(self.scope, frozenset(self.kinds), GapReason(self.reason), self.detail, self.remedy)


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """``manifest.json``."""

    format: str
    version: int
    tool: str
    """Name and version of what wrote it."""
    started_at: str
    """RFC 3339, UTC."""
    finished_at: str
    finished: bool
    """False when the collection was interrupted; what was left out then is among the gaps."""
    scope: dict[str, Json]
    """What was asked for."""
    api_versions: dict[str, tuple[str, ...]]
    """By type: the api-versions that answered."""
    requests: int
    gaps: tuple[SavedGap, ...]
    files: tuple[File, ...]
    digest: str
    """BLAKE2b-256 over the paths and digests of ``files``: one value to write down when the snapshot is handed over."""


class Line(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line of a resource file."""

    id: str
    body: dict[str, Json]
    api_version: str = ""
    text: str = ""
    """Path of the file that holds ``properties.value``, when it is the text of a policy or fragment."""
    text_digest: str = ""


class Claim(msgspec.Struct, frozen=True):
    """One line of ``complete.ndjson``: every child of ``type`` below ``scope`` was read."""

    scope: str
    type: str


def digest_of(data: bytes) -> str:
    """BLAKE2b-256 in hexadecimal."""
    return str(new_digest(data).hexdigest())


def seal(files: tuple[File, ...]) -> str:
    """The digest over all files."""
    digest = new_digest()
    for file in files:
        digest.update(f"{file.path}\n{file.digest}\n".encode())
    return str(digest.hexdigest())


def is_manifest(data: bytes) -> bool:
    """Whether a file begins like the manifest of a snapshot, of whatever version."""
    return FORMAT.encode() in data[:200]


def read_manifest(data: bytes) -> Manifest:
    """Decode a manifest.

    Raises:
        SnapshotError: it is damaged, or of a version that this mcpguard does not know.
    """
    try:
        version = msgspec.json.decode(data, type=dict[str, Json]).get("version")
        if version != VERSION:
            raise SnapshotError(
                f"a snapshot of format version {version!r}; this mcpguard reads version {VERSION}", "update mcpguard"
            )
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise SnapshotError(f"the manifest of the snapshot is damaged: {error}", "collect again") from None


def write_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest, one member a line."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def is_type(text: str) -> bool:
    """Whether a text can be the type of a resource, and so part of a path."""
    return bool(_TYPE.fullmatch(text)) and ".." not in text and len(text) <= 2 * _LONGEST


def resource_path(type: str, part: int = 1) -> str:
    """The file of a type's resources; ``part`` counts from 1."""
    return f"{RESOURCES}/{type}{f'.{part}' if part > 1 else ''}.ndjson"


def type_of_file(path: str) -> str:
    """The type whose resources a file holds; empty when it is no resource file."""
    match = _OF_A_RESOURCE.fullmatch(path)
    return match[1] if match else ""


def policy_path(key: str) -> str:
    """The file of a policy text or fragment, made from the resource's key: ``policies/<service>/apis/<api>/policy.xml``."""
    at = key.find(_PROVIDER)
    parts = key[at + len(_PROVIDER) :].split("/") if at >= 0 else key.strip("/").split("/")
    if parts[-2:-1] == ["policies"]:
        parts = [*parts[:-2], parts[-1]]
    return "/".join((POLICIES, *map(_file_name, parts))) + ".xml"


def _file_name(name: str) -> str:
    """A name that every file system takes; different names stay different."""
    safe = _SAFE.sub(lambda match: "".join(f"%{byte:02x}" for byte in match[0].encode()), name)
    if _RESERVED.match(safe):
        safe = f"%{ord(safe[0]):02x}{safe[1:]}"
    return safe if len(safe) <= _LONGEST else f"{safe[: _LONGEST - 17]}~{digest_of(name.encode())[:16]}"
