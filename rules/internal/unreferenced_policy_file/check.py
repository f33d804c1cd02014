"""MG906: a policy file that nothing loads."""

from mcpguard.sdk import Estate, Issue, McpServer, NotApplicable, Options, ServerSource, Verdicts


def check(target: McpServer, estate: Estate, options: Options) -> Verdicts:
    if target.source is not ServerSource.LOOSE_POLICY:
        raise NotApplicable(f"{target.title} is no policy file")
    if not target.is_unreferenced:
        raise NotApplicable("no template was read that could load it")
    yield Issue(
        f"{target.name} is loaded by none of the templates that were read, so nothing shows that it is deployed; load it where "
        "its API is declared, or remove it",
        target.at,
        confidence=target.confidence,
    )
