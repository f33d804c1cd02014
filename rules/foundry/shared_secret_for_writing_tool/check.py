"""MG606: one shared secret for tools that change things."""

from mcpguard.sdk import (
    SECRET_AUTH,
    Estate,
    FoundryConnection,
    Issue,
    NotApplicable,
    Options,
    ToolClass,
    Unknown,
    Verdicts,
    known,
    remote_tools,
    tools_at,
)


def check(connection: FoundryConnection, estate: Estate, options: Options) -> Verdicts:
    """A connection to an MCP server that signs in by a secret."""
    for way in remote_tools(connection, estate):
        if isinstance(way, Unknown):
            yield way
            return
        auth_type = known(connection.auth_type)
        if auth_type not in SECRET_AUTH:
            return
        url = known(way.url)
        if url is None:
            yield Unknown(f"the target of {connection.title}", "scan the connection as Azure answers it", connection.at)
            return
        tools = tools_at(url, estate)
        writing = next((tool for tool in tools.items if tool[1] not in (None, ToolClass.READ_ONLY)), None)
        if writing is not None and writing[1] is not None:
            yield Issue(
                f"{connection.title} calls {url.text} with a secret that all its users share ({auth_type}), and tool "
                f"{writing[0]} there is {writing[1].value}; use UserEntraToken, OAuth2 or AgenticIdentityToken, so that the "
                "server sees who calls",
                at=connection.auth_type.at or connection.at,
                evidence=(("authType", auth_type), ("tool", writing[0])),
            )
            return
        unsure = next((name for name, found in tools.items if found is None), "")
        if unsure:
            remedy = "declare its class in the manifest"
            yield Unknown(f"what tool {unsure} of {url.text} does, which {connection.title} reaches", remedy, url.at)
        elif tools.missing is not None:
            yield tools.missing
        return
    raise NotApplicable(f"{connection.title} leads to no MCP server")
