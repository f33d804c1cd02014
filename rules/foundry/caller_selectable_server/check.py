"""MG607: a request decides where an agent's tool calls go."""

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
    Unknown,
    Verdicts,
    connection_of,
    served_tools,
)


def check(agent: FoundryAgent, estate: Estate, options: Options) -> Verdicts:
    """Every MCP tool of the latest version."""
    tools = [tool for tool in served_tools(agent) if isinstance(tool, Unknown) or tool.type == "mcp"]
    if not tools:
        raise NotApplicable(f"{agent.title} has no MCP tool")
    for tool in tools:
        if isinstance(tool, Unknown):
            yield tool
            continue
        for name, at in tool.templated:
            place = "server_url" if at in _places(tool) else "headers"
            counts = _target_counts(tool, agent, estate) if place == "server_url" else False
            if isinstance(counts, Unknown):
                yield counts
                continue
            if counts:
                continue
            if name in agent.latest.inputs:
                yield Issue(
                    f"{tool.title} of {agent.title} takes {{{{{name}}}}} in {place} from each request (structured_inputs), so "
                    "the caller picks what is called and as whom; write a fixed value, or use a connection",
                    at=at,
                    evidence=(("input", name), ("tool", tool.label)),
                    key=f"{tool.label} {name}",
                )
            else:
                missing = f"what fills {{{{{name}}}}} in {place} of {tool.title} of {agent.title}"
                yield Unknown(missing, "scan the agent as the data plane answers it (GET /agents)", at)


def _places(tool: FoundryTool) -> tuple[Location, ...]:
    return (tool.url.at,) if tool.url.at is not None else ()


def _target_counts(tool: FoundryTool, agent: FoundryAgent, estate: Estate) -> bool | Unknown:
    """Whether the tool has a connection with a target, which counts before its own address."""
    match connection_of(tool, agent, estate):
        case Known(value=FoundryConnection(target=Known(value=target))):
            return target is not None
        case Known(value=FoundryConnection(target=Unknown() as unknown)) | (Unknown() as unknown):
            return unknown
        case _:
            return False
