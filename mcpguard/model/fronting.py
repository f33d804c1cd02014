"""Which gateways stand in front of a host, how that is known, where they call from and as whom.

A host is fronted when an MCP server of a gateway leads to it by host name, when an API behind a server's tools does, or when
the site itself names the API (``apiManagementConfig.id``). A slot is fronted like its site: it holds the same code.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.directory import principal_with
from mcpguard.model.estate import Estate
from mcpguard.model.host_network import CallingSide
from mcpguard.model.in_effect import backends_in_effect
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.host_parts import ManagedIdentity
from mcpguard.model.kinds.hosting import Host, Site
from mcpguard.model.kinds.mcp import Confidence, McpServer, ServerSource, least
from mcpguard.model.reference_data import well_known_clients
from mcpguard.model.token_paths import host_at
from mcpguard.model.urls import parse_url


class Front(msgspec.Struct, frozen=True):
    """One MCP server of a gateway in front of a host."""

    server: McpServer
    how: str
    """How the link is made, in words."""
    confidence: Confidence


class CallingIdentity(msgspec.Struct, frozen=True):
    """As whom the gateways in front of a host call it."""

    clients: frozenset[str]
    """Client ids, lower case."""
    principals: frozenset[str]
    """Object ids, lower case."""
    others: frozenset[str]
    """Client ids that are known to be other callers': well-known clients, and those that the manifest names."""
    missing: Unknown | None
    """Set when not all of the gateways' identities are known."""


def fronts(host: Host, estate: Estate) -> tuple[Front, ...]:
    """The MCP servers of gateways that lead to a host; none when it stands for itself."""
    found = estate.remember("fronts", lambda: _all_fronts(estate))
    site = host.slot_of if isinstance(host, Site) else ""
    own = found.get(host.key, ())
    return own or tuple(
        msgspec.structs.replace(front, confidence=least(front.confidence, Confidence.MEDIUM)) for front in found.get(site, ())
    )


def _all_fronts(estate: Estate) -> dict[str, tuple[Front, ...]]:
    found: dict[str, dict[str, Front]] = {}
    for server in estate.of(McpServer):
        if server.source is ServerSource.HOST or not server.service:
            continue
        for key, front in _fronts_of(server, estate):
            found.setdefault(key, {}).setdefault(server.key, front)
    apis = {server.api: server for server in estate.of(McpServer) if server.api}
    for site in estate.of(Site):
        linked = apis.get(site.gateway_api.value) if isinstance(site.gateway_api, Known) and site.gateway_api.value else None
        if linked is not None:
            front = Front(
                linked, f"apiManagementConfig of {site.title} names its API", least(linked.confidence, Confidence.MEDIUM)
            )
            found.setdefault(site.key, {}).setdefault(linked.key, front)
    return {key: tuple(fronts.values()) for key, fronts in found.items()}


def _fronts_of(server: McpServer, estate: Estate) -> Iterator[tuple[str, Front]]:
    """Hosts behind one server, each with the link."""
    if server.host:
        yield server.host, Front(server, "a backend of it has the host's name", server.confidence)
    if server.source is not ServerSource.APIM_REST_TOOLS:
        return
    for text, at in _addresses(server, estate):
        host = host_at(parse_url(text, at), estate)
        if host is not None:
            yield host.key, Front(server, "an API behind its tools calls the host", server.confidence)


def _addresses(server: McpServer, estate: Estate) -> Iterator[tuple[str, Location]]:
    """Addresses to which the APIs behind a server's tools send requests: backend entities in effect, and service URLs."""
    for backend in backends_in_effect(server, estate).items:
        if isinstance(backend.url, Known) and backend.url.value:
            yield backend.url.value, backend.at
    for key in dict.fromkeys(tool.operation.rpartition("/operations/")[0] for tool in estate.tools(server)):
        api = estate.get(Api, key)
        if api is not None and isinstance(api.service_url, Known) and api.service_url.value:
            yield api.service_url.value, api.at


def calling_side(found: tuple[Front, ...], estate: Estate) -> CallingSide:
    """Where the gateways call from."""
    addresses: list[str] = []
    subnets: list[str] = []
    missing: Unknown | None = None
    for service in _services(found, estate):
        for fact, taken in ((service.outbound_addresses, addresses), (service.subnets, subnets)):
            match fact:
                case Known(value=values):
                    taken.extend(values)
                case Unknown() as unknown:
                    missing = missing or unknown
    return CallingSide(tuple(dict.fromkeys(addresses)), tuple(dict.fromkeys(subnets)), missing)


def calling_identity(found: tuple[Front, ...], estate: Estate) -> CallingIdentity:
    """The managed identities of the gateways, the only identities with which a gateway calls by itself."""
    clients: set[str] = set()
    principals: set[str] = set()
    missing: Unknown | None = None
    for service in _services(found, estate):
        match service.identities:
            case Unknown() as unknown:
                missing = missing or unknown
            case Known(value=identities):
                for identity in identities:
                    client, principal = _ids(identity, estate)
                    clients.update([client] if isinstance(client, str) else ())
                    principals.update([principal] if isinstance(principal, str) else ())
                    missing = missing or next((item for item in (client, principal) if isinstance(item, Unknown)), None)
    others = frozenset(_other_callers(found, estate)) - clients
    return CallingIdentity(frozenset(clients), frozenset(principals), others, missing)


def _other_callers(found: tuple[Front, ...], estate: Estate) -> Iterator[str]:
    yield from well_known_clients()
    for agent in estate.manifest.agents if estate.manifest else ():
        yield agent.app_id.lower()
    for front in found:
        declared = estate.declaration(front.server)
        yield from (client.lower() for client in (declared.server.clients if declared is not None else ()))


def _ids(identity: ManagedIdentity, estate: Estate) -> tuple[str | Unknown, str | Unknown]:
    """Client id and object id; of a system-assigned identity the client id stands in the directory only."""
    principal = identity.principal_id.value if isinstance(identity.principal_id, Known) else identity.principal_id
    match identity.client_id:
        case Known(value=client):
            return client, principal
        case Unknown() as unknown:
            found = principal_with(principal, estate) if isinstance(principal, str) else None
            return (found.app_id if found is not None else unknown), principal


def _services(found: tuple[Front, ...], estate: Estate) -> Iterator[Service]:
    for key in dict.fromkeys(front.server.service for front in found):
        service = estate.get(Service, key)
        if service is not None:
            yield service


def direct_by_decision(host: Host, found: tuple[Front, ...], estate: Estate) -> str:
    """The justification with which the manifest declares that a host is called directly; empty when it does not."""
    servers = [estate.get(McpServer, f"{host.key}#mcp"), *(front.server for front in found)]
    for server in servers:
        declared = estate.declaration(server) if server is not None else None
        if declared is not None and declared.server.exposure == "direct" and declared.server.justification.strip():
            return declared.server.justification.strip()
    return ""
