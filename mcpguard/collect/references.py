"""Which principals an estate refers to: ids and audiences in identities, policies, authentication settings and connections.

What is found is only looked up in the directory, never judged, so the search errs on the side of too much: any GUID in a
text that may name a principal. Memory holds what is referred to, not the estate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from mcpguard.collect.queries import CLIENT_QUERIES
from mcpguard.evidence import Json
from mcpguard.evidence.snapshot_writer import SnapshotWriter

_GUID = re.compile(r"(?<![0-9a-fA-F-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F-])")
_AUDIENCE = re.compile(r"<audience>\s*((?:https?|api)://[^<\s{]{1,250}?)\s*</audience>")
_URI = re.compile(r"(?:https?|api)://[^\s\"'<>{}]{1,250}")
_AUTH_TYPES = ("/config", "/authconfigs")
_MAY_NAME = (*_AUTH_TYPES, "/connections", "/agents", "/versions", "/projects", "/userassignedidentities", "/toolservers")
_SERVICE = "microsoft.apimanagement/service"
_EVIDENCE = "evidence/query-result"
_IDENTITIES = ("identity", "principalId", "clientId")
_ZERO = "00000000-0000-0000-0000-000000000000"


class References(msgspec.Struct):
    """What is referred to."""

    guids: set[str] = set()
    """Lower case; client ids, object ids, and others that the directory will not know."""
    uris: set[str] = set()
    """Audiences that are addresses, which may be identifier URIs of registrations."""


def find_references(writer: SnapshotWriter) -> References:
    """Look through everything that was collected in Azure."""
    found = References()
    for type_ in writer.types():
        if type_.startswith("microsoft.graph/"):
            continue
        for line in writer.lines(type_):
            for text in _texts(type_, line.body):
                found.guids.update(match.lower() for match in _GUID.findall(text))
            if line.text:
                text = writer.text(line)
                found.guids.update(match.lower() for match in _GUID.findall(text))
                found.uris.update(_AUDIENCE.findall(text))
            found.uris.update(_uris(type_, line.body))
            found.guids.update(_clients(type_, line.body))
    found.guids.discard(_ZERO)
    return found


def _texts(type_: str, body: dict[str, Json]) -> Iterator[str]:
    """The texts of a resource in which a principal may be named; ids of subscriptions are not among them."""
    for name in _IDENTITIES:
        yield from _leaves(body.get(name))
    properties = body.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    if type_.startswith(_SERVICE) and type_ not in (_SERVICE, f"{_SERVICE}/apis/operations", f"{_SERVICE}/allpolicies"):
        yield from _leaves(properties)
    elif type_.endswith(
        (*_AUTH_TYPES, "/connections", "/agents", "/versions", "/projects", "userassignedidentities", "/toolservers")
    ):
        yield from _leaves(properties or body)


def _clients(type_: str, body: dict[str, Json]) -> Iterator[str]:
    """The applications that telemetry names as callers."""
    if type_ != _EVIDENCE or body.get("table") not in CLIENT_QUERIES:
        return
    names = [column["name"] for column in body["columns"]]
    at = names.index("client") if "client" in names else len(names)
    for row in body["rows"]:
        yield from _GUID.findall(str(row[at]).lower()) if at < len(row) else ()


def _uris(type_: str, body: dict[str, Json]) -> Iterator[str]:
    """Audiences that are addresses: in authentication settings, in named values, and in connections."""
    properties = body.get("properties")
    if type_.endswith(_AUTH_TYPES) and isinstance(properties, dict):
        providers = properties.get("identityProviders")
        for text in _under("allowedAudiences", providers):
            yield from (text,) if _URI.fullmatch(text) else ()
    elif type_.endswith("/namedvalues") and isinstance(properties, dict):
        value = properties.get("value")
        yield from (value,) if isinstance(value, str) and _URI.fullmatch(value) else ()
    elif type_.endswith("/connections") and isinstance(properties, dict):
        value = properties.get("audience")
        yield from (value,) if isinstance(value, str) and _URI.fullmatch(value) else ()


def _under(member: str, value: Json) -> Iterator[str]:
    """The texts below every member of a name."""
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            for name, below in current.items():
                if name == member:
                    yield from _leaves(below)
                else:
                    stack.append(below)
        elif isinstance(current, list):
            stack.extend(current)


def _leaves(value: Json) -> Iterator[str]:
    """The texts in a value."""
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, str):
            # An ARM id names subscriptions and resources, never a principal.
            if not current.lower().startswith("/subscriptions/"):
                yield current
        elif isinstance(current, dict):
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)
