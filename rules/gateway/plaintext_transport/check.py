"""MG116: an MCP server reached, or reaching its backend, over plain HTTP."""

from mcpguard.sdk import Api, Estate, Issue, Known, McpServer, NotApplicable, Options, Unknown, Verdicts

_PLAIN = frozenset({"http", "ws"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Protocols towards the client, addresses towards the backend."""
    api = estate.get(Api, server.api) if server.api else None
    if api is None:
        raise NotApplicable(f"{server.title} is not published through API Management")
    match api.protocols:
        case Known(value=protocols, at=at):
            for index, protocol in enumerate(protocols):
                if protocol.lower() in _PLAIN:
                    yield Issue(
                        f"{server.title} is published over {protocol} (protocols: {', '.join(protocols)}); leave only https",
                        at=at.child(index) if at else api.at,
                        evidence=(("protocol", protocol),),
                        confidence=server.confidence,
                    )
        case Unknown() as unknown:
            yield unknown
    match server.backends:
        case Known(value=urls):
            for url in urls:
                if url.scheme in _PLAIN and url.host not in _LOOPBACK:
                    yield Issue(
                        f"{server.title} sends its calls to {url.text}, which is not encrypted; use an https address",
                        at=url.at,
                        related=(server.at.related("the MCP server that uses it"),),
                        evidence=(("backend", url.text),),
                        confidence=server.confidence,
                    )
        case Unknown() as unknown:
            yield unknown
