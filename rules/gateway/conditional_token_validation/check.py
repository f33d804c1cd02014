"""MG105: token validation that a caller can walk around, or that comes too late."""

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
    Verdict,
    Verdicts,
    identifies_caller,
    judged_calls,
    merged,
    met,
    met_too_early,
    reach,
    refusals_on_merit,
    statements,
    unread_products,
)

_OUTGOING = frozenset({"send-request", "send-one-way-request"})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Where a caller is identified at all, it has to be on every path and before anything goes out."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        match reach(call.policy, identifies_caller):
            case Known(value=Reach.SOMETIMES):
                first = next((found for found in met(call.policy, identifies_caller) if isinstance(found, Statement)), None)
                if first is not None:
                    yield (
                        _other_way(call)
                        or call.path.doubt
                        or _issue(
                            server,
                            call,
                            first,
                            f"validates the caller only on some paths: a call can get around {first.name}, "
                            "which stands in a branch; validate on every branch, or answer 401 on the others",
                        )
                    )
            case Unknown() as unknown:
                yield unknown
            case _:
                pass
        for early in met_too_early(call.policy, lambda statement: statement.name in _OUTGOING, identifies_caller):
            match early:
                case Unknown():
                    yield early
                case Statement():
                    yield call.path.doubt or _issue(
                        server,
                        call,
                        early,
                        f"makes a {early.name} before it validates the caller, so anybody can set it "
                        "off; put the validation first",
                    )


def _issue(server: McpServer, call: ServerCall, found: Statement, what: str) -> Verdict:
    way = (("entry path", call.title),)
    return Issue(f"{server.title} {what}", at=found.at, evidence=way, confidence=server.confidence, key=found.name)


def _other_way(call: ServerCall) -> Unknown | None:
    """Set when the paths without validation may be refused by hand, or may serve nothing but metadata and preflights."""
    for branch in refusals_on_merit(call.policy.inbound):
        return Unknown("whether the hand-written check refuses those that go around", "read the branch", branch.at)
    for statement in statements(call.policy.inbound):
        condition = statement.element.attribute("condition")
        text = condition.text.lower() if condition is not None else ""
        if condition is not None and any(word in text for word in (".well-known", "oauth-protected", "options")):
            missing = "whether calls that get around the validation can be anything but metadata requests or preflights"
            return Unknown(missing, "serve them by operations of their own", statement.value_at(condition))
    return None
