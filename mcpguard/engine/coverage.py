"""What was looked at: surfaces that were found, what could have hidden one, expressions that were not understood."""

from mcpguard.core.facts import Known
from mcpguard.evidence import Evidence
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.report import Coverage, ExpressionCount, Surface
from mcpguard.policy.csharp import analyse

SHOWS_MCP = "2025-09-01-preview"
"""First api-version that is documented to list MCP servers (manage-mcp-servers-rest-api)."""


def describe_surfaces(estate: Estate) -> tuple[Surface, ...]:
    """Every MCP server, in the order of names."""
    servers = sorted(estate.of(McpServer), key=lambda server: (server.name, server.key))
    return tuple(
        Surface(
            server.id,
            server.kind,
            server.name,
            server.source.value,
            server.confidence.value,
            server.reasons,
            server.at,
        )
        for server in servers
    )


def describe_coverage(estate: Estate, evidence: Evidence) -> Coverage:
    """What was read and what was not."""
    versions = sorted({(raw.type, raw.api_version) for raw in evidence.resources if raw.api_version})
    return Coverage(
        artifacts=evidence.artifacts,
        gaps=evidence.gaps,
        expressions=_count_expressions(estate),
        api_versions=tuple(versions),
        hidden_surface=_hidden_surface(estate),
    )


def _count_expressions(estate: Estate) -> ExpressionCount:
    """Expressions in the policies that rules have read; policies of APIs that are no MCP servers are left alone."""
    seen = analysed = 0
    for document in estate.documents_read():
        for expression in document.expressions():
            seen += 1
            analysed += analyse(expression.code, expression.block).understood
    return ExpressionCount(seen, analysed)


def _hidden_surface(estate: Estate) -> str:
    """Why the input could hide MCP servers; empty when it could not.

    A service that shows one native server was read with an api-version that shows them all.
    """
    for service in estate.of(Service):
        apis = estate.under(service.key, Api)
        if not apis:
            return f"no APIs of {service.title} were read"
        if any(_is_native(api) for api in apis):
            continue
        versions = sorted({api.api_version for api in apis})
        if "" in versions:
            return (
                f"the input does not say with which api-version the APIs of {service.title} were listed; versions before "
                f"{SHOWS_MCP} may leave out MCP servers"
            )
        if versions[0] < SHOWS_MCP:
            return f"APIs of {service.title} were read with api-version {versions[0]}; MCP servers show from {SHOWS_MCP} on"
    return ""


def _is_native(api: Api) -> bool:
    match api.type:
        case Known(value="mcp"):
            return True
        case _:
            return False
