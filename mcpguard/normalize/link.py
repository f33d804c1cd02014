"""Links between surfaces: gateway server to what is behind it, and the servers and tools that hosts show by themselves.

Every link is made by something exact: a host name, an id, the path of an API. What only looks alike is not linked.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.addresses import front_doors
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.gateway import Api, Backend, Operation, Service
from mcpguard.model.kinds.hosting import ContainerApp, Function, Host, Site
from mcpguard.model.kinds.mcp import Confidence, McpServer, McpTool, ServerSource, Url
from mcpguard.model.links import Link, Relation
from mcpguard.model.urls import parse_url


def all_hosts(estate: Estate) -> dict[str, Host]:
    """Every host by key."""
    return {host.key: host for host in (*estate.of(Site), *estate.of(ContainerApp))}


def linked_servers(estate: Estate) -> Iterator[tuple[McpServer, str]]:
    """Gateway servers again, with the host behind them where one is known, and a server for every host with a marker.

    Where several hosts are behind a server, :attr:`Estate.links` holds them all and the server names the first.
    """
    hosts = all_hosts(estate)
    behind: dict[str, str] = {}
    for server in estate.of(McpServer):
        links = estate.links.leaving(server.key, Relation.LEADS_TO)
        found = [link.target for link in links if link.target in hosts]
        for host_key in found:
            behind.setdefault(host_key, server.name)
        if found:
            yield msgspec.structs.replace(server, host=found[0]), server.service
    for host in hosts.values():
        fronted = behind.get(host.key)
        reasons = (*host.markers, f"MCP server {fronted} of a gateway leads to it") if fronted else host.markers
        if reasons:
            yield _host_server(host, reasons, Confidence.HIGH if fronted else host.marker_confidence), host.key


def backend_links(estate: Estate) -> Iterator[Link]:
    """From each gateway server to the hosts and further APIs that its backends name, and to the APIs behind its tools."""
    names = _Names(estate)
    behind_tools: dict[str, Api] = {}
    for server in estate.of(McpServer):
        match server.backends:
            case Known(value=urls):
                for url in urls:
                    yield from _to_each(server.key, url, [thing for thing in names.at(url) if thing.key != server.api])
            case Unknown():
                pass
        for tool in estate.under(server.key, McpTool):
            operation = estate.get(Operation, tool.operation)
            api = estate.get(Api, operation.api) if operation is not None else None
            if operation is not None and api is not None:
                behind_tools[api.key] = api
                how = f"its tool {tool.name} calls {operation.method} {operation.url_template}"
                yield Link(Relation.LEADS_TO, server.key, api.key, how, tool.at)
    for api in behind_tools.values():
        for url in urls_of(api, estate):
            yield from _to_each(api.key, url, [thing for thing in names.at(url) if thing.key != api.key])


class _Names:
    """What answers at an address: hosts by name, and APIs of gateways by name and path."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._hosts: dict[str, list[Host]] = {}
        self._gateways: dict[str, list[Service]] = {}
        for host in all_hosts(estate).values():
            for name in host.host_names:
                self._hosts.setdefault(name, []).append(host)
        for service in estate.of(Service):
            for name in (*service.gateway_hosts, *front_doors(estate)):
                self._gateways.setdefault(name, []).append(service)

    def at(self, url: Url) -> list[Entity]:
        found: list[Entity] = [*self._hosts.get(url.host, ())]
        for service in self._gateways.get(url.host, ()):
            found.extend(_apis_at(url, service, self._estate))
        return found


def urls_of(api: Api, estate: Estate) -> Iterator[Url]:
    """Where an ordinary API says that its requests go: its service URL, and the backend entity that it names."""
    match api.service_url:
        case Known(value=str() as text, at=at):
            yield parse_url(text, at or api.at)
        case _:
            pass
    match api.backend_id:
        case Known(value=str() as name):
            backend = estate.get(Backend, f"{api.home}/backends/{name.lower()}")
            members = (backend, *(estate.get(Backend, key) for key in backend.pool)) if backend is not None else ()
            for member in members:
                if member is not None and isinstance(member.url, Known) and member.url.value:
                    yield parse_url(member.url.value, member.url.at or member.at)
        case _:
            pass


def _to_each(source: str, url: Url, found: list[Entity]) -> Iterator[Link]:
    """All of several things that answer to one name are linked, and none of them surely."""
    several = len(found) > 1
    how = f"its backend {url.text} names the host"
    if several:
        how += f", which {len(found)} things answer to ({', '.join(thing.title for thing in found)})"
    confidence = Confidence.LOW if several else Confidence.HIGH
    for thing in found:
        yield Link(Relation.LEADS_TO, source, thing.key, how, url.at, confidence, several)


def _apis_at(url: Url, service: Service, estate: Estate) -> Iterator[Api]:
    """The APIs of a gateway that an address reaches: those with the longest path that it begins with."""
    path = url.path.strip("/").lower()
    matching = [
        (len(prefix), api)
        for api in estate.under(service.key, Api)
        if not api.revision_of and _is_below(path, prefix := api.path.strip("/").lower())
    ]
    longest = max((length for length, _ in matching), default=0)
    yield from (api for length, api in matching if length == longest)


def _is_below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(prefix + "/")


def host_server_key(host: str) -> str:
    """Key of the server that a host runs."""
    return f"{host}#mcp"


def _host_server(host: Host, reasons: tuple[str, ...], confidence: Confidence) -> McpServer:
    return McpServer(
        id=host.id,
        key=host_server_key(host.key),
        name=host.name,
        at=host.at,
        format=host.format,
        api_version=host.api_version,
        source=ServerSource.HOST,
        confidence=confidence,
        reasons=reasons,
        host=host.key,
        backends=Known((), host.at),
    )


def host_tools(estate: Estate) -> Iterator[tuple[Entity, str]]:
    """The tools of function apps: every enabled function with a tool trigger."""
    for site, function in _tool_functions(estate):
        for index, binding in enumerate(function.bindings):
            if str(binding.get("type", "")).lower() != "mcptooltrigger":
                continue
            name = str(binding.get("toolName") or function.name)
            yield (
                McpTool(
                    id=f"{site.id}/functions/{function.name}",
                    key=f"{site.key}/functions/{function.name.lower()}",
                    name=name,
                    at=function.at.child("properties", "config", "bindings", index, "toolName"),
                    format=site.format,
                    server=host_server_key(site.key),
                    description=str(binding.get("description") or ""),
                    method=None,
                    operation="",
                ),
                host_server_key(site.key),
            )


def _tool_functions(estate: Estate) -> Iterator[tuple[Site, Function]]:
    """Every enabled function with an MCP tool trigger."""
    for site in estate.of(Site):
        for function in site.functions.items:
            if function.trigger == "mcptooltrigger" and not function.is_disabled:
                yield site, function
