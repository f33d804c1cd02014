"""MG106: tokens accepted for whomever they were issued."""

from mcpguard.sdk import (
    Estate,
    Fact,
    Issue,
    Known,
    McpServer,
    Options,
    Statement,
    Unknown,
    Verdicts,
    checks_claim_by_hand,
    judged_calls,
    merged,
    requires_claim,
    unread_products,
    weak_validators,
)

_GROUPS = (("audiences", "audience"), ("backend-application-ids", "application-id"))


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """On every path at least one validator has to name the audiences that it accepts."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        for found in weak_validators(call.policy, _names_no_audience):
            match found:
                case Unknown():
                    yield found
                case Statement():
                    yield (
                        checks_claim_by_hand(call.policy, '"aud"', ".Audiences")
                        or call.path.doubt
                        or Issue(
                            f"{server.title} accepts tokens issued for any audience: {_seen(found)}; list the server's own "
                            "audience in audiences",
                            at=found.at,
                            evidence=(("entry path", call.title),),
                            confidence=server.confidence,
                            key=found.name,
                        )
                    )


def _names_no_audience(statement: Statement) -> Fact[bool]:
    named = any(
        child.name == item
        for group, item in _GROUPS
        if (parent := statement.element.find(group)) is not None
        for child in parent.elements
    )
    return Known(not named and not requires_claim(statement, "aud"))


def _seen(statement: Statement) -> str:
    if statement.element.find("client-application-ids") is not None:
        return f"its {statement.name} names only client applications, so a token that one of them got for any other API passes"
    empty = statement.element.find("audiences") is not None
    return f"its {statement.name} has {'an empty audiences element' if empty else 'no audiences'} and asks for no aud claim"
