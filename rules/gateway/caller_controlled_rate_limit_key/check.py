"""MG115: a limit that counts by what the caller says."""

from mcpguard.sdk import (
    Estate,
    Fact,
    Issue,
    Key,
    Known,
    McpServer,
    Options,
    Reach,
    ServerCall,
    Statement,
    Unknown,
    Verdicts,
    counts_by_callers_choice,
    counts_by_subscription,
    is_limit,
    limits_met,
    mcp_calls,
    merged,
    reach,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Limits whose counter key is the caller's to choose, where no other limit holds on every path."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in mcp_calls(server, estate):
        if _holds_anyway(call) == Known(Reach.ALWAYS):
            continue
        for found in limits_met(call):
            if isinstance(found, Unknown):
                yield found
                continue
            match counts_by_callers_choice(call, found):
                case Known(value=True, at=at):
                    hole = _holds_anyway(call)
                    value = found.element.attribute("counter-key")
                    shown = " ".join(value.text.split())[:100] if value is not None else ""
                    yield (
                        call.path.doubt
                        or (hole if isinstance(hole, Unknown) else None)
                        or Issue(
                            f"{server.title} counts calls by what the caller sends (counter-key {shown}), so a caller who "
                            "changes it is never limited; count by a claim of the validated token or by address",
                            at=at or found.at,
                            evidence=(("entry path", call.title),),
                            confidence=server.confidence,
                            key=found.name,
                        )
                    )
                case Known():
                    pass
                case Unknown() as unknown:
                    yield unknown


def _holds_anyway(call: ServerCall) -> Fact[Reach] | None:
    """On which paths the call meets a limit that the caller does not steer."""

    def holds(statement: Statement) -> bool:
        if not is_limit(statement) or (counts_by_subscription(statement) and call.path.key is Key.NONE):
            return False
        return counts_by_callers_choice(call, statement) == Known(False)

    return reach(call.policy, holds)
