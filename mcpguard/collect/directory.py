"""The lists of Microsoft Graph that are read, the relations of their items, and the permission that each needs.

Facts: facts/entra.md 1 to 4. Fields are named, because many types answer only some of theirs otherwise.
"""

from __future__ import annotations

import msgspec

from mcpguard.collect.reads import Needs

APPLICATION = "microsoft.graph/applications"
PRINCIPAL = "microsoft.graph/serviceprincipals"
_APPLICATION_FIELDS = (
    "id,appId,displayName,description,uniqueName,createdDateTime,createdByAppId,signInAudience,identifierUris,isFallbackPublicClient,"
    "isDeviceOnlyAuthSupported,groupMembershipClaims,notes,tags,serviceManagementReference,publisherDomain,applicationTemplateId,"
    "defaultRedirectUri,api,appRoles,requiredResourceAccess,web,spa,publicClient,passwordCredentials,keyCredentials,optionalClaims,"
    "authenticationBehaviors,servicePrincipalLockConfiguration,requestSignatureVerification,verifiedPublisher,certification,info,"
    "disabledByMicrosoftStatus"
)
_PRINCIPAL_FIELDS = (
    "id,appId,appDisplayName,displayName,servicePrincipalType,appOwnerOrganizationId,accountEnabled,appRoleAssignmentRequired,"
    "signInAudience,servicePrincipalNames,replyUrls,tags,notes,alternativeNames,notificationEmailAddresses,"
    "preferredSingleSignOnMode,oauth2PermissionScopes,appRoles,passwordCredentials,keyCredentials,verifiedPublisher,"
    "disabledByMicrosoftStatus,createdByAppId"
)


class Relation(msgspec.Struct, frozen=True):
    """Something that belongs to a directory object and is read by itself."""

    path: str
    """Below the object, or from the root with ``{id}`` for the object's id."""
    type: str
    needs: Needs
    id: str = ""
    """The collection that items are named in, when it is not the path itself."""
    inline: str = ""
    """The member of the object that gets the items, as ``$expand`` would put them; empty when they stand by themselves."""
    member: bool = False
    """Whether it is no list but a member of the object itself, which has to be asked for by its name."""


class Listing(msgspec.Struct, frozen=True):
    """A list, or a single object, of the directory."""

    name: str
    path: str
    type: str
    needs: Needs
    id: str = ""
    """The collection that items are named in, when it is not the path itself."""
    query: tuple[tuple[str, str], ...] = ()
    annotation: str = ""
    """``@odata.type`` of the items, when the path is a cast that leaves it out."""
    relations: tuple[Relation, ...] = ()
    one: bool = False
    slowly: bool = False


def _needs(permission: str) -> Needs:
    return Needs(permission)


_READ_APPLICATIONS = _needs("Application.Read.All")
_READ_POLICIES = _needs("Policy.Read.All")
_PERSON = "$select=id,displayName,userPrincipalName,accountEnabled,userType"
_OWNERS = Relation(f"owners?{_PERSON}", "microsoft.graph/owners", _READ_APPLICATIONS, inline="owners")
_SPONSORS = Relation("sponsors", "microsoft.graph/sponsors", _READ_APPLICATIONS, inline="sponsors")
_CREDENTIALS = Relation("federatedIdentityCredentials", f"{APPLICATION}/federatedidentitycredentials", _READ_APPLICATIONS)
_ROLES = Relation("appRoleAssignments", f"{PRINCIPAL}/approleassignments", _READ_APPLICATIONS)
_GRANTS = Relation(
    "oauth2PermissionGrants",
    "microsoft.graph/oauth2permissiongrants",
    _needs("Directory.Read.All"),
    id="/oauth2PermissionGrants",
)
_DIRECTORY_ROLES = Relation(
    "/roleManagement/directory/roleAssignments?$filter=principalId eq '{id}'",
    "microsoft.graph/rolemanagement/directory/roleassignments",
    _needs("RoleManagement.Read.Directory"),
    id="/roleManagement/directory/roleAssignments",
)
_ATTRIBUTES = Relation(
    # By itself: in a $select of the list the whole list would be refused without the permission.
    "?$select=id,customSecurityAttributes",
    f"{PRINCIPAL}/customsecurityattributes",
    _needs("CustomSecAttributeAssignment.Read.All"),
    inline="customSecurityAttributes",
    member=True,
)
_INHERITABLE = Relation(
    "microsoft.graph.agentIdentityBlueprint/inheritablePermissions",
    f"{APPLICATION}/inheritablepermissions",
    _needs("AgentIdentityBlueprint.Read.All"),
    inline="inheritablePermissions",
)
_OF_APPLICATION = (_OWNERS, _CREDENTIALS)
_OF_PRINCIPAL = (_OWNERS, _ROLES, _GRANTS, _DIRECTORY_ROLES, _ATTRIBUTES)
APPLICATIONS = Listing(
    "applications",
    "/applications",
    APPLICATION,
    _READ_APPLICATIONS,
    query=(("$select", _APPLICATION_FIELDS),),
    relations=_OF_APPLICATION,
)
PRINCIPALS = Listing(
    "service-principals",
    "/servicePrincipals",
    PRINCIPAL,
    _READ_APPLICATIONS,
    query=(("$select", _PRINCIPAL_FIELDS),),
    relations=_OF_PRINCIPAL,
)
AGENTS = Listing(
    "agent-identities",
    "/servicePrincipals/microsoft.graph.agentIdentity",
    PRINCIPAL,
    _needs("AgentIdentity.Read.All"),
    id="/servicePrincipals",
    annotation="#microsoft.graph.agentIdentity",
    relations=(*_OF_PRINCIPAL, msgspec.structs.replace(_SPONSORS, path="microsoft.graph.agentIdentity/sponsors")),
)
BLUEPRINTS = Listing(
    "agent-identity-blueprints",
    "/applications/microsoft.graph.agentIdentityBlueprint",
    APPLICATION,
    _needs("AgentIdentityBlueprint.Read.All"),
    id="/applications",
    annotation="#microsoft.graph.agentIdentityBlueprint",
    relations=(
        *_OF_APPLICATION,
        msgspec.structs.replace(_SPONSORS, path="microsoft.graph.agentIdentityBlueprint/sponsors"),
        _INHERITABLE,
    ),
)
BLUEPRINT_PRINCIPALS = Listing(
    "agent-identity-blueprint-principals",
    "/servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal",
    PRINCIPAL,
    _needs("AgentIdentityBlueprintPrincipal.Read.All"),
    id="/servicePrincipals",
    annotation="#microsoft.graph.agentIdentityBlueprintPrincipal",
    relations=_OF_PRINCIPAL,
)
AGENT_LISTINGS = (AGENTS, BLUEPRINTS, BLUEPRINT_PRINCIPALS)
TENANT = (
    Listing(
        "authorization-policy",
        "/policies/authorizationPolicy",
        "microsoft.graph/policies/authorizationpolicy",
        _READ_POLICIES,
        one=True,
    ),
    Listing(
        "default-app-management-policy",
        "/policies/defaultAppManagementPolicy",
        "microsoft.graph/policies/defaultappmanagementpolicy",
        _READ_POLICIES,
        one=True,
    ),
    Listing(
        "app-management-policies",
        "/policies/appManagementPolicies",
        "microsoft.graph/policies/appmanagementpolicies",
        _READ_POLICIES,
    ),
    Listing(
        "permission-grant-policies",
        "/policies/permissionGrantPolicies",
        "microsoft.graph/policies/permissiongrantpolicies",
        _READ_POLICIES,
    ),
)
CONDITIONAL_ACCESS = Listing(
    "conditional-access",
    "/identity/conditionalAccess/policies",
    "microsoft.graph/identity/conditionalaccess/policies",
    _READ_POLICIES,
    slowly=True,
)
LISTINGS = {listing.name: listing for listing in (APPLICATIONS, PRINCIPALS, *AGENT_LISTINGS, *TENANT, CONDITIONAL_ACCESS)}
