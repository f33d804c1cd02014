"""Which callers of an MCP server have no user behind them: their tokens cannot be exchanged on behalf of anybody."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.core.location import Location
from mcpguard.model.callers import allowed_clients, calls_without_user, gateway_clients
from mcpguard.model.directory import principal_of, principal_with, servers_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.mcp import McpServer


def callers_without_user(application: Application, estate: Estate) -> Iterator[Fact[str]]:
    """Callers of a registration's servers whose tokens nobody can exchange, each as a clause on who admits it.

    Managed identities, and holders of an application role as themselves; agent identities can act for a user. Unknown where
    the kind of a caller, or the list of holders, was not read.
    """
    for server in servers_of(application, estate):
        for client, who, at in _let_in(server, estate):
            principal = principal_of(client, estate)
            if principal is not None and principal.is_agent:
                continue
            match calls_without_user(client, estate):
                case Known(value=True):
                    yield Known(f"{who} admits {principal.name if principal else client}", at)
                case Unknown() as unknown:
                    yield unknown
                case Known():
                    pass
    yield from _role_holders(application, estate)


def _let_in(server: McpServer, estate: Estate) -> Iterator[tuple[str, str, Location | None]]:
    for fact, who in allowed_clients(server, estate):
        match fact:
            case Known(value=clients, at=at):
                yield from ((client, who, at) for client in clients)
            case Unknown():
                pass  # whom a server lets in is a question of other rules
    yield from ((client, server.title, at) for client, at in gateway_clients(server, estate))


def _role_holders(application: Application, estate: Estate) -> Iterator[Fact[str]]:
    api = principal_of(application.app_id, estate)
    if api is None:
        return
    for grant in api.assigned.items:
        if grant.principal_type != "ServicePrincipal":
            continue
        holder = principal_with(grant.principal_id, estate)
        if holder is None:
            yield Unknown(
                f"what kind of identity {grant.principal_id} is, which holds an application role of {application.title}",
                f"add the answer of: az rest --method get --url https://graph.microsoft.com/v1.0/servicePrincipals/{grant.principal_id}",
                grant.at,
            )
        elif not holder.is_agent:
            yield Known(f"an application role of it is held by {holder.name}", grant.at)
    if api.assigned.missing is not None and _offers_application_roles(application):
        yield api.assigned.missing


def _offers_application_roles(application: Application) -> bool:
    """Whether identities without a user can be given a role at all, as far as is known."""
    match application.app_roles:
        case Known(value=roles):
            return any("Application" in role.member_types and role.is_enabled for role in roles)
        case Unknown():
            return True
