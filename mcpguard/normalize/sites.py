"""App Service and Functions sites. Shapes, defaults and traps: facts/hosting.md sections 1 to 4."""

from mcpguard.core.facts import Fact, Known, Members, Unknown, transform
from mcpguard.core.location import Location
from mcpguard.evidence import Json, RawResource, Unresolved
from mcpguard.evidence.redaction import is_masked
from mcpguard.model.kinds.hosting import Function, PlatformAuth, Site
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.normalize.fields import fact, last_segment, lookup, not_usable, tags, text
from mcpguard.normalize.host_index import READ_AGAIN, HostIndex
from mcpguard.normalize.platform_auth import read_auth

_MCP_TRIGGERS = frozenset({"mcptooltrigger", "mcpresourcetrigger", "mcpprompttrigger"})
_DECLARED = frozenset({"arm-template", "terraform"})
"""Formats in which the inline ``siteConfig`` is what the author set (facts/hosting.md 1.3)."""
_PREVIEW_FLAG = "EnableMcpCustomHandlerPreview"
_LEVEL_SETTINGS = (
    "azurefunctionsjobhost__extensions__mcp__system__webhookauthorizationlevel",
    "azurefunctionsjobhost__customhandler__http__defaultauthorizationlevel",
)
_SYSTEM_DEFAULT = "the MCP extension asks for the system key unless host.json says Anonymous (functions-bindings-mcp)"
_HANDLER_DEFAULT = "a custom handler asks for a host key unless host.json says anonymous (self-hosted-mcp-servers)"


def read_site(raw: RawResource, index: HostIndex) -> Site:
    """One site or slot, with what its child resources and its host.json say."""
    name = _site_name(raw.id)
    functions = _functions(raw, index)
    settings = _app_settings(raw, index)
    host_file, file_confidence = _host_file(raw, index)
    tokens = {token.strip() for token in text(raw, "kind").lower().split(",")}
    is_function_app = "functionapp" in tokens
    markers, confidence = _site_markers(name, functions, settings, host_file, file_confidence)
    names = lookup(raw.body, ("properties", "hostNames"))
    host_names = [text(raw, "properties", "defaultHostName"), *(names if isinstance(names, list) else [])]
    return Site(
        id=raw.id,
        key=raw.key,
        name=name,
        at=raw.origin,
        format=raw.format,
        api_version=raw.api_version,
        host_names=tuple(dict.fromkeys(host.lower() for host in host_names if isinstance(host, str) and host)),
        tags=tags(raw),
        markers=markers,
        marker_confidence=confidence,
        internet_facing=_site_exposure(raw, index),
        auth=_site_auth(raw, index),
        is_function_app=is_function_app,
        functions=functions,
        app_settings=settings,
        mcp_key_level=_key_level(raw, is_function_app, settings, host_file),
    )


def _site_name(id: str) -> str:
    """``app`` or, for a slot, ``app/slot``."""
    parts = id.rstrip("/").split("/")
    return f"{parts[-3]}/{parts[-1]}" if len(parts) > 3 and parts[-2].lower() == "slots" else parts[-1]


def _functions(raw: RawResource, index: HostIndex) -> Members[Function]:
    items = tuple(_function(child) for child in index.functions.get(raw.key, ()))
    if index.is_complete(raw.key, "microsoft.web/sites/functions") or (items and raw.format == "arm-template"):
        return Members(items)
    missing = Unknown(f"the functions of {_site_name(raw.id)}", f"{READ_AGAIN}{raw.id}/functions", raw.origin)
    return Members(items, missing)


def _function(raw: RawResource) -> Function:
    bindings = lookup(raw.body, ("properties", "config", "bindings"))
    return Function(
        name=last_segment(raw.id).rsplit("/", 1)[-1],
        bindings=tuple(binding for binding in bindings if isinstance(binding, dict)) if isinstance(bindings, list) else (),
        at=raw.origin,
        is_disabled=lookup(raw.body, ("properties", "isDisabled")) is True,
    )


def _app_settings(raw: RawResource, index: HostIndex) -> Fact[dict[str, Fact[str]]]:
    """Settings by lower-case name, from ``config/appsettings`` or inline in a template."""
    listed = index.configs.get(raw.key, {}).get("appsettings")
    if listed is not None and isinstance(values := lookup(listed.body, ("properties",)), dict):
        found = {
            str(name).lower(): _setting(value, str(name), listed.origin.child("properties", str(name)))
            for name, value in values.items()
        }
        return Known(found, listed.origin)
    inline = lookup(raw.body, ("properties", "siteConfig", "appSettings"))
    if isinstance(inline, list):
        at = raw.origin.child("properties", "siteConfig", "appSettings")
        return Known(
            {
                str(item["name"]).lower(): _setting(item.get("value"), str(item["name"]), at.child(number, "value"))
                for number, item in enumerate(inline)
                if isinstance(item, dict) and "name" in item
            },
            at,
        )
    return Unknown(
        f"the app settings of {_site_name(raw.id)}",
        "add their names and non-secret values: az webapp config appsettings list needs "
        "Microsoft.Web/sites/config/list/action, which Reader does not have",
        raw.origin,
    )


def _setting(value: Json, name: str, at: Location) -> Fact[str]:
    if isinstance(value, str) and not is_masked(value):
        return Known(value, at)
    return Unknown(f"the value of the app setting {name}, which is withheld", "mcpguard does not keep secret values", at)


def _host_file(raw: RawResource, index: HostIndex) -> tuple[RawResource | None, Confidence]:
    """The host.json that belongs to a site: in a folder of its name, or the only one beside the only function app."""
    names = set(_site_name(raw.key).split("/"))
    for file in index.host_files:
        if names <= {part.lower() for part in file.origin.artifact.split("/")[:-1]}:
            return file, Confidence.HIGH
    apps = [site for site in index.sites if "functionapp" in text(site, "kind").lower()]
    if len(index.host_files) == 1 and len(apps) == 1 and apps[0].key == raw.key:
        return index.host_files[0], Confidence.MEDIUM
    return None, Confidence.LOW


def _site_markers(
    name: str,
    functions: Members[Function],
    settings: Fact[dict[str, Fact[str]]],
    host_file: RawResource | None,
    file_confidence: Confidence,
) -> tuple[tuple[str, ...], Confidence]:
    markers: list[str] = []
    confidence = Confidence.LOW
    triggered = [function.name for function in functions.items if function.trigger in _MCP_TRIGGERS]
    if triggered:
        markers.append(f"its function {triggered[0]} has an MCP trigger")
        confidence = Confidence.HIGH
    match settings:
        case Known(value=values):
            match values.get("azurewebjobsfeatureflags"):
                case Known(value=flags) if _PREVIEW_FLAG in flags:
                    markers.append(f"AzureWebJobsFeatureFlags holds {_PREVIEW_FLAG}")
                    confidence = Confidence.HIGH
                case _:
                    pass
            if "website_auth_prm_default_with_scopes" in values:
                markers.append("it serves protected resource metadata (WEBSITE_AUTH_PRM_DEFAULT_WITH_SCOPES)")
                confidence = confidence if confidence is Confidence.HIGH else Confidence.MEDIUM
        case Unknown():
            pass
    if host_file is not None:
        profile = lookup(host_file.body, ("configurationProfile",))
        if isinstance(profile, str) and profile.lower() == "mcp-custom-handler":
            markers.append(f"{host_file.origin.artifact} has the profile mcp-custom-handler")
        elif isinstance(lookup(host_file.body, ("extensions", "mcp")), dict):
            markers.append(f"{host_file.origin.artifact} configures the MCP extension")
        if markers and confidence is not Confidence.HIGH:
            confidence = file_confidence
    if not markers and "mcp" in name.lower().replace("_", "-").split("-"):
        markers.append(f"its name {name} says mcp")
    return tuple(markers), confidence


def _key_level(
    raw: RawResource, is_function_app: bool, settings: Fact[dict[str, Fact[str]]], host_file: RawResource | None
) -> Fact[str]:
    """The key check of the MCP endpoint: a setting overrides host.json, which overrides the host's default."""
    if not is_function_app:
        return Known("none", raw.origin, "a web app has no keys")
    match settings:
        case Known(value=values):
            for name in _LEVEL_SETTINGS:
                found = values.get(name)
                if found is not None:
                    return transform(found, str.lower)
        case Unknown():
            pass
    if host_file is not None:
        if lookup(host_file.body, ("configurationProfile",)):
            steps: tuple[str, ...] = ("customHandler", "http", "DefaultAuthorizationLevel")
            if lookup(host_file.body, steps) is None:
                steps = ("customHandler", "http", "defaultAuthorizationLevel")
            default = Known("function", host_file.origin, _HANDLER_DEFAULT)
        else:
            steps = ("extensions", "mcp", "system", "webhookAuthorizationLevel")
            default = Known("system", host_file.origin, _SYSTEM_DEFAULT)
        return transform(fact(host_file, steps, str, default), str.lower)
    return Unknown(
        f"whether the MCP endpoint of {_site_name(raw.id)} asks for a key (set in host.json)",
        f"add the app's host.json in a folder named {_site_name(raw.id)}; ARM does not show it",
        raw.origin,
    )


def _site_exposure(raw: RawResource, index: HostIndex) -> Fact[bool]:
    """Whether the internet reaches the site. Inline ``siteConfig`` counts where it is declared only (facts/hosting.md 1.3)."""
    access = ("properties", "publicNetworkAccess")
    if text(raw, *access).lower() == "disabled":
        return Known(False, raw.origin.child(*access))
    if isinstance(computed := lookup(raw.body, access), Unresolved):
        return not_usable(raw, access, computed, "a text")
    web = index.configs.get(raw.key, {}).get("web")
    source, steps = (web, ("properties",)) if web is not None else (raw, ("properties", "siteConfig"))
    config = lookup(source.body, steps)
    if config is None and web is None and raw.format in _DECLARED:
        return Known(True, raw.origin, "a site without access restrictions is open (facts/hosting.md 11, H23)")
    if isinstance(config, dict) and (web is not None or raw.format in _DECLARED):
        at = source.origin.child(*steps)
        if str(config.get("publicNetworkAccess") or "").lower() == "disabled":
            return Known(False, at.child("publicNetworkAccess"))
        if str(config.get("ipSecurityRestrictionsDefaultAction") or "").lower() == "deny":
            return Known(False, at.child("ipSecurityRestrictionsDefaultAction"))
        rules = config.get("ipSecurityRestrictions")
        if isinstance(rules, list) and any(_denies_all(rule) for rule in rules):
            return Known(False, at.child("ipSecurityRestrictions"))
        for member in ("publicNetworkAccess", "ipSecurityRestrictionsDefaultAction", "ipSecurityRestrictions"):
            if isinstance(config.get(member), Unresolved):
                return not_usable(source, (*steps, member), config[member], "a text")
        return Known(True, at)
    return Unknown(
        f"the access restrictions of {_site_name(raw.id)}",
        f"{READ_AGAIN}{raw.id}/config/web (the site's own siteConfig is not filled in on reads)",
        raw.origin,
    )


def _denies_all(rule: Json) -> bool:
    address = str(lookup(rule, ("ipAddress",)) or "").lower()
    return str(lookup(rule, ("action",)) or "").lower() == "deny" and address in ("any", "0.0.0.0/0")


def _site_auth(raw: RawResource, index: HostIndex) -> Fact[PlatformAuth | None]:
    configs = index.configs.get(raw.key, {})
    found = configs.get("authsettingsv2")
    if found is not None:
        elsewhere = fact(found, ("properties", "platform", "configFilePath"), str, Known("", found.origin))
        v1 = configs.get("authsettings")
        if v1 is not None and lookup(v1.body, ("properties", "enabled")) is True and _v2_is_off(found):
            elsewhere = Known("config/authsettings (version 1)", v1.origin.child("properties", "enabled"))
        return Known(read_auth(found, raw, elsewhere, is_site=True), found.origin)
    if index.is_complete(raw.key, "microsoft.web/sites/config"):
        return Known(None, raw.origin)
    return Unknown(
        f"the authentication settings of {_site_name(raw.id)}",
        f"{READ_AGAIN}{raw.id}/config/authsettingsV2 (Reader may read it)",
        raw.origin,
    )


def _v2_is_off(found: RawResource) -> bool:
    return lookup(found.body, ("properties", "platform", "enabled")) is not True
