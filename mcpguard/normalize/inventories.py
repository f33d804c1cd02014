"""Entries of inventories: MCP servers registered in Azure API Center, and server.json files of an MCP registry.

Shapes: azure-mgmt-apicenter 1.0.0 (ApiProperties, DeploymentProperties), facts/tools-and-evidence.md 1.5 and 3.2. ``kind: mcp``
is not in that package's list of kinds. Members may stand at the top, where ``az apic`` puts them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.evidence import Evidence, Json, RawResource
from mcpguard.model.kinds.mcp import InventoryEntry, Url
from mcpguard.model.urls import parse_url
from mcpguard.normalize.fields import lookup, parent_key, text

API = "microsoft.apicenter/services/workspaces/apis"
DEPLOYMENT = f"{API}/deployments"


def inventory_entries(evidence: Evidence) -> Iterator[InventoryEntry]:
    """Every MCP server that an inventory lists."""
    deployments: dict[str, list[RawResource]] = {}
    for raw in evidence.resources:
        if raw.type == DEPLOYMENT:
            deployments.setdefault(parent_key(raw.key), []).append(raw)
    for raw in evidence.resources:
        if raw.type == "file/server.json":
            yield _registered(raw)
        elif raw.type == API and str(_member(raw, "kind")[0]).lower() == "mcp":
            yield _catalogued(raw, deployments.get(raw.key, []))


def _member(raw: RawResource, name: str) -> tuple[Json, tuple[str, ...]]:
    """A member and its route, below ``properties`` or at the top."""
    found = lookup(raw.body, ("properties", name))
    return (found, ("properties", name)) if found is not None else (lookup(raw.body, (name,)), (name,))


def _catalogued(raw: RawResource, deployments: list[RawResource]) -> InventoryEntry:
    urls: list[Url] = []
    for deployment in deployments:
        if str(_member(deployment, "state")[0]).lower() == "inactive":
            continue
        server, route = _member(deployment, "server")
        uris = lookup(server, ("runtimeUri",))
        for index, uri in enumerate(uris if isinstance(uris, list) else [uris]):
            if isinstance(uri, str):
                urls.append(parse_url(uri, deployment.origin.child(*route, "runtimeUri", index)))
    contacts, _ = _member(raw, "contacts")
    people = [
        str(lookup(contact, ("name",)) or lookup(contact, ("email",)) or "")
        for contact in (contacts if isinstance(contacts, list) else [])
    ]
    title, _ = _member(raw, "title")
    return InventoryEntry(
        id=raw.id,
        key=raw.key,
        name=title if isinstance(title, str) and title else text(raw, "name") or raw.id,
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        inventory="API Center",
        urls=tuple(urls),
        contact=next((person for person in people if person.strip()), ""),
        properties=_texts(_member(raw, "customProperties")[0]),
    )


def _texts(value: Json) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): item for name, item in value.items() if isinstance(item, str)}


def _registered(raw: RawResource) -> InventoryEntry:
    remotes = lookup(raw.body, ("remotes",))
    urls: list[Url] = []
    transports: list[str] = []
    for index, remote in enumerate(remotes if isinstance(remotes, list) else []):
        url = lookup(remote, ("url",))
        kind = lookup(remote, ("type",)) or lookup(remote, ("transport_type",))
        if isinstance(url, str):
            urls.append(parse_url(url, raw.origin.child("remotes", index, "url")))
            transports.append(kind if isinstance(kind, str) else "")
    return InventoryEntry(
        id=raw.id,
        key=raw.key,
        name=text(raw, "name"),
        at=raw.origin,
        format=raw.format,
        inventory="MCP registry",
        urls=tuple(urls),
        transports=tuple(transports),
        contact="",
        properties={},
    )
