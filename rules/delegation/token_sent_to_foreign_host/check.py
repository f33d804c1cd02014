"""MG303: the caller's token in the hands of somebody else."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Passing,
    Unknown,
    Verdicts,
    host_at,
    is_approved,
    merged,
    tokens_passed_on,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """One finding for each foreign host, at the address that leads there."""
    match server.backends:
        case Known(value=urls) if urls and all(host_at(url, estate) or is_approved(url, estate) for url in urls):
            return
        case _:
            pass
    yield from merged(_judge(server, estate), same=lambda issue: issue.key)


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for passing in tokens_passed_on(server, estate):
        match passing:
            case Passing() if passing.host is None and not is_approved(passing.url, estate):
                yield _issue(server, passing)
            case Unknown():
                yield passing
            case _:
                pass


def _issue(server: McpServer, passing: Passing) -> Issue:
    wanted = ", ".join(sorted(passing.audiences.accepted)) or "any audience"
    return Issue(
        f"{server.title} sends the caller's token, issued for {wanted}, to {passing.url.host}, which is neither a host of this "
        "estate nor approved in the manifest; delete the Authorization header before the request is forwarded",
        at=passing.url.at,
        related=(passing.audiences.at.related("where the token is validated"),),
        flow=passing.state.steps,
        evidence=(("backend", passing.url.text), ("entry path", passing.call.title)),
        confidence=server.confidence,
        key=passing.url.host,
    )
