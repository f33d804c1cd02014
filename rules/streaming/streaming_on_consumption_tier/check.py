"""MG205: a tier that cannot hold a stream open."""

from mcpguard.sdk import Estate, Issue, Known, McpServer, NotApplicable, Options, Service, Unknown, Verdicts


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The tier of the service that publishes the server."""
    if not server.api:
        raise NotApplicable(f"{server.title} is not published through API Management")
    service = estate.get(Service, server.service)
    if service is None:
        yield Unknown(
            f"the tier of the service that publishes {server.title}",
            f"add the answer of: az rest --method get --url {server.id.split('/apis/')[0]}",
            server.at,
        )
        return
    match service.sku:
        case Known(value=sku, at=at) if sku.lower() == "consumption":
            yield Issue(
                f"{server.title} runs on {service.title}, whose tier is {sku}: it cuts long-running streams and does not "
                "support MCP; move the server to another tier",
                at=at or service.at,
                related=(server.at.related("the MCP server"),),
                evidence=(("sku.name", sku), ("server", server.name)),
                confidence=server.confidence,
            )
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown
