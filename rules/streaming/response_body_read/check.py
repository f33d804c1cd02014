"""MG203: an expression that needs the whole response before it can go on."""

from mcpguard.sdk import (
    Estate,
    Issue,
    McpServer,
    Options,
    StatementInEffect,
    Unknown,
    Use,
    Verdicts,
    statements_in_effect,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every expression in effect, in all sections; the answer of a request of the policy's own is another body."""
    running = statements_in_effect(server, estate)
    reading: list[tuple[StatementInEffect, Use]] = []
    for step in running.items:
        for use in step.expressions():
            if not use.found.understood and "Body" in use.code:
                missing = f"whether an expression of <{step.statement.name}>, which could not be parsed, reads a response body"
                yield Unknown(missing, "repair or simplify the expression", step.statement.value_at(use.value))
            elif any(source.kind == "response-body" for source in use.found.reads):
                if step.doubt is None:
                    reading.append((step, use))
                else:
                    yield step.doubt
    if reading:
        step, use = reading[0]
        others = [other.statement.value_at(found.value) for other, found in reading[1:]]
        yield Issue(
            f"{server.title} reads context.Response.Body in <{step.statement.name}> of its {step.section.value} policy, which "
            "makes the gateway wait for the end of every stream; leave the response body alone",
            at=step.statement.value_at(use.value),
            related=tuple(place.related("reads it too") for place in dict.fromkeys(others)),
            evidence=step.evidence,
            confidence=server.confidence,
        )
    if running.missing is not None:
        yield running.missing
