"""Every host of the estate: sites, slots and container apps."""

from collections.abc import Iterator

from mcpguard.model.kinds.hosting import Host
from mcpguard.normalize.container_apps import read_container_app
from mcpguard.normalize.host_index import HostIndex
from mcpguard.normalize.sites import read_site

__all__ = ["HostIndex", "hosts"]


def hosts(index: HostIndex) -> Iterator[Host]:
    """Every site, slot and container app."""
    for raw in index.sites:
        yield read_site(raw, index)
    for raw in index.container_apps:
        yield read_container_app(raw, index)
