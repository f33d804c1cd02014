"""MG209: a policy that needs the whole response body, in the outbound section."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    McpServer,
    Options,
    Section,
    StatementInEffect,
    Unknown,
    Verdicts,
    least,
    statements_in_effect,
)

# validate-content: azure-docs, how-to-server-sent-events. The others work on the body as a whole too, which is inferred
# from what they do (2026-11).
_BUFFERING = frozenset(
    {"validate-content", "set-body", "find-and-replace", "json-to-xml", "xml-to-json", "xsl-transform", "redirect-content-urls"}
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The outbound section; what runs for error answers only leaves streams alone."""
    running = statements_in_effect(server, estate, Section.OUTBOUND)
    certain: list[StatementInEffect] = []
    for step in running.items:
        if step.statement.name not in _BUFFERING or any(condition.means_error for condition in step.conditions):
            continue
        asks = next((c for c in step.conditions if "context.Response" in c.value.text), None)
        if step.doubt is not None:
            yield step.doubt
        elif asks is not None:
            missing = (
                f"whether the branch with <{step.statement.name}> in the outbound policy of {server.title} runs for streams"
            )
            yield Unknown(
                missing, "read its condition, or move the policy off the MCP path", step.statement.value_at(asks.value)
            )
        else:
            certain.append(step)
    if certain:
        first = certain[0]
        sure = Confidence.HIGH if first.statement.name == "validate-content" else Confidence.MEDIUM
        yield Issue(
            f"{server.title} has <{first.statement.name}> in its outbound policy, which works on the whole response body and "
            "so holds streams back; take it off the path of the MCP server",
            at=first.at,
            related=tuple(step.at.related(f"so does <{step.statement.name}>") for step in certain[1:]),
            evidence=first.evidence,
            confidence=least(server.confidence, sure),
        )
    if running.missing is not None:
        yield running.missing
