"""MCP surfaces: servers, tools, client entries. What counts as a server: docs/architecture.md, "MCP surfaces"."""

from __future__ import annotations

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
    KUBERNETES_GATEWAY = "kubernetes-gateway"
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
    gateway: str = ""
    """Key of the microsoft/mcp-gateway that serves it."""
    url: Url | None = None
    """The address that clients use, where the input names one."""
    is_unreferenced: bool = False
    """Whether it is a policy file that none of the templates loads."""

    @property
    def title(self) -> str:
        """What people call it."""
        what = "policy file" if self.source is ServerSource.LOOSE_POLICY else "MCP server"
        return f"{'unreferenced ' if self.is_unreferenced else ''}{what} {self.name}"


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
    required_roles: tuple[str, ...] = ()
    """Application roles that a microsoft/mcp-gateway asks of callers besides the creator and its administrators."""


class McpGateway(Entity, frozen=True, kw_only=True):
    """A microsoft/mcp-gateway in a Kubernetes cluster. It validates Entra tokens itself, unless its settings turn that off."""

    kind: ClassVar[str] = "mcp-gateway"
    label: ClassVar[str] = "MCP gateway"

    development: Fact[bool]
    """Whether it takes its callers' identities from ``X-Dev-…`` headers and validates no token."""
    client_id: Fact[str]
    """The registration whose tokens it accepts, lower case; empty when none is set."""
    public_origin: Fact[Url | None]
    """The address that it tells its clients; None when none is set."""
    labels: Fact[dict[str, str]]
    """Labels and annotations of its deployment, which may name an owner."""
    public_listener: Location | None = None
    """A load balancer's service that hands its plain HTTP port to the internet; None when none was read."""


class InventoryEntry(Entity, frozen=True, kw_only=True):
    """One MCP server as an inventory lists it: API Center, or a server.json of an MCP registry."""

    kind: ClassVar[str] = "inventory-entry"
    label: ClassVar[str] = "inventory entry"

    inventory: str
    """``API Center`` or ``MCP registry``."""
    urls: tuple[Url, ...]
    """Addresses of active deployments, or of remotes."""
    transports: tuple[str, ...] = ()
    """Of each remote, as written: ``streamable-http`` or ``sse``; empty for an API Center, which has no such member."""
    contact: str
    """Name or address of the first contact; empty when there is none."""
    properties: dict[str, str]
    """Texts among the custom properties, which may name an owner."""


class ClientEntry(Entity, frozen=True, kw_only=True):
    """One server entry in an MCP client's configuration file."""

    kind: ClassVar[str] = "client-entry"
    label: ClassVar[str] = "MCP client entry"

    url: Url | None
    command: str
    transport: str = ""
    """``type`` of the entry as written: ``http``, ``sse``, ``stdio``; empty when the client guesses."""
