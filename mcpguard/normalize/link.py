"""Links between surfaces: gateway server to host, host to registration, audience to registration.

Every link is made by something exact: a host name, a client id, an identifier URI. What only looks alike is not linked.
"""

from collections.abc import Iterator

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.estate import Estate, Tie
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.hosting import ContainerApp, Function, Host, PlatformAuth, Site
from mcpguard.model.kinds.mcp import Confidence, McpGateway, McpServer, McpTool, ServerSource
from mcpguard.model.server_view import judged_calls
from mcpguard.policy.flow import statements
from mcpguard.policy.vocabulary import TOKEN_VALIDATORS


def all_hosts(estate: Estate) -> dict[str, Host]:
    """Every host by key."""
    return {host.key: host for host in (*estate.of(Site), *estate.of(ContainerApp))}


def linked_servers(estate: Estate) -> Iterator[tuple[McpServer, str]]:
    """Gateway servers again, with the host behind them where one is known, and a server for every host with a marker."""
    hosts = all_hosts(estate)
    by_name = {name: host for host in hosts.values() for name in host.host_names}
    behind: dict[str, str] = {}
    for server in estate.of(McpServer):
        match server.backends:
            case Known(value=urls):
                for url in urls:
                    host = by_name.get(url.host)
                    if host is not None:
                        behind[host.key] = server.name
                        yield msgspec.structs.replace(server, host=host.key), server.service
                        break
            case Unknown():
                pass
    for host in hosts.values():
        fronted = behind.get(host.key)
        reasons = (*host.markers, f"MCP server {fronted} of a gateway leads to it") if fronted else host.markers
        if reasons:
            yield _host_server(host, reasons, Confidence.HIGH if fronted else host.marker_confidence), host.key


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


def tie_applications(estate: Estate) -> dict[str, tuple[Tie, ...]]:
    """Which registrations belong to an MCP surface, by key, and why."""
    by_name: dict[str, Application] = {}
    for application in estate.of(Application):
        by_name[application.app_id] = application
        match application.identifier_uris:
            case Known(value=uris):
                by_name.update({uri.lower().rstrip("/"): application for uri in uris})
            case Unknown():
                pass
    ties: dict[str, list[Tie]] = {}

    def tie(name: str, link: Tie) -> None:
        plain = name.lower().rstrip("/")
        application = by_name.get(plain) or by_name.get(plain.removeprefix("api://"))
        if application is not None and link not in ties.setdefault(application.key, []):
            ties[application.key].append(link)

    for server in estate.of(McpServer):
        if server.source is ServerSource.HOST:
            for name in _host_names_of_registration(server, estate):
                tie(name, Tie(server.key, "server", f"{server.title} runs under its registration"))
        elif server.gateway:
            gateway = estate.get(McpGateway, server.gateway)
            if gateway is not None and isinstance(gateway.client_id, Known):
                tie(gateway.client_id.value, Tie(server.key, "server", f"{gateway.title} accepts its tokens"))
        elif server.api:
            for name, is_client in _gateway_registrations(server, estate):
                role = "client" if is_client else "server"
                said = f"{server.title} admits it as a client" if is_client else f"{server.title} accepts its tokens"
                tie(name, Tie(server.key, role, said))
    return {key: tuple(found) for key, found in ties.items()}


def _host_names_of_registration(server: McpServer, estate: Estate) -> Iterator[str]:
    """Client id and audiences of the platform authentication in front of a host."""
    host = estate.get(Site, server.host) or estate.get(ContainerApp, server.host)
    if host is None:
        return
    match host.auth:
        case Known(value=PlatformAuth() as auth):
            match auth.client_id:
                case Known(value=client_id) if client_id:
                    yield client_id
                case _:
                    pass
            match auth.allowed_audiences:
                case Known(value=audiences):
                    yield from audiences
                case Unknown():
                    pass
        case _:
            return


def _gateway_registrations(server: McpServer, estate: Estate) -> Iterator[tuple[str, bool]]:
    """Audiences and client ids that token validation in front of a server names, named values resolved."""
    seen: set[tuple[str, bool]] = set()
    for call in judged_calls(server, estate):
        for statement in statements(call.policy.inbound):
            if statement.name not in TOKEN_VALIDATORS:
                continue
            for group, item, is_client in (
                ("audiences", "audience", False),
                ("backend-application-ids", "application-id", False),
                ("client-application-ids", "application-id", True),
            ):
                parent = statement.element.find(group)
                for child in parent.elements if parent else ():
                    if child.name == item:
                        match call.policy.resolve(child.content):
                            case Known(value=text):
                                seen.add((text.strip(), is_client))
                            case Unknown():
                                pass
    yield from sorted(seen)
