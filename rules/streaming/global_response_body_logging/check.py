"""MG201: a diagnostic of the whole service reads every response to its end."""

from mcpguard.sdk import (
    Api,
    Diagnostic,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Service,
    Unknown,
    Verdicts,
)

_SERVICE = "microsoft.apimanagement/service/diagnostics"
_API = "microsoft.apimanagement/service/apis/diagnostics"


def check(service: Service, estate: Estate, options: Options) -> Verdicts:
    """Every diagnostic of the service against every MCP server that does not override it."""
    servers = [server for server in estate.under(service.key, McpServer) if server.api]
    if not servers:
        raise NotApplicable(f"{service.title} holds no MCP server")
    diagnostics = estate.members(service, Diagnostic, _SERVICE, "service-level diagnostics", "diagnostics")
    for diagnostic in diagnostics.items:
        match diagnostic.payload("frontend", "response"):
            case Known(value=size, at=at) if size > 0:
                affected: list[McpServer] = []
                for server in servers:
                    api = estate.get(Api, server.api)
                    own = estate.members(api, Diagnostic, _API, "diagnostics", "diagnostics") if api else None
                    if own is None or any(item.name.lower() == diagnostic.name.lower() for item in own.items):
                        continue
                    if own.missing is None:
                        affected.append(server)
                    else:
                        yield own.missing
                if affected:
                    names = ", ".join(server.name for server in affected)
                    yield Issue(
                        f"{service.title} logs {size} bytes of every response (diagnostic {diagnostic.name}), which buffers "
                        f"the streams of its MCP servers {names} and stores what they answer; log 0 bytes at this scope",
                        at=at or diagnostic.at,
                        related=tuple(server.at.related(f"MCP server {server.name}") for server in affected),
                        evidence=(("diagnostic", diagnostic.name), ("frontend.response.body.bytes", str(size))),
                        key=diagnostic.name.lower(),
                    )
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
    if diagnostics.missing is not None:
        yield diagnostics.missing
