"""MG124: a token is asked for, and nobody says where to get one."""

from mcpguard.sdk import (
    Estate,
    Issue,
    McpServer,
    NotApplicable,
    Options,
    Section,
    ServerSource,
    StatementInEffect,
    Unknown,
    Verdicts,
    host_publishes_metadata,
    metadata_operation,
    statements_in_effect,
    validates_token,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """A metadata operation, a challenge, or a host that publishes the metadata: one of them is enough."""
    if server.source is ServerSource.LOOSE_POLICY:
        raise NotApplicable(f"{server.title} is a policy by itself; who answers discovery is set elsewhere")
    running = statements_in_effect(server, estate)
    validators = [step for step in running.items if step.section is Section.INBOUND and validates_token(step.statement)]
    certain = [step for step in validators if step.doubt is None]
    challenges = [step for step in running.items if _challenges(step)]
    if any(step.doubt is None for step in challenges):
        return
    unknown = running.missing or next((step.doubt for step in (*challenges, *validators) if step.doubt is not None), None)
    if not certain:
        if unknown is None:
            raise NotApplicable(f"{server.title} validates no token (MG101)")
        yield unknown
        return
    for found in (metadata_operation(server, estate), host_publishes_metadata(server, estate)):
        if isinstance(found, Unknown):
            unknown = unknown or found
        elif found:
            return
    if unknown is not None:
        yield unknown
        return
    yield Issue(
        f"{server.title} asks for a token and says nowhere who issues it: no operation serves "
        "/.well-known/oauth-protected-resource and no policy sets WWW-Authenticate; add one of them, better both",
        at=certain[0].at,
        related=(server.at.related("the API"),),
        confidence=server.confidence,
    )


def _challenges(step: StatementInEffect) -> bool:
    """Whether a statement writes the header that a refused client looks at."""
    if step.section is Section.INBOUND and step.statement.name != "return-response":
        return False
    for element in step.statement.element.walk():
        name = element.attribute("name") if element.name == "set-header" else None
        if name is not None and name.text.strip().lower() == "www-authenticate":
            action = element.attribute("exists-action")
            return action is None or action.text.strip() != "delete"
    return False
