"""Directory objects: registrations, service principals, policies of the tenant. Shapes: facts/entra.md sections 1 to 3.

A directory holds far more objects than an estate speaks of, so their facts are read when they are asked for: an object
knows how (:class:`OnDemand`), and normalization supplies the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from mcpguard.core.facts import Fact, Members
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra_parts import (
    ApplicationLock,
    AppRestriction,
    AppRole,
    Credential,
    DatedNote,
    DelegatedGrant,
    DirectoryRole,
    FederatedCredential,
    InheritablePermission,
    InventoryNotes,
    Owner,
    PermissionScope,
    PreauthorizedClient,
    RedirectUri,
    RequestedPermission,
    RoleGrant,
)

T = TypeVar("T")


class OnDemand(Generic[T]):
    """A member of a directory object that is worked out each time it is asked for."""

    name: str

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember under which name the object is asked for it."""
        self.name = name

    def __get__(self, holder: DirectoryObject, kind: type | None = None) -> T:
        """The member of ``holder``."""
        return holder.read(self.name)  # type: ignore[no-any-return]


def on_demand(kind: type[Entity]) -> tuple[str, ...]:
    """Names of the members of a kind that are worked out when they are asked for."""
    return tuple(name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, OnDemand))


class DirectoryObject(Entity, frozen=True, kw_only=True):
    """What registrations and principals have in common."""

    app_id: str
    """Client id, lower case; empty when a template leaves it to deployment."""
    object_id: str
    """Lower case."""
    read: Callable[[str], Any]
    """How a member is worked out, by its name."""

    owners = OnDemand[Fact[tuple[Owner, ...]]]()
    sponsors = OnDemand[Fact[tuple[Owner, ...]]]()
    """Of agent identities and blueprints: who answers for the agent."""
    passwords = OnDemand[Fact[tuple[Credential, ...]]]()
    """Secrets."""
    certificates = OnDemand[Fact[tuple[Credential, ...]]]()
    """One for each key id: a pair of a signing and a verifying entry is one certificate."""
    federated = OnDemand[Members[FederatedCredential]]()
    app_roles = OnDemand[Fact[tuple[AppRole, ...]]]()
    """Roles that it offers."""
    scopes = OnDemand[Fact[tuple[PermissionScope, ...]]]()
    """Delegated permissions that it offers."""
    sign_in_audience = OnDemand[Fact[str]]()
    """``AzureADMyOrg``, ``AzureADMultipleOrgs``, ``AzureADandPersonalMicrosoftAccount``, ``PersonalMicrosoftAccount``."""
    is_disabled = OnDemand[Fact[bool]]()
    """Deactivated by somebody of the tenant, or by Microsoft."""
    created = OnDemand[Fact[str]]()
    """ISO time; empty when Graph keeps none."""
    created_by = OnDemand[Fact[str]]()
    """``createdByAppId``, lower case; empty when Graph keeps none."""
    publisher = OnDemand[Fact[str]]()
    """``verifiedPublisher.displayName``; empty when there is no verified publisher."""
    inventory_notes = OnDemand[InventoryNotes]()
    review_dates = OnDemand[Fact[tuple[DatedNote, ...]]]()
    """Dates in the places of facts/entra.md 3.1, as far as these were read."""
    looked_in = OnDemand[tuple[str, ...]]()
    """Places that were read for a date."""
    not_looked_in = OnDemand[tuple[str, ...]]()
    """Places that this export does not hold."""


class Application(DirectoryObject, frozen=True, kw_only=True):
    """An application registration."""

    kind: ClassVar[str] = "application"
    label: ClassVar[str] = "app registration"

    is_blueprint: bool
    """An agent identity blueprint: its annotation says so, or an agent names it. Nothing else tells."""

    identifier_uris = OnDemand[Fact[tuple[str, ...]]]()
    preauthorized = OnDemand[Fact[tuple[PreauthorizedClient, ...]]]()
    requested = OnDemand[Fact[tuple[RequestedPermission, ...]]]()
    redirect_uris = OnDemand[Fact[tuple[RedirectUri, ...]]]()
    token_version = OnDemand[Fact[int]]()
    """Of access tokens for this API. Unset behaves as 1."""
    known_clients = OnDemand[Fact[tuple[str, ...]]]()
    """Lower case."""
    implicit_access_tokens = OnDemand[Fact[bool]]()
    implicit_id_tokens = OnDemand[Fact[bool]]()
    public_client_fallback = OnDemand[Fact[bool]]()
    guid_audience = OnDemand[Fact[bool]]()
    """The optional claim ``aud`` with ``use_guid``, which makes the audience of version 1 tokens the client id."""
    lock = OnDemand[Fact[ApplicationLock]]()
    group_claims = OnDemand[Fact[str]]()
    """``groupMembershipClaims``; empty when none are issued."""
    accepts_mapped_claims = OnDemand[Fact[bool]]()
    inheritable = OnDemand[Fact[tuple[InheritablePermission, ...]]]()
    """Of blueprints."""


class ServicePrincipal(DirectoryObject, frozen=True, kw_only=True):
    """A service principal, managed identity or agent identity."""

    kind: ClassVar[str] = "service-principal"
    label: ClassVar[str] = "service principal"

    is_agent: bool
    """An agent identity: its annotation or its type ``ServiceIdentity`` says so."""
    blueprint_app_id: str
    """Client id of an agent's blueprint, lower case; empty for others."""
    arm_id: str
    """Key of the resource that a managed identity belongs to, of those names that an export shows; empty otherwise."""

    principal_type = OnDemand[Fact[str]]()
    """``Application``, ``ManagedIdentity``, ``ServiceIdentity``…"""
    roles = OnDemand[Members[RoleGrant]]()
    """Application roles that it was given."""
    assigned = OnDemand[Members[RoleGrant]]()
    """Who was given roles of it, or access."""
    delegated = OnDemand[Members[DelegatedGrant]]()
    """Consents for it to act for users."""
    directory_roles = OnDemand[Members[DirectoryRole]]()
    assignment_required = OnDemand[Fact[bool]]()
    enabled = OnDemand[Fact[bool]]()
    home_tenant = OnDemand[Fact[str]]()
    """``appOwnerOrganizationId``, lower case: the tenant of the registration. Empty for managed identities."""
    names = OnDemand[Fact[tuple[str, ...]]]()
    """``servicePrincipalNames``: client id and identifier URIs."""
    last_sign_in = OnDemand[Fact[str]]()
    """ISO time; empty when the whole report has none of it."""


class TenantPolicy(Entity, frozen=True, kw_only=True):
    """What a tenant lets registrations and users do: the default app management policy or the authorization policy."""

    kind: ClassVar[str] = "tenant-policy"
    label: ClassVar[str] = "tenant policy"

    sort: str
    """``default-app-management`` or ``authorization``."""
    is_enabled: Fact[bool]
    """Of the default app management policy."""
    secret_restrictions: Fact[tuple[AppRestriction, ...]]
    """``applicationRestrictions.passwordCredentials``."""
    certificate_restrictions: Fact[tuple[AppRestriction, ...]]
    restricts_identifier_uris: Fact[bool]
    """Whether identifier URIs that name neither a tenant nor an application are refused."""
    consent_policies: Fact[tuple[str, ...]]
    """``defaultUserRolePermissions.permissionGrantPoliciesAssigned``: to what users may consent by themselves."""
    consents_to_risky_apps: Fact[bool]


class ConditionalAccess(Entity, frozen=True, kw_only=True):
    """One policy of Conditional Access."""

    kind: ClassVar[str] = "conditional-access"
    label: ClassVar[str] = "conditional access policy"

    state: Fact[str]
    """``enabled``, ``disabled`` or ``enabledForReportingButNotEnforced``."""
    applications: Fact[tuple[str, ...]]
    """Client ids, lower case, or ``all`` and other words of Graph."""
    excluded_applications: Fact[tuple[str, ...]]
    includes_users: Fact[bool]
    """Whether it names any users, groups, roles or guests at all."""
    controls: Fact[tuple[str, ...]]
    """``builtInControls``: ``mfa``, ``compliantDevice``, ``block``…"""
    strength: Fact[str]
    """Name of the authentication strength asked for; empty when none is."""
    sign_in_frequency: Fact[bool]


__all__ = [
    "AppRestriction",
    "AppRole",
    "Application",
    "ApplicationLock",
    "ConditionalAccess",
    "Credential",
    "DatedNote",
    "DelegatedGrant",
    "DirectoryObject",
    "DirectoryRole",
    "FederatedCredential",
    "InheritablePermission",
    "InventoryNotes",
    "OnDemand",
    "Owner",
    "PermissionScope",
    "PreauthorizedClient",
    "RedirectUri",
    "RequestedPermission",
    "RoleGrant",
    "ServicePrincipal",
    "TenantPolicy",
    "on_demand",
]
