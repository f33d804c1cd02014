"""MG207: a timeout that the platform may cut short."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Section,
    ServerSource,
    StatementInEffect,
    Unknown,
    Verdict,
    Verdicts,
    default_unread,
    statements_in_effect,
)

_LIMIT = 240  # azure-docs, forward-request-policy: "values greater than 240 seconds may not be honored" (2026-06)
_DEFAULT = 300  # azure-docs, forward-request-policy: default of timeout


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every forward-request in effect: its timeout, or the default where there is none."""
    running = statements_in_effect(server, estate, Section.BACKEND)
    for step in running.items:
        if step.statement.name == "forward-request":
            yield from [default_unread(step)] if step.statement.origin.is_default else _judge(server, step)
    if running.missing is not None:
        yield running.missing


def _judge(server: McpServer, step: StatementInEffect) -> Verdicts:
    element = step.statement.element
    for name, divisor in (("timeout", 1), ("timeout-ms", 1000)):
        value = element.attribute(name)
        if value is None:
            continue
        at = step.statement.value_at(value)
        match step.policy.resolve(value):
            case Known(value=text) if text.strip().isdigit():
                seconds = int(text) / divisor
                if seconds > _LIMIT:
                    seen = f'{name}="{text.strip()}"'
                    yield step.doubt or _issue(server, step, seen, value_at=True)
            case Known():
                yield Unknown(f"the {name} of the forward-request of {server.title}, which is computed", "use a number", at)
            case Unknown() as unknown:
                yield unknown
        return
    if server.source is ServerSource.APIM_INFERRED:
        seen = f"no timeout, so the default of {_DEFAULT} seconds (forward-request reference)"
        yield step.doubt or _issue(server, step, seen, value_at=False)


def _issue(server: McpServer, step: StatementInEffect, seen: str, *, value_at: bool) -> Verdict:
    element = step.statement.element
    value = (element.attribute("timeout") or element.attribute("timeout-ms")) if value_at else None
    return Issue(
        f"{server.title} forwards its calls with {seen}, and the platform may not honour more than {_LIMIT}; set "
        f'timeout="{_LIMIT}" or less',
        at=step.statement.value_at(value) if value else step.at,
        evidence=step.evidence,
        confidence=server.confidence,
    )
