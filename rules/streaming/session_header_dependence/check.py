"""MG215: something that works only while clients send Mcp-Session-Id."""

from mcpguard.sdk import (
    Estate,
    Issue,
    McpServer,
    Options,
    Source,
    StatementInEffect,
    Unknown,
    Use,
    Verdicts,
    statements_in_effect,
)

_SESSION = Source("request-header", "mcp-session-id")
_PURPOSES = {
    "rate-limit-by-key": "limit",
    "quota-by-key": "limit",
    "llm-token-limit": "limit",
    "azure-openai-token-limit": "limit",
    "limit-concurrency": "limit",
    "cache-lookup-value": "cached state",
    "cache-store-value": "cached state",
    "set-backend-service": "routing",
    "rewrite-uri": "routing",
}


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Limits, state, routing and correlation whose expression reads that header and nothing else."""
    running = statements_in_effect(server, estate)
    carriers = {_SESSION}
    found: list[tuple[str, StatementInEffect, Use]] = []
    for step in running.items:
        purpose = _purpose(step)
        for use in step.expressions():
            rests = bool(use.found.reads) and use.found.reads <= carriers
            name = step.statement.element.attribute("name")
            if step.statement.name == "set-variable" and name is not None:
                carrier = Source("variable", name.text.strip())
                carriers = carriers | {carrier} if rests else carriers - {carrier}
            elif purpose and not use.found.understood and "session" in use.code.lower():
                missing = f"what the {purpose} in <{step.statement.name}> rests on, whose expression could not be parsed"
                yield Unknown(missing, "repair or simplify the expression", step.statement.value_at(use.value))
            elif purpose and rests:
                if step.doubt is None:
                    found.append((purpose, step, use))
                else:
                    yield step.doubt
    if found:
        yield _issue(server, found)
    if running.missing is not None:
        yield running.missing


def _issue(server: McpServer, found: list[tuple[str, StatementInEffect, Use]]) -> Issue:
    _, step, use = found[0]
    places = dict.fromkeys(other.statement.value_at(more.value) for _, other, more in found[1:])
    purposes = ", ".join(dict.fromkeys(purpose for purpose, _, _ in found))
    return Issue(
        f"{server.title} rests its {purposes} on the header Mcp-Session-Id alone (<{step.statement.name}>), which clients of "
        "MCP 2026-07-28 never send; use a claim of the validated token or the subscription",
        at=step.statement.value_at(use.value),
        related=tuple(place.related("rests on it too") for place in places),
        evidence=step.evidence,
        confidence=server.confidence,
    )


def _purpose(step: StatementInEffect) -> str:
    """What a statement decides, in a word; empty for statements that only note the header."""
    statement = step.statement
    if statement.name == "when":
        routes = any(child.name == "set-backend-service" for child in statement.element.elements)
        return "routing" if routes else ""
    if statement.name == "set-header":
        name = statement.element.attribute("name")
        return "correlation" if name is not None and "correlation" in name.text.lower() else ""
    return _PURPOSES.get(statement.name, "")
