"""MG307: no token came back, and the request goes on all the same."""

from functools import partial

from mcpguard.sdk import (
    Estate,
    FailOpen,
    Issue,
    McpServer,
    Options,
    ServerCall,
    ServerSource,
    Unknown,
    Verdict,
    Verdicts,
    backend_sets_authorization,
    exchanges_failing_open,
    mcp_calls,
    merged,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every exchange of the server's policies, tried out with each way in which it can fail."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in mcp_calls(server, estate):
        for found in estate.remember(("failing exchanges", call.policy), partial(_tried, server, call)):
            if isinstance(found, Unknown):
                yield found
            elif call.path.doubt is not None:
                yield call.path.doubt
            elif found.header != "authorization" or not backend_sets_authorization(server, estate):
                yield _issue(server, found, call.title)


def _tried(server: McpServer, call: ServerCall) -> tuple[FailOpen | Unknown, ...]:
    return tuple(exchanges_failing_open(call.policy, is_alone=server.source is ServerSource.LOOSE_POLICY))


def _issue(server: McpServer, found: FailOpen, title: str) -> Verdict:
    exchange = found.exchange
    written = (found.writer.related(f"what the header {found.header} holds then"),) if found.writer is not None else ()
    return Issue(
        f"{server.title} forwards the request with {found.sent.value} when {exchange.name} yields none because "
        f"{found.failure}; answer 401 or 502 then, before the request is forwarded",
        at=exchange.at,
        related=written,
        evidence=(("header", found.header), ("sent", found.sent.value), ("entry path", title)),
        confidence=server.confidence,
        key=f"{exchange.name} {found.header}",
    )
