"""MG125: a call that changes something may be sent twice."""

from mcpguard.sdk import (
    Estate,
    Issue,
    McpServer,
    NotApplicable,
    Options,
    Section,
    Statement,
    ToolClass,
    Unknown,
    Verdicts,
    statements,
    statements_in_effect,
    tool_classes,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every retry that encloses the forwarding, against what the tools do."""
    if not server.api:
        raise NotApplicable(f"{server.title} is not published through API Management")
    tools = tool_classes(server, estate)
    if tools.missing is None and all(tool_class is ToolClass.READ_ONLY for _, tool_class in tools.items):
        return
    running = statements_in_effect(server, estate, Section.BACKEND)
    retries = [step for step in running.items if step.statement.name == "retry" and _repeats_calls(step.statement)]
    changing = [name for name, tool_class in tools.items if tool_class not in (None, ToolClass.READ_ONLY)]
    unclear = [name for name, tool_class in tools.items if tool_class is None]
    for step in retries:
        if step.doubt is not None:
            yield step.doubt
        elif changing:
            shown = ", ".join(changing[:5]) + (" and others" if len(changing) > 5 else "")
            yield Issue(
                f"{server.title} forwards its calls inside <retry>, so a call of a tool that changes something ({shown}) may "
                "run twice; take forward-request out of the retry, or retry on 429 alone",
                at=step.at,
                evidence=(*step.evidence, ("tools", shown)),
                confidence=server.confidence,
                key=step.section.value,
            )
        elif tools.missing is not None:
            yield tools.missing
        elif unclear:
            missing = f"whether tool {unclear[0]} of {server.title} changes anything"
            yield Unknown(missing, "declare its class in the manifest", step.at)
    if running.missing is not None:
        yield running.missing


def _repeats_calls(retry: Statement) -> bool:
    """Whether calls that may have been carried out are sent again; a refused one (429) was not."""
    condition = retry.element.attribute("condition")
    code = condition.text.replace(" ", "") if condition is not None else ""
    refused_only = "StatusCode==429" in code and code.count("StatusCode") == 1 and "||" not in code
    return not refused_only and any(inner.name == "forward-request" for inner in statements(retry.children))
