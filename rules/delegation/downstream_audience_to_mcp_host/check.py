"""MG308: tokens for a downstream resource in the hands of somebody else's MCP server."""

from mcpguard.sdk import (
    TOKEN_AUTH,
    Estate,
    FoundryConnection,
    HostOf,
    Issue,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    host_of,
    known,
    remote_tools,
    resource_of_audience,
)


def check(connection: FoundryConnection, estate: Estate, options: Options) -> Verdicts:
    """A connection to an MCP server that sends tokens for a resource of Microsoft's."""
    for way in remote_tools(connection, estate):
        if isinstance(way, Unknown):
            yield way
            return
        if known(connection.auth_type) not in TOKEN_AUTH:
            return
        audience, url = known(connection.audience), known(way.url)
        resource = resource_of_audience(audience) if audience else None
        if resource is None or audience is None or url is None:
            return
        match host_of(url, estate):
            case HostOf.FOREIGN:
                yield Issue(
                    f"{connection.title} sends {url.host} tokens for {resource.name} (audience {audience}), which that server "
                    "can use there in the name of whoever calls; set the audience to a registration of the server itself",
                    at=connection.audience.at or connection.at,
                    related=(url.at.related("who receives the tokens"),),
                    evidence=(("audience", audience), ("host", url.host)),
                )
            case HostOf.UNCLEAR | HostOf.GATEWAY_SHAPED | HostOf.PRIVATE:
                remedy = "add the host to the input, or approve the server in the manifest (approvedServers)"
                yield Unknown(f"whose server {url.host} is, which receives tokens for {resource.name}", remedy, url.at)
            case _:
                pass
        return
    raise NotApplicable(f"{connection.title} leads to no MCP server")
