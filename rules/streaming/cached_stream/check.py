"""MG208: responses of an MCP server in a response cache."""

from mcpguard.sdk import Estate, Issue, McpServer, Options, Verdicts, statements_in_effect

_CACHES = frozenset({"cache-lookup", "cache-store"})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The response cache, wherever it is looked up or filled; a cache of values is something else."""
    running = statements_in_effect(server, estate)
    caching = [step for step in running.items if step.statement.name in _CACHES]
    certain = [step for step in caching if step.doubt is None]
    if certain:
        first = certain[0]
        names = " and ".join(dict.fromkeys(step.statement.name for step in certain))
        yield Issue(
            f"{server.title} has {names} in effect, and a response cache holds streams back and may answer one caller with "
            "what was meant for another; take the response cache off its path",
            at=first.at,
            related=tuple(step.at.related(step.statement.name) for step in certain[1:]),
            evidence=first.evidence,
            confidence=server.confidence,
        )
    for step in caching:
        if step.doubt is not None:
            yield step.doubt
    if running.missing is not None:
        yield running.missing
