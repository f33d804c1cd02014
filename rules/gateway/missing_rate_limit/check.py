"""MG113: a way into an MCP server on which nothing counts calls."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Reach,
    ServerCall,
    Unknown,
    Verdicts,
    inbound_location,
    is_limit,
    judged_calls,
    reach,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every call that is forwarded has to have met a limit of some kind on some path."""
    unlimited: list[ServerCall] = []
    for call in judged_calls(server, estate):
        match reach(call.policy, is_limit):
            case Known(value=Reach.NEVER):
                if call.path.doubt is not None:
                    yield call.path.doubt
                else:
                    unlimited.append(call)
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    if (unread := unread_products(server, estate)) is not None:
        yield unread
    if unlimited:
        ways = tuple(dict.fromkeys(call.title for call in unlimited))
        yield Issue(
            f"{server.title} forwards any number of calls ({'; '.join(ways)}): no rate limit or quota stands in the "
            "effective inbound policy; add a rate-limit-by-key",
            at=inbound_location(unlimited[0], server, estate),
            evidence=tuple(("entry path", way) for way in ways),
            confidence=server.confidence,
        )
