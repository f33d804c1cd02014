"""What directory objects are made of: scopes, roles, credentials, grants. Shapes: facts/entra.md sections 1 to 3."""

from __future__ import annotations

import msgspec

from mcpguard.core.facts import Fact, Known
from mcpguard.core.location import Location

_ENTRA = (
    *("https://login.microsoftonline.com/", "https://sts.windows.net/", "https://login.microsoftonline.us/"),
    *("https://login.partner.microsoftonline.cn/", "https://login.chinacloudapi.cn/"),
)


class Owner(msgspec.Struct, frozen=True):
    """One owner or sponsor of a directory object."""

    id: str
    name: str
    """User principal or display name; empty when the reader may not see it, which is not the same as no owner."""
    enabled: bool | None = None
    """``accountEnabled``; None when it was not read."""
    sort: str = ""
    """``user``, ``servicePrincipal`` or ``group``; empty when the annotation was not read."""
    guest: bool | None = None
    """Whether the user is a guest of the tenant; None when that was not read."""


class PreauthorizedClient(msgspec.Struct, frozen=True):
    """A client that may get tokens for a registration without consent."""

    app_id: str
    """Lower case."""
    scopes: tuple[str, ...]
    """Ids of delegated permissions, lower case."""
    at: Location | None = None


class DatedNote(msgspec.Struct, frozen=True):
    """A date found in one of the places where an expiry or review date may live."""

    date: str
    """ISO date; empty for a review that recurs without an end."""
    place: str
    at: Location


class PermissionScope(msgspec.Struct, frozen=True):
    """A delegated permission that an API offers: ``oauth2PermissionScopes``."""

    id: str
    """Lower case."""
    value: str
    type: str
    """``User``: users may consent; ``Admin``: only administrators. Empty when it was not read."""
    is_enabled: bool
    at: Location


class AppRole(msgspec.Struct, frozen=True):
    """A role that an API offers: ``appRoles``."""

    id: str
    """Lower case."""
    value: str
    member_types: tuple[str, ...]
    """Of ``User`` and ``Application``."""
    is_enabled: bool
    at: Location


class RequestedPermission(msgspec.Struct, frozen=True):
    """A permission that a registration asks for in ``requiredResourceAccess``: requested is not granted."""

    resource_app_id: str
    """Lower case; the client id of the API, where grants have the object id of its principal."""
    id: str
    """Lower case."""
    is_role: bool
    """An application role; otherwise a delegated scope."""
    at: Location


class Credential(msgspec.Struct, frozen=True):
    """A secret or a certificate, known by its dates."""

    key_id: str
    name: str
    start: str
    """ISO time as Graph writes it; empty when it was not read."""
    end: str
    at: Location


class FederatedCredential(msgspec.Struct, frozen=True):
    """Whose tokens are taken in place of a secret: ``federatedIdentityCredentials``."""

    name: str
    issuer: Fact[str]
    subject: Fact[str]
    """Empty when an expression matches subjects instead."""
    audiences: Fact[tuple[str, ...]]
    at: Location
    expression: str = ""
    """``claimsMatchingExpression.value``; empty when the subject is matched exactly."""

    @property
    def trusts_entra(self) -> bool:
        """Whether Entra ID itself is the issuer, as it is of managed identities' tokens."""
        return isinstance(self.issuer, Known) and self.issuer.value.lower().startswith(_ENTRA)


class RedirectUri(msgspec.Struct, frozen=True):
    """Where answers to sign-ins may go."""

    uri: str
    platform: str
    """``web``, ``spa`` or ``publicClient``."""
    at: Location


class ApplicationLock(msgspec.Struct, frozen=True):
    """``servicePrincipalLockConfiguration``: what other tenants may not change on their copy."""

    is_enabled: bool
    all_properties: bool


class InventoryNotes(msgspec.Struct, frozen=True):
    """Free texts that say what an object is for; None for what was not read."""

    notes: str | None
    service_reference: str | None
    """``serviceManagementReference``, of registrations only."""
    tags: tuple[str, ...] | None
    description: str | None


class InheritablePermission(msgspec.Struct, frozen=True):
    """What agents inherit from their blueprint for one resource."""

    resource_app_id: str
    """Lower case."""
    sort: str
    """``allAllowedScopes``, ``enumeratedScopes`` or ``noScopes``."""
    scopes: tuple[str, ...]
    at: Location


class RoleGrant(msgspec.Struct, frozen=True):
    """An application role that somebody was given: ``appRoleAssignments`` of the one, ``appRoleAssignedTo`` of the other."""

    app_role_id: str
    """Lower case; ``00000000-0000-0000-0000-000000000000`` is access without a role."""
    resource_id: str
    """Object id of the principal of the API, lower case."""
    principal_id: str
    principal_type: str
    """``User``, ``Group`` or ``ServicePrincipal``."""
    at: Location


class DelegatedGrant(msgspec.Struct, frozen=True):
    """Consent for a client to act for users: ``oauth2PermissionGrants``."""

    resource_id: str
    """Object id of the principal of the API, lower case."""
    scopes: tuple[str, ...]
    """As written."""
    all_principals: bool
    """An administrator consented for everybody; otherwise one user did."""
    at: Location


class DirectoryRole(msgspec.Struct, frozen=True):
    """A directory role that a principal holds."""

    template_id: str
    """``roleDefinitionId`` or ``roleTemplateId``, lower case; built-in roles have the same one in every tenant."""
    name: str
    """Empty when the answer names only the id."""
    scope: str
    """``/`` for the whole directory."""
    at: Location


class AppRestriction(msgspec.Struct, frozen=True):
    """One restriction of an app management policy."""

    type: str
    """``passwordAddition``, ``passwordLifetime``, ``asymmetricKeyLifetime``…"""
    state: str
    """``enabled`` or ``disabled``; empty when not given, which means enabled."""
    max_lifetime: str
    """ISO duration; empty when there is none."""
    at: Location
