"""MG603: a tool that the AI gateway of its account cannot take."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Estate,
    FoundryAgent,
    FoundryConnection,
    FoundryTool,
    Issue,
    Known,
    Location,
    NotApplicable,
    Options,
    Toolbox,
    Unknown,
    Verdicts,
    gateway_over,
    known,
    served_tools,
    surfaces,
)

_Unfit = tuple[str, str, Location]


def check(target: FoundryConnection | FoundryAgent | Toolbox, estate: Estate, options: Options) -> Verdicts:
    """A connection by its sign-in, a tool by its type."""
    if isinstance(target, FoundryConnection) and isinstance(target.category, Known) and not target.is_remote_tool:
        raise NotApplicable(f"{target.title} leads to no MCP server")
    unfit = list(_of_connection(target) if isinstance(target, FoundryConnection) else _of_tools(target))
    if not unfit:
        return
    gateway = known(gateway_over(target, estate))
    if gateway is None:
        raise NotApplicable(f"the account of {target.title} is linked to no gateway")
    name = gateway.rpartition("/")[2]
    for found in unfit:
        if isinstance(found, Unknown):
            yield found
            continue
        what, why, at = found
        yield Issue(
            f"{what} {why}, which the AI gateway does not take, so nothing of {name} applies to it; make it a connection of "
            "category RemoteTool with another sign-in, or record that it runs without the gateway",
            at=at,
            evidence=(("gateway", name), ("tool", what)),
            key=what,
        )


def _of_connection(connection: FoundryConnection) -> Iterator[_Unfit | Unknown]:
    if isinstance(connection.category, Unknown):
        yield connection.category
        return
    match connection.managed_sign_in:
        case Known(value=managed):
            if managed and surfaces()["foundry-managed-oauth-tool"].mediated is False:
                yield connection.title, "signs users in by managed OAuth", connection.auth_type.at or connection.at
        case Unknown() as unknown:
            yield unknown


def _of_tools(owner: FoundryAgent | Toolbox) -> Iterator[_Unfit | Unknown]:
    for tool in served_tools(owner):
        if isinstance(tool, Unknown):
            yield tool
            continue
        surface, why = _kind(tool)
        if surface and surfaces()[surface].mediated is False:
            yield f"{tool.title} of {owner.title}", why, tool.at


def _kind(tool: FoundryTool) -> tuple[str, str]:
    """Which surface of the support matrix a tool is, and what it does in words; both empty for the rest."""
    if tool.connector or tool.tunnel:
        return "foundry-connector-tool", f"uses the connector {tool.connector}" if tool.connector else "uses a tunnel"
    return ("foundry-openapi-tool", "is an OpenAPI tool") if tool.type == "openapi" else ("", "")
