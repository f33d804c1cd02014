"""Resources as Azure Resource Manager answers them: single ones, list answers, Resource Graph rows, error answers.

Shapes: facts/apim.md 4. Nothing is interpreted but ids and types; an id is kept as it was written.
"""

from __future__ import annotations

from mcpguard.core.location import Location, Route
from mcpguard.evidence import Gap, GapReason, Json, RawResource, resource_key
from mcpguard.evidence.kinds import KIND_OF_TYPE, kind_of
from mcpguard.sources.ids import last_of, make_id, parent_of, type_in, type_of
from mcpguard.sources.reading import Page, Reading

FORMAT = "arm-json"
_PARTIAL_LISTS = frozenset({"microsoft.web/sites/config", "microsoft.web/sites/slots/config"})
"""Types of which a list answer holds one (``web``), whatever there is (REST reference, Web Apps - List Configurations)."""
_SITES = frozenset({"microsoft.web/sites", "microsoft.web/sites/slots"})
_SLOT_NAMES = frozenset({"appSettingNames", "connectionStringNames", "azureStorageConfigNames"})
"""Members of ``slotConfigNames`` (REST reference, Web Apps - List Slot Configuration Names); a site has none of them."""
_LINKS = frozenset({"microsoft.apimanagement/service/products/apis", "microsoft.apimanagement/service/gateways/apis"})
"""Types of which the id alone says everything."""


def is_resource(value: dict[str, Json]) -> bool:
    """Whether an object is an ARM resource: an id with a provider or a type beside it, or a type and a name."""
    found = value.get("id")
    if isinstance(found, str) and found.startswith("/"):
        return bool(type_in(value.get("type")) or type_of(found))
    return found is None and isinstance(value.get("name"), str) and bool(type_in(value.get("type")))


def take_resource(reading: Reading, value: dict[str, Json], route: Route, api_version: str = "") -> None:
    """Take one resource."""
    found = value.get("id")
    if not isinstance(found, str):
        written = str(value["type"])
        found = make_id(written, str(value["name"]).split("/"))
        if not found:
            reading.miss(f"a resource of type {written} has no id and its name has not one part for each of its type's")
            return
    type_ = type_in(value.get("type"))
    if not type_ or type_.startswith("microsoft.web/"):
        found, type_ = _of_app_service(found, type_, value)
    given = value.get("apiVersion")
    version = given if isinstance(given, str) else api_version
    if "properties" not in value:
        from mcpguard.sources import azure_cli  # answers of ARM have properties

        if azure_cli.is_flat(value, type_):
            azure_cli.take_flat(reading, value, found, type_, route)
            return
        if type_.endswith("/connections"):
            from mcpguard.sources import foundry

            if type_ in foundry.CONNECTION_TYPES and foundry.is_connection(value):
                foundry.take_connection(reading, value, route, found, type_)
                return
    reading.add(RawResource(found, type_, value, Location(reading.path, route), FORMAT, version))
    if type_ in KIND_OF_TYPE and type_ not in _LINKS and not isinstance(value.get("properties"), dict):
        _lacks_properties(reading, found, type_, value, route)


def _of_app_service(id: str, type: str, value: dict[str, Json]) -> tuple[str, str]:
    """Id and type of an answer of App Service, which at times mixes them up.

    It puts a name into the type (``Microsoft.Web/sites/config/web``), or gives what lies below a site the site's own type
    or id (``slotConfigNames``).
    """
    derived = type_of(id)
    if not type or type == f"{derived}/{last_of(id).lower()}" or derived.startswith(f"{type}/"):
        type = derived
    properties = value.get("properties")
    if type in _SITES and isinstance(properties, dict) and properties and properties.keys() <= _SLOT_NAMES:
        return f"{id.rstrip('/')}/config/slotConfigNames", f"{type}/config"
    return id, type


def _lacks_properties(reading: Reading, id: str, type: str, value: dict[str, Json], route: Route) -> None:
    flat = len(value.keys() - {"id", "name", "type", "location", "tags", "resourceGroup", "etag", "properties"}) > 2
    why = (
        "the command that wrote it flattens answers and drops what it does not know"
        if flat and "properties" not in value
        else "the list it comes from holds names only"
    )
    remedy = f"read the resource itself: az rest --method get --url {id}?api-version=<version>"
    detail = f"{last_of(id)} ({type}) has no properties: {why}"
    reading.miss(detail, reading.at(*route))
    reading.gaps.append(
        Gap(resource_key(id), frozenset({kind_of(type)}), GapReason.NOT_COLLECTED, detail, remedy, reading.at(*route))
    )


def take_page(reading: Reading, value: dict[str, Json], route: Route, first: int) -> None:
    """Note what a list answer says of its completeness; its items are ``reading.resources[first:]`` already."""
    items = reading.resources[first:]
    link = value.get("nextLink")
    continues = isinstance(link, str) and bool(link)
    if not continues and len(items) != len(value["value"]):
        return  # something in it could not be read, so it is not known to be whole
    total = value.get("count")
    pairs = {(parent_of(item.key), item.type) for item in items}
    at = reading.at(*route, "nextLink") if continues else reading.at(*route)
    if len(pairs) == 1:
        scope, type_ = pairs.pop()
        if type_ in _PARTIAL_LISTS:
            return
        whole = total if isinstance(total, int) and not isinstance(total, bool) else -1
        reading.pages.append(Page(scope, type_, len(items), whole, continues, at))
    elif continues:
        _incomplete(reading, {item.type for item in items}, at)


def take_rows(reading: Reading, value: dict[str, Json], route: Route, first: int) -> None:
    """Note whether the rows of a Resource Graph query are all: a query answers what was asked, so nothing is claimed."""
    token = value.get("skip_token") or value.get("$skipToken")
    if token:
        _incomplete(reading, {item.type for item in reading.resources[first:]}, reading.at(*route))


def _incomplete(reading: Reading, types: set[str], at: Location) -> None:
    reading.gaps.append(
        Gap(
            "",
            frozenset(kind_of(type_) for type_ in types),
            GapReason.INCOMPLETE_PAGE,
            f"{reading.path} holds only the first page of an answer",
            "read all pages and scan them together",
            at,
        )
    )


def api_version_of(link: Json) -> str:
    """The api-version in a ``nextLink``; empty when there is none."""
    if not isinstance(link, str):
        return ""
    found = link.lower().partition("api-version=")[2].partition("&")[0]
    return found if len(found) <= len("2025-09-01-preview") else ""


def error_code(value: dict[str, Json]) -> str:
    """The code of an error answer that was saved in place of a resource; empty for anything else."""
    error = value.get("error")
    if len(value) > 2 or not isinstance(error, dict) or "message" not in error:
        return ""
    code = error.get("code")
    return code if isinstance(code, str) and code.isascii() and code.isidentifier() else "an error" if code else ""
