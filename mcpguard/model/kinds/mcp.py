"""MCP surfaces: servers, tools, client entries. What counts as a server: docs/architecture.md, "MCP surfaces"."""

from enum import Enum
from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact, Known
from mcpguard.core.location import Location
from mcpguard.model.kinds.entity import Entity


class Confidence(Enum):
    """How sure mcpguard is of what it says; ordered from low to high."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low to 2 for high."""
        return ("low", "medium", "high").index(self.value)


def least(*confidences: Confidence) -> Confidence:
    """The lowest of some confidences: a chain is as sure as its weakest link."""
    return min(confidences, key=lambda confidence: confidence.rank)


class ServerSource(Enum):
    """In what form an MCP server shows itself."""

    APIM_REST_TOOLS = "apim-rest-tools"
    APIM_PASSTHROUGH = "apim-passthrough"
    APIM_INFERRED = "apim-inferred"
    HOST = "host"
    LOOSE_POLICY = "loose-policy"


class Url(msgspec.Struct, frozen=True):
    """An address something points to, taken apart as far as rules need."""

    text: str
    scheme: str
    host: str
    """Lower case, without port; empty when the text is no absolute URL."""
    path: str
    at: Location


class McpServer(Entity, frozen=True, kw_only=True):
    """One MCP server, wherever it shows."""

    kind: ClassVar[str] = "mcp-server"
    label: ClassVar[str] = "MCP server"

    source: ServerSource
    confidence: Confidence
    reasons: tuple[str, ...]
    """Why it is taken for an MCP server; one is enough for a native one."""
    service: str = ""
    """Key of the gateway, for servers in API Management."""
    api: str = ""
    """Key of the API, for servers in API Management."""
    host: str = ""
    """Key of the site or container app, when it is one or is known to be served by one."""
    backends: Fact[tuple[Url, ...]]
    """Where requests go after the gateway; empty for REST-backed servers and for hosts."""
    transport: Fact[str] = Known("")
    """``streamable`` or ``sse``, for servers in API Management; empty when nothing shows one."""

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{'policy file' if self.source is ServerSource.LOOSE_POLICY else 'MCP server'} {self.name}"


class McpTool(Entity, frozen=True, kw_only=True):
    """One tool of one server."""

    kind: ClassVar[str] = "mcp-tool"
    label: ClassVar[str] = "tool"

    server: str
    """Key of the server."""
    description: str
    method: Fact[str] | None
    """HTTP method of the operation that the tool calls; None when it calls none."""
    operation: str
    """Key of that operation; empty when there is none."""


class ClientEntry(Entity, frozen=True, kw_only=True):
    """One server entry in an MCP client's configuration file."""

    kind: ClassVar[str] = "client-entry"
    label: ClassVar[str] = "MCP client entry"

    url: Url | None
    command: str
    transport: str = ""
    """``type`` of the entry as written: ``http``, ``sse``, ``stdio``; empty when the client guesses."""
