"""MG108: tokens of every tenant accepted."""

from functools import partial

from mcpguard.sdk import (
    EffectivePolicy,
    Estate,
    Fact,
    Issue,
    Known,
    Location,
    McpServer,
    Options,
    Statement,
    Unknown,
    Verdicts,
    checks_claim_by_hand,
    judged_calls,
    merged,
    plain,
    requires_claim,
    unread_products,
    weak_validators,
)

_ANY_TENANT = frozenset({"common", "organizations", "consumers"})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """On every path at least one validator has to settle from which tenants tokens may come."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        for found in weak_validators(call.policy, partial(_takes_any_tenant, call.policy)):
            match found:
                case Unknown():
                    yield found
                case Statement():
                    name, text, at = _open_issuers(_issuers(call.policy, found))[0]
                    yield (
                        checks_claim_by_hand(call.policy, '"tid"', '"iss"', ".Issuer")
                        or call.path.doubt
                        or Issue(
                            f"{server.title} accepts tokens of any tenant: {name} of its {found.name} is "
                            f"{text!r}, and no issuer or tid claim is asked for; name the tenant",
                            at=at or found.at,
                            evidence=(("entry path", call.title),),
                            confidence=server.confidence,
                            key=name,
                        )
                    )


def _takes_any_tenant(policy: EffectivePolicy, statement: Statement) -> Fact[bool]:
    issuers = statement.element.find("issuers")
    if requires_claim(statement, "tid", "iss") or (issuers is not None and issuers.elements):
        return Known(False)
    found = _issuers(policy, statement)
    if _open_issuers(found):
        return Known(True)
    return next((fact for _, fact in found if isinstance(fact, Unknown)), Known(False))


def _issuers(policy: EffectivePolicy, statement: Statement) -> list[tuple[str, Fact[str]]]:
    """What says whose tokens are accepted: an attribute's name and its value."""
    tenant = statement.element.attribute("tenant-id")
    urls = [child.attribute("url") for child in statement.element.elements if child.name == "openid-config"]
    values = [("tenant-id", tenant), *(("openid-config", url) for url in urls)]
    return [(name, plain(policy, statement, value)) for name, value in values if value is not None]


def _open_issuers(found: list[tuple[str, Fact[str]]]) -> list[tuple[str, str, Location | None]]:
    return [
        (name, fact.value, fact.at)
        for name, fact in found
        if isinstance(fact, Known) and not _ANY_TENANT.isdisjoint(fact.value.lower().split("/"))
    ]
