"""Directory objects as Microsoft Graph, ``az ad``, Graph PowerShell, EntraExporter, ROADrecon and the portal give them.

Objects are told by their annotations, by the ``@odata.context`` of the answer, by the folders of an EntraExporter tree or,
without any of these, by members that only they have. Forms with other names come in through
:mod:`mcpguard.sources.graph_names`. Shapes: facts/entra.md 1 to 3 and 7.

Owners and sponsors, and what ``az`` lists of one registration, do not say whose they are: the id in the file's name or
folder does. Such ids begin with ``/directoryObjects/`` until :mod:`mcpguard.sources.merge` has found the object.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from sys import intern

import msgspec

from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Complete, Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources.graph_names import DEPTH_HINT, CutOff, Renamed, in_graph_names
from mcpguard.sources.reading import Reading

FORMAT = "graph"
EXPORTER = "entra-exporter"
APPLICATION = "microsoft.graph/applications"
SERVICE_PRINCIPAL = "microsoft.graph/serviceprincipals"
ASSIGNMENT = "microsoft.graph/approleassignments"
GRANT = "microsoft.graph/oauth2permissiongrants"
_UNRESOLVED = "microsoft.graph/directoryobjects/"
_PATHS = {
    APPLICATION: "/applications",
    SERVICE_PRINCIPAL: "/servicePrincipals",
    ASSIGNMENT: "/appRoleAssignments",
    GRANT: "/oauth2PermissionGrants",
    "microsoft.graph/identity/conditionalaccess/policies": "/identity/conditionalAccess/policies",
    "microsoft.graph/policies/appmanagementpolicies": "/policies/appManagementPolicies",
    "microsoft.graph/policies/defaultappmanagementpolicy": "/policies/defaultAppManagementPolicy",
}
_ENTITY_TYPES = {
    "#microsoft.graph.application": APPLICATION,
    "#microsoft.graph.agentidentityblueprint": APPLICATION,
    "#microsoft.graph.serviceprincipal": SERVICE_PRINCIPAL,
    "#microsoft.graph.agentidentity": SERVICE_PRINCIPAL,
    "#microsoft.graph.agentidentityblueprintprincipal": SERVICE_PRINCIPAL,
    "#microsoft.graph.approleassignment": ASSIGNMENT,
    "#microsoft.graph.oauth2permissiongrant": GRANT,
}
_SAME = {"approleassignments": ASSIGNMENT, "approleassignedto": ASSIGNMENT, "oauth2permissiongrants": GRANT}
"""Relations whose items say themselves between whom they stand; one of them may be listed in three places."""
_SINGLE = frozenset({"microsoft.graph/policies/defaultappmanagementpolicy"})
_WHOLE_LISTS: dict[str, tuple[str, ...]] = {
    GRANT: ("clientId", "principalId"),
    "microsoft.graph/rolemanagement/directory/roleassignments": ("principalId", "roleDefinitionId"),
    "microsoft.graph/reports/serviceprincipalsigninactivities": ("appId",),
    "microsoft.graph/identity/conditionalaccess/policies": (),
}
"""Lists of the directory that are exported whole, and the members that people filter them by. An answer does not say that
it was filtered, but one of a filtered list holds the same value everywhere."""
_RELATIONS = {
    "owners": "owners",
    "sponsors": "sponsors",
    "federatedidentitycredentials": "federatedIdentityCredentials",
    "federatedcredentials": "federatedIdentityCredentials",
    "inheritablepermissions": "inheritablePermissions",
    "approleassignments": "appRoleAssignments",
    "approleassignedto": "appRoleAssignedTo",
    "oauth2permissiongrants": "oauth2PermissionGrants",
    "transitivememberof": "transitiveMemberOf",
    "memberof": "memberOf",
}
"""Relations as names of files and folders spell them, without separators, and as Graph does."""
_INTERNED = frozenset({GRANT, ASSIGNMENT})
_REPEATED = (
    "clientId",
    "consentType",
    "principalId",
    "resourceId",
    "scope",
    "appRoleId",
    "principalType",
    "resourceDisplayName",
)
_PEOPLE = ("/owners", "/sponsors")
_EXPANDED_AT_MOST = 20
"""How many children ``$expand`` gives (facts/entra.md 5): as many may be a part of more."""
_SEGMENT = LazyPattern(r"/?([A-Za-z$][\w.$]*)(?:\('([^']*)'\))?")
_GUID = LazyPattern(r"(?i)(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])")
_REMEDY = "export it with az ad app list --all, az ad sp list --all or az rest"


class Context(msgspec.Struct, frozen=True):
    """What an ``@odata.context``, or the path of a file, says of the objects there."""

    type: str
    """``microsoft.graph/…`` in lower case; empty when there is no context of Graph."""
    path: str
    """Path of the collection or single object: ``/applications/<id>/federatedIdentityCredentials``."""
    owner: str
    """Path of what it belongs to; empty for a collection of the directory."""
    cast: str = ""
    """The ``@odata.type`` that all items have: ``#microsoft.graph.agentIdentity``."""
    exporter: bool = False
    """Whether the path is one of an EntraExporter tree."""


_NOWHERE = Context("", "", "")


def context_of(value: dict[str, Json]) -> Context:
    """Read ``@odata.context``; all parts are empty when there is none."""
    text = value.get("@odata.context")
    rest = text.partition("$metadata#")[2] if isinstance(text, str) else ""
    names: list[str] = []
    path = owner = cast = ""
    while match := _SEGMENT.match(rest):
        rest = rest[match.end() :]
        if rest.startswith("("):
            rest = ""  # what was selected and expanded
        name, key = match[1], match[2]
        if name.startswith("microsoft.graph."):
            cast = f"#{name}"
        if name.startswith(("$", "microsoft.graph.")):
            continue
        cast = ""
        names.append(name.lower())
        path += f"/{name}"
        if key:
            path += f"/{key}"
            owner = path
    return Context("microsoft.graph/" + "/".join(names) if names else "", path, owner, cast)


@lru_cache(maxsize=64)
def place_of(path: str) -> Context:
    """What the path of a file says: a place in an EntraExporter tree, or a relation and the id of what it belongs to."""
    parts = path.split("/")
    name = parts[-1].rpartition(".")[0]
    if len(parts) >= 3 and parts[-2] == name:
        for collection in ("applications", "servicePrincipals"):
            if parts[-3].lower() == collection.lower():
                return Context("", f"/{collection}", "", exporter=True)
            if len(parts) >= 5 and parts[-5].lower() == collection.lower() and _GUID.fullmatch(parts[-4]):
                return _relation(parts[-3], f"/{collection}/{parts[-4]}", exporter=True)
        if parts[-3].lower() in ("accesspolicies", "appmanagementpolicies") or name.lower() == "defaultappmanagementpolicy":
            return Context("", "", "", exporter=True)
    around = "/".join(parts[-2:])
    ids = _GUID.findall(around)
    return _relation(_GUID.sub("", around), f"/directoryObjects/{ids[-1]}") if ids else _NOWHERE


def _relation(text: str, owner: str, *, exporter: bool = False) -> Context:
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    for spelled, relation in _RELATIONS.items():
        if spelled in plain:
            collection = owner.split("/")[1].lower()
            type_ = f"microsoft.graph/{collection}/{relation.lower()}"
            return Context(type_, f"{owner}/{relation}", owner, exporter=exporter)
    return Context("", "", "", exporter=exporter)


def type_of_object(value: dict[str, Json], context: Context, members: frozenset[str] = frozenset()) -> str:
    """The type of an object, which the printer gave ``members`` too; empty when nothing says that it is one of Graph."""
    if context.type.endswith(_PEOPLE):
        return context.type  # whatever an owner is, here it is an owner
    annotated = value.get("@odata.type")
    if isinstance(annotated, str) and annotated.lower() in _ENTITY_TYPES:
        return _ENTITY_TYPES[annotated.lower()]
    if context.type:
        relation = context.type.rpartition("/")[2]
        return _SAME.get(relation, context.type)
    return _type_by_members(value, value.keys() | members)


def _type_by_members(value: dict[str, Json], keys: Set[str]) -> str:
    if isinstance(value.get("appId"), str):
        if keys & {"servicePrincipalType", "servicePrincipalNames", "appOwnerOrganizationId"}:
            return SERVICE_PRINCIPAL
        if keys & {"identifierUris", "requiredResourceAccess"} or {"signInAudience", "api"} <= keys:
            return APPLICATION
    elif {"appRoleId", "principalId", "resourceId"} <= keys:
        return ASSIGNMENT
    elif {"clientId", "consentType", "resourceId", "scope"} <= keys:
        return GRANT
    elif {"conditions", "grantControls", "state"} <= keys:
        return "microsoft.graph/identity/conditionalaccess/policies"
    elif {"applicationRestrictions", "isEnabled"} <= keys:
        return "microsoft.graph/policies/defaultappmanagementpolicy"
    elif {"restrictions", "isEnabled", "displayName"} <= keys:
        return "microsoft.graph/policies/appmanagementpolicies"
    elif {"issuer", "subject", "audiences"} <= keys:
        return _UNRESOLVED + "federatedidentitycredentials"
    elif {"userPrincipalName", "displayName", "id"} <= keys or str(value.get("@odata.type")).startswith("#microsoft.graph."):
        return _UNRESOLVED + "?"
    return ""


def take_single(reading: Reading, value: dict[str, Json], route: Route) -> bool:
    """Take an object that stands alone or in a bare list; False when it is none of the directory."""
    context = context_of(value)
    found = None if context.type else in_graph_names(value)
    if isinstance(found, CutOff):
        _refuse(reading, route, found)
        return True
    body = found.body if found else value
    place = place_of(reading.path)
    if not context.type and place.type.endswith(_PEOPLE) and isinstance(body.get("id"), str):
        context = place
    type_ = type_of_object(body, context, found.members if found else frozenset())
    if not type_:
        return False
    take_object(reading, body, type_, context, route, listed=False, renamed=found)
    return True


def _refuse(reading: Reading, route: Route, cut: CutOff) -> None:
    """Note that an object is there whose members were cut off; once for each file."""
    reading.kind = reading.kind or FORMAT
    if any(gap.detail.endswith(DEPTH_HINT) for gap in reading.gaps):
        return
    at = reading.at(*route, *cut.route)
    what = f"an object whose member {'.'.join(map(str, cut.route))[:120]} was cut off when it was printed"
    reading.miss(f"{what}; {DEPTH_HINT}", at)
    kinds = frozenset({kind_of(APPLICATION), kind_of(SERVICE_PRINCIPAL)})
    reading.gaps.append(Gap("", kinds, GapReason.UNSUPPORTED, f"{reading.path} holds {what}; {DEPTH_HINT}", DEPTH_HINT, at))


def take_object(
    reading: Reading,
    value: dict[str, Json],
    type: str,
    context: Context,
    route: Route,
    *,
    listed: bool,
    renamed: Renamed | None = None,
) -> None:
    """Take one object of a known type; ``listed`` says that it stands in a list answer."""
    place = place_of(reading.path)
    if type.startswith(_UNRESOLVED) or type == _UNRESOLVED[:-1]:
        relation = type.rpartition("/")[2]
        if not place.owner or (relation not in ("?", "directoryobjects") and not place.type.endswith("/" + relation)):
            hint = "put its relation and the object's id into the file's name, such as owners-<object id>.json"
            if relation == "?":
                reading.skip(f"users or other directory objects, which do not say what they own; {hint}")
            else:
                what = "federated credential" if relation == "federatedidentitycredentials" else "directory object"
                reading.miss(f"a {what} that does not say what it belongs to; {hint}", reading.at(*route))
            return
        type, context = place.type, place
        type = _SAME.get(type.rpartition("/")[2], type) if not type.startswith(_UNRESOLVED) else type
    if context.cast:
        value.setdefault("@odata.type", context.cast)
    members = ("id", "appId", "resourceAppId", "name")
    names = [name for member in members if isinstance(name := value.get(member), str) and name]
    path = _PATHS.get(type, context.path)
    if not names and (listed or type.endswith(_PEOPLE) or (type in _PATHS and type not in _SINGLE)):
        reading.miss("a directory object without an id", reading.at(*route))
        return
    # A single object without an id, such as a policy of the tenant, is its own path.
    id_ = f"{path}/{names[0]}" if names and type not in _SINGLE else path
    format_ = renamed.format if renamed else EXPORTER if place.exporter else FORMAT
    if type in _INTERNED:
        _intern(value)
    raw = RawResource(id_, type, value, reading.at(*route), format_)
    _move(reading, route, renamed)
    reading.add(raw)
    if type in (APPLICATION, SERVICE_PRINCIPAL):
        _take_expanded(reading, raw)
    elif place.exporter and place.owner:
        reading.complete.append(Complete(resource_key(place.owner), place.type))


def _intern(value: dict[str, Json]) -> None:
    """Keep one text for the ids and words that grants repeat: a directory has hundreds of thousands of them."""
    for name in _REPEATED:
        text = value.get(name)
        if type(text) is str:
            value[name] = intern(text)


def _move(reading: Reading, route: Route, renamed: Renamed | None) -> None:
    """Remember where the members of an object stand that the file calls otherwise."""
    for ours, written in renamed.places if renamed else ():
        reading.moved[(*route, *ours)] = (*route, *written)


_EXPANDED = {
    "federatedIdentityCredentials": "",
    "memberOf": "",
    "transitiveMemberOf": "",
    "appRoleAssignments": ASSIGNMENT,
    "appRoleAssignedTo": ASSIGNMENT,
    "oauth2PermissionGrants": GRANT,
    "appRolesAssigned": ASSIGNMENT,
    "appRolesAssignedTo": ASSIGNMENT,
}


def _take_expanded(reading: Reading, raw: RawResource) -> None:
    """Take children that stand within an object, so that they look as if they had been read by themselves."""
    for member, known in _EXPANDED.items():
        children = raw.body.get(member)
        if not isinstance(children, list):
            continue
        type_ = f"{raw.type}/{member.lower()}"
        path = _PATHS.get(known, f"{raw.id}/{member}")
        taken = 0
        for index, child in enumerate(children):
            found = in_graph_names(child) if isinstance(child, dict) else None
            body = found.body if isinstance(found, Renamed) else child
            id_ = body.get("id") if isinstance(body, dict) else None
            if isinstance(id_, str) and id_:
                at = raw.origin.child(member, index)
                _move(reading, at.route, found if isinstance(found, Renamed) else None)
                reading.add(RawResource(f"{path}/{id_}", known or type_, body, at, raw.format))
                taken += 1
        if taken == len(children) < _EXPANDED_AT_MOST:  # a child without an id is not there, so the rest is not all
            reading.complete.append(Complete(raw.key, type_))


def take_answer(reading: Reading, value: dict[str, Json], route: Route) -> bool:
    """Take a list answer that says what of Graph it lists; False when what it says is nothing of Graph."""
    first = len(reading.resources)
    context = context_of(value)
    if not context.type:
        return False
    place = place_of(reading.path)
    if context.type == _UNRESOLVED[:-1] and place.owner:
        context = place
    reading.kind = reading.kind or FORMAT
    for index, item in enumerate(value["value"]):
        at = (*route, "value", index)
        if isinstance(item, dict):
            take_object(reading, item, type_of_object(item, context), context, at, listed=True)
        else:
            reading.miss("an item that is no object", reading.at(*at))
    take_page(reading, value, context, route, first)
    return True


def take_page(reading: Reading, value: dict[str, Json], context: Context, route: Route, first: int) -> None:
    """Note whether a list answer is whole; its items are ``reading.resources[first:]`` already."""
    types = {resource.type for resource in reading.resources[first:]} or ({context.type} - {""})
    link = value.get("@odata.nextLink") or value.get("nextLink")
    owner, type_ = context.owner, context.type
    if isinstance(link, str):
        kinds = frozenset(kind_of(type_) for type_ in types)
        detail = f"{reading.path} holds only the first page of an answer"
        at = reading.at(*route, "@odata.nextLink" if "@odata.nextLink" in value else "nextLink")
        remedy = "follow @odata.nextLink and scan all pages together"
        reading.gaps.append(Gap(resource_key(owner), kinds, GapReason.INCOMPLETE_PAGE, detail, remedy, at))
    elif not owner:
        take_bare_list(reading, len(value["value"]), first)
        if _is_whole(type_, value["value"]):
            reading.complete.append(Complete("", type_))
    elif len(reading.resources) - first == len(value["value"]):
        reading.complete.append(Complete(resource_key(owner), type_))


def _is_whole(type: str, items: list[Json]) -> bool:
    """Whether a list that goes on nowhere is taken for all that the directory has of it."""
    members = _WHOLE_LISTS.get(type)
    if members is None:
        return False
    return not any(_is_same_text(items, name) for name in members)


def _is_same_text(items: list[Json], name: str) -> bool:
    """Whether all items have the same text in a member."""
    values = {value if isinstance(value := item.get(name), str) else "" for item in items if isinstance(item, dict)}
    return len(values) == 1 and "" not in values


def take_bare_list(reading: Reading, count: int, first: int) -> bool:
    """Note that a bare list of ``az``, also an empty one, is all there is of what the file's name says.

    False: the name says nothing, or something else is in the list.
    """
    place = place_of(reading.path)
    type_ = _SAME.get(place.type.rpartition("/")[2], place.type)
    found = reading.resources[first:]
    if not place.owner or place.exporter or len(found) != count or any(raw.type != type_ for raw in found):
        return False
    reading.kind = reading.kind or FORMAT
    reading.complete.append(Complete(resource_key(place.owner), place.type))
    return True
