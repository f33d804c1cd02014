"""MG132: per-tool checks that a caller walks around with another shape of request."""

from functools import partial

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    McpServer,
    Options,
    ServerCall,
    ServerSource,
    ToolCheck,
    Unknown,
    Verdict,
    Verdicts,
    least,
    mcp_calls,
    merged,
    tool_checks,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every per-tool check of the server's policies, tried out with a batch and with another method."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    tools = frozenset(tool.name for tool in estate.tools(server))
    for call in mcp_calls(server, estate):
        for found in estate.remember(("tool checks", call.policy), partial(_tried, server, call, tools)):
            match found:
                case Unknown():
                    yield found
                case ToolCheck() if found.passes_batch or found.passes_other_methods:
                    yield call.path.doubt or _verdict(server, found, call)
                case _:
                    pass


def _tried(server: McpServer, call: ServerCall, tools: frozenset[str]) -> tuple[ToolCheck | Unknown, ...]:
    return tuple(tool_checks(call.policy, tools, is_alone=server.source is ServerSource.LOOSE_POLICY))


def _verdict(server: McpServer, found: ToolCheck, call: ServerCall) -> Verdict:
    is_native = server.source is ServerSource.APIM_REST_TOOLS
    if found.passes_batch and not is_native:
        others = ", and so are other methods such as resources/read" if found.passes_other_methods else ""
        return Issue(
            f"{server.title} refuses callers without the right for tool {found.tool} only when the body is one tools/call "
            f"object: the same call in a JSON-RPC batch (a list) is forwarded unchecked{others}; refuse bodies that are no "
            "single object, and methods that are not on a list",
            at=found.at.at,
            evidence=(("tool", found.tool), ("entry path", call.title)),
            confidence=least(server.confidence, Confidence.MEDIUM),
            key="batch",
        )
    if found.passes_batch:
        missing = f"whether the server that API Management runs for {server.title} takes batches, which pass its per-tool check"
    else:
        missing = f"whether {server.title} has resources or prompts: its policy asks for rights on tools/call and nothing else"
    return Unknown(missing, "refuse bodies that are no single object, and methods that are not on a list", found.at.at)
