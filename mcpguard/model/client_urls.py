"""At which addresses clients reach an MCP server, and whether an identifier URI of its registration is one of them.

Clients ask for tokens for the address that they connect to, or for the ``resource`` that the server's metadata names (RFC
8707, RFC 9728); Entra ID compares it with identifier URIs character by character (facts/entra.md sections 10 and E08).
"""

from __future__ import annotations

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.audiences import host_behind
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.hosting import PlatformAuth, Site
from mcpguard.model.kinds.mcp import McpServer, ServerSource
from mcpguard.model.metadata import host_publishes_metadata

_NATIVE = (ServerSource.APIM_REST_TOOLS, ServerSource.APIM_PASSTHROUGH)
ENTRA_RECIPE = "Entra's page secure-mcp-server-with-entra-id"
APP_SERVICE_RECIPE = "App Service's page configure-authentication-mcp"

_OWN_PART = LazyPattern(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^/]*\.[^/]*")


class ClientAddress(msgspec.Struct, frozen=True):
    """Where clients connect to one server."""

    hosts: tuple[str, ...]
    """Lower case; the first is the platform's own name."""
    prefix: str
    """Path below which the server answers, as written, without slashes around it; empty for a host of its own."""
    endpoint: str
    """The address in full, as far as it is known."""

    def misfit(self, uri: str) -> str | None:
        """None when ``uri`` is an address of the server; else why Entra ID will not take it for one, as a clause.

        Empty when it is another address altogether.
        """
        scheme, separator, rest = uri.partition("://")
        host, _, path = rest.partition("/")
        plain = path.rstrip("/")
        if not separator or scheme.lower() not in ("http", "https") or host.lower() not in self.hosts:
            return ""
        if plain and not (plain.lower() + "/").startswith(self.prefix.lower() + "/" if self.prefix else ""):
            return ""
        if scheme != "https":
            return "it is not https"
        if host != host.lower():
            return "clients write the host in lower case"
        if plain and not (plain + "/").startswith(self.prefix + "/" if self.prefix else ""):
            return f"the server's path is written {self.prefix}"
        # Behind a bare host some clients write the slash: URL libraries add it.
        return "clients send it without the slash at the end" if path.endswith("/") else None


def is_free_text(uri: str) -> bool:
    """Whether an identifier URI is ``api://`` with neither an id nor a domain behind it (identifier-uri-restrictions)."""
    return uri.startswith("api://") and _OWN_PART.match(uri.removeprefix("api://")) is None


def is_reached_by_clients(server: McpServer, estate: Estate) -> bool:
    """Whether MCP clients connect to a server itself: a host that a gateway fronts has the gateway for its caller."""
    if server.source is not ServerSource.HOST:
        return True
    declaration = estate.declaration(server)
    if declaration is not None and declaration.server.exposure == "direct":
        return True
    return not any(it.host == server.host and it.source is not ServerSource.HOST for it in estate.of(McpServer))


def client_address(server: McpServer, estate: Estate) -> ClientAddress | None:
    """Where clients connect to a server; None when the input does not say."""
    if server.api:
        api, service = estate.get(Api, server.api), estate.get(Service, server.service)
        hosts = service.gateway_hosts if service is not None else ()
        if api is None or not hosts:
            return None
        others = estate.manifest.gateway_hosts if estate.manifest else ()
        prefix = api.path.strip("/")
        tail = "/mcp" if server.source in _NATIVE else ""
        names = tuple(dict.fromkeys((*hosts, *(name.lower() for name in others))))
        return ClientAddress(names, prefix, f"https://{hosts[0]}/{prefix}{tail}")
    if server.url is not None and server.url.host:
        path = server.url.path.strip("/")
        return ClientAddress((server.url.host,), path, f"https://{server.url.host}/{path}".rstrip("/"))
    host = host_behind(server, estate)
    if host is None or not host.host_names:
        return None
    return ClientAddress(host.host_names, "", f"https://{host.host_names[0]}")


def follows_app_service_recipe(server: McpServer, estate: Estate) -> bool | Unknown:
    """Whether a site's own authentication publishes a scope for clients to ask for, as App Service's page has it."""
    host = host_behind(server, estate)
    if server.source is not ServerSource.HOST or not isinstance(host, Site):
        return False
    match host.auth:
        case Known(value=PlatformAuth() as auth):
            return host_publishes_metadata(server, estate) if auth.enabled != Known(False) else False
        case Known():
            return False
        case Unknown() as unknown:
            return unknown
