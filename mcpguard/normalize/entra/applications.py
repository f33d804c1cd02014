"""App registrations and agent identity blueprints. Shapes: facts/entra.md sections 1 and 3."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource
from mcpguard.model.kinds.entra import (
    Application,
    ApplicationLock,
    InheritablePermission,
    PreauthorizedClient,
    RedirectUri,
    RequestedPermission,
)
from mcpguard.normalize.entra.common import COMMON, Reader, Reading, title
from mcpguard.normalize.entra.index import DirectoryIndex
from mcpguard.normalize.entra.members import items, lowered, member, needed, plain_texts, remedy
from mcpguard.normalize.fields import absent_member, last_segment, lookup, text, texts

_BLUEPRINT = "#microsoft.graph.agentidentityblueprint"
_PLATFORMS = ("web", "spa", "publicClient")
_VERSION_UNSET = "Graph: null behaves as version 1 (application, requestedAccessTokenVersion)"


def application(raw: RawResource, index: DirectoryIndex) -> Application:
    """One registration."""
    app_id = text(raw, "appId").lower()
    return Application(
        id=raw.id,
        key=raw.key,
        name=title(raw),
        at=raw.origin,
        format=raw.format,
        app_id=app_id,
        object_id=last_segment(raw.key),
        read=Reader(raw, index, _TABLE),
        is_blueprint=text(raw, "@odata.type").lower() == _BLUEPRINT or app_id in index.blueprints,
    )


def _identifier_uris(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[str, ...]]:
    if raw.body.get("identifierUris", ...) is None:
        return Known((), raw.origin.child("identifierUris"))
    return texts(raw, ("identifierUris",), absent_member(raw, "identifierUris", remedy(raw)))


def _preauthorized(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[PreauthorizedClient, ...]]:
    return items(raw, ("api", "preAuthorizedApplications"), _client)


def _client(value: dict[str, Json], at: Location) -> PreauthorizedClient:
    scopes = value.get("delegatedPermissionIds")
    if scopes is None:
        scopes = value.get("permissionIds")  # in the old manifest
    return PreauthorizedClient(needed(value, "appId").lower(), tuple(id_.lower() for id_ in plain_texts(scopes)), at)


def _requested(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[RequestedPermission, ...]]:
    groups = items(raw, ("requiredResourceAccess",), _requested_of)
    return transform(groups, lambda found: tuple(one for group in found for one in group))


def _requested_of(value: dict[str, Json], at: Location) -> tuple[RequestedPermission, ...]:
    resource = needed(value, "resourceAppId").lower()
    access = value.get("resourceAccess")
    return tuple(
        RequestedPermission(
            resource, needed(item, "id").lower(), needed(item, "type").lower() == "role", at.child("resourceAccess", index)
        )
        for index, item in enumerate(access if isinstance(access, list) else ())
        if isinstance(item, dict)
    )


def _redirect_uris(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[RedirectUri, ...]]:
    found: list[RedirectUri] = []
    unknown: Unknown | None = None
    for platform in _PLATFORMS:
        uris = member(raw, (platform, "redirectUris"), list, [])
        match uris:
            case Known(value=values, at=at):
                at = at or raw.origin
                found += (RedirectUri(uri, platform, at.child(i)) for i, uri in enumerate(values) if isinstance(uri, str))
            case Unknown():
                unknown = unknown or uris
    # What is known to be wrong stands in one list; without the others nothing can be said to be right.
    return unknown if unknown is not None and not found else Known(tuple(found), raw.origin)


def _token_version(raw: RawResource, index: DirectoryIndex) -> Fact[int]:
    return member(raw, ("api", "requestedAccessTokenVersion"), int, 1, _VERSION_UNSET)


def _implicit(name: str) -> Reading:
    return lambda raw, index: member(raw, ("web", "implicitGrantSettings", name), bool, False)


def _guid_audience(raw: RawResource, index: DirectoryIndex) -> Fact[bool]:
    """``optionalClaims.accessToken`` holds ``aud`` with ``use_guid``."""
    claims = member(raw, ("optionalClaims", "accessToken"), list, [])
    return transform(
        claims,
        lambda found: any(
            isinstance(claim, dict)
            and claim.get("name") == "aud"
            and "use_guid" in plain_texts(claim.get("additionalProperties"))
            for claim in found
        ),
    )


def _group_claims(raw: RawResource, index: DirectoryIndex) -> Fact[str]:
    """A text in Graph, a list in azuread."""
    value = raw.body.get("groupMembershipClaims")
    if isinstance(value, list):
        return Known(", ".join(plain_texts(value)), raw.origin.child("groupMembershipClaims"))
    return member(raw, ("groupMembershipClaims",), str, "")


def _lock(raw: RawResource, index: DirectoryIndex) -> Fact[ApplicationLock]:
    found = member(raw, ("servicePrincipalLockConfiguration",), dict, {})
    return transform(found, lambda value: ApplicationLock(value.get("isEnabled") is True, value.get("allProperties") is True))


def _inheritable(raw: RawResource, index: DirectoryIndex) -> Fact[tuple[InheritablePermission, ...]]:
    """Inline where it was expanded, else in an answer of its own."""
    if index.claims(raw.key, f"{raw.type}/inheritablepermissions"):
        children = index.children(raw, "inheritablepermissions")
        return Known(tuple(_inherited(child.body, child.origin) for child in children), raw.origin)
    if "inheritablePermissions" in raw.body:
        return items(raw, ("inheritablePermissions",), _inherited)
    relation = "/microsoft.graph.agentIdentityBlueprint/inheritablePermissions"
    what = f"the inheritable permissions of {title(raw)}"
    return Unknown(what, remedy(raw, relation, "AgentIdentityBlueprint.Read.All"), raw.origin)


def _inherited(value: dict[str, Json], at: Location) -> InheritablePermission:
    resource = value.get("resourceAppId")
    sort = lookup(value, ("inheritableScopes", "@odata.type"))
    scopes = plain_texts(lookup(value, ("inheritableScopes", "scopes")))
    return InheritablePermission(
        resource_app_id=resource.lower() if isinstance(resource, str) else "",
        sort=sort.rpartition(".")[2] if isinstance(sort, str) else "",
        scopes=scopes,
        at=at,
    )


_TABLE: dict[str, Reading] = {
    **COMMON,
    "identifier_uris": _identifier_uris,
    "preauthorized": _preauthorized,
    "requested": _requested,
    "redirect_uris": _redirect_uris,
    "token_version": _token_version,
    "known_clients": lambda raw, index: lowered(raw, ("api", "knownClientApplications")),
    "implicit_access_tokens": _implicit("enableAccessTokenIssuance"),
    "implicit_id_tokens": _implicit("enableIdTokenIssuance"),
    "public_client_fallback": lambda raw, index: member(raw, ("isFallbackPublicClient",), bool, False),
    "guid_audience": _guid_audience,
    "lock": _lock,
    "group_claims": _group_claims,
    "accepts_mapped_claims": lambda raw, index: member(raw, ("api", "acceptMappedClaims"), bool, False),
    "inheritable": _inheritable,
}
