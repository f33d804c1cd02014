"""Directory objects under other names than Graph's: Graph PowerShell, the portal's old manifest, AAD Graph (ROADrecon).

Each form is put into Graph's own shape, with the places where its members stand in the file. Shapes: facts/entra.md 7;
dirkjanm/ROADtools roadlib/metadef/database.py and roadrecon/server.py; Entra app manifest reference (AAD Graph form).
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json

POWERSHELL = "graph-powershell"
MANIFEST = "app-manifest"
AAD_GRAPH = "aad-graph"
DEPTH_HINT = "print it with more depth: Get-Mg… | ConvertTo-Json -Depth 10"
_MAX_DEPTH = 64
_CUT_OFF = LazyPattern(
    r"Microsoft\.Graph\.(?:Beta\.)?PowerShell\.Models\.|System\.(?:Collections\.|Object\[\]|String\[\])|@\{\w+="
)
_DATE = LazyPattern(r"/Date\((-?\d{1,15})\)/")
_MANIFEST_MEMBERS = frozenset({"accessTokenAcceptedVersion", "replyUrlsWithType", "oauth2AllowIdTokenImplicitFlow"})
_AAD_GRAPH_MEMBERS = frozenset({"availableToOtherTenants", "oauth2Permissions", "appOwnerTenantId", "replyUrls"})
_RENAMED: dict[str, Route] = {
    "accessTokenAcceptedVersion": ("api", "requestedAccessTokenVersion"),
    "acceptMappedClaims": ("api", "acceptMappedClaims"),
    "knownClientApplications": ("api", "knownClientApplications"),
    "oauth2Permissions": ("api", "oauth2PermissionScopes"),
    "preAuthorizedApplications": ("api", "preAuthorizedApplications"),
    "allowPublicClient": ("isFallbackPublicClient",),
    "informationalUrls": ("info",),
    "logoutUrl": ("web", "logoutUrl"),
    "homepage": ("web", "homePageUrl"),
    "signInUrl": ("web", "homePageUrl"),
    "oauth2AllowImplicitFlow": ("web", "implicitGrantSettings", "enableAccessTokenIssuance"),
    "oauth2AllowIdTokenImplicitFlow": ("web", "implicitGrantSettings", "enableIdTokenIssuance"),
    "name": ("displayName",),
    "objectId": ("id",),
}
_OF_PRINCIPALS: dict[str, Route] = {
    "objectId": ("id",),
    "appOwnerTenantId": ("appOwnerOrganizationId",),
    "oauth2Permissions": ("oauth2PermissionScopes",),
    "informationalUrls": ("info",),
}
_ITEMS = {
    "preAuthorizedApplications": {"permissionIds": "delegatedPermissionIds"},
    "keyCredentials": {"startDate": "startDateTime", "endDate": "endDateTime"},
    "passwordCredentials": {"startDate": "startDateTime", "endDate": "endDateTime"},
}
_PLATFORMS = {"web": "web", "spa": "spa", "installedclient": "publicClient"}
_ASSIGNMENT: dict[str, Route] = {"id": ("appRoleId",), "objectId": ("id",)}
_GRANT: dict[str, Route] = {"objectId": ("id",)}


class Renamed(msgspec.Struct, frozen=True):
    """An object in Graph's shape."""

    body: dict[str, Json]
    format: str
    places: tuple[tuple[Route, Route], ...] = ()
    """Pairs of a route in ``body`` and the route in the file, where the two differ."""
    members: frozenset[str] = frozenset()
    """Members that the file has without a value; they still tell what the object is."""


class CutOff(msgspec.Struct, frozen=True):
    """An object whose printer gave up at some depth and wrote the name of a type instead of a value."""

    route: Route


def in_graph_names(value: dict[str, Json]) -> Renamed | CutOff | None:
    """The object in Graph's shape; None when it has that shape already, or is none of the directory."""
    if _is_powershell(value):
        cut = _cut_off(value)
        members = frozenset(key[:1].lower() + key[1:] for key in value)
        return cut or Renamed(_camel_object(value), POWERSHELL, members=members)
    if value.keys() & _MANIFEST_MEMBERS and isinstance(value.get("appId"), str) and "objectType" not in value:
        return _registration(value, MANIFEST)
    kind = value.get("objectType")
    if isinstance(value.get("objectId"), str):
        if kind == "ServicePrincipal" or "servicePrincipalType" in value:
            return _mapped(value, _OF_PRINCIPALS, AAD_GRAPH)
        if kind == "Application" or (value.keys() & _AAD_GRAPH_MEMBERS and isinstance(value.get("appId"), str)):
            return _registration(value, AAD_GRAPH)
        if kind == "AppRoleAssignment" or ("resourceId" in value and "principalType" in value):
            return _mapped(value, _ASSIGNMENT, AAD_GRAPH)
        if "clientId" in value and "consentType" in value:
            return _mapped(value, _GRANT, AAD_GRAPH)
    return None


# -- Graph PowerShell ------------------------------------------------------------------------------------------------


def _is_powershell(value: dict[str, Json]) -> bool:
    if not isinstance(value.get("Id"), str) and not isinstance(value.get("AppId"), str):
        return False
    return "AdditionalProperties" in value or (isinstance(value.get("AppId"), str) and "DisplayName" in value)


def _cut_off(value: dict[str, Json]) -> CutOff | None:
    """The first place at which ``ConvertTo-Json`` wrote a type's name: its depth is 2 unless it is told otherwise."""
    stack: list[tuple[Json, Route]] = [(value, ())]
    found: list[Route] = []
    while stack:
        current, route = stack.pop()
        if isinstance(current, str):
            if _CUT_OFF.match(current):
                found.append(route)
        elif isinstance(current, dict):
            stack.extend((item, (*route, key)) for key, item in current.items())
        elif isinstance(current, list):
            stack.extend((item, (*route, index)) for index, item in enumerate(current))
    if not found:
        return None
    return CutOff(min(found, key=lambda route: [str(step) for step in route]))


def _camel_object(value: dict[str, Json]) -> dict[str, Json]:
    """Members as Graph spells them. Null, and objects of nothing but nulls, are what was not selected: they are left out."""
    body: dict[str, Json] = {}
    for key, item in value.items():
        if key == "AdditionalProperties":
            continue
        plain = _camel(item, 1)
        if plain is not None:
            body[key[:1].lower() + key[1:]] = plain
    more = value.get("AdditionalProperties")
    for key, item in more.items() if isinstance(more, dict) else ():
        body.setdefault(key, item)
    return body


def _camel(value: Json, depth: int) -> Json:
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        members = ((key[:1].lower() + key[1:], _camel(item, depth + 1)) for key, item in value.items())
        kept = {key: item for key, item in members if item is not None and not (key == "additionalProperties" and not item)}
        return kept or None
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return [_camel(item, depth + 1) for item in value]
    if isinstance(value, str) and (match := _DATE.fullmatch(value)):
        return _iso(int(match[1])) or value
    return value


def _iso(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return ""


# -- the old manifest and AAD Graph ------------------------------------------------------------------------------------


def _registration(value: dict[str, Json], format: str) -> Renamed:
    found = _mapped(value, _RENAMED, format)
    body, places = found.body, dict(found.places)
    body.pop("publicClient", None)
    body.pop("replyUrls", None)
    public = value.get("publicClient")
    if isinstance(public, bool):
        body["isFallbackPublicClient"] = public
        places["isFallbackPublicClient",] = ("publicClient",)
    many = value.get("availableToOtherTenants")
    if isinstance(many, bool) and "signInAudience" not in body:
        body["signInAudience"] = "AzureADMultipleOrgs" if many else "AzureADMyOrg"
        places["signInAudience",] = ("availableToOtherTenants",)
    typed = value.get("replyUrlsWithType")
    if isinstance(typed, list):
        body.pop("replyUrlsWithType")
        for platform in _PLATFORMS.values():
            _put(body, (platform, "redirectUris"), [])
        for index, item in enumerate(typed):
            _redirect(body, places, item, index)
    elif isinstance(value.get("replyUrls"), list):
        # AAD Graph keeps one list for all platforms; only public clients are told apart.
        route = ("publicClient" if public is True else "web", "redirectUris")
        _put(body, route, value["replyUrls"])
        places[route] = ("replyUrls",)
    return Renamed(body, format, tuple(places.items()))


def _redirect(body: dict[str, Json], places: dict[Route, Route], item: Json, index: int) -> None:
    url, kind = (item.get("url"), item.get("type")) if isinstance(item, dict) else (None, None)
    platform = _PLATFORMS.get(kind.lower()) if isinstance(kind, str) else None
    if platform is not None and isinstance(url, str):
        uris = body[platform]["redirectUris"]
        places[platform, "redirectUris", len(uris)] = ("replyUrlsWithType", index, "url")
        uris.append(url)


def _mapped(value: dict[str, Json], names: dict[str, Route], format: str) -> Renamed:
    body: dict[str, Json] = {}
    places: dict[Route, Route] = {}
    for key, item in value.items():
        route = names.get(key, (key,))
        if route != (key,):
            if _present(body, route) or (len(route) == 1 and route[0] in value and route[0] not in names):
                continue
            places[route] = (key,)
        _put(body, route, _items(key, item))
    owners = [person for kind in ("ownerUsers", "ownerServicePrincipals") for person in _people(value.get(kind))]
    if isinstance(value.get("ownerUsers"), list):
        body["owners"] = owners
        places["owners",] = ("ownerUsers",)
    return Renamed(body, format, tuple(places.items()))


def _people(value: Json) -> list[dict[str, Json]]:
    found = value if isinstance(value, list) else []
    return [{**person, "id": person.get("objectId")} for person in found if isinstance(person, dict)]


def _items(key: str, value: Json) -> Json:
    names = _ITEMS.get(key)
    if names is None or not isinstance(value, list):
        return value
    return [
        {names.get(name, name): member for name, member in item.items()} if isinstance(item, dict) else item for item in value
    ]


def _present(body: Json, route: Route) -> bool:
    for step in route:
        if not isinstance(body, dict) or step not in body:
            return False
        body = body[step]
    return True


def _put(body: dict[str, Json], route: Route, value: Json) -> None:
    for step in route[:-1]:
        inner = body.setdefault(str(step), {})
        if not isinstance(inner, dict):
            inner = body[str(step)] = {}
        body = inner
    body[str(route[-1])] = value
