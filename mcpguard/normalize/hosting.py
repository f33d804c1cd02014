"""Every host of the estate: sites, slots, container apps and session pools."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.model.kinds.entity import Entity
from mcpguard.normalize.container_apps import read_container_app
from mcpguard.normalize.host_index import HostIndex
from mcpguard.normalize.session_pools import read_session_pool
from mcpguard.normalize.sites import read_site

__all__ = ["HostIndex", "hosts"]


def hosts(index: HostIndex) -> Iterator[tuple[Entity, str]]:
    """Every site, slot, container app and session pool, with the key of the site that a slot belongs to."""
    for raw in index.sites:
        site = read_site(raw, index)
        yield site, site.slot_of
    for raw in index.container_apps:
        yield read_container_app(raw, index), ""
    for raw in index.session_pools:
        yield read_session_pool(raw, index), ""
