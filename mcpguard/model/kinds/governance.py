"""The governance manifest (`mcp-inventory.yaml`, version 1): what Azure does not store, kept by its owners.

Field meanings: docs/manifest.md. Unknown keys are errors, so a misspelt owner is never a missing one.
"""

from __future__ import annotations

import datetime
from enum import Enum
from typing import Literal

import msgspec

Date = datetime.date


class ToolClass(Enum):
    """What a tool may do, in rising order."""

    READ_ONLY = "read-only"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    @property
    def rank(self) -> int:
        """0 for read-only to 2 for destructive."""
        return ("read-only", "write", "destructive").index(self.value)


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Who answers for a thing."""

    name: str = ""
    email: str = ""
    group: str = ""

    @property
    def text(self) -> str:
        """The most telling of the three; empty when nothing was given."""
        return self.name or self.email or self.group


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How a tool's calls are approved."""

    model: Literal["none", "client", "gateway", "server", "external"]
    approver_group: str = ""
    evidence: str = ""

    @property
    def enforced(self) -> bool:
        """Whether something other than the client's goodwill stops an unapproved call."""
        return self.model in ("gateway", "server", "external")


class DeclaredTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One tool as its owner declares it."""

    name: str
    class_: ToolClass | None = msgspec.field(name="class", default=None)
    secret: bool = False
    approval: Approval | None = None
    required_roles: tuple[str, ...] = ()
    required_scopes: tuple[str, ...] = ()
    rollback: str = ""
    sha256: str = ""


class Downstream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A resource that a server calls, and on whose behalf."""

    resource: str
    mode: Literal["obo", "managed-identity", "service-principal", "user-passthrough", "api-key", "none"] | None = None
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    consent: Literal["admin", "user"] | None = None


class PayloadLogging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A declared reason for logging bodies."""

    reason: str
    until: Date


class DeclaredServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One server as its owner declares it."""

    id: str
    apim_api: str = ""
    resource_id: str = ""
    url: str = ""
    environment: Literal["production", "staging", "test", "development"] | None = None
    wave: Literal["pilot", "production"] | None = None
    owner: Contact | None = None
    sponsor: str = ""
    review_by: Date | None = None
    exposure: Literal["gateway", "direct"] | None = None
    justification: str = ""
    protocol_versions: tuple[str, ...] = ()
    trust_annotations: bool = False
    data_classification: str = ""
    payload_logging: PayloadLogging | None = None
    clients: tuple[str, ...] = ()
    downstream: tuple[Downstream, ...] = ()
    cost_tags: dict[str, str] = {}
    tools: tuple[DeclaredTool, ...] = ()


class DeclaredAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One agent as its owner declares it."""

    id: str
    principal_id: str = ""
    app_id: str = ""
    owner: Contact | None = None
    sponsor: str = ""
    review_by: Date | None = None
    expires: Date | None = None
    servers: tuple[str, ...] = ()
    cost_tags: dict[str, str] = {}
    identity_kind: Literal["agent-id", "managed-identity", "service-principal"] | None = None


class ApprovedClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A client that the organisation lets call its servers."""

    app_id: str
    name: str = ""


class ApprovedServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A foreign server that the organisation has approved."""

    name: str
    url_pattern: str
    transport: tuple[str, ...] = ()
    auth: tuple[str, ...] = ()
    network_path: str = ""
    review_by: Date | None = None


class ManifestException(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A finding that somebody has accepted until a date."""

    rule: str
    scope: str
    reason: str
    approved_by: str
    expires: Date


class EvidenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Where telemetry lies, and the objectives it is held against."""

    workspace_id: str = ""
    resource_id: str = ""
    tables: tuple[str, ...] = ()
    field_map: dict[str, str] = {}
    slo: dict[str, float] = {}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The whole manifest."""

    api_version: Literal["mcpguard/v1"]
    kind: Literal["McpInventory"]
    organization: str = ""
    review_max_days: int = 365
    cost_tag_keys: tuple[str, ...] = ()
    gateway_hosts: tuple[str, ...] = ()
    approved_clients: tuple[ApprovedClient, ...] = ()
    approved_servers: tuple[ApprovedServer, ...] = ()
    exceptions: tuple[ManifestException, ...] = ()
    servers: tuple[DeclaredServer, ...] = ()
    agents: tuple[DeclaredAgent, ...] = ()
    evidence: EvidenceSettings | None = None
