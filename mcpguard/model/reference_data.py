"""Tables of public facts: permissions of Graph, directory roles, well-known clients, audiences of Microsoft's own resources,
what MCP surfaces support.

They live as data in ``mcpguard/data``, each file with its source and date, and are read when a rule first asks. Levels are
Microsoft's own; the classes are this project's:

``takeover``
    Lets its holder give itself or others permissions, or put credentials on other applications or agents (facts/entra.md E35).
``tier-0``
    Alone enough to take over the directory: roles, authentication of administrators, trust of domains, consent policies.
``broad``
    Writes or reads what belongs to the whole organization: level 4, or level 3 that writes, or mass access to content.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

_FOLDER = Path(__file__).resolve().parents[1] / "data"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
RESOURCE_MANAGER_APP_ID = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
SIGN_IN_SCOPES = frozenset({"openid", "profile", "email", "offline_access", "user.read"})
"""Delegated scopes of Graph that a sign-in asks for; they show no wish to call anything downstream. Lower case."""


class Privilege(Enum):
    """What holding a permission means, from least to most."""

    PLAIN = ""
    BROAD = "broad"
    TIER_ZERO = "tier-0"
    TAKEOVER = "takeover"


class Permission(msgspec.Struct, frozen=True):
    """One application role or delegated scope of Microsoft Graph."""

    id: str
    name: str
    level: int
    """Microsoft's privilege level, 1 to 4; 0 where its table gives none."""
    privilege: Privilege


class RoleClass(Enum):
    """How much a directory role gives."""

    PLAIN = "plain"
    SERVICE = "service"
    """Rules one whole service, such as Exchange."""
    PRIVILEGED = "privileged"
    """Labelled so by Microsoft."""
    TIER_ZERO = "tier-0"


class BuiltInRole(msgspec.Struct, frozen=True):
    """A built-in role of the directory, by the id of its template."""

    id: str
    name: str
    role_class: RoleClass


class ClientClass(Enum):
    """What a well-known client is for."""

    MCP_CLIENT = "first-party-mcp-client"
    GENERAL_PURPOSE = "general-purpose"
    """A command line or console that anybody who can sign in can run."""
    UNKNOWN = "unknown"


class WellKnownClient(msgspec.Struct, frozen=True):
    """A client whose app id is the same in every tenant."""

    app_id: str
    name: str
    client_class: ClientClass


class WellKnownResource(msgspec.Struct, frozen=True):
    """A resource of Microsoft's own that tokens are issued for."""

    name: str
    app_ids: tuple[str, ...]
    audiences: tuple[str, ...]
    """In all clouds, lower case, without a slash at the end."""
    host_suffixes: tuple[str, ...]
    """Ends of host names that are audiences themselves: a vault, a storage account."""


class Surface(msgspec.Struct, frozen=True):
    """What one place that serves MCP supports. None: nothing that was read says either way."""

    id: str
    name: str
    tools: bool
    resources: bool | None
    prompts: bool | None
    resource_metadata: Literal["platform", "by-hand", "none"]
    """Who serves protected resource metadata: a setting of the platform, the owners' operation or code, nobody."""
    workspaces: bool | None
    """Whether it works in workspaces of API Management; None also for what has none."""
    unsupported_tiers: tuple[str, ...]
    """Tiers of API Management, as ``sku.name`` writes them."""
    transports: tuple[str, ...]
    oldest_revision: str
    """The oldest revision of the protocol that it takes; empty when it sets none."""
    preview: bool
    mediated: bool | None
    """Whether the AI gateway of a Foundry project can stand in front of it; None for what Foundry does not make."""
    source: str
    date: str


class PreviewFeature(msgspec.Struct, frozen=True):
    """A feature of the platform that is in preview."""

    id: str
    name: str
    marker: str
    """The setting, value or member that shows it."""
    source: str
    date: str


class _SurfaceFile(msgspec.Struct, frozen=True):
    source: str
    date: str
    surfaces: tuple[Surface, ...]
    features: tuple[PreviewFeature, ...]


class _PermissionFile(msgspec.Struct, frozen=True):
    source: str
    date: str
    permissions: dict[str, tuple[str, int, Privilege]]


class _RoleFile(msgspec.Struct, frozen=True):
    source: str
    date: str
    roles: dict[str, tuple[str, RoleClass]]


class _ClientFile(msgspec.Struct, frozen=True):
    source: str
    date: str
    clients: dict[str, tuple[str, ClientClass]]


class _ResourceFile(msgspec.Struct, frozen=True):
    source: str
    date: str
    resources: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]


T = TypeVar("T")


def _load(name: str, shape: type[T]) -> T:
    return msgspec.json.decode((_FOLDER / name).read_bytes(), type=shape)


def _permissions(name: str) -> dict[str, Permission]:
    rows = _load(name, _PermissionFile).permissions
    return {key: Permission(key, value, level, privilege) for value, (key, level, privilege) in rows.items()}


@cache
def graph_application_roles() -> dict[str, Permission]:
    """Application roles of Microsoft Graph by id."""
    return _permissions("graph_application_roles.json")


@cache
def graph_delegated_scopes() -> dict[str, Permission]:
    """Delegated scopes of Microsoft Graph by id."""
    return _permissions("graph_delegated_scopes.json")


@cache
def graph_delegated_scopes_by_name() -> dict[str, Permission]:
    """Delegated scopes of Microsoft Graph by lower-case name, as grants write them."""
    return {scope.name.lower(): scope for scope in graph_delegated_scopes().values()}


@cache
def permissions_date() -> str:
    """The day of the tables of permissions; what Microsoft added later is not in them."""
    return _load("graph_application_roles.json", _PermissionFile).date


@cache
def built_in_roles() -> dict[str, BuiltInRole]:
    """Built-in directory roles that matter, by template id."""
    return {key: BuiltInRole(key, *row) for key, row in _load("directory_roles.json", _RoleFile).roles.items()}


@cache
def well_known_clients() -> dict[str, WellKnownClient]:
    """Clients with the same app id in every tenant, by that id."""
    rows = _load("well_known_clients.json", _ClientFile).clients
    return {app_id: WellKnownClient(app_id, *row) for app_id, row in rows.items()}


@cache
def well_known_resources() -> tuple[WellKnownResource, ...]:
    """Microsoft's own resources."""
    rows = _load("resource_audiences.json", _ResourceFile).resources
    return tuple(WellKnownResource(name, *row) for name, row in rows.items())


@cache
def surfaces() -> dict[str, Surface]:
    """The support matrix of MCP surfaces, by id."""
    return {surface.id: surface for surface in _load("surfaces.json", _SurfaceFile).surfaces}


@cache
def preview_features() -> dict[str, PreviewFeature]:
    """Features in preview, by lower-case marker."""
    return {feature.marker.lower(): feature for feature in _load("surfaces.json", _SurfaceFile).features}


@cache
def _resources_by_name() -> dict[str, WellKnownResource]:
    """By app id and by host of an audience."""
    found: dict[str, WellKnownResource] = {}
    for resource in well_known_resources():
        found.update(dict.fromkeys(resource.app_ids, resource))
        found.update(dict.fromkeys((_host(audience) for audience in resource.audiences), resource))
    return found


def _host(audience: str) -> str:
    return audience.partition("://")[2].partition("/")[0]


def resource_of_audience(audience: str) -> WellKnownResource | None:
    """The resource of Microsoft's own that an audience, a resource URI or a scope names; None for anybody else's.

    Takes every spelling: ``https://vault.azure.net``, ``https://vault.azure.net/.default``, ``vault.azure.net``, the app id,
    ``api://<app id>``, and the address of one instance where that is an audience (``https://kv1.vault.azure.net``).
    """
    text = audience.strip().lower().removeprefix("api://")
    host = (_host(text) or text.partition("/")[0]).partition(":")[0]
    known = _resources_by_name().get(host)
    if known is not None or not host:
        return known
    for resource in well_known_resources():
        if resource.host_suffixes and host.endswith(resource.host_suffixes):
            return resource
    return None
