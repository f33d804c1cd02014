"""Directory objects as Microsoft Graph answers them and as ``az ad`` prints them. Shapes: facts/entra.md 1 to 3 and 7.

Applications and service principals are told by their annotations or, without any, by members that only they have. Other
answers are told by their ``@odata.context`` alone, which also names what they belong to.
"""

import re

import msgspec

from mcpguard.core.location import Route
from mcpguard.evidence import Complete, Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources.reading import Reading

FORMAT = "graph"
APPLICATION = "microsoft.graph/applications"
SERVICE_PRINCIPAL = "microsoft.graph/serviceprincipals"
_PATHS = {APPLICATION: "/applications", SERVICE_PRINCIPAL: "/servicePrincipals"}
_ENTITY_TYPES = {
    "#microsoft.graph.application": APPLICATION,
    "#microsoft.graph.agentidentityblueprint": APPLICATION,
    "#microsoft.graph.serviceprincipal": SERVICE_PRINCIPAL,
    "#microsoft.graph.agentidentity": SERVICE_PRINCIPAL,
    "#microsoft.graph.agentidentityblueprintprincipal": SERVICE_PRINCIPAL,
}
_SEGMENT = re.compile(r"/?([A-Za-z$][\w.$]*)(?:\('([^']*)'\))?")
_FOREIGN = frozenset(
    {
        "accessTokenAcceptedVersion",
        "availableToOtherTenants",
        "oauth2AllowIdTokenImplicitFlow",
        "oauth2Permissions",
        "replyUrlsWithType",
    }
)
"""Members of the portal's old manifest and of AAD Graph, which call other things by other names too."""
_REMEDY = "export it with az ad app list --all, az ad sp list --all or az rest"


class Context(msgspec.Struct, frozen=True):
    """What an ``@odata.context`` says."""

    type: str
    """``microsoft.graph/…`` in lower case; empty when there is no context of Graph."""
    path: str
    """Path of the collection or single object: ``/applications/<id>/federatedIdentityCredentials``."""
    owner: str
    """Path of what it belongs to; empty for a collection of the directory."""


def context_of(value: dict[str, Json]) -> Context:
    """Read ``@odata.context``; all parts are empty when there is none."""
    text = value.get("@odata.context")
    rest = text.partition("$metadata#")[2] if isinstance(text, str) else ""
    names: list[str] = []
    path = owner = ""
    while match := _SEGMENT.match(rest):
        rest = rest[match.end() :]
        if rest.startswith("("):
            rest = ""  # what was selected and expanded
        name, key = match[1], match[2]
        if name.startswith(("$", "microsoft.graph.")):
            continue
        names.append(name.lower())
        path += f"/{name}"
        if key:
            path += f"/{key}"
            owner = path
    return Context("microsoft.graph/" + "/".join(names) if names else "", path, owner)


def type_of_object(value: dict[str, Json], context: Context) -> str:
    """The type of an object; empty when nothing says that it is one of Graph."""
    annotated = value.get("@odata.type")
    if isinstance(annotated, str) and annotated.lower() in _ENTITY_TYPES:
        return _ENTITY_TYPES[annotated.lower()]
    if context.type:
        return context.type
    if not isinstance(value.get("appId"), str):
        return ""
    if "servicePrincipalType" in value or "servicePrincipalNames" in value or "appOwnerOrganizationId" in value:
        return SERVICE_PRINCIPAL
    if "identifierUris" in value or "requiredResourceAccess" in value or ("signInAudience" in value and "api" in value):
        return APPLICATION
    return ""


def refusal_of(value: dict[str, Json]) -> str:
    """Why an object that is one of the directory cannot be read in this form; empty when it can, or is none."""
    if isinstance(value.get("AppId"), str) and isinstance(value.get("DisplayName"), str):
        return f"an object as Graph PowerShell prints it, which may cut off nested members; {_REMEDY}"
    if value.keys() & _FOREIGN and ("appId" in value or "objectId" in value):
        return f"a registration in the form of the old manifest or of AAD Graph; {_REMEDY}"
    return ""


def refuse(reading: Reading, reason: str, route: Route) -> None:
    """Note that directory objects are there which were not read."""
    reading.kind = reading.kind or FORMAT
    if not any(gap.detail.endswith(reason) for gap in reading.gaps):
        reading.miss(reason, reading.at(*route))
        kinds = frozenset({kind_of(APPLICATION), kind_of(SERVICE_PRINCIPAL)})
        detail = f"{reading.path} holds {reason}"
        reading.gaps.append(Gap("", kinds, GapReason.UNSUPPORTED, detail, _REMEDY, reading.at(*route)))


def take_object(
    reading: Reading,
    value: dict[str, Json],
    type: str,
    context: Context,
    route: Route,
    *,
    listed: bool,
) -> None:
    """Take one object of a known type; ``listed`` says that it stands in a list answer."""
    names = [name for name in (value.get("id"), value.get("appId")) if isinstance(name, str) and name]
    path = _PATHS.get(type, context.path)
    if not names and (listed or type in _PATHS):
        reading.miss("a directory object without an id", reading.at(*route))
        return
    # A single object without an id, such as a policy of the tenant, is its own path.
    id_ = f"{path}/{names[0]}" if names else path
    reading.add(RawResource(id_, type, value, reading.at(*route), FORMAT))


def take_page(reading: Reading, value: dict[str, Json], context: Context, route: Route, first: int) -> None:
    """Note whether a list answer is whole; its items are ``reading.resources[first:]`` already."""
    types = {resource.type for resource in reading.resources[first:]} or ({context.type} - {""})
    link = value.get("@odata.nextLink") or value.get("nextLink")
    if isinstance(link, str):
        kinds = frozenset(kind_of(type_) for type_ in types)
        detail = f"{reading.path} holds only the first page of an answer"
        at = reading.at(*route, "@odata.nextLink" if "@odata.nextLink" in value else "nextLink")
        remedy = "follow @odata.nextLink and scan all pages together"
        reading.gaps.append(Gap(resource_key(context.owner), kinds, GapReason.INCOMPLETE_PAGE, detail, remedy, at))
    elif context.owner and len(reading.resources) - first == len(value["value"]):
        reading.complete.append(Complete(resource_key(context.owner), context.type))
