"""MG604: a connection that is older than its account's gateway and still leads elsewhere."""

from mcpguard.sdk import (
    Course,
    Estate,
    FoundryConnection,
    Issue,
    Known,
    NotApplicable,
    Options,
    RemoteTool,
    Service,
    Unknown,
    Verdicts,
    course_of,
    gateway_of,
    known,
    predates,
    remote_tools,
)


def check(connection: FoundryConnection, estate: Estate, options: Options) -> Verdicts:
    """The route of a tool is chosen when it is made."""
    for way in remote_tools(connection, estate):
        if isinstance(way, Unknown):
            yield way
        elif known(course_of(way, estate)) is Course.AROUND:
            yield from _judge(connection, way, estate)
        return
    raise NotApplicable(f"{connection.title} leads to no MCP server")


def _judge(connection: FoundryConnection, way: RemoteTool, estate: Estate) -> Verdicts:
    if connection.managed_sign_in == Known(True, connection.at):
        raise NotApplicable(f"{connection.title} cannot go through a gateway, which is for MG603")
    gateway = known(gateway_of(way, estate)) or ""
    if not known(predates(connection, gateway, estate)):
        raise NotApplicable(f"{connection.title} is not older than the gateway; that it goes around it is for MG601")
    service = estate.get(Service, gateway)
    name = gateway.rpartition("/")[2]
    made = service.created if service is not None else None
    url = known(way.url)
    yield Issue(
        f"{connection.title} is from {known(connection.created)[:10]}, older than {name}, its account's gateway, and still "
        f"leads to {url.host if url else 'no host'}; delete it and make it again, so that its calls are routed",
        at=connection.created.at or connection.at,
        related=(made.at.related("when the gateway was made"),) if made is not None and made.at else (),
        evidence=(("createdAt", known(connection.created)), ("gateway", name)),
    )
