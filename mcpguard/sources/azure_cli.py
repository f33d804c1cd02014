"""What ``az`` prints, where it is not what ARM answered: flattened resources, and parts of resources without an id.

Many command groups print the models of an SDK, in which members of ``properties`` stand at the top and members that the
SDK does not know are gone (facts/apim.md 4; azure-cli ``az apim``, ``az webapp``, ``az functionapp``, ``az monitor
diagnostic-settings``, ``az policy definition``). They are put back into ARM shape; what cannot be in such an answer is a
gap, not false.
``az containerapp`` and ``az cognitiveservices`` print ARM shape; ``az rest`` prints the answer itself.
"""

from __future__ import annotations

import msgspec

from mcpguard.core.location import Route
from mcpguard.evidence import Gap, GapReason, Json, RawResource, resource_key
from mcpguard.sources.hosts import APP_SETTINGS, PLATFORM_AUTH, SLOT_SETTINGS
from mcpguard.sources.ids import last_of
from mcpguard.sources.reading import Reading

FORMAT = "azure-cli"
_APIM = "microsoft.apimanagement/service"
_APIM_VERSION = "2022-08-01"
"""The api-version of the SDK that ``az apim`` is built on (azure-mgmt-apimanagement 4.0.0)."""
_ENVELOPE = frozenset(
    [
        *("id", "name", "type", "kind", "location", "tags", "identity", "sku", "zones", "etag", "systemData"),
        *("extendedLocation", "resourceGroup", "managedBy", "plan", "apiVersion"),
    ]
)
"""Members that stand beside ``properties`` in ARM, and ``resourceGroup``, which ``az`` adds."""


class _Shape(msgspec.Struct, frozen=True):
    """How one type is flattened."""

    telling: frozenset[str]
    """Members of which one is always there; without any the answer is a mere list of names."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Members that got another name, because the envelope has one of the same name."""
    inner: frozenset[str] = frozenset()
    """Members of ``properties`` that have the name of an envelope's."""


def _shape(telling: str, *renamed: tuple[str, str], inner: str = "") -> _Shape:
    return _Shape(frozenset(telling.split()), renamed, frozenset(inner.split()))


_CONFIG = _shape("ftpsState minTlsVersion use32BitWorkerProcess unauthenticatedClientAction tokenStoreEnabled")
_SHAPES = {
    _APIM: _shape("gatewayUrl publisherEmail"),
    f"{_APIM}/apis": _shape("path apiRevision", ("apiType", "type")),
    f"{_APIM}/products/apis": _shape("path apiRevision", ("apiType", "type")),
    f"{_APIM}/apis/operations": _shape("method urlTemplate"),
    f"{_APIM}/apis/releases": _shape("apiId notes"),
    f"{_APIM}/apis/schemas": _shape("contentType"),
    f"{_APIM}/apis/resolvers": _shape("path"),
    f"{_APIM}/apiversionsets": _shape("versioningScheme"),
    f"{_APIM}/products": _shape("subscriptionRequired state displayName"),
    f"{_APIM}/namedvalues": _shape("displayName secret", inner="tags"),
    f"{_APIM}/backends": _shape("url protocol", ("typePropertiesType", "type")),
    "microsoft.web/sites": _shape("defaultHostName hostNames serverFarmId state"),
    "microsoft.web/sites/slots": _shape("defaultHostName hostNames serverFarmId state"),
    "microsoft.web/sites/config": _CONFIG,
    "microsoft.web/sites/slots/config": _CONFIG,
    "microsoft.web/sites/functions": _shape("config configHref invokeUrlTemplate functionAppId"),
    "microsoft.web/sites/slots/functions": _shape("config configHref invokeUrlTemplate functionAppId"),
    "microsoft.managedidentity/userassignedidentities": _shape("clientId principalId"),
    "microsoft.insights/diagnosticsettings": _shape("logs metrics workspaceId storageAccountId"),
    "microsoft.authorization/policydefinitions": _shape("policyRule"),
}
_MISPLACED = (
    ("web", frozenset({"ftpsState", "minTlsVersion", "use32BitWorkerProcess"})),
    ("authsettings", frozenset({"unauthenticatedClientAction", "tokenStoreEnabled"})),
)
"""Settings of a site that ``az`` may print under the site's own id, and members by which they are told."""
_AUTH_MEMBERS = frozenset({"platform", "globalValidation", "identityProviders", "httpSettings", "login", "encryptionSettings"})
_SETTING_MEMBERS = frozenset({"name", "value", "slotSetting"})


def is_flat(value: dict[str, Json], type: str) -> bool:
    """Whether a resource of a type is flattened."""
    shape = _SHAPES.get(type)
    return (
        shape is not None and "properties" not in value and (bool(value.keys() & shape.telling) or _is_misplaced(value, type))
    )


def _is_misplaced(value: dict[str, Json], type: str) -> bool:
    return type == "microsoft.web/sites" and any(value.keys() & members for _, members in _MISPLACED)


def take_flat(reading: Reading, value: dict[str, Json], id: str, type: str, route: Route) -> None:
    """Take a flattened resource in ARM shape; places in it lead to where the members stand in the file."""
    if type == "microsoft.web/sites" and not value.keys() & _SHAPES[type].telling:
        name = next(name for name, members in _MISPLACED if value.keys() & members)
        id, type = f"{id.rstrip('/')}/config/{name}", f"{type}/config"
    shape = _SHAPES[type]
    body: dict[str, Json] = {}
    properties: dict[str, Json] = {}
    renamed = dict(shape.renamed)
    for name, member in value.items():
        if name in _ENVELOPE and name not in shape.inner:
            body[name] = member
        else:
            properties[renamed.get(name, name)] = member
    body["properties"] = properties
    reading.moved[*route, "properties"] = route
    for written, name in shape.renamed:
        reading.moved[*route, "properties", name] = (*route, written)
    version = _APIM_VERSION if type.startswith(_APIM) else ""
    reading.add(RawResource(id, type, body, reading.at(*route), FORMAT, version))
    if type == f"{_APIM}/apis":
        _note_hidden_servers(reading, id, route)


def _note_hidden_servers(reading: Reading, api: str, route: Route) -> None:
    """One gap for each service and file: ``az apim`` knows no MCP servers."""
    service = resource_key(api).rpartition("/apis/")[0]
    if any(gap.scope == service and gap.reason is GapReason.OLD_API_VERSION for gap in reading.gaps):
        return
    detail = (
        f"{reading.path} holds APIs of {last_of(service)} as az apim prints them, with api-version {_APIM_VERSION}: "
        "MCP servers and their members are left out"
    )
    remedy = f"scan the answer of az rest --method get --url {service}/apis?api-version=2025-09-01-preview instead"
    kinds = frozenset({"mcp-server"})
    reading.gaps.append(Gap(service, kinds, GapReason.OLD_API_VERSION, detail, remedy, reading.at(*route)))


# -- parts without an id ---------------------------------------------------------------------------------------------


def is_settings(value: list[Json]) -> bool:
    """Whether a list is what ``az webapp config appsettings list`` and its twin for function apps print."""
    return bool(value) and all(
        isinstance(item, dict) and "slotSetting" in item and "name" in item and not item.keys() - _SETTING_MEMBERS
        for item in value
    )


def take_settings(reading: Reading, value: list[Json], route: Route) -> None:
    """Take app settings, and which of them are slot settings; which app they belong to is found when all files are read."""
    properties: dict[str, Json] = {}
    for index, item in enumerate(value):
        name = item["name"]
        if isinstance(name, str):
            properties[name] = item.get("value")
            reading.moved[*route, "properties", name] = (*route, index, "value")
        else:
            reading.miss("an app setting without a name", reading.at(*route, index))
    reading.moved[*route, "properties"] = route
    reading.add(RawResource(f"file:{reading.path}", APP_SETTINGS, {"properties": properties}, reading.at(*route), FORMAT))
    sticky = [item["name"] for item in value if item["slotSetting"] is True and isinstance(item["name"], str)]
    body: dict[str, Json] = {"properties": {"appSettingNames": sticky}}
    reading.add(RawResource(f"file:{reading.path}#slot", SLOT_SETTINGS, body, reading.at(*route), FORMAT))


def is_platform_auth(value: dict[str, Json]) -> bool:
    """Whether an object is what ``az containerapp auth show`` and ``az webapp auth set`` print: properties alone."""
    return (
        isinstance(value.get("platform"), dict)
        and bool(value.keys() & (_AUTH_MEMBERS - {"platform"}))
        and not (value.keys() & {"id", "properties"})
    )


def take_platform_auth(reading: Reading, value: dict[str, Json], route: Route) -> None:
    """Take settings of platform authentication; which app they belong to is found when all files are read."""
    reading.moved[*route, "properties"] = route
    reading.add(RawResource(f"file:{reading.path}", PLATFORM_AUTH, {"properties": value}, reading.at(*route), FORMAT))
