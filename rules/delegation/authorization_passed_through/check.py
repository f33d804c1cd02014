"""MG301: the validated token travels on to somebody for whom it was not issued."""

from mcpguard.sdk import (
    Estate,
    Holder,
    Issue,
    Location,
    McpServer,
    Options,
    Passing,
    Verdicts,
    merged,
    tokens_passed_on,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """One finding for each receiver, with the ways in as evidence."""
    passings = tokens_passed_on(server, estate)
    verdicts = (_issue(server, passing) if isinstance(passing, Passing) else passing for passing in passings)
    yield from merged(verdicts, same=lambda issue: issue.key)


def _issue(server: McpServer, passing: Passing) -> Issue:
    state, url, host = passing.state, passing.url, passing.host
    wanted = ", ".join(sorted(passing.audiences.accepted)) or "any audience"
    receiver = f"{host.title}, which accepts other audiences" if host else f"{url.host}, which is no host of this estate"
    copied = state.holder is Holder.COPIED
    how = "a policy writes it to the outgoing request" if copied else "nothing deletes or replaces it"
    at = state.steps[-1] if copied else passing.audiences.at
    return Issue(
        f"{server.title} passes the caller's token, validated for {wanted}, on to {receiver}: {how}; delete the "
        "Authorization header or replace it by a credential for that backend",
        at=Location(at.artifact, at.route, at.within),
        related=(url.at.related("the backend"),),
        flow=state.steps if copied else (),
        evidence=(("audience", wanted), ("backend", url.text), ("entry path", passing.call.title)),
        confidence=server.confidence,
        key=f"{how} {url.host}",
    )
