"""MG133: a gateway that believes what the caller says about its own request."""

from mcpguard.sdk import (
    Estate,
    Issue,
    McpServer,
    Options,
    ServerSource,
    TrustedHeader,
    Unknown,
    Verdict,
    Verdicts,
    mcp_calls,
    merged,
    trusted_mcp_headers,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every decision by Mcp-Name or Mcp-Method on a path that forwards without a look into the body."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    is_alone = server.source is ServerSource.LOOSE_POLICY
    for call in mcp_calls(server, estate):
        for found in trusted_mcp_headers(call.policy, is_alone=is_alone):
            yield found if isinstance(found, Unknown) else call.path.doubt or _verdict(server, found, call.title)


def _verdict(server: McpServer, found: TrustedHeader, title: str) -> Verdict:
    remedy = "compare the header with method and params.name of the body, and answer 400 when they differ"
    if found.is_pinned or server.source is ServerSource.APIM_REST_TOOLS:
        who = "the server that API Management runs" if server.source is ServerSource.APIM_REST_TOOLS else "the backend"
        missing = f"whether {who} for {server.title} refuses requests whose body differs from {found.header}"
        return Unknown(missing, remedy, found.at.at)
    return Issue(
        f"{server.title} decides by the caller's {found.header} header ({found.at.name}) and never compares it with the body, "
        f"which is what the backend goes by; {remedy}",
        at=found.at.at,
        evidence=(("header", found.header), ("entry path", title)),
        confidence=server.confidence,
        key=found.header,
    )
