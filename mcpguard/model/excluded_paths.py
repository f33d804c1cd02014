"""Paths that platform authentication leaves out, and whether they take in the MCP endpoint.

What is known of the matching: an entry that ends in ``/*`` takes in everything below (MicrosoftDocs/azure-docs issue 86514,
the product team's word), and a whole path takes in itself. Whether a plain entry is a prefix too, and what a star elsewhere
does, is not documented (facts/hosting.md, open question 2).
"""

from __future__ import annotations

from enum import Enum
from fnmatch import fnmatchcase

from mcpguard.core.facts import Known
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.hosting import Host, Site
from mcpguard.model.kinds.mcp import McpServer, ServerSource

_EXTENSION = ("/runtime/webhooks/mcp", "/runtime/webhooks/mcp/sse", "/runtime/webhooks/mcp/message")
_USUAL = ("/mcp", "/api/mcp", "/sse", "/messages")
_HARMLESS = ("/.well-known/", "/.auth/")
"""Below these stand metadata and the sign-in itself, which have to answer without a token."""


class Cover(Enum):
    """Whether an entry takes a path in."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


def cover(entry: str, path: str) -> Cover:
    """Whether an entry of ``excludedPaths`` takes in a path; both are compared without case."""
    pattern = entry.strip().lower()
    if not pattern or pattern.startswith(_HARMLESS):
        return Cover.NO
    stem = pattern.removesuffix("*")
    if "*" in stem or (pattern.endswith("*") and not stem.endswith("/")):
        return Cover.MAYBE if fnmatchcase(path, pattern) else Cover.NO
    if pattern.endswith("*"):
        return Cover.YES if path.startswith(stem) else Cover.MAYBE if f"{path}/" == stem else Cover.NO
    plain = pattern.rstrip("/")
    if plain == path:
        return Cover.YES
    return Cover.MAYBE if path.startswith(f"{plain}/") else Cover.NO


def endpoint_paths(host: Host, estate: Estate) -> tuple[tuple[str, ...], bool]:
    """Where the MCP endpoint lies below the host's name, lower case, and whether that is known rather than usual."""
    if not host.runs_own_code:
        return _EXTENSION, True
    called = called_paths(host, estate)
    if called:
        return called, True
    return (("/mcp",), True) if isinstance(host, Site) and host.is_function_app else (_USUAL, False)


def called_paths(host: Host, estate: Estate) -> tuple[str, ...]:
    """Where gateways call a host, lower case, without those that call its root."""
    by_host = estate.remember("paths by host", lambda: _called_paths(estate))
    return tuple(dict.fromkeys(path for name, path in by_host.get(host.key, ()) if name in host.host_names))


def _called_paths(estate: Estate) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for server in estate.of(McpServer):
        if server.host and server.source is not ServerSource.HOST and isinstance(server.backends, Known):
            for url in server.backends.value:
                if path := url.path.lower().rstrip("/"):
                    found.setdefault(server.host, []).append((url.host, path))
    return found
