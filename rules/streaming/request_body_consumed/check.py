"""MG204: the request body is read away before the request is forwarded."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Location,
    McpServer,
    Options,
    Verdicts,
    judged_calls,
    request_body_when_forwarded,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """What is left of the body on every path that forwards."""
    found: dict[Location, list[str]] = {}
    for call in judged_calls(server, estate):
        states = request_body_when_forwarded(call.policy)
        for state in states:
            if state.hole is not None:
                yield state.hole
            elif state.consumed is not None:
                found.setdefault(state.consumed, []).append(call.title)
    unread = unread_products(server, estate)
    if unread is not None:
        yield unread
    places = sorted(found, key=lambda at: (at.artifact, at.within.start if at.within else 0))
    if places:
        titles = dict.fromkeys(title for at in places for title in found[at])
        yield Issue(
            f"{server.title} reads context.Request.Body without preserveContent before the request is forwarded, so the "
            "backend gets an empty body; write As<…>(preserveContent: true), or set the body again",
            at=places[0],
            related=tuple(at.related("reads it too") for at in places[1:]),
            evidence=tuple(("entry path", title) for title in titles),
            confidence=server.confidence,
        )
