"""Policies of the tenant and Conditional Access. Shapes: facts/entra.md section 1."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.model.kinds.entra import AppRestriction, ConditionalAccess, TenantPolicy
from mcpguard.normalize.entra.members import items, lowered, member, needed, plain, plain_texts
from mcpguard.normalize.fields import last_segment, text, texts

AUTHORIZATION = "microsoft.graph/policies/authorizationpolicy"
DEFAULT_APP_MANAGEMENT = "microsoft.graph/policies/defaultappmanagementpolicy"
CONDITIONAL_ACCESS = "microsoft.graph/identity/conditionalaccess/policies"
_SORTS = {AUTHORIZATION: "authorization", DEFAULT_APP_MANAGEMENT: "default-app-management"}
_NAMES = {AUTHORIZATION: "authorizationPolicy", DEFAULT_APP_MANAGEMENT: "defaultAppManagementPolicy"}


def tenant_policy(raw: RawResource) -> TenantPolicy:
    """The default app management policy, or the authorization policy."""
    uris = member(raw, ("applicationRestrictions", "identifierUris", "nonDefaultUriAddition"), dict, {})
    none: Known[tuple[str, ...]] = Known((), raw.origin.child("defaultUserRolePermissions"))
    consents = member(raw, ("defaultUserRolePermissions",), dict, {})
    return TenantPolicy(
        id=raw.id,
        key=raw.key,
        name=_NAMES[raw.type],
        at=raw.origin,
        format=raw.format,
        sort=_SORTS[raw.type],
        is_enabled=member(raw, ("isEnabled",), bool, False),
        secret_restrictions=items(raw, ("applicationRestrictions", "passwordCredentials"), _restriction),
        certificate_restrictions=items(raw, ("applicationRestrictions", "keyCredentials"), _restriction),
        restricts_identifier_uris=transform(uris, lambda value: value.get("state") == "enabled"),
        consent_policies=texts(raw, ("defaultUserRolePermissions", "permissionGrantPoliciesAssigned"), none)
        if isinstance(consents, Known)
        else consents,
        consents_to_risky_apps=member(raw, ("allowUserConsentForRiskyApps",), bool, False),
    )


def _restriction(value: dict[str, Json], at: Location) -> AppRestriction:
    return AppRestriction(needed(value, "restrictionType"), plain(value, "state"), plain(value, "maxLifetime"), at)


def conditional_access(raw: RawResource) -> ConditionalAccess:
    """One policy of Conditional Access."""
    frequency = member(raw, ("sessionControls", "signInFrequency", "isEnabled"), bool, False)
    return ConditionalAccess(
        id=raw.id,
        key=raw.key,
        name=text(raw, "displayName") or last_segment(raw.id),
        at=raw.origin,
        format=raw.format,
        state=member(raw, ("state",), str, "disabled"),
        applications=lowered(raw, ("conditions", "applications", "includeApplications")),
        excluded_applications=lowered(raw, ("conditions", "applications", "excludeApplications")),
        includes_users=transform(member(raw, ("conditions", "users"), dict, {}), _names_users),
        controls=_controls(raw),
        strength=member(raw, ("grantControls", "authenticationStrength", "displayName"), str, ""),
        sign_in_frequency=frequency,
    )


def _names_users(users: dict[str, Json]) -> bool:
    """Whether ``conditions.users`` includes anybody: the word ``None`` stands for nobody."""
    lists = (plain_texts(users.get(name)) for name in ("includeUsers", "includeGroups", "includeRoles"))
    return any(name != "None" for names in lists for name in names) or isinstance(
        users.get("includeGuestsOrExternalUsers"), dict
    )


def _controls(raw: RawResource) -> Fact[tuple[str, ...]]:
    found = member(raw, ("grantControls", "builtInControls"), list, [])
    match found:
        case Known(value=values, at=at, default=default):
            return Known(tuple(value for value in values if isinstance(value, str)), at, default)
        case Unknown():
            return found
