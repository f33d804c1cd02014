"""Files that describe a host in its own repository: ``host.json`` and ``function.json`` of a function app, the local
settings, and the YAML from which a container app is made. Shapes: facts/hosting.md 4.1, 4.3, 4.4 and 5.
"""

from __future__ import annotations

from mcpguard.core.location import Route
from mcpguard.evidence import Json, RawResource
from mcpguard.evidence.redaction import mask
from mcpguard.sources.door import members
from mcpguard.sources.reading import Reading

FORMAT = "host.json"
APP_SETTINGS = "file/app-settings"
SLOT_SETTINGS = "file/slot-settings"
PLATFORM_AUTH = "file/platform-auth"
FUNCTION = "file/function.json"
LOCAL_SETTINGS = "file/local.settings.json"
CONTAINER_APP = "container-app-yaml"
_CONTAINER_TYPE = "Microsoft.App/containerApps"
_MEMBERS = frozenset(
    {
        "extensions",
        "extensionBundle",
        "logging",
        "customHandler",
        "configurationProfile",
        "functionTimeout",
        "concurrency",
    }
)
_LONG_ENOUGH = 8
"""A value of this length is struck out of quotations too; shorter ones are words such as ``node``."""


def take_file(reading: Reading, value: dict[str, Json]) -> bool:
    """Take a file of a host's repository; False when it is none."""
    if _is_host_file(value):
        reading.add(RawResource(f"file:{reading.path}", "file/host.json", value, reading.at(), FORMAT))
    elif _is_function_file(value):
        _take_function_file(reading, value)
    elif _is_local_settings(value):
        _take_local_settings(reading, value)
    elif _is_container_app(value):
        _take_container_app(reading, value)
    else:
        return False
    return True


def _is_host_file(value: dict[str, Json]) -> bool:
    """Whether an object is a host.json of version 2: the version and one of the members that only it has."""
    return value.get("version") == "2.0" and bool(value.keys() & _MEMBERS)


# -- functions -------------------------------------------------------------------------------------------------------


def _is_function_file(value: dict[str, Json]) -> bool:
    """Whether an object is a function.json: bindings with types, one of them a trigger."""
    bindings = value.get("bindings")
    if not isinstance(bindings, list) or not bindings or "properties" in value:
        return False
    types = [binding.get("type") for binding in bindings if isinstance(binding, dict)]
    return any(isinstance(type_, str) and type_.lower().endswith("trigger") for type_ in types)


def _take_function_file(reading: Reading, value: dict[str, Json]) -> None:
    """Take it in the shape in which ARM lists functions; which app it belongs to is found when all files are read."""
    config: Route = ("properties", "config")
    reading.moved[config] = ()
    body: dict[str, Json] = {"properties": {"config": value, "isDisabled": value.get("disabled") is True}}
    reading.add(RawResource(f"file:{reading.path}", FUNCTION, body, reading.at(), "function.json"))


def _is_local_settings(value: dict[str, Json]) -> bool:
    return isinstance(value.get("Values"), dict) and ("IsEncrypted" in value or "FUNCTIONS_WORKER_RUNTIME" in value["Values"])


def _take_local_settings(reading: Reading, value: dict[str, Json]) -> None:
    """Take the names of local settings. Values are a developer's own: none is kept, whatever it looks like."""
    todo: list[Json] = [value["Values"], value.get("ConnectionStrings")]
    while todo:
        holder = todo.pop()
        for key, setting in members(holder):
            if isinstance(setting, dict | list):
                todo.append(setting)
            elif isinstance(setting, str) and setting:
                holder[key] = mask(setting)
                if len(setting) >= _LONG_ENOUGH:
                    reading.secrets.add(setting)
    reading.add(RawResource(f"file:{reading.path}", LOCAL_SETTINGS, value, reading.at(), "local.settings.json"))


# -- container apps --------------------------------------------------------------------------------------------------


def _is_container_app(value: dict[str, Json]) -> bool:
    """Whether an object is what ``az containerapp create --yaml`` takes: a container app without an id."""
    properties = value.get("properties")
    if "id" in value or not isinstance(properties, dict) or not isinstance(properties.get("template"), dict):
        return False
    type_ = value.get("type")
    if isinstance(type_, str):
        return type_.lower() == _CONTAINER_TYPE.lower()
    return type_ is None and isinstance(properties["template"].get("containers"), list)


def _take_container_app(reading: Reading, value: dict[str, Json]) -> None:
    """Take it under its name or, when the command line names it, the file's."""
    name = value.get("name")
    if not isinstance(name, str) or not name:
        name = reading.path.rpartition("/")[2].rpartition(".")[0] or "container-app"
    id_ = f"/providers/{_CONTAINER_TYPE}/{name}"
    reading.add(RawResource(id_, _CONTAINER_TYPE.lower(), value, reading.at(), CONTAINER_APP))
