"""Where files of an APIOps extract lie, and what that says of them (facts/apim.md 4).

The first APIOps writes folder names with spaces and an information file in every folder; apiops-cli writes names without
spaces and some lists of names. Both are read, also mixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec

_TOP = {
    "apis": "apis",
    "apiversionsets": "apiVersionSets",
    "authorizationservers": "authorizationServers",
    "backends": "backends",
    "diagnostics": "diagnostics",
    "documentations": "documentations",
    "gateways": "gateways",
    "groups": "groups",
    "loggers": "loggers",
    "namedvalues": "namedValues",
    "policyfragments": "policyFragments",
    "policyrestrictions": "policyRestrictions",
    "products": "products",
    "schemas": "schemas",
    "subscriptions": "subscriptions",
    "tags": "tags",
    "versionsets": "apiVersionSets",
}
"""Folders in the root, or in a workspace, by their name without spaces and case: the part of the ARM type."""
COLLECTIONS = frozenset(_TOP.values())
"""Parts of ARM types that stand directly below a service."""
_BELOW = {
    "apis": {"diagnostics", "operations", "releases", "resolvers", "schemas", "tagdescriptions", "tags", "tools"},
    "gateways": {"apis", "certificateauthorities", "hostnameconfigurations"},
    "products": {"apis", "groups", "tags"},
    "tags": {"apis", "products"},
}
_POLICIES = {(), ("apis",), ("apis", "operations"), ("apis", "resolvers"), ("products",), ("policyFragments",)}
_LISTS = {"products": {"apis", "groups", "tags"}, "gateways": {"apis"}, "apis": {"tags"}, "tags": {"apis"}}
_SPECIFICATION = re.compile(r"(?i)specification\.(?:ya?ml|json|graphql|wadl|wsdl)")
_SEPARATORS = re.compile(r"[ _\-]")
_DATA = frozenset({"json", "yaml", "yml"})
_SIDECAR = "mcpserverinformation"
"""What early versions of apiops-cli kept of an MCP server beside its API (facts/apim.md 1.13)."""
_MAX_PAIRS = 3
"""A workspace, a collection in it, a collection below that."""


class Part(Enum):
    """What a file of an extract holds."""

    INFORMATION = "information"
    POLICY = "policy"
    SPECIFICATION = "specification"
    LIST = "list"


class Member(msgspec.Struct, frozen=True):
    """One file of an extract."""

    path: str
    part: Part
    root: str
    """Path of the extract's folder; empty when it is the scan root."""
    kinds: tuple[str, ...]
    """Parts of the ARM type below the service: ``("apis", "operations")``; empty for the service itself."""
    names: tuple[str, ...]
    """The names that belong to them."""
    links: str = ""
    """For a list: the part of the type that its names belong to."""

    @property
    def id(self) -> str:
        """The ARM id below the service: ``/apis/orders/operations/get``."""
        return "".join(f"/{kind}/{name}" for kind, name in zip(self.kinds, self.names, strict=True))


def find_members(paths: Iterable[str]) -> dict[str, Member]:
    """The files that belong to an extract, by path.

    A folder is the root of an extract when an information file stands below it as it should. Policies, specifications
    and lists count only within such a root, so a loose ``policy.xml`` elsewhere stays what it is.
    """
    paths = list(paths)
    found: dict[str, Member] = {}
    for path in paths:
        member = next(_readings(path, {Part.INFORMATION}), None)
        if member:
            found[path] = member
    roots = {member.root for member in found.values()}
    for path in paths if roots else ():
        if path not in found:
            others = _readings(path, {Part.POLICY, Part.SPECIFICATION, Part.LIST})
            member = next((member for member in others if member.root in roots), None)
            if member:
                found[path] = member
    return found


def _readings(path: str, wanted: set[Part]) -> Iterator[Member]:
    """What a path may mean, the reading with the most folders first."""
    *folders, file = path.split("/")
    lowered = file.lower()
    stem, _, suffix = lowered.rpartition(".")
    if lowered == "policy.xml":
        part = Part.POLICY
    elif stem.endswith("information") and suffix in _DATA:
        part = Part.INFORMATION
    elif _SPECIFICATION.fullmatch(file):
        part = Part.SPECIFICATION
    elif stem in ("apis", "groups", "tags") and suffix in _DATA:
        part = Part.LIST
    else:
        return
    if part not in wanted:
        return
    for pairs in range(min(_MAX_PAIRS, len(folders) // 2), -1, -1):
        tail = folders[len(folders) - 2 * pairs :]
        kinds = _kinds([_SEPARATORS.sub("", folder.lower()) for folder in tail[0::2]])
        if kinds is not None and _fits(part, kinds, stem):
            root = "/".join(folders[: len(folders) - 2 * pairs])
            names = tuple(tail[1::2])
            if stem == _SIDECAR:
                kinds, names = (*kinds, "mcpServers"), (*names, "default")
            yield Member(path, part, root, kinds, names, stem if part is Part.LIST else "")


def _kinds(folders: list[str]) -> tuple[str, ...] | None:
    """The parts of the ARM type that a chain of folder names stands for; None when it is none."""
    kinds: tuple[str, ...] = ()
    rest = folders
    if rest[:1] == ["workspaces"]:
        kinds, rest = ("workspaces",), rest[1:]
    if rest:
        if rest[0] not in _TOP:
            return None
        kinds += (_TOP[rest[0]],)
    if len(rest) > 1:
        if rest[1] not in _BELOW.get(rest[0], set()) or len(rest) > 2:
            return None
        kinds += (rest[1],)
    return kinds


def _fits(part: Part, kinds: tuple[str, ...], stem: str) -> bool:
    """Whether such a file, named without its suffix, stands in such a folder."""
    inner = kinds[1:] if kinds[:1] == ("workspaces",) else kinds
    match part:
        case Part.POLICY:
            return inner in _POLICIES
        case Part.SPECIFICATION:
            return inner == ("apis",)
        case Part.LIST:
            return len(inner) == 1 and stem in _LISTS.get(inner[0], set())
        case Part.INFORMATION:
            return bool(kinds) and (stem in _information_files(kinds) or (stem == _SIDECAR and inner == ("apis",)))


def _information_files(kinds: tuple[str, ...]) -> set[str]:
    """Names of the information file of a folder, without suffix: of its kind, or of the kind and what it is linked to."""
    last = _singular(kinds[-1])
    names = {last, "versionset"} if last == "apiversionset" else {last}
    if len(kinds) > 1 and kinds[-2] != "workspaces":
        parent = _singular(kinds[-2])
        # apiops-cli calls the file of a tag of an API like that of the tag itself.
        linked = {"api", "product", "group"} if parent == "api" else {"api", "product", "group", "tag"}
        names = names - linked | {parent + last, last + parent}
    return {f"{name}information" for name in names}


def _singular(kind: str) -> str:
    lowered = kind.lower()
    return lowered[:-3] + "y" if lowered.endswith("ies") else lowered.removesuffix("s")
