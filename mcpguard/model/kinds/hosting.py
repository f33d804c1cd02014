"""Hosts: App Service and Functions sites, container apps, their platform authentication. Shapes: facts/hosting.md."""

from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact, Members
from mcpguard.core.location import Location
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.mcp import Confidence


class Function(msgspec.Struct, frozen=True):
    """One function of a function app, with its bindings."""

    name: str
    bindings: tuple[dict[str, object], ...]
    at: Location
    is_disabled: bool = False

    @property
    def trigger(self) -> str:
        """Type of the trigger binding in lower case; empty when none is known."""
        for binding in self.bindings:
            kind = str(binding.get("type", "")).lower()
            if kind.endswith("trigger"):
                return kind
        return ""


class PlatformAuth(Entity, frozen=True, kw_only=True):
    """Easy Auth of one site, slot or container app (``authsettingsV2`` or ``authConfigs``)."""

    kind: ClassVar[str] = "platform-auth"
    label: ClassVar[str] = "platform authentication"

    host: str
    """Key of the host."""
    enabled: Fact[bool]
    require_authentication: Fact[bool]
    """Sites only; a container app has no such member and enforces by its action."""
    unauthenticated_action: Fact[str]
    client_id: Fact[str]
    """``registration.clientId`` of the Microsoft provider, lower case; empty when there is none."""
    issuer: Fact[str]
    allowed_audiences: Fact[tuple[str, ...]]
    """As listed; the client id is always accepted besides (facts/hosting.md section 2)."""
    allowed_applications: Fact[tuple[str, ...]]
    """Lower case; empty means that the check is not applied."""
    excluded_paths: Fact[tuple[str, ...]]
    defined_elsewhere: Fact[str]
    """Path of the file that defines authentication instead of ARM; empty when ARM does."""


class Host(Entity, frozen=True, kw_only=True):
    """Anything that runs a server."""

    host_names: tuple[str, ...]
    """Lower case."""
    tags: Fact[dict[str, str]]
    markers: tuple[str, ...]
    """Why it is taken for the host of an MCP server; empty when nothing says so."""
    marker_confidence: Confidence
    internet_facing: Fact[bool]
    """Whether anybody on the internet can open a connection to it."""
    auth: Fact[PlatformAuth | None]
    """None when the host is known to have no platform authentication."""

    @property
    def runs_own_code(self) -> bool:
        """Whether the MCP endpoint is code of the app's owners, which may check tokens itself."""
        return True


class Site(Host, frozen=True, kw_only=True):
    """A web app, function app or slot."""

    kind: ClassVar[str] = "site"
    label: ClassVar[str] = "site"

    is_function_app: bool
    functions: Members[Function]
    app_settings: Fact[dict[str, Fact[str]]]
    """By name; values outside the allow-list are withheld."""
    mcp_key_level: Fact[str]
    """Key check of the MCP endpoint, lower case: ``system``, ``anonymous``, ``function``… A web app has ``none``."""

    @property
    def runs_own_code(self) -> bool:
        """A tool trigger is served by the Functions host; anything else is code of the app's owners."""
        return not any(function.trigger.startswith("mcp") for function in self.functions.items)

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{'function app' if self.is_function_app else 'web app'} {self.name}"


class ContainerApp(Host, frozen=True, kw_only=True):
    """A container app."""

    kind: ClassVar[str] = "container-app"
    label: ClassVar[str] = "container app"

    external: Fact[bool]
    """Whether ingress accepts traffic from outside the environment; false when there is no ingress."""
    allow_insecure: Fact[bool]
