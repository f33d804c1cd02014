"""The directory in azuread. Arguments: registry.terraform.io/providers/hashicorp/azuread, ``docs/resources``; Graph shapes:
facts/entra.md 1 to 3. Version 2 of the provider says ``application_object_id`` where version 3 says ``application_id``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.terraform.shapes import Many, One, Secret, Table, To

_SCOPE: Table = {
    "id": "id",
    "scope_id": "id",
    "value": "value",
    "enabled": "isEnabled",
    "type": "type",
    "admin_consent_display_name": "adminConsentDisplayName",
    "admin_consent_description": "adminConsentDescription",
    "user_consent_display_name": "userConsentDisplayName",
    "user_consent_description": "userConsentDescription",
}
_ROLE: Table = {
    "id": "id",
    "role_id": "id",
    "value": "value",
    "display_name": "displayName",
    "description": "description",
    "enabled": "isEnabled",
    "allowed_member_types": "allowedMemberTypes",
}


_CLAIM: Table = {
    "name": "name",
    "source": "source",
    "essential": "essential",
    "additional_properties": "additionalProperties",
}
_CLAIMS: Table = {
    "access_token": Many("accessToken", _CLAIM),
    "id_token": Many("idToken", _CLAIM),
    "saml2_token": Many("saml2Token", _CLAIM),
}


def _owners(value: Json) -> Json:
    return [{"id": owner} for owner in value] if isinstance(value, list) and value else None


_APPLICATION: Table = {
    "object_id": "id",
    "client_id": "appId",
    "application_id": "appId",
    "display_name": "displayName",
    "description": "description",
    "notes": "notes",
    "tags": "tags",
    "sign_in_audience": "signInAudience",
    "identifier_uris": "identifierUris",
    "owners": To("owners", _owners),
    "fallback_public_client_enabled": "isFallbackPublicClient",
    "service_management_reference": "serviceManagementReference",
    "device_only_auth_enabled": "isDeviceOnlyAuthSupported",
    "optional_claims": One("optionalClaims", _CLAIMS),
    "group_membership_claims": "groupMembershipClaims",
    "api": One(
        "api",
        {
            "requested_access_token_version": "requestedAccessTokenVersion",
            "known_client_applications": "knownClientApplications",
            "mapped_claims_enabled": "acceptMappedClaims",
            "oauth2_permission_scope": Many("oauth2PermissionScopes", _SCOPE),
        },
    ),
    "app_role": Many("appRoles", _ROLE),
    "required_resource_access": Many(
        "requiredResourceAccess",
        {"resource_app_id": "resourceAppId", "resource_access": Many("resourceAccess", {"id": "id", "type": "type"})},
    ),
    "web": One(
        "web",
        {
            "redirect_uris": "redirectUris",
            "logout_url": "logoutUrl",
            "homepage_url": "homePageUrl",
            "implicit_grant": One(
                "implicitGrantSettings",
                {
                    "access_token_issuance_enabled": "enableAccessTokenIssuance",
                    "id_token_issuance_enabled": "enableIdTokenIssuance",
                },
            ),
        },
    ),
    "single_page_application": One("spa", {"redirect_uris": "redirectUris"}),
    "public_client": One("publicClient", {"redirect_uris": "redirectUris"}),
    "password": Many(
        "passwordCredentials",
        {
            "display_name": "displayName",
            "key_id": "keyId",
            "start_date": "startDateTime",
            "end_date": "endDateTime",
            "value": Secret("secretText"),
        },
    ),
}
_PRINCIPAL: Table = {
    "object_id": "id",
    "client_id": "appId",
    "application_id": "appId",
    "display_name": "displayName",
    "description": "description",
    "notes": "notes",
    "tags": "tags",
    "type": "servicePrincipalType",
    "account_enabled": "accountEnabled",
    "app_role_assignment_required": "appRoleAssignmentRequired",
    "owners": To("owners", _owners),
}


class Entity(msgspec.Struct, frozen=True):
    """A directory object of its own."""

    type: str
    collection: str
    table: Table
    type_member: str = ""
    """A member that every answer of Graph has and by which the object is known."""


ENTITIES: dict[str, Entity] = {
    "azuread_application": Entity("microsoft.graph/applications", "/applications", _APPLICATION),
    "azuread_application_registration": Entity(
        "microsoft.graph/applications",
        "/applications",
        {
            **_APPLICATION,
            "requested_access_token_version": "api/requestedAccessTokenVersion",
            "implicit_access_token_issuance_enabled": "web/implicitGrantSettings/enableAccessTokenIssuance",
            "implicit_id_token_issuance_enabled": "web/implicitGrantSettings/enableIdTokenIssuance",
        },
    ),
    "azuread_service_principal": Entity("microsoft.graph/serviceprincipals", "/servicePrincipals", _PRINCIPAL),
}


class Relation(msgspec.Struct, frozen=True):
    """Something that belongs to a directory object and that Graph lists below it."""

    parents: tuple[str, ...]
    """Attributes of which one names the object."""
    owner: str
    """``/applications`` or ``/servicePrincipals``."""
    collection: str
    table: Table


RELATIONS: dict[str, Relation] = {
    "azuread_application_federated_identity_credential": Relation(
        ("application_id", "application_object_id"),
        "/applications",
        "federatedIdentityCredentials",
        {
            "credential_id": "id",
            "display_name": "name",
            "description": "description",
            "issuer": "issuer",
            "subject": "subject",
            "audiences": "audiences",
        },
    ),
    "azuread_application_flexible_federated_identity_credential": Relation(
        ("application_id",),
        "/applications",
        "federatedIdentityCredentials",
        {
            "credential_id": "id",
            "display_name": "name",
            "description": "description",
            "issuer": "issuer",
            "claims_matching_expression": To("claimsMatchingExpression", lambda value: {"value": value, "languageVersion": 1}),
            "audience": To("audiences", lambda value: [value]),
        },
    ),
    "azuread_directory_role_assignment": Relation(
        ("principal_object_id",),
        "/servicePrincipals",
        "roleAssignments",
        {
            "principal_object_id": "principalId",
            "role_id": "roleDefinitionId",
            "directory_scope_id": To("directoryScopeId", lambda value: value or "/"),
        },
    ),
    "azuread_app_role_assignment": Relation(
        ("principal_object_id",),
        "/servicePrincipals",
        "appRoleAssignments",
        {
            "app_role_id": "appRoleId",
            "principal_object_id": "principalId",
            "principal_type": "principalType",
            "principal_display_name": "principalDisplayName",
            "resource_object_id": "resourceId",
            "resource_display_name": "resourceDisplayName",
        },
    ),
    "azuread_service_principal_delegated_permission_grant": Relation(
        ("service_principal_object_id",),
        "/servicePrincipals",
        "oauth2PermissionGrants",
        {
            "service_principal_object_id": "clientId",
            "resource_service_principal_object_id": "resourceId",
            "claim_values": To("scope", lambda value: " ".join(map(str, value)) if isinstance(value, list) else value),
            "user_object_id": To("principalId", lambda value: value or None),
        },
    ),
}


class Patch(msgspec.Struct, frozen=True):
    """A block of Terraform that adds to a member of an application or service principal."""

    parents: tuple[str, ...]
    path: tuple[str, ...]
    """The list that it adds to."""
    make: Callable[[Mapping[str, Json]], Json]
    """The item, given the attributes."""


_OF_APPLICATION = ("application_id", "application_object_id")


def _first(values: Mapping[str, Json], *names: str) -> Json:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _credential(values: Mapping[str, Json]) -> Json:
    return {
        "displayName": values.get("display_name"),
        "keyId": values.get("key_id"),
        "startDateTime": values.get("start_date"),
        "endDateTime": values.get("end_date"),
    }


def _certificate(values: Mapping[str, Json]) -> Json:
    return {**_credential(values), "type": values.get("type"), "usage": "Verify"}


def _preauthorized(values: Mapping[str, Json]) -> Json:
    client = _first(values, "authorized_client_id", "authorized_app_id")
    return {"appId": client, "delegatedPermissionIds": values.get("permission_ids")}


def _permission(values: Mapping[str, Json]) -> Json:
    return {to: values[name] for name, to in _SCOPE.items() if isinstance(to, str) and values.get(name) is not None} | {
        "isEnabled": True
    }


def _role(values: Mapping[str, Json]) -> Json:
    return {to: values[name] for name, to in _ROLE.items() if isinstance(to, str) and values.get(name) is not None} | {
        "isEnabled": True
    }


def _access(values: Mapping[str, Json]) -> Json:
    found: list[Json] = []
    for name, type_ in (("role_ids", "Role"), ("scope_ids", "Scope")):
        ids = values.get(name)
        if isinstance(ids, Unresolved):
            found.append(ids)
        found += [{"id": id_, "type": type_} for id_ in ids] if isinstance(ids, list) else []
    return {"resourceAppId": values.get("api_client_id"), "resourceAccess": found}


PATCHES: dict[str, Patch] = {
    "azuread_application_password": Patch(_OF_APPLICATION, ("passwordCredentials",), _credential),
    "azuread_application_certificate": Patch(_OF_APPLICATION, ("keyCredentials",), _certificate),
    "azuread_application_pre_authorized": Patch(_OF_APPLICATION, ("api", "preAuthorizedApplications"), _preauthorized),
    "azuread_application_identifier_uri": Patch(
        _OF_APPLICATION, ("identifierUris",), lambda values: values.get("identifier_uri")
    ),
    "azuread_application_owner": Patch(_OF_APPLICATION, ("owners",), lambda values: {"id": values.get("owner_object_id")}),
    "azuread_application_permission_scope": Patch(_OF_APPLICATION, ("api", "oauth2PermissionScopes"), _permission),
    "azuread_application_app_role": Patch(_OF_APPLICATION, ("appRoles",), _role),
    "azuread_application_api_access": Patch(_OF_APPLICATION, ("requiredResourceAccess",), _access),
    "azuread_service_principal_password": Patch(("service_principal_id",), ("passwordCredentials",), _credential),
    "azuread_service_principal_certificate": Patch(("service_principal_id",), ("keyCredentials",), _certificate),
}
"""Secrets are left out: a credential is told by its key id and its dates."""
