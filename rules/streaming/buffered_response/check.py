"""MG206: a response that is held back until it is complete."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Section,
    ServerSource,
    Unknown,
    Verdicts,
    default_unread,
    least,
    statements_in_effect,
)

_NATIVE = frozenset({ServerSource.APIM_REST_TOOLS, ServerSource.APIM_PASSTHROUGH})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every forward-request in effect."""
    running = statements_in_effect(server, estate, Section.BACKEND)
    native = server.source in _NATIVE
    for step in running.items:
        if step.statement.name != "forward-request":
            continue
        if step.statement.origin.is_default:
            yield default_unread(step)
            continue
        value = step.statement.element.attribute("buffer-response")
        seen = "no buffer-response, whose default is true (forward-request reference)"
        if value is not None:
            match step.policy.resolve(value):
                case Known(value=text) if text.strip().lower() == "false":
                    continue
                case Known(value=text):
                    seen = f'buffer-response="{text.strip()}"'
                case Unknown() as unknown:
                    yield unknown
                    continue
        open_question = " (whether it matters for servers of type mcp is not documented)" if native else ""
        yield step.doubt or Issue(
            f"{server.title} forwards its calls with {seen}, so streams arrive late or in one piece; set "
            f'buffer-response="false"{open_question}',
            at=step.statement.value_at(value) if value else step.at,
            evidence=step.evidence,
            confidence=least(server.confidence, Confidence.LOW if native else Confidence.HIGH),
        )
    if running.missing is not None:
        yield running.missing
