"""The sign-in in front of an MCP host and what it rests on: its registration, whom it admits, who else uses that registration.

Facts: facts/hosting.md 2 and 6. Rules start here, so that all of them leave the same hosts to MG401, MG402 and MG429.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from mcpguard.core.facts import Fact, Known, NotApplicable, Undetermined, Unknown, known
from mcpguard.core.location import Location
from mcpguard.model.audiences import bare, validated_audiences
from mcpguard.model.callers import calls_without_user
from mcpguard.model.directory import application_of
from mcpguard.model.estate import Estate
from mcpguard.model.fronting import fronts
from mcpguard.model.host_access import hosted_server
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.gateway import Service
from mcpguard.model.kinds.hosting import ContainerApp, Host, PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpGateway, McpServer, ServerSource
from mcpguard.model.metadata import metadata_operation
from mcpguard.model.server_view import judged_calls


class SignIn(msgspec.Struct, frozen=True):
    """Platform authentication that is on, with the Microsoft provider, on a host that runs an MCP server."""

    host: Host
    auth: PlatformAuth
    server: McpServer

    @property
    def client_id(self) -> str:
        """Client id of its registration, lower case.

        Raises:
            Undetermined: a template computes it.
        """
        return known(self.auth.client_id)


def sign_in(host: Host, estate: Estate) -> SignIn:
    """The sign-in of an MCP host.

    Raises:
        NotApplicable: the host runs no MCP server, or nobody signs in there with the Microsoft provider.
        Undetermined: the settings were not read, or a file of the app defines them.
    """
    server = hosted_server(host, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {host.title} hosts an MCP server")
    auth = known(host.auth)
    if auth is None:
        raise NotApplicable(f"{host.title} has no platform authentication, which is for MG401")
    if file := known(auth.defined_elsewhere):
        remedy = "review it by hand"
        raise Undetermined(Unknown(f"the file {file} that defines the authentication of {host.title}", remedy, auth.at))
    if not known(auth.enabled):
        raise NotApplicable(f"the platform authentication of {host.title} is off, which is for MG401")
    if not known(auth.microsoft_provider):
        raise NotApplicable(f"nobody signs in to {host.title} with the Microsoft provider")
    return SignIn(host, auth, server)


def own_registration(auth: PlatformAuth, estate: Estate) -> Fact[Application]:
    """The registration that a host signs in with."""
    match auth.client_id:
        case Known(value=client_id):
            found = application_of(client_id, estate)
            if found is not None:
                return Known(found, found.at)
            remedy = f"add the answer of: az ad app show --id {client_id}"
            return Unknown(f"the registration {client_id} that {auth.name} signs in with", remedy, auth.at)
        case Unknown() as unknown:
            return unknown


def admitted_clients(auth: PlatformAuth) -> Fact[tuple[tuple[str, Location], ...]]:
    """The client ids whose tokens pass, with their places; empty when sign-in does not look at the client.

    ``allowedApplications`` and ``jwtClaimChecks`` are both applied when both are set (facts/hosting.md 2).
    """
    lists: list[dict[str, Location]] = []
    for listed in (auth.allowed_applications, auth.claim_clients):
        match listed:
            case Known(value=ids, at=at) if ids:
                place = at or auth.at
                lists.append({client: place.child(number) for number, client in enumerate(ids)})
            case Unknown() as unknown:
                return unknown
            case _:
                pass
    if not lists:
        return Known((), auth.at)
    return Known(tuple((client, at) for client, at in lists[0].items() if all(client in other for other in lists)), auth.at)


def admits_programs_alone(found: SignIn, estate: Estate) -> bool:
    """Whether every admitted client is known to call as itself, with a token of its own, and so never looks for a challenge."""
    match admitted_clients(found.auth):
        case Known(value=clients):
            asked = (calls_without_user(client, estate) for client, _ in clients)
            return bool(clients) and all(isinstance(alone, Known) and alone.value for alone in asked)
        case Unknown():
            return False


# -- who else uses a registration ------------------------------------------------------------------------------------


def sharing_hosts(found: SignIn, estate: Estate, most: int) -> tuple[tuple[tuple[Host, Location], ...], int]:
    """Other hosts whose platform authentication is on and has the same registration: the first of them, and how many.

    Each comes with the place that names the registration.
    """
    by_client = estate.remember("hosts by registration", lambda: _hosts_by_registration(estate))
    group = by_client.get(found.client_id, [])
    first = [(host, at) for host, at in group[: most + 1] if host.key != found.host.key][:most]
    return tuple(first), len(group) - 1  # the host itself is one of them


def _hosts_by_registration(estate: Estate) -> dict[str, list[tuple[Host, Location]]]:
    groups: dict[str, list[tuple[Host, Location]]] = {}
    for host in (*estate.of(Site), *estate.of(ContainerApp)):
        match host.auth:
            case Known(value=PlatformAuth(enabled=Known(value=True), client_id=Known(value=client_id, at=at)) as auth):
                if client_id:
                    groups.setdefault(client_id, []).append((host, at or auth.at))
            case _:
                pass
    return groups


def unread_sign_in(found: SignIn, estate: Estate) -> Unknown | None:
    """Why it is not known of another host of the estate whether it shares the registration."""
    unread = estate.remember("hosts whose sign-in is unread", lambda: _unread_hosts(estate))
    return next((why for key, why in unread if key != found.host.key), None)


def _unread_hosts(estate: Estate) -> tuple[tuple[str, Unknown], ...]:
    hosts: tuple[Host, ...] = (*estate.of(Site), *estate.of(ContainerApp))
    return tuple((host.key, host.auth) for host in hosts if isinstance(host.auth, Unknown))


def sharing_servers(found: SignIn, estate: Estate) -> tuple[McpServer, ...]:
    """Servers of gateways that accept tokens for the host's registration and lead to no host.

    A gateway that leads to another host takes a foreign audience, which is for MG107.
    """
    application = application_of(found.client_id, estate)
    if application is None:
        return ()
    named = estate.remember(("gateways by registration", application.key), lambda: _gateways_of(application, estate))
    ours = {front.server.key for front in fronts(found.host, estate)}
    return tuple(server for server in named if server.key not in ours)


def _gateways_of(application: Application, estate: Estate) -> tuple[McpServer, ...]:
    servers = (estate.get(McpServer, tie.server) for tie in estate.ties.get(application.key, ()) if tie.role == "server")
    return tuple(server for server in servers if server is not None and _leads_nowhere(server))


def _leads_nowhere(server: McpServer) -> bool:
    return server.source is ServerSource.APIM_REST_TOOLS or (server.source is not ServerSource.HOST and not server.host)


def others_attached(identity: str, host: Host, estate: Estate, most: int) -> tuple[tuple[str, ...], int]:
    """Titles of the first other resources that a user-assigned identity is attached to, and how many there are.

    A site and its slots are one.
    """
    by_identity = estate.remember("users of identities", lambda: _users_of_identities(estate))
    family = (host.slot_of or host.key) if isinstance(host, Site) else host.key
    users = by_identity.get(identity, {})
    others = (title for key, title in islice(users.items(), most + 1) if key != family)
    return tuple(islice(others, most)), len(users) - (family in users)


def _users_of_identities(estate: Estate) -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}
    users: tuple[Site | ContainerApp | Service, ...] = (*estate.of(Site), *estate.of(ContainerApp), *estate.of(Service))
    for user in users:
        match user.identities:
            case Known(value=identities):
                key = (user.slot_of or user.key) if isinstance(user, Site) else user.key
                for identity in identities:
                    if identity.resource_id:
                        groups.setdefault(identity.resource_id, {}).setdefault(key, user.title)
            case Unknown():
                pass
    return groups


# -- gateways in front -----------------------------------------------------------------------------------------------


def audiences_in_front(host: Host, estate: Estate) -> frozenset[str]:
    """Bare audiences that gateways in front of a host validate: tokens for the same server as the gateway shows it."""
    found: set[str] = set()
    for front in fronts(host, estate):
        if estate.get(McpGateway, front.server.gateway) is not None:
            continue
        for call in judged_calls(front.server, estate):
            match validated_audiences(call.policy):
                case Known(value=audiences):
                    found |= audiences.accepted
                case _:
                    pass
    return frozenset(found)


def metadata_in_front(host: Host, estate: Estate) -> Iterator[bool | Unknown]:
    """For each gateway server in front of a host, whether its gateway serves resource metadata."""
    for front in fronts(host, estate):
        if front.server.service:
            yield metadata_operation(front.server, estate)


def own_audiences(found: SignIn, estate: Estate) -> Fact[frozenset[str]]:
    """Bare names of the host's registration: its client id and identifier URIs."""
    match own_registration(found.auth, estate):
        case Known(value=application):
            match application.identifier_uris:
                case Known(value=uris, at=at):
                    return Known(frozenset({application.app_id, *map(bare, uris)}), at)
                case Unknown() as unknown:
                    return unknown
        case Unknown() as unknown:
            return unknown
