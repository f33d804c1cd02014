"""Who answers for an MCP server, and in which place that stands.

The manifest is the strongest place; the contact of the API, inventories, tags and the owners of a registration follow
(docs/manifest.md, "Owners").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.model.addresses import inventory_entries
from mcpguard.model.directory import registrations_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.hosting import ContainerApp, Site
from mcpguard.model.kinds.mcp import McpGateway, McpServer, ServerSource

T = TypeVar("T")

_OWNER_TAGS = frozenset(
    {"owner", "owners", "ownedby", "owneremail", "ownername", "serviceowner", "businessowner", "technicalowner"}
    | {"productowner", "contact", "contactemail", "team", "teamname", "squad", "responsible", "maintainer"}
)
"""Tag keys that name people, in lower case and without separators."""


class OwnerPlace(msgspec.Struct, frozen=True):
    """One place that may name an owner."""

    place: str
    """In words: ``the manifest``, ``the contact of API orders``."""
    owner: Fact[str]
    """Empty when the place was read and names nobody."""
    at: Location | None


def owner_places(target: McpServer, estate: Estate) -> Iterator[OwnerPlace]:
    """Every place that may name an owner of a server, of the host behind it or of a gateway server that leads there.

    One owner answers for all of these. The strongest place of each server comes first.
    """
    for server in _chain(target, estate):
        yield from _places(server, estate)


def _chain(target: McpServer, estate: Estate) -> Iterator[McpServer]:
    yield target
    if target.host:
        behind = estate.remember("servers by host", lambda: _by_host(estate))
        yield from (server for server in behind.get(target.host, ()) if server.key != target.key)


def _by_host(estate: Estate) -> dict[str, list[McpServer]]:
    found: dict[str, list[McpServer]] = {}
    for server in estate.of(McpServer):
        if server.host:
            found.setdefault(server.host, []).append(server)
    return found


def _places(server: McpServer, estate: Estate) -> Iterator[OwnerPlace]:
    declaration = estate.declaration(server)
    if declaration is not None and declaration.server.owner is not None:
        yield OwnerPlace("the manifest", Known(declaration.server.owner.text), declaration.at.child("owner"))
    api = estate.get(Api, server.api)
    if api is not None:
        yield OwnerPlace(f"the contact of {api.title}", api.contact, _at(api.contact) or api.at)
    for entry in inventory_entries(server, estate):
        yield OwnerPlace(f"the contact in {entry.inventory}", Known(entry.contact), entry.at)
        yield OwnerPlace(f"the properties in {entry.inventory}", Known(tagged_owner(entry.properties)), entry.at)
    for thing in (estate.get(Service, server.service), estate.get(Site, server.host), estate.get(ContainerApp, server.host)):
        if thing is not None:
            yield OwnerPlace(f"the tags of {thing.title}", transform(thing.tags, tagged_owner), _at(thing.tags) or thing.at)
    gateway = estate.get(McpGateway, server.gateway)
    if gateway is not None:
        yield OwnerPlace(f"the labels of {gateway.title}", transform(gateway.labels, tagged_owner), gateway.at)
        yield from _unread_registration(gateway, estate)
    elif server.source is ServerSource.KUBERNETES_GATEWAY:
        remedy = "add its deployment and config maps, or declare an owner in the manifest"
        missing = Unknown(f"the gateway that serves {server.title}, with its labels and registration", remedy, server.at)
        yield OwnerPlace("the labels of its gateway", missing, server.at)
    for application in registrations_of(server, estate):
        owners = transform(application.owners, lambda found: ", ".join(owner.name or "someone" for owner in found))
        yield OwnerPlace(f"the owners of {application.title}", owners, _at(application.owners) or application.at)
    yield from _unread_directory(server, estate)


def _unread_directory(server: McpServer, estate: Estate) -> Iterator[OwnerPlace]:
    place = "the owners of its app registration"
    gap = next((gap for gap in estate.gaps if "application" in gap.kinds), None)
    if gap is not None:
        yield OwnerPlace(place, Unknown(gap.detail.rstrip("."), gap.remedy, gap.at), gap.at)
    elif not estate.of(Application) and not estate.is_complete("", "microsoft.graph/applications"):
        remedy = (
            "add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/applications?$expand=owners, "
            "or declare an owner in the manifest"
        )
        missing = Unknown(f"the owners of the app registration behind {server.title}", remedy, server.at)
        yield OwnerPlace(place, missing, server.at)


def _unread_registration(gateway: McpGateway, estate: Estate) -> Iterator[OwnerPlace]:
    """Unknown when the registration that a gateway names was not read; its owners are looked at with all ties."""
    place = "the owners of its registration"
    match gateway.client_id:
        case Unknown() as unknown:
            yield OwnerPlace(place, unknown, unknown.at)
        case Known(value=client_id, at=at):
            read = any(application.app_id == client_id for application in estate.of(Application))
            if client_id and not read and not estate.is_complete("", "microsoft.graph/applications"):
                url = f"https://graph.microsoft.com/v1.0/applications(appId='{client_id}')?$expand=owners"
                remedy = f"add the answer of: az rest --method get --url {url}, or declare an owner in the manifest"
                missing = Unknown(f"the owners of the registration {client_id} of {gateway.title}", remedy, at)
                yield OwnerPlace(place, missing, at)


def tagged_owner(tags: dict[str, str]) -> str:
    """The first tag that names an owner; empty when none does."""
    plain = {key.lower().replace("-", "").replace("_", "").replace(" ", ""): value for key, value in tags.items()}
    return next((plain[key] for key in sorted(_OWNER_TAGS) if plain.get(key, "").strip()), "")


def _at(fact: Fact[T]) -> Location | None:
    match fact:
        case Known(at=at) | Unknown(at=at):
            return at
