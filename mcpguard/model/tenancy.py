"""Whether tokens of other tenants get past the checks in front of an MCP server."""

from __future__ import annotations

from mcpguard.core.facts import Known
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.audiences import host_behind
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.hosting import PlatformAuth
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.server_view import judged_calls
from mcpguard.policy.effective import EffectivePolicy
from mcpguard.policy.flow import statements
from mcpguard.policy.vocabulary import TOKEN_VALIDATORS

_GUID = LazyPattern(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pins_tenant(server: McpServer, estate: Estate) -> bool:
    """Whether the issuer that a host or every call through a gateway asks for is that of one tenant, by its id."""
    if server.source is ServerSource.HOST:
        host = host_behind(server, estate)
        match host.auth if host is not None else None:
            case Known(value=PlatformAuth() as auth):
                return isinstance(auth.issuer, Known) and _GUID.search(auth.issuer.value) is not None
            case _:
                return False
    calls = list(judged_calls(server, estate)) if server.api else []
    return bool(calls) and all(_names_tenant(call.policy) for call in calls)


def _names_tenant(policy: EffectivePolicy) -> bool:
    for statement in statements(policy.inbound):
        if statement.name not in TOKEN_VALIDATORS:
            continue
        places = [statement.element.attribute("tenant-id")]
        places += [element.attribute("url") for element in statement.element.walk() if element.name == "openid-config"]
        for place in places:
            found = policy.resolve(place) if place is not None else None
            if isinstance(found, Known) and _GUID.search(found.value):
                return True
    return False
