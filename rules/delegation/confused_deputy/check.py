"""MG304: the gateway lends its credential to callers whom it does not know."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Reach,
    ServerCall,
    Statement,
    Unknown,
    Verdicts,
    identifies_caller,
    judged_calls,
    reach,
    refusals,
    statements,
)

_LENDING = {
    "authentication-managed-identity": "its managed identity",
    "get-authorization-context": "a connection of the credential manager",
}


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every call on which a credential is added and the caller never identified."""
    found: list[tuple[ServerCall, Statement]] = []
    for call in judged_calls(server, estate):
        lent = [s for s in (*statements(call.policy.inbound), *statements(call.policy.backend)) if s.name in _LENDING]
        if not lent:
            continue
        match reach(call.policy, identifies_caller):
            case Known(value=Reach.NEVER):
                by_hand = next(iter(refusals(call.policy.inbound)), None)
                if by_hand is not None:
                    missing = f"whether the hand-written check of {server.title} identifies the caller"
                    yield Unknown(missing, "read the branch that answers 401 or 403", by_hand.at)
                elif call.path.doubt is not None:
                    yield call.path.doubt
                else:
                    found.append((call, lent[0]))
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
    if found:
        call, statement = found[0]
        yield Issue(
            f"{server.title} lends {_LENDING[statement.name]} to callers whom it has not identified ({call.title}); validate "
            "the caller's token before the credential is added",
            at=statement.at,
            evidence=tuple(("entry path", title) for title in dict.fromkeys(call.title for call, _ in found)),
            confidence=server.confidence,
        )
