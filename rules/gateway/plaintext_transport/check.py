"""MG116: an MCP server reached, or reaching its backend, over plain HTTP."""

from mcpguard.sdk import (
    Api,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    ServerSource,
    Unknown,
    Verdicts,
    known,
    serving_gateway,
)

_PLAIN = frozenset({"http", "ws"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Protocols towards the client, addresses towards the backend."""
    if server.source is ServerSource.KUBERNETES_GATEWAY:
        yield from _in_kubernetes(server, estate)
        return
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


def _in_kubernetes(server: McpServer, estate: Estate) -> Verdicts:
    """The address that a microsoft/mcp-gateway tells its clients; what stands before it ends TLS."""
    gateway = serving_gateway(server, estate)
    if gateway.public_listener is not None:
        yield Issue(
            f"{server.title} answers on plain HTTP: a load balancer without the annotation azure-load-balancer-internal hands "
            f"the port of {gateway.title} to the internet; make it internal and end TLS before it",
            at=gateway.public_listener,
            related=(server.at.related("the server"),),
            evidence=(("service", "type LoadBalancer, target port 8000"),),
            key="listener",
        )
    origin = known(gateway.public_origin)
    if origin is None:
        yield Unknown(
            f"the address at which clients reach {gateway.title} (PublicOrigin is not set)",
            "set PublicOrigin, or add the answer of its /portal/config",
            gateway.at,
        )
    elif origin.scheme in _PLAIN and origin.host not in _LOOPBACK:
        yield Issue(
            f"{server.title} is published at {origin.text}, which is not encrypted; end TLS before {gateway.title} and set "
            "PublicOrigin to the https address",
            at=origin.at,
            related=(server.at.related("the server"),) if server.at != origin.at else (),
            evidence=(("PublicOrigin", origin.text),),
        )
    elif not origin.scheme:
        yield Unknown(
            f"the scheme of PublicOrigin of {gateway.title} ({origin.text})", "set it to an absolute address", origin.at
        )
