"""Which diagnostics are in effect on a server.

A diagnostic of the API replaces the service's diagnostic of the same id (facts/apim.md 1.11, from azure-docs
api-management-howto-app-insights and how-to-server-sent-events).
"""

from __future__ import annotations

from mcpguard.core.facts import Members, Unknown
from mcpguard.model.estate import Estate, child_type
from mcpguard.model.kinds.gateway import Api, Diagnostic, Service
from mcpguard.model.kinds.mcp import McpServer


def effective_diagnostics(server: McpServer, estate: Estate) -> Members[Diagnostic]:
    """The diagnostics that apply to a server in API Management; none for servers elsewhere.

    A diagnostic of the service is left out, and named as missing, while it is not known whether the API replaces it.
    """
    api, service = estate.get(Api, server.api), estate.get(Service, server.service)
    if api is None:
        return Members(())
    own = estate.members(api, Diagnostic, child_type(api.key, "diagnostics"), "diagnostics", "diagnostics")
    if api.workspace:
        remedy = "give the API a diagnostic of its own"
        undocumented = f"which diagnostics of the service and of the workspace apply to {api.title}: that is not documented"
        return Members(own.items, own.missing or Unknown(undocumented, remedy, api.at))
    replaced = {diagnostic.name.lower() for diagnostic in own.items}
    if service is None:
        missing = Unknown(f"the service-level diagnostics over {api.title}", f"add the service {api.service}", api.at)
        return Members(own.items, missing)
    listed = child_type(service.key, "diagnostics")
    general = estate.members(service, Diagnostic, listed, "service-level diagnostics", "diagnostics")
    inherited = tuple(diagnostic for diagnostic in general.items if diagnostic.name.lower() not in replaced)
    if own.missing is not None and inherited:
        return Members(own.items, own.missing)
    return Members((*own.items, *inherited), own.missing or general.missing)
