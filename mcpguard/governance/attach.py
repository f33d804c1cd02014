"""Joining the manifest to the estate: which declaration speaks of which server, and the class of every tool."""

from __future__ import annotations

from mcpguard.core.location import Location
from mcpguard.evidence import resource_key
from mcpguard.governance.classify import classify
from mcpguard.model.addresses import is_address_of
from mcpguard.model.estate import Declaration, Estate, Tie
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.gateway import Api
from mcpguard.model.kinds.governance import DeclaredServer, Manifest
from mcpguard.model.kinds.mcp import McpServer, McpTool, ServerSource
from mcpguard.model.urls import parse_url


def attach(estate: Estate, manifest: Manifest | None, at: Location | None) -> None:
    """Link declarations to servers, tie declared registrations, classify every tool. Works without a manifest too."""
    if manifest is not None and at is not None:
        estate.manifest, estate.manifest_at = manifest, at
        for server in estate.of(McpServer):
            for index, declared in enumerate(manifest.servers):
                if speaks_of(declared, server, estate):
                    estate.declarations[server.key] = Declaration(declared, at.child("servers", index))
                    break
        _share_with_hosts(estate)
        _tie_declared(manifest, estate)
    for tool in estate.of(McpTool):
        estate.classifications[tool.key] = classify(tool, estate.declarations.get(tool.server), estate)


def speaks_of(declared: DeclaredServer, server: McpServer, estate: Estate) -> bool:
    """Whether a declaration means this server: by API name, resource id or address."""
    if declared.apim_api and server.api:
        api = estate.get(Api, server.api)
        return api is not None and declared.apim_api.lower() in (api.name.lower(), api.key)
    if declared.resource_id:
        wanted = resource_key(declared.resource_id)
        return wanted in (server.api, server.host if server.source is ServerSource.HOST else "")
    if declared.url:
        return is_address_of(parse_url(declared.url, Location("")), server, estate)
    return False


def _share_with_hosts(estate: Estate) -> None:
    """What is declared for a gateway server holds for the host behind it, unless that is declared by itself."""
    for server in estate.of(McpServer):
        declaration = estate.declarations.get(server.key)
        if declaration is not None and server.api and server.host:
            estate.declarations.setdefault(f"{server.host}#mcp", declaration)


def _tie_declared(manifest: Manifest, estate: Estate) -> None:
    by_app_id = {application.app_id: application for application in estate.of(Application)}
    for declared in manifest.servers:
        for client in declared.clients:
            _tie(estate, by_app_id.get(client.lower()), "client", f"the manifest lets it call {declared.id}")
    for agent in manifest.agents:
        _tie(estate, by_app_id.get(agent.app_id.lower()), "agent", f"the manifest declares it as agent {agent.id}")


def _tie(estate: Estate, application: Application | None, role: str, reason: str) -> None:
    if application is not None:
        found = estate.ties.get(application.key, ())
        if not any(tie.reason == reason for tie in found):
            estate.ties[application.key] = (*found, Tie("", role, reason))
