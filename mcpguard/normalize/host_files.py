"""What ``host.json`` says of a function app's MCP endpoint, and the app settings that override it (facts/hosting.md 3, 4)."""

from __future__ import annotations

from mcpguard.core.facts import Fact, Known, Unknown, transform
from mcpguard.evidence import RawResource
from mcpguard.model.kinds.host_parts import AppSetting
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.normalize.fields import fact, lookup
from mcpguard.normalize.host_index import HostIndex

_OVERRIDE = "azurefunctionsjobhost__"
_EXTENSION_LEVEL = ("extensions", "mcp", "system", "webhookAuthorizationLevel")
_HANDLER_LEVEL = ("customHandler", "http", "DefaultAuthorizationLevel")
_HANDLER_LEVEL_LOWER = ("customHandler", "http", "defaultAuthorizationLevel")
_ENCRYPTS = ("extensions", "mcp", "encryptClientState")
_SYSTEM_DEFAULT = "the MCP extension asks for the system key unless host.json says Anonymous (functions-bindings-mcp)"
_HANDLER_DEFAULT = "a custom handler asks for a host key unless host.json says anonymous (self-hosted-mcp-servers)"
_ENCRYPTS_DEFAULT = "encryptClientState is true unless set (functions-bindings-mcp)"


def site_name(id: str) -> str:
    """``app`` or, for a slot, ``app/slot``."""
    parts = id.rstrip("/").split("/")
    return f"{parts[-3]}/{parts[-1]}" if len(parts) > 3 and parts[-2].lower() == "slots" else parts[-1]


def host_file(raw: RawResource, index: HostIndex) -> tuple[RawResource | None, Confidence]:
    """The host.json that belongs to a site: in the folder that azd deploys to it, in a folder of its name, or the only one
    beside the only function app.
    """
    deployed = _deployed_folder(raw, index)
    for file in index.host_files if deployed is not None else ():
        if file.origin.artifact.rpartition("/")[0] == deployed:
            return file, Confidence.HIGH
    names = site_name(raw.key).split("/")
    for file in index.host_files_in.get(names[0], ()):
        if all(file in index.host_files_in.get(name, ()) for name in names[1:]):
            return file, Confidence.HIGH
    if len(index.host_files) == 1 and index.function_apps == [raw.key]:
        return index.host_files[0], Confidence.MEDIUM
    return None, Confidence.LOW


def _deployed_folder(raw: RawResource, index: HostIndex) -> str | None:
    """The folder that azd deploys to a site; None when that is not known, or more than one is."""
    service = lookup(raw.body, ("tags", "azd-service-name"))
    folders = index.folders.get(service, []) if isinstance(service, str) else []
    return folders[0] if len(folders) == 1 else None


def key_level(
    raw: RawResource, is_function_app: bool, settings: Fact[dict[str, AppSetting]], file: RawResource | None
) -> Fact[str]:
    """The key check of the MCP endpoint, as written: a setting overrides host.json, which overrides the host's default."""
    if not is_function_app:
        return Known("none", raw.origin, "a web app has no keys")
    routes: tuple[tuple[str, ...], ...] = (_EXTENSION_LEVEL, _HANDLER_LEVEL)
    if file is not None:
        routes = (_HANDLER_LEVEL,) if lookup(file.body, ("configurationProfile",)) else (_EXTENSION_LEVEL,)
    for route in routes:
        found = _override(settings, route)
        if found is not None:
            return found
    if file is None:
        return _no_file(raw, "whether the MCP endpoint of {} asks for a key (set in host.json)")
    if routes[0] is _EXTENSION_LEVEL:
        return fact(file, _EXTENSION_LEVEL, str, Known("System", file.origin, _SYSTEM_DEFAULT))
    steps = _HANDLER_LEVEL if lookup(file.body, _HANDLER_LEVEL) is not None else _HANDLER_LEVEL_LOWER
    return fact(file, steps, str, Known("function", file.origin, _HANDLER_DEFAULT))


def client_state_encrypted(
    raw: RawResource, is_function_app: bool, settings: Fact[dict[str, AppSetting]], file: RawResource | None
) -> Fact[bool]:
    """``extensions.mcp.encryptClientState`` of the MCP extension, true unless set."""
    if not is_function_app:
        return Known(True, raw.origin, "a web app has no MCP extension")
    found = _override(settings, _ENCRYPTS)
    if found is not None:
        return transform(found, lambda value: value.strip().lower() != "false")
    if file is None:
        return _no_file(raw, "whether the MCP extension of {} encrypts client state (set in host.json)")
    return fact(file, _ENCRYPTS, bool, Known(True, file.origin, _ENCRYPTS_DEFAULT))


def extension_bundle(raw: RawResource, is_function_app: bool, file: RawResource | None) -> Fact[str]:
    """``extensionBundle.id``; an app of compiled code names none."""
    none = Known("", raw.origin, "no extension bundle")
    if not is_function_app:
        return none
    if file is None:
        return _no_file(raw, "which extension bundle {} uses (set in host.json)")
    return fact(file, ("extensionBundle", "id"), str, none)


def _override(settings: Fact[dict[str, AppSetting]], route: tuple[str, ...]) -> Fact[str] | None:
    """The app setting that stands in for a member of host.json; None when there is none that was read."""
    match settings:
        case Known(value=values):
            found = values.get((_OVERRIDE + "__".join(route)).lower())
            return found.value if found is not None else None
        case Unknown():
            return None


def _no_file(raw: RawResource, missing: str) -> Unknown:
    name = site_name(raw.id)
    return Unknown(missing.format(name), f"add the app's host.json in a folder named {name}; ARM does not show it", raw.origin)
