"""Whose the host of a tool is, and whether calls to it go through a gateway. Facts: facts/foundry.md 2.3."""

from __future__ import annotations

from enum import Enum

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.model.addresses import servers_at
from mcpguard.model.audiences import is_anybodys_host, is_private_host
from mcpguard.model.estate import Declaration, Estate
from mcpguard.model.kinds.foundry import FoundryConnection
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.governance import DeclaredServer, ToolClass
from mcpguard.model.kinds.hosting import ContainerApp, Site
from mcpguard.model.kinds.mcp import McpServer, Url
from mcpguard.model.reference_data import resource_of_audience
from mcpguard.model.server_view import tool_classes
from mcpguard.model.token_paths import host_at, is_approved

_GATEWAY_SHAPED = (".azure-api.net", ".azure-api.us", ".azure-api.cn")
_MICROSOFT = (".microsoft.com", ".dynamicsessions.io", ".powerplatform.com", ".mcp.ai.azure.com", ".mcp.dev.azure.com")
"""Ends of host names that only Microsoft can put a server behind. ``azure.com`` is not one: customers have names there."""
_TOOLBOX = LazyPattern(r"^/api/projects/[^/]+/toolboxes/")


class HostOf(Enum):
    """Whose a host is, as far as the input tells."""

    GATEWAY = "a gateway of the estate"
    GATEWAY_SHAPED = "an API Management service that was not read"
    TOOLBOX = "a toolbox of Foundry"
    ESTATE = "a host of the estate"
    APPROVED = "approved in the manifest"
    MICROSOFT = "Microsoft's own"
    PRIVATE = "a private name or address"
    UNCLEAR = "somewhere in Azure or under a domain of the estate"
    FOREIGN = "somebody else's"


def host_of(url: Url, estate: Estate) -> HostOf:
    """Whose the host of an address is."""
    host = url.host
    if host in gateway_hosts(estate):
        return HostOf.GATEWAY
    if host_at(url, estate) is not None:
        return HostOf.ESTATE
    if is_approved(url, estate):
        return HostOf.APPROVED
    if host.endswith(_GATEWAY_SHAPED):
        return HostOf.GATEWAY_SHAPED
    if host.endswith(".services.ai.azure.com") and _TOOLBOX.search(url.path.lower()):
        return HostOf.TOOLBOX
    if f".{host}".endswith(_MICROSOFT) or resource_of_audience(f"https://{host}") is not None:
        return HostOf.MICROSOFT
    if is_private_host(host):
        return HostOf.PRIVATE
    return HostOf.UNCLEAR if is_anybodys_host(host) or _domain(host) in _domains(estate) else HostOf.FOREIGN


def gateway_hosts(estate: Estate) -> dict[str, Service | None]:
    """Every host name of a gateway with its service; None for those that only the manifest names."""
    return estate.remember("gateway hosts", lambda: _gateway_hosts(estate))


def _gateway_hosts(estate: Estate) -> dict[str, Service | None]:
    found: dict[str, Service | None] = {}
    for name in estate.manifest.gateway_hosts if estate.manifest else ():
        found[name.lower()] = None
    for service in estate.of(Service):
        found.update(dict.fromkeys(service.gateway_hosts, service))
    return found


def _domain(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def _domains(estate: Estate) -> frozenset[str]:
    """Domains of the organisation's own gateways and hosts."""

    def compute() -> frozenset[str]:
        hosts = (*estate.of(Site), *estate.of(ContainerApp))
        names = (*gateway_hosts(estate), *(name for host in hosts for name in host.host_names))
        return frozenset(_domain(name) for name in names if not is_anybodys_host(name) and not is_private_host(name))

    return estate.remember("domains of the estate", compute)


def gateway_server(url: Url, estate: Estate) -> Fact[McpServer | None]:
    """The server behind a gateway's address; None for what the gateway publishes otherwise, or only the manifest vouches for.

    Unknown when no API that was read answers there.
    """
    service = gateway_hosts(estate).get(url.host)
    if service is None:
        return Known(None, url.at)
    server = next((server for server in servers_at(url, estate) if server.api), None)
    if server is not None:
        return Known(server, server.at)
    path = url.path.strip("/").lower()
    for api in estate.under(service.key, Api):
        prefix = api.path.strip("/").lower()
        if path == prefix or path.startswith(prefix + "/"):
            return Known(None, api.at)
    remedy = (
        f"add the answer of: az rest --method get --url {service.id}/apis?api-version=2025-09-01-preview, or repair the path"
    )
    return Unknown(f"which API of {service.title} answers at {url.text}", remedy, url.at)


def direct_exposure(url: Url, estate: Estate) -> DeclaredServer | None:
    """What the manifest says of a server at an address that it exposes directly, with a justification."""
    for server in servers_at(url, estate):
        match estate.declaration(server):
            case Declaration(server=declared) if declared.exposure == "direct" and declared.justification:
                return declared
            case _:
                pass
    for declared in estate.manifest.servers if estate.manifest else ():
        if declared.exposure == "direct" and declared.justification and same_address(declared.url, url):
            return declared
    return None


def same_address(declared: str, url: Url) -> bool:
    """Whether an address is one that the manifest declares, or lies below it."""
    wanted = declared.strip().lower().rstrip("/")
    text = url.text.strip().lower().rstrip("/")
    return bool(wanted) and (text == wanted or text.startswith(wanted + "/"))


def tools_at(url: Url, estate: Estate) -> Members[tuple[str, ToolClass | None]]:
    """The tools of the server at an address with what they do: those that were read, else those that the manifest declares."""
    for server in servers_at(url, estate):
        return tool_classes(server, estate)
    for declared in estate.manifest.servers if estate.manifest else ():
        if declared.tools and same_address(declared.url, url):
            return Members(tuple((tool.name, tool.class_) for tool in declared.tools))
    remedy = "declare the server and the classes of its tools in the manifest (servers, with url and tools)"
    return Members((), Unknown(f"what the tools of the server at {url.text} do", remedy, url.at))


def predates(connection: FoundryConnection, service: str, estate: Estate) -> Fact[bool]:
    """Whether a connection was made before the gateway that its account is linked to; such a one is never moved over.

    The route of a tool is chosen when it is made (agents/how-to/tools/governance).
    """
    gateway = estate.get(Service, service)
    if gateway is None:
        remedy = f"add the answer of: az rest --method get --url {service}?api-version=2025-09-01-preview"
        return Unknown(f"when gateway {service.rpartition('/')[2]} was created", remedy, connection.at)
    match connection.created, gateway.created:
        case Known(value=tool, at=at), Known(value=made):
            return Known(_moment(tool) < _moment(made), at)
        case Unknown() as unknown, _:
            return unknown
        case _, Unknown() as unknown:
            return unknown
        case _:
            return Known(False, connection.at)


def _moment(text: str) -> str:
    """A moment of ARM, which is always UTC, so that moments compare as texts."""
    return text[: len("2026-11-22T00:00:00")]
