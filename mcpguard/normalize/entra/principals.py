"""Service principals, managed identities and agent identities, with what they were granted. Shapes: facts/entra.md 2 and 3."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Members, Unknown, transform
from mcpguard.evidence import RawResource, resource_key
from mcpguard.model.kinds.entra import DelegatedGrant, DirectoryRole, RoleGrant, ServicePrincipal
from mcpguard.normalize.entra.common import COMMON, Reader, Reading, title
from mcpguard.normalize.entra.index import PRINCIPAL, DirectoryIndex
from mcpguard.normalize.entra.members import GRAPH, member, plain, plain_texts, remedy
from mcpguard.normalize.fields import absent_member, last_segment, lookup, text, texts

_AGENT = "#microsoft.graph.agentidentity"
_ROLE = "#microsoft.graph.directoryrole"


def principal(raw: RawResource, index: DirectoryIndex) -> ServicePrincipal:
    """One principal."""
    return ServicePrincipal(
        id=raw.id,
        key=raw.key,
        name=title(raw),
        at=raw.origin,
        format=raw.format,
        app_id=text(raw, "appId").lower(),
        object_id=last_segment(raw.key),
        read=Reader(raw, index, _TABLE),
        is_agent=_is_agent(raw),
        blueprint_app_id=text(raw, "agentIdentityBlueprintId").lower(),
        arm_id=next((resource_key(name) for name in _alternative_names(raw) if name.startswith("/")), ""),
    )


def _is_agent(raw: RawResource) -> bool:
    return (
        raw.body.get("servicePrincipalType") == "ServiceIdentity"
        or text(raw, "@odata.type").lower() == _AGENT
        or "agentIdentityBlueprintId" in raw.body
    )


def _alternative_names(raw: RawResource) -> tuple[str, ...]:
    """Of a managed identity: ``isExplicit=True`` and the id of the resource that it belongs to."""
    return plain_texts(raw.body.get("alternativeNames"))


def _roles(raw: RawResource, index: DirectoryIndex) -> Members[RoleGrant]:
    found = _grants(index.given(last_segment(raw.key)))
    whole = index.is_whole(raw.key, f"{PRINCIPAL}/approleassignments")
    what = f"the complete list of application roles that {title(raw)} was given"
    return Members(found, None if whole else Unknown(what, remedy(raw, "/appRoleAssignments"), raw.origin))


def _assigned(raw: RawResource, index: DirectoryIndex) -> Members[RoleGrant]:
    found = _grants(index.holders(last_segment(raw.key)))
    whole = index.is_whole(raw.key, f"{PRINCIPAL}/approleassignedto")
    what = f"the complete list of who was assigned to {title(raw)}"
    return Members(found, None if whole else Unknown(what, remedy(raw, "/appRoleAssignedTo"), raw.origin))


def _grants(raws: list[RawResource]) -> tuple[RoleGrant, ...]:
    """Assignments, each once: it may have been read from both sides."""
    found: dict[tuple[str, str, str], RoleGrant] = {}
    for raw in raws:
        body = raw.body
        grant = RoleGrant(
            app_role_id=plain(body, "appRoleId").lower(),
            resource_id=plain(body, "resourceId").lower(),
            principal_id=plain(body, "principalId").lower(),
            principal_type=plain(body, "principalType"),
            at=raw.origin,
        )
        found.setdefault((grant.app_role_id, grant.resource_id, grant.principal_id), grant)
    return tuple(found.values())


def _delegated(raw: RawResource, index: DirectoryIndex) -> Members[DelegatedGrant]:
    found = tuple(
        DelegatedGrant(
            resource_id=plain(grant.body, "resourceId").lower(),
            scopes=tuple(plain(grant.body, "scope").split()),
            all_principals=plain(grant.body, "consentType").lower() != "principal",
            at=grant.origin,
        )
        for grant in index.grants(last_segment(raw.key))
    )
    whole = index.is_whole(raw.key, f"{PRINCIPAL}/oauth2permissiongrants", "microsoft.graph/oauth2permissiongrants")
    what = f"the complete list of delegated permissions that {title(raw)} was granted"
    missing = Unknown(what, remedy(raw, "/oauth2PermissionGrants", "Directory.Read.All"), raw.origin)
    return Members(found, None if whole else missing)


def _directory_roles(raw: RawResource, index: DirectoryIndex) -> Members[DirectoryRole]:
    assigned = index.role_assignments(last_segment(raw.key))
    found = {
        plain(it.body, "roleDefinitionId").lower() + plain(it.body, "directoryScopeId"): DirectoryRole(
            template_id=plain(it.body, "roleDefinitionId").lower(),
            name=text(it, "roleDefinition", "displayName"),
            scope=plain(it.body, "directoryScopeId"),
            at=it.origin,
        )
        for it in assigned
    }
    for relation in ("memberof", "transitivememberof"):
        for it in index.children(raw, relation):
            role = plain(it.body, "roleTemplateId").lower()
            if plain(it.body, "@odata.type").lower() == _ROLE or role:
                found.setdefault(f"{role}/", DirectoryRole(role, plain(it.body, "displayName"), "/", it.origin))
    missing = Unknown(
        f"the complete list of directory roles of {title(raw)}",
        f"add the answer of: az rest --method get --url {GRAPH}/roleManagement/directory/roleAssignments "
        "(permission RoleManagement.Read.Directory)",
        raw.origin,
    )
    return Members(tuple(found.values()), None if index.has_all_directory_roles(raw.key) else missing)


def _last_sign_in(raw: RawResource, index: DirectoryIndex) -> Fact[str]:
    found = index.sign_ins.get(text(raw, "appId").lower())
    if found is not None:
        when = lookup(found.body, ("lastSignInActivity", "lastSignInDateTime"))
        return Known(when if isinstance(when, str) else "", found.origin.child("lastSignInActivity"))
    if index.has_all_sign_ins:
        return Known("", raw.origin)
    return Unknown(
        f"when {title(raw)} signed in last",
        "add the answer of: az rest --method get --url "
        "https://graph.microsoft.com/beta/reports/servicePrincipalSignInActivities (permission AuditLog.Read.All)",
        raw.origin,
    )


_TABLE: dict[str, Reading] = {
    **COMMON,
    "principal_type": lambda raw, index: member(raw, ("servicePrincipalType",), str, "Application"),
    "roles": _roles,
    "assigned": _assigned,
    "delegated": _delegated,
    "directory_roles": _directory_roles,
    "assignment_required": lambda raw, index: member(raw, ("appRoleAssignmentRequired",), bool, False),
    "enabled": lambda raw, index: member(raw, ("accountEnabled",), bool, True),
    "home_tenant": lambda raw, index: transform(member(raw, ("appOwnerOrganizationId",), str, ""), str.lower),
    "names": lambda raw, index: texts(
        raw, ("servicePrincipalNames",), absent_member(raw, "servicePrincipalNames", remedy(raw))
    ),
    "last_sign_in": _last_sign_in,
}
