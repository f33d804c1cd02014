"""MG126: what belongs to one caller, kept for all."""

from mcpguard.sdk import (
    Estate,
    Flow,
    Issue,
    Label,
    McpServer,
    Options,
    SinkKind,
    Statement,
    Verdicts,
    calls_in_effect,
    gather_flows,
    statements,
)

_PRIVATE = frozenset({Label.CALLER_TOKEN, Label.TOKEN_RESPONSE})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Response caching first, then every token that goes under a constant key."""
    seen: set[object] = set()
    for call in calls_in_effect(server, estate):
        for statement in statements(call.policy.inbound):
            if _shares_responses(statement) and statement.at not in seen:
                seen.add(statement.at)
                yield Issue(
                    f"{server.title} caches private responses without the caller in the key (allow-private-response-caching is "
                    "true); vary by the Authorization header or do not cache",
                    at=statement.at,
                    evidence=(("entry path", call.title),),
                    confidence=server.confidence,
                    key="cache-lookup",
                )
    yield from gather_flows(
        server,
        estate,
        wanted=lambda flow: flow.sink is SinkKind.SHARED_CACHE and flow.tainted.label in _PRIVATE,
        issue=lambda flow: _issue(server, flow),
    )


def _shares_responses(statement: Statement) -> bool:
    if statement.name != "cache-lookup":
        return False
    allowed = statement.element.attribute("allow-private-response-caching")
    developer = statement.element.attribute("vary-by-developer")
    headers = [child.content.text.strip().lower() for child in statement.element.elements if child.name == "vary-by-header"]
    is_private = allowed is not None and allowed.text.strip().lower() == "true"
    by_developer = developer is not None and developer.text.strip().lower() == "true"
    return is_private and not by_developer and "authorization" not in headers


def _issue(server: McpServer, flow: Flow) -> Issue:
    return Issue(
        f"{server.title} caches {flow.tainted.label.value} under the key {flow.name!r}, which is the same for all callers; put "
        "a claim of the validated token into the key",
        at=flow.statement or flow.at,
        flow=flow.steps,
        evidence=(("key", flow.name),),
        confidence=server.confidence,
        key=flow.name,
    )
