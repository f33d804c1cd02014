"""MG621: a gateway that is taken for evidence and writes none."""

from mcpguard.sdk import (
    Course,
    Estate,
    FoundryConnection,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    RemoteTool,
    ServerSource,
    Unknown,
    Verdicts,
    course_of,
    effective_diagnostics,
    gateway_of,
    gateway_server,
    known,
    remote_tools,
)


def check(connection: FoundryConnection, estate: Estate, options: Options) -> Verdicts:
    """A tool that goes through the gateway which its account is linked to."""
    for way in remote_tools(connection, estate):
        if isinstance(way, Unknown):
            yield way
        else:
            yield from _judge(way, _server(way, estate), estate)
        return
    raise NotApplicable(f"{connection.title} leads to no MCP server")


def _server(way: RemoteTool, estate: Estate) -> McpServer:
    course = known(course_of(way, estate))
    url = known(way.url) if course is Course.THROUGH else None
    if url is None:
        raise NotApplicable(f"{way.title} {course.value}")
    server = known(gateway_server(url, estate))
    if server is None or known(gateway_of(way, estate)) != server.service:
        raise NotApplicable(f"{way.title} does not go through a gateway that its account is linked to")
    return server


def _judge(way: RemoteTool, server: McpServer, estate: Estate) -> Verdicts:
    diagnostics = effective_diagnostics(server, estate)
    unread: Unknown | None = diagnostics.missing
    for diagnostic in diagnostics.items:
        match diagnostic.logger:
            case Known(value=logger) if logger:
                return
            case Known():
                pass
            case Unknown() as unknown:
                unread = unread or unknown
    if unread is not None:
        yield unread
        return
    if server.source is not ServerSource.APIM_REST_TOOLS:
        remedy = "add a diagnostic with a logger to the API, or review the telemetry of the server's host by hand"
        yield Unknown(f"whether the host behind {server.title} writes telemetry of its own", remedy, server.at)
        return
    yield Issue(
        f"calls of {way.title} go through {server.title} on the AI gateway, which logs no tool traces of its own, and no "
        "diagnostic with a logger is in effect there; add one to the API",
        at=server.at,
        related=(way.at.related("the connection that relies on it"),),
        evidence=(("server", server.name),),
        confidence=server.confidence,
    )
