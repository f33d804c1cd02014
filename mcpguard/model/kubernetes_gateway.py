"""Which microsoft/mcp-gateway serves a server, for rules that judge what it does at its door."""

from __future__ import annotations

from mcpguard.core.facts import Undetermined, Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.mcp import McpGateway, McpServer

SETTINGS_EXPORT = "kubectl get deployment,configmap,service --namespace adapter --output yaml"
"""What shows the gateway's settings; ``adapter`` is the namespace that its deployment template names."""


def serving_gateway(server: McpServer, estate: Estate) -> McpGateway:
    """The gateway that serves an adapter or the router.

    Raises:
        Undetermined: its deployment was not read, or there are several and an adapter does not say which is its own.
    """
    gateway = estate.get(McpGateway, server.gateway)
    if gateway is not None:
        return gateway
    several = len(estate.of(McpGateway))
    which = (
        f"which of {several} MCP gateways serves {server.title}" if several else f"the MCP gateway that serves {server.title}"
    )
    remedy = "scan each gateway by itself" if several else f"add the answer of: {SETTINGS_EXPORT}, or of its /portal/config"
    raise Undetermined(Unknown(which, remedy, server.at))
