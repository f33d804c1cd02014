"""MG112: a REST-backed server of which one of two doors is guarded."""

from mcpguard.sdk import (
    Estate,
    Fact,
    Issue,
    Key,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Reach,
    ServerCall,
    ServerSource,
    Unknown,
    Verdicts,
    backing_calls,
    identifies_caller,
    inbound_location,
    judged_calls,
    merged,
    reach,
    refusals_on_merit,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The server's own calls, against the calls of the API behind its tools."""
    if server.source is not ServerSource.APIM_REST_TOOLS:
        raise NotApplicable(f"{server.title} is not made of REST operations")
    yield from merged(_judge(server, estate))


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    calls = [(call, fact) for call in judged_calls(server, estate) if (fact := _identified(call)) is not None]
    behind: list[tuple[ServerCall, Fact[Reach]]] = []
    for found in backing_calls(server, estate):
        match found:
            case Unknown():
                yield found
            case ServerCall() if (fact := _identified(found)) is not None:
                behind.append((found, fact))
            case _:
                pass
    yield from (fact for _, fact in (*calls, *behind) if isinstance(fact, Unknown))
    if all(fact == Known(Reach.ALWAYS) for _, fact in calls):
        for call, fact in behind:
            if fact == Known(Reach.NEVER) and call.path.key is Key.NONE and not refusals_on_merit(call.policy.inbound):
                yield call.path.doubt or Issue(
                    f"{server.title} validates its callers, but the API behind its tools answers anybody ({call.title}); "
                    "validate a token there too, or ask for a key that only the gateway has",
                    at=inbound_location(call, server, estate),
                    related=(server.at.related("the MCP server in front of it"),),
                    evidence=(("entry path", call.title),),
                    confidence=server.confidence,
                    key=call.path.api.rsplit("/", 1)[-1],
                )
    elif behind and all(fact == Known(Reach.ALWAYS) for _, fact in behind):
        for call, fact in calls:
            if fact == Known(Reach.NEVER) and not refusals_on_merit(call.policy.inbound):
                yield call.path.doubt or Issue(
                    f"{server.title} leaves the validation of tokens to the API behind its tools, so anybody who gets in "
                    "can list them; validate the token in the server's own inbound policy too",
                    at=inbound_location(call, server, estate),
                    evidence=(("entry path", call.title),),
                    confidence=server.confidence,
                )


def _identified(call: ServerCall) -> Fact[Reach] | None:
    return reach(call.policy, identifies_caller)
