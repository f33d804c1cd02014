"""MG110: a guard that asks whether there is a credential, and takes any."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Reach,
    Unknown,
    Verdicts,
    compares_shared_key,
    identifies_caller,
    judged_calls,
    merged,
    presence_checks,
    reach,
    refusals_on_merit,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Calls that meet a presence check and nothing that looks at the credential."""
    yield from merged(_judge(server, estate))


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        found = next(presence_checks(call.policy), None)
        match reach(call.policy, identifies_caller):
            case Known(value=Reach.NEVER) if found is not None:
                by_hand = refusals_on_merit(call.policy.inbound)
                if any(compares_shared_key(branch) for branch in by_hand):
                    continue
                if by_hand:
                    missing = f"whether the hand-written check of {server.title} looks at the credential itself"
                    yield Unknown(missing, "read the branch that answers 401 or 403", by_hand[0].at)
                    continue
                seen = f"{found.name} without values" if found.name == "check-header" else "a branch refuses its absence"
                yield call.path.doubt or Issue(
                    f"{server.title} only looks whether a credential is there ({seen}), so any value passes; validate "
                    "it with validate-azure-ad-token or validate-jwt",
                    at=found.at,
                    evidence=(("entry path", call.title),),
                    confidence=server.confidence,
                    key=found.name,
                )
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
