"""What was looked at: surfaces that were found, what could have hidden one, expressions that were not understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mcpguard.core.facts import Known
from mcpguard.evidence import ArtifactStatus, Evidence, GapReason
from mcpguard.evidence.kinds import kind_of
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Service
from mcpguard.model.kinds.hosting import Site
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.report import Coverage, ExpressionCount, Found, Surface
from mcpguard.policy.csharp import analyse

SHOWS_MCP = "2025-09-01-preview"
"""First api-version that is documented to list MCP servers (manage-mcp-servers-rest-api)."""
_SOURCE = (".tf.json",)
_DECLARED = frozenset({"terraform"})
"""Formats in which a configuration declares its servers; nothing was listed, so nothing could be left out."""


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
        found=_count_kinds(evidence),
    )


def _count_expressions(estate: Estate) -> ExpressionCount:
    """Expressions in the policies that rules have read; policies of APIs that are no MCP servers are left alone."""
    seen = analysed = 0
    for document in estate.documents_read():
        for expression in document.expressions():
            seen += 1
            analysed += analyse(expression.code, expression.block).understood
    return ExpressionCount(seen, analysed)


def _count_kinds(evidence: Evidence) -> tuple[Found, ...]:
    counts = Counter((raw.format, kind_of(raw.type)) for raw in evidence.resources)
    return tuple(Found(format_, kind, count) for (format_, kind), count in sorted(counts.items()))


def _hidden_surface(estate: Estate) -> str:
    """Why the input could hide MCP servers; empty when it could not. Where none was found, what was not read counts too."""
    reasons = list(dict.fromkeys(_hidden_by_services(estate)))
    if not estate.of(McpServer):
        reasons.extend(_hidden_by_hosts(estate))
        reasons.extend(_hidden_by_files(estate))
    return "; ".join(reasons)


def _hidden_by_services(estate: Estate) -> Iterator[str]:
    """A service that shows one native server was read with an api-version that shows them all."""
    explained: set[str] = set()
    for gap in estate.gaps:
        if gap.reason is GapReason.OLD_API_VERSION and not any(_is_native(api) for api in estate.under(gap.scope, Api)):
            explained.add(gap.scope)
            yield gap.detail
    for service in estate.of(Service):
        if service.format in _DECLARED or service.key in explained:
            continue
        title = service.title
        apis = estate.under(service.key, Api)
        if not apis:
            yield f"no APIs of {title} were read"
            continue
        if any(_is_native(api) for api in apis):
            continue
        versions = sorted({api.api_version for api in apis})
        if "" in versions:
            yield (
                f"the input does not say with which api-version the APIs of {title} were listed; versions before "
                f"{SHOWS_MCP} may leave out MCP servers"
            )
        elif versions[0] < SHOWS_MCP:
            yield f"APIs of {title} were read with api-version {versions[0]}; MCP servers show from {SHOWS_MCP} on"


def _hidden_by_hosts(estate: Estate) -> Iterator[str]:
    unread = [site for site in estate.of(Site) if site.is_function_app and site.functions.missing is not None]
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        yield f"the functions of {unread[0].title}{more} were not all read; an MCP trigger shows there"


def _hidden_by_files(estate: Estate) -> Iterator[str]:
    by_status = Counter(artifact.status for artifact in estate.artifacts)
    damaged = by_status[ArtifactStatus.FAILED] + by_status[ArtifactStatus.PARTIAL]
    if damaged:
        yield f"{damaged} {'file was' if damaged == 1 else 'files were'} not read, or not in full"
    skipped = (artifact.path for artifact in estate.artifacts if artifact.status is ArtifactStatus.SKIPPED)
    source = sum(path.lower().endswith(_SOURCE) for path in skipped)
    if source:
        yield f"{source} {'file of Terraform was' if source == 1 else 'files of Terraform were'} left alone"


def _is_native(api: Api) -> bool:
    match api.type:
        case Known(value="mcp"):
            return True
        case _:
            return False
