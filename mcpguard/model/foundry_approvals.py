"""Approvals that Foundry itself enforces: Agent Service waits for them before a prompt agent's tool call.

Facts: facts/foundry.md 3. A toolbox, and a hosted or external agent, only passes on what it would like to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.model.addresses import is_address_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.mcp import McpServer, McpTool

if TYPE_CHECKING:
    from mcpguard.model.kinds.foundry import FoundryAgent, FoundryTool


def agents_ask(tool: McpTool, server: McpServer, estate: Estate) -> Fact[bool]:
    """Whether every client of a server is a prompt agent that waits for an approval before it calls this tool.

    Who the clients are is the manifest's word (``clients``): without it anybody may call, so nothing is enforced.
    """
    declaration = estate.declaration(server)
    clients = {client.lower() for client in declaration.server.clients} if declaration is not None else set()
    if not clients or not estate.named("foundry-agent"):
        return Known(False)
    from mcpguard.model.kinds.foundry import FoundryAgent

    asking: set[str] = set()
    unread: Unknown | None = None
    for agent in estate.of(FoundryAgent):
        match agent.client_id:
            case Known(value=client_id) if client_id in clients:
                match _asks(agent, tool, server, estate):
                    case Known(value=True):
                        asking.add(client_id)
                    case Known():
                        return Known(False, agent.at)
                    case Unknown() as unknown:
                        unread = unread or unknown
            case _:
                pass
    if unread is not None and asking:
        return unread
    return Known(asking == clients)


def _asks(agent: FoundryAgent, tool: McpTool, server: McpServer, estate: Estate) -> Fact[bool]:
    """Whether an agent can call a tool only with an approval."""
    if isinstance(agent.latest.definition, Unknown):
        return agent.latest.definition
    if agent.latest.definition.value != "prompt":
        return Known(False, agent.at)
    reaches = False
    for entry in _entries(agent, server, estate):
        if isinstance(entry, Unknown):
            return entry
        reaches = True
        asked = _asked(entry, tool.name)
        if isinstance(asked, Unknown) or not asked.value:
            return asked
    return Known(reaches, agent.at)


def _asked(entry: FoundryTool, name: str) -> Fact[bool]:
    """Whether calls of one tool wait for an approval; a tool that is not allowed is not called at all."""
    from mcpguard.model.kinds.foundry import ToolFilter

    match entry.allowed, entry.approval:
        case Known(value=ToolFilter(read_only=None) as allowed), _ if allowed.names and name not in allowed.names:
            return Known(True, entry.at)
        case _, Known(value=approval):
            return approval.asks(name)
        case _, Unknown() as unknown:
            return unknown


def _entries(agent: FoundryAgent, server: McpServer, estate: Estate) -> Iterator[FoundryTool | Unknown]:
    """The agent's entries that lead to a server, or to one with the same host behind it."""
    from mcpguard.model.foundry_view import endpoint_of

    same = [server, *(other for other in estate.of(McpServer) if server.host and other.host == server.host)]
    for entry in agent.tools.items:
        if entry.type != "mcp":
            continue
        match endpoint_of(entry, agent, estate):
            case Known(value=url) if url is not None and any(is_address_of(url, other, estate) for other in same):
                yield entry
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
    if agent.tools.missing is not None:
        yield agent.tools.missing
