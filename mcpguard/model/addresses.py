"""Whether an address is that of a server: what a manifest or an inventory names by its URL."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.hosting import ContainerApp, Site
from mcpguard.model.kinds.mcp import InventoryEntry, McpServer, ServerSource, Url


def is_address_of(wanted: Url, server: McpServer, estate: Estate) -> bool:
    """Whether clients that use this address reach the server."""
    path = wanted.path.strip("/").lower()
    if server.api:
        api, service = estate.get(Api, server.api), estate.get(Service, server.service)
        if api is None or service is None:
            return False
        hosts = (*service.gateway_hosts, *front_doors(estate))
        prefix = api.path.strip("/").lower()
        return wanted.host in hosts and (path == prefix or path.startswith(prefix + "/"))
    if server.source is ServerSource.KUBERNETES_GATEWAY:
        ours = server.url
        return ours is not None and wanted.host == ours.host and path == ours.path.strip("/").lower()
    host = estate.get(Site, server.host) or estate.get(ContainerApp, server.host)
    return host is not None and wanted.host in host.host_names


def front_doors(estate: Estate) -> tuple[str, ...]:
    """Hosts of gateways that only the manifest names, lower case: which gateway stands behind one, it does not say."""

    def unclaimed() -> tuple[str, ...]:
        claimed = {name for service in estate.of(Service) for name in service.gateway_hosts}
        declared = estate.manifest.gateway_hosts if estate.manifest else ()
        return tuple(name for host in declared if (name := host.lower()) not in claimed)

    return estate.remember("front doors", unclaimed)


def servers_at(url: Url, estate: Estate) -> Iterator[McpServer]:
    """The servers that an address reaches: a gateway's, a host's, or both."""
    by_host = estate.remember("servers by host name", lambda: _servers_by_host(estate))
    for server in by_host.get(url.host, ()):
        if is_address_of(url, server, estate):
            yield server


def _servers_by_host(estate: Estate) -> dict[str, list[McpServer]]:
    found: dict[str, list[McpServer]] = {}
    for server in estate.of(McpServer):
        service = estate.get(Service, server.service)
        host = estate.get(Site, server.host) or estate.get(ContainerApp, server.host)
        if server.api:
            names = (*(service.gateway_hosts if service else ()), *front_doors(estate))
        elif server.url is not None:
            names = (server.url.host,)
        else:
            names = host.host_names if host is not None else ()
        for name in dict.fromkeys(names):
            found.setdefault(name, []).append(server)
    return found


def inventory_entries(server: McpServer, estate: Estate) -> Iterator[InventoryEntry]:
    """What inventories say of a server, found by its address."""
    for entry in estate.of(InventoryEntry):
        if any(url.host and is_address_of(url, server, estate) for url in entry.urls):
            yield entry
