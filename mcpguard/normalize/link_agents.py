"""Links from agents and toolboxes to connections and to the MCP servers that their tools reach.

A tool reaches the server whose address its endpoint is: the target of its connection, else its own ``server_url``
(facts/foundry.md 1.5). An endpoint that is a toolbox's address leads to that toolbox.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Known
from mcpguard.model.addresses import servers_at
from mcpguard.model.estate import Estate
from mcpguard.model.foundry_view import connection_of, endpoint_of
from mcpguard.model.kinds.foundry import FoundryAgent, FoundryTool, GatewayLink, Toolbox
from mcpguard.model.links import Link, Relation

_TOOLBOX = "/toolboxes/"


def agent_links(estate: Estate) -> Iterator[Link]:
    """From each agent and toolbox to its connections and servers, and from accounts and projects to gateways."""
    for toolbox in estate.of(Toolbox):
        match toolbox.default:
            case Known(value=version):
                for tool in version.tools.items:
                    yield from _of_tool(tool, toolbox, estate)
            case _:
                pass
    by_name = {(toolbox.home, toolbox.name.lower()): toolbox for toolbox in estate.of(Toolbox)}
    for agent in estate.of(FoundryAgent):
        for tool in agent.tools.items:
            yield from _of_tool(tool, agent, estate)
            box = _toolbox_behind(tool, agent, by_name, estate)
            if box is not None:
                yield from _through_toolbox(agent, box, estate)
        for name in agent.latest.toolboxes:
            named = by_name.get((agent.home, name.lower()))
            if named is not None:
                yield from _through_toolbox(agent, named, estate)
    for link in estate.of(GatewayLink):
        match link.target:
            case Known(value=target):
                yield Link(Relation.GOVERNED_BY, link.source, target, "a link object of Resource Manager says so", link.at)
            case _:
                pass


def _of_tool(tool: FoundryTool, owner: FoundryAgent | Toolbox, estate: Estate) -> Iterator[Link]:
    connection = connection_of(tool, owner, estate)
    through = ""
    if isinstance(connection, Known) and connection.value is not None:
        through = f" through connection {connection.value.name}"
        yield Link(Relation.THROUGH, owner.key, connection.value.key, f"its {tool.title} names it", tool.at)
    endpoint = endpoint_of(tool, owner, estate)
    if isinstance(endpoint, Known) and endpoint.value is not None:
        for server in servers_at(endpoint.value, estate):
            how = f"its {tool.title} calls {endpoint.value.text}{through}"
            yield Link(Relation.CALLS, owner.key, server.key, how, tool.at)


def _toolbox_behind(
    tool: FoundryTool, agent: FoundryAgent, by_name: dict[tuple[str, str], Toolbox], estate: Estate
) -> Toolbox | None:
    endpoint = endpoint_of(tool, agent, estate)
    if isinstance(endpoint, Known) and endpoint.value is not None and _TOOLBOX in endpoint.value.path:
        name = endpoint.value.path.partition(_TOOLBOX)[2].split("/")[0].lower()
        return by_name.get((agent.home, name))
    return None


def _through_toolbox(agent: FoundryAgent, toolbox: Toolbox, estate: Estate) -> Iterator[Link]:
    match toolbox.default:
        case Known(value=version):
            for tool in version.tools.items:
                for link in _of_tool(tool, toolbox, estate):
                    how = f"its toolbox {toolbox.name}: {link.how}"
                    yield Link(link.relation, agent.key, link.target, how, link.at, link.confidence)
        case _:
            pass
