"""Whose token a gateway hands to what is behind it: the caller's, or one that it gets as itself."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.server_view import judged_calls
from mcpguard.policy.effective import EffectivePolicy
from mcpguard.policy.flow import statements


def own_resource(server: McpServer, estate: Estate) -> Fact[str] | None:
    """The resource for which the gateway gets a token as its managed identity on every way in; None where it does not.

    The platform writes that token into Authorization unless it goes to a variable (authentication-managed-identity).
    """
    if not server.api:
        return None
    found: Fact[str] | None = None
    for call in judged_calls(server, estate):
        found = _resource(call.policy)
        if found is None:
            return None
    return found


def _resource(policy: EffectivePolicy) -> Fact[str] | None:
    for statement in statements(policy.inbound):
        if statement.name != "authentication-managed-identity" or statement.element.attribute("output-token-variable-name"):
            continue
        resource = statement.element.attribute("resource")
        if resource is None:
            return Unknown("the resource of authentication-managed-identity", "name one in the policy", statement.at)
        at = statement.value_at(resource)
        match policy.resolve(resource):
            case Known(value=text):
                return Known(text.strip(), at)
            case Unknown() as unknown:
                return unknown
    return None
