"""Links between surfaces and registrations: whose tokens a server takes, what a host signs in with, which clients are let in.

A registration is found by its client id or by one of its identifier URIs, exactly but for case and a trailing slash.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.directory import principal_of
from mcpguard.model.estate import Estate, Tie
from mcpguard.model.host_identities import principal_of_identity
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.foundry import FoundryAgent
from mcpguard.model.kinds.hosting import ContainerApp, PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpGateway, McpServer, ServerSource
from mcpguard.model.links import Link, Relation
from mcpguard.model.server_view import judged_calls
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import listed_in, validates_token

_ROLES = {
    Relation.SIGNS_IN_WITH: ("server", "runs under its registration"),
    Relation.ACCEPTS_TOKENS_FOR: ("server", "accepts its tokens"),
    Relation.ADMITS: ("client", "admits it as a client"),
}


_GROUPS = {
    "audiences": Relation.ACCEPTS_TOKENS_FOR,
    "backend-application-ids": Relation.ACCEPTS_TOKENS_FOR,
    "client-application-ids": Relation.ADMITS,
}
"""What a registration is to a server whose token validation lists it, by the group that does."""


class Registrations:
    """Registrations by what settings name them with."""

    def __init__(self, estate: Estate) -> None:
        self._by_name: dict[str, Application] = {}
        for application in estate.of(Application):
            self._by_name[application.app_id] = application
            match application.identifier_uris:
                case Known(value=uris):
                    self._by_name.update({_plain(uri): application for uri in uris})
                case Unknown():
                    pass

    def named(self, name: str) -> Application | None:
        """The registration with this client id or identifier URI, ``api://<client id>`` included."""
        plain = _plain(name)
        return self._by_name.get(plain) or self._by_name.get(plain.removeprefix("api://"))


def _plain(name: str) -> str:
    return name.strip().lower().rstrip("/")


def registration_links(estate: Estate) -> Iterator[Link]:
    """From hosts, gateways and servers to the registrations that their settings name."""
    registrations = Registrations(estate)

    def link(relation: Relation, source: str, name: str, how: str, at: Location | None) -> Iterator[Link]:
        application = registrations.named(name)
        if application is not None:
            yield Link(relation, source, application.key, how, at)

    for server in estate.of(McpServer):
        if server.source is ServerSource.HOST:
            for relation, name, how, at in _named_by_host(server, estate):
                yield from link(relation, server.key, name, how, at)
        elif server.gateway:
            gateway = estate.get(McpGateway, server.gateway)
            if gateway is not None and isinstance(gateway.client_id, Known):
                how = f"{gateway.title} accepts its tokens"
                yield from link(
                    Relation.ACCEPTS_TOKENS_FOR, server.key, gateway.client_id.value, how, gateway.client_id.at or gateway.at
                )
        elif server.api:
            for relation, name, how, at in _named_by_policy(server, estate):
                yield from link(relation, server.key, name, how, at)
    for application in estate.of(Application):
        match application.preauthorized:
            case Known(value=clients, at=at):
                for client in clients:
                    yield from link(
                        Relation.ADMITS, application.key, client.app_id, f"{application.title} preauthorizes it", at
                    )
            case Unknown():
                pass


_Named = tuple[Relation, str, str, Location | None]


def _named_by_host(server: McpServer, estate: Estate) -> Iterator[_Named]:
    """Client id, audiences and admitted applications of the platform authentication in front of a host."""
    host = estate.get(Site, server.host) or estate.get(ContainerApp, server.host)
    if host is None:
        return
    match host.auth:
        case Known(value=PlatformAuth() as auth):
            match auth.client_id:
                case Known(value=client_id, at=at) if client_id:
                    yield Relation.SIGNS_IN_WITH, client_id, f"the sign-in of {host.title} uses its client id", at
                case _:
                    pass
            yield from _listed(Relation.ACCEPTS_TOKENS_FOR, auth.allowed_audiences, f"{host.title} lists it as an audience")
            yield from _listed(Relation.ADMITS, auth.allowed_applications, f"{host.title} allows it as a client")
        case _:
            return


def _listed(relation: Relation, names: Fact[tuple[str, ...]], how: str) -> Iterator[_Named]:
    match names:
        case Known(value=values, at=at):
            yield from ((relation, name, how, at) for name in values)
        case Unknown():
            pass


def _named_by_policy(server: McpServer, estate: Estate) -> Iterator[_Named]:
    """Audiences and client ids that token validation in front of a server names, named values resolved."""
    seen: set[tuple[Relation, str]] = set()
    for call in judged_calls(server, estate):
        for statement in statements(call.policy.inbound):
            for group, content in listed_in(statement, *_GROUPS) if validates_token(statement) else ():
                relation = _GROUPS[group]
                match call.policy.resolve(content):
                    case Known(value=text) if (relation, text) not in seen:
                        seen.add((relation, text))
                        how = f"{statement.name} of the gateway names it in {group}"
                        yield relation, text, how, statement.value_at(content)
                    case _:
                        pass


def ties(estate: Estate) -> dict[str, tuple[Tie, ...]]:
    """Which registrations and principals belong to an MCP surface, by key, and why."""
    found: dict[str, dict[Tie, None]] = {}
    for link in estate.links:
        server = estate.get(McpServer, link.source)
        if server is not None and link.relation in _ROLES:
            role, said = _ROLES[link.relation]
            tie = Tie(server.key, role, f"{server.title} {said}" if not server.gateway else link.how)
            found.setdefault(link.target, {})[tie] = None
    for key, tie in (*_identities(estate), *_agents(estate)):
        found.setdefault(key, {})[tie] = None
    return {key: tuple(items) for key, items in found.items()}


def _identities(estate: Estate) -> Iterator[tuple[str, Tie]]:
    """Principals of the managed identities that hosts of MCP servers run as."""
    for server in estate.of(McpServer):
        host = (estate.get(Site, server.host) or estate.get(ContainerApp, server.host)) if server.host else None
        if host is None or not isinstance(host.identities, Known):
            continue
        for identity in host.identities.value:
            match principal_of_identity(identity, host, estate):
                case Known(value=principal):
                    yield principal.key, Tie(server.key, "identity", f"{host.title} runs as it")
                case Unknown():
                    pass


def _agents(estate: Estate) -> Iterator[tuple[str, Tie]]:
    """Principals of agents that Foundry runs under an identity of their own."""
    for agent in estate.of(FoundryAgent):
        if isinstance(agent.client_id, Known) and agent.client_id.value:
            principal = principal_of(agent.client_id.value, estate)
            if principal is not None:
                yield principal.key, Tie("", "agent", f"{agent.title} runs as it")
