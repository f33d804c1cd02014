"""Managed identities that MCP hosts run as, and their principals: joined by principal id, resource id or client id."""

from __future__ import annotations

from collections.abc import Mapping

from mcpguard.core.facts import Fact, Known, Unknown, value_or_none
from mcpguard.model.directory import principal_of, principal_of_resource, principal_with
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entra import ServicePrincipal
from mcpguard.model.kinds.host_parts import ManagedIdentity
from mcpguard.model.kinds.hosting import ContainerApp, Host, Site
from mcpguard.model.kinds.mcp import McpServer


def mcp_hosts(estate: Estate) -> tuple[Host, ...]:
    """The sites and container apps that run an MCP server."""
    keys = sorted({server.host for server in estate.of(McpServer) if server.host})
    found = (estate.get(Site, key) or estate.get(ContainerApp, key) for key in keys)
    return tuple(host for host in found if host is not None)


def runs_mcp_server(host: Host, estate: Estate) -> bool:
    """Whether a host runs an MCP server."""
    return host.key in estate.remember("keys of MCP hosts", lambda: {it.key for it in mcp_hosts(estate)})


def principal_of_identity(identity: ManagedIdentity, host: Host, estate: Estate) -> Fact[ServicePrincipal]:
    """The principal of an identity of a host, whose roles say what the host may do by itself."""
    principal_id, client_id = value_or_none(identity.principal_id), value_or_none(identity.client_id)
    found = (
        (principal_with(principal_id, estate) if principal_id else None)
        or principal_of_resource(identity.resource_id or host.key, estate)
        or (principal_of(client_id, estate) if client_id else None)
    )
    if found is not None:
        return Known(found, found.at)
    named = f"/{principal_id}" if principal_id else f"(appId='{client_id}')" if client_id else "/<principal id>"
    return Unknown(
        f"the service principal of {identity_title(identity)} of {host.title}",
        f'add the answers of: az rest --method get --url "https://graph.microsoft.com/v1.0/servicePrincipals{named}" and of '
        "its appRoleAssignments (permission Application.Read.All)",
        identity.at,
    )


def identity_title(identity: ManagedIdentity) -> str:
    """What messages call an identity."""
    name = identity.resource_id.rpartition("/")[2]
    return f"managed identity {name}" if name else "the system-assigned identity"


def hosts_run_as(principal: ServicePrincipal, estate: Estate) -> tuple[Host, ...]:
    """The MCP hosts that run as a principal."""
    return _by_principal(estate).get(principal.key, ())


def _by_principal(estate: Estate) -> Mapping[str, tuple[Host, ...]]:
    def group() -> dict[str, tuple[Host, ...]]:
        found: dict[str, tuple[Host, ...]] = {}
        for host in mcp_hosts(estate):
            for identity in value_or_none(host.identities) or ():
                match principal_of_identity(identity, host, estate):
                    case Known(value=principal):
                        found[principal.key] = (*found.get(principal.key, ()), host)
                    case Unknown():
                        pass
        return found

    return estate.remember("MCP hosts by principal", group)
