"""MG102: a way into an MCP server that asks for nothing at all."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Key,
    Known,
    McpServer,
    Options,
    Reach,
    Unknown,
    Verdicts,
    bypasses_key,
    compares_shared_key,
    identifies_caller,
    inbound_location,
    judged_calls,
    reach,
    refusals_on_merit,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every keyless call has to have met a token or certificate check on all of its paths or on some."""
    for call in judged_calls(server, estate):
        if call.path.key is not Key.NONE or bypasses_key(call, estate):
            continue
        match reach(call.policy, identifies_caller):
            case Known(value=Reach.NEVER):
                pass
            case Unknown() as unknown:
                yield unknown
                continue
            case _:
                continue
        by_hand = refusals_on_merit(call.policy.inbound)
        if any(compares_shared_key(branch) for branch in by_hand):
            continue
        if by_hand:
            missing = f"whether the hand-written check of {server.title} refuses anonymous callers"
            yield Unknown(missing, "read the branch that answers 401 or 403", by_hand[0].at)
        elif call.path.doubt is not None:
            yield call.path.doubt
        else:
            yield Issue(
                f"{server.title} answers anybody ({call.title}): neither a key nor a token nor a client certificate is "
                "asked for; validate a token in its inbound policy",
                at=inbound_location(call, server, estate),
                related=(server.at.related("the API"),),
                evidence=(("entry path", call.title),),
                confidence=server.confidence,
            )
            return
