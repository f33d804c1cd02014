"""Which clients the configuration of a server lets in: its manifest entry, its host's sign-in, its gateway's policies."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.audiences import host_behind
from mcpguard.model.directory import application_of, principal_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.reference_data import well_known_clients
from mcpguard.model.server_view import judged_calls
from mcpguard.policy.flow import statements
from mcpguard.policy.guards import listed_in, validates_token


def allowed_clients(server: McpServer, estate: Estate) -> Iterator[tuple[Fact[tuple[str, ...]], str]]:
    """Client ids that the manifest's own entry for a server and its host's sign-in allow, lower case, with who allows them."""
    declaration = estate.declaration(server)
    is_host = server.source is ServerSource.HOST
    if declaration is not None and not (is_host and declaration.server.apim_api):  # a host behind a gateway has other callers
        clients = tuple(client.lower() for client in declaration.server.clients)
        yield Known(clients, declaration.at.child("clients")), f"the manifest's entry {declaration.server.id}"
    host = host_behind(server, estate) if is_host else None
    if host is None:
        return
    match host.auth:
        case Known(value=auth):
            if auth is not None:
                yield auth.allowed_applications, host.title
        case Unknown() as unknown:
            yield unknown, host.title


def gateway_clients(server: McpServer, estate: Estate) -> Iterator[tuple[str, Location]]:
    """Client ids that token validation in a gateway admits, lower case, with their place; computed ones are left out."""
    if not server.api:
        return
    for call in judged_calls(server, estate):
        for statement in statements(call.policy.inbound):
            listed = listed_in(statement, "client-application-ids") if validates_token(statement) else ()
            for _, content in listed:
                match call.policy.resolve(content):
                    case Known(value=text):
                        yield text.strip().lower(), statement.value_at(content)
                    case Unknown():
                        pass


def calls_without_user(client: str, estate: Estate) -> Fact[bool]:
    """Whether a client is a managed identity or an agent identity, which call as themselves."""
    if client in well_known_clients():
        return Known(False)
    principal = principal_of(client, estate)
    if principal is not None:
        match principal.principal_type:
            case Known(value=kind, at=at):
                return Known(principal.is_agent or kind == "ManagedIdentity", at)
            case Unknown() as unknown:
                return Known(True) if principal.is_agent else unknown
    if application_of(client, estate) is not None or estate.is_complete("", "microsoft.graph/serviceprincipals"):
        return Known(False)
    return Unknown(
        f"what kind of identity the client {client} is",
        "add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/servicePrincipals",
    )
