"""MG210: the transport that the protocol gave up."""

from mcpguard.sdk import (
    ClientEntry,
    Entity,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Unknown,
    Url,
    Verdicts,
    known,
)


def check(target: McpServer | ClientEntry | Entity, estate: Estate, options: Options) -> Verdicts:
    """A server's transport and the addresses behind it; a client's entry; a connection's target."""
    wanted = "move it to streamable HTTP"
    if isinstance(target, ClientEntry):
        seen = target.url.text if target.url is not None and _ends_in_sse(target.url) else ""
        if seen or target.transport.lower() == "sse":
            place = target.url.at if seen and target.url is not None else target.at.child("type")
            yield Issue(f"{target.title} speaks HTTP+SSE ({seen or 'type sse'}), which MCP has deprecated; {wanted}", place)
        return
    if not isinstance(target, McpServer):
        yield from _connection(target, estate, wanted)
        return
    if not target.api:
        raise NotApplicable(f"which transport {target.title} speaks is in its code")
    match target.transport:
        case Known(value="sse", at=at):
            yield Issue(
                f"{target.title} offers HTTP+SSE (transport sse, or operations sse and message), which MCP has deprecated; "
                f"{wanted}",
                at=at or target.at,
                confidence=target.confidence,
            )
            return
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown
    match target.backends:
        case Known(value=urls):
            old = next((url for url in urls if _ends_in_sse(url)), None)
            if old is not None:
                yield Issue(
                    f"{target.title} leads to {old.text}, an HTTP+SSE endpoint, a transport that MCP has deprecated; {wanted}",
                    at=old.at,
                    confidence=target.confidence,
                )
        case Unknown() as unknown:
            yield unknown


def _connection(connection: Entity, estate: Estate, wanted: str) -> Verdicts:
    from mcpguard.sdk import FoundryConnection, remote_tools  # few estates have any

    for way in remote_tools(connection, estate) if isinstance(connection, FoundryConnection) else ():
        if isinstance(way, Unknown):
            yield way
            return
        url = known(way.url)
        if url is not None and _ends_in_sse(url):
            yield Issue(f"{connection.title} speaks HTTP+SSE ({url.text}), which MCP has deprecated; {wanted}", url.at)
        return
    raise NotApplicable(f"{connection.title} leads to no MCP server")


def _ends_in_sse(url: Url) -> bool:
    return url.path.rstrip("/").lower().endswith("/sse")
