"""MG316: keys of the gateway and cookies of its domain in the hands of somebody else."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    Leak,
    McpServer,
    Options,
    Verdicts,
    keys_sent_abroad,
    least,
    merged,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """One finding for each foreign host and each kind of credential that it gets."""
    leaks = (_issue(server, leak) if isinstance(leak, Leak) else leak for leak in keys_sent_abroad(server, estate))
    yield from merged(leaks)
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _issue(server: McpServer, leak: Leak) -> Issue:
    how = "a policy copies them" if leak.steps else "nothing takes them off the request"
    return Issue(
        f"{server.title} sends callers' {leak.what} to {leak.host}, which is neither a host of this estate nor approved in the "
        f"manifest: {how}; delete the header before the request is sent",
        at=leak.at,
        flow=leak.steps,
        evidence=(("host", leak.host), ("entry path", leak.call.title)),
        confidence=server.confidence if leak.steps else least(server.confidence, Confidence.MEDIUM),
        key=f"{leak.what} {leak.host}",
    )
