"""Whether an address is that of a server: what a manifest or an inventory names by its URL."""

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
        hosts = (*service.gateway_hosts, *(estate.manifest.gateway_hosts if estate.manifest else ()))
        prefix = api.path.strip("/").lower()
        return wanted.host in hosts and (path == prefix or path.startswith(prefix + "/"))
    if server.source is ServerSource.KUBERNETES_GATEWAY:
        ours = server.url
        return ours is not None and wanted.host == ours.host and path == ours.path.strip("/").lower()
    host = estate.get(Site, server.host) or estate.get(ContainerApp, server.host)
    return host is not None and wanted.host in host.host_names


def inventory_entries(server: McpServer, estate: Estate) -> Iterator[InventoryEntry]:
    """What inventories say of a server, found by its address."""
    for entry in estate.of(InventoryEntry):
        if any(url.host and is_address_of(url, server, estate) for url in entry.urls):
            yield entry
