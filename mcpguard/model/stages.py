"""Which stage something serves, test or production, by its tags and the manifest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Service
from mcpguard.model.kinds.mcp import McpServer

if TYPE_CHECKING:
    from mcpguard.model.kinds.foundry import FoundryAccount

_KEYS = frozenset({"environment", "env", "stage"})
_PRODUCTION = frozenset({"production", "prod", "prd", "live"})


def is_production(service: Service, accounts: Iterable[FoundryAccount], estate: Estate) -> Fact[bool]:
    """Whether a gateway, an account linked to it or a server that it publishes is production.

    Tags count (``environment``, ``env``, ``stage``), and what the manifest declares of the gateway's servers. Unknown when
    neither says anything.
    """
    said = False
    unread: Unknown | None = None
    for server in estate.under(service.key, McpServer):
        declaration = estate.declaration(server)
        if declaration is not None and declaration.server.environment is not None:
            said = True
            if declaration.server.environment == "production":
                return Known(True, declaration.at.child("environment"))
    for tags in (service.tags, *(account.tags for account in accounts)):
        match tags:
            case Known(value=values, at=at):
                for name, value in values.items():
                    if name.lower() in _KEYS:
                        said = True
                        if value.lower() in _PRODUCTION:
                            return Known(True, at.child(name) if at is not None else None)
            case Unknown() as unknown:
                unread = unread or unknown
    if unread is not None:
        return unread
    if said:
        return Known(False)
    missing = f"whether {service.title} serves production"
    return Unknown(missing, "tag it with environment, or declare the environment of its servers in the manifest", service.at)
