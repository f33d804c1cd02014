"""An OAuth proxy: policies with which API Management plays authorization server in front of an identity provider."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

import msgspec

from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.mcp import Confidence


class OAuthRole(Enum):
    """What a step of the flow is for."""

    AUTHORIZE = "authorize"
    CONSENT = "consent"
    CALLBACK = "callback"
    TOKEN = "token"
    REGISTER = "register"


class OAuthStep(msgspec.Struct, frozen=True):
    """One endpoint of the proxy."""

    role: OAuthRole
    operation: str = ""
    """Key of the operation; empty for a policy file that no API refers to."""
    policy: str = ""
    """Key of that policy file."""


class OAuthProxy(Entity, frozen=True, kw_only=True):
    """The steps that belong together: those of one service, or of one folder of policy files."""

    kind: ClassVar[str] = "oauth-proxy"
    label: ClassVar[str] = "OAuth proxy"

    service: str
    """Key of the service; empty for policy files."""
    steps: tuple[OAuthStep, ...]
    serves_mcp: bool
    """Whether its service holds an MCP server, or a file in its folder or beside it speaks of MCP."""
    confidence: Confidence

    @property
    def title(self) -> str:
        """Where it is."""
        return f"{self.label} {'of' if self.service else 'in'} {self.name}"
