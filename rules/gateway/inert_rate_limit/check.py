"""MG114: a limit that counts by subscription, on a way in that needs none."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Key,
    Known,
    McpServer,
    Options,
    Reach,
    Statement,
    Unknown,
    Verdicts,
    counts_by_subscription,
    is_limit,
    judged_calls,
    limits_met,
    merged,
    reach,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Keyless calls that meet limits by subscription and no other."""
    yield from merged(_judge(server, estate))


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        if call.path.key is not Key.NONE:
            continue
        match reach(call.policy, lambda statement: is_limit(statement) and not counts_by_subscription(statement)):
            case Known(value=Reach.NEVER):
                for found in limits_met(call):
                    if isinstance(found, Statement):
                        yield call.path.doubt or Issue(
                            f"{server.title} counts calls by {found.name}, which does nothing for calls {call.path.title}; "
                            f"use {found.name}-by-key, or ask for a key",
                            at=found.at,
                            evidence=(("entry path", call.title),),
                            confidence=server.confidence,
                            key=found.name,
                        )
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
