"""MG129: content safety that looks for harm and lets attacks on the model through."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Section,
    StatementInEffect,
    Unknown,
    Verdicts,
    plain,
    statements_in_effect,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every llm-content-safety that runs for the server: shielded itself, or never run without one that is."""
    running = statements_in_effect(server, estate, Section.INBOUND, Section.OUTBOUND)
    found = [item for item in running.items if item.statement.name == "llm-content-safety"]
    if not found and running.missing is None:
        raise NotApplicable(f"{server.title} does not use llm-content-safety")
    shields = [item for item in found if _is_shielded(item) is True]
    for item in found:
        shielded = _is_shielded(item)
        if shielded is True or any(_runs_with(item, other) for other in shields):
            continue
        doubt = shielded if isinstance(shielded, Unknown) else item.doubt
        yield doubt or Issue(
            f"{server.title} has its content checked by llm-content-safety without the shield against prompt attacks "
            '(shield-prompt is not true, and false is the default); set shield-prompt="true"',
            at=item.at,
            evidence=item.evidence,
            confidence=server.confidence,
        )
    if running.missing is not None:
        yield running.missing


def _is_shielded(item: StatementInEffect) -> bool | Unknown:
    value = item.statement.element.attribute("shield-prompt")
    if value is None:
        return False
    match plain(item.policy, item.statement, value):
        case Known(value=text):
            return text.lower() == "true"
        case Unknown() as unknown:
            return unknown


def _runs_with(item: StatementInEffect, other: StatementInEffect) -> bool:
    """Whether the other one looks at the same messages whenever this one does."""
    same = other.conditions == item.conditions[: len(other.conditions)]
    return other.doubt is None and other.section is item.section and same and set(item.titles) <= set(other.titles)
